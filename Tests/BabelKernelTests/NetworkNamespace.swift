import BabelKernel
import BabelWire
import CLinux
import Testing

/// A network namespace of a test. The calling thread enters it for the time of a synchronous
/// closure. Sockets and programs that the closure opens or starts belong to the namespace for good.
///
/// This needs root. Without root the test fails rather than being skipped.
struct NetworkNamespace: ~Copyable {
  private let descriptor: Int32

  /// Makes a namespace with its loopback up and duplicate address detection off.
  static func make() throws -> NetworkNamespace {
    let home = try current()
    defer { _ = close(home) }
    try #require(swabel_unshare(Int32(SWB_CLONE_NEWNET)) == 0, "needs root")
    let namespace = NetworkNamespace(descriptor: try current())
    if swabel_setns(home, 0) != 0 { die("cannot go back to the network namespace") }
    try namespace.enter {
      try run("ip link set lo up")
      for scope in ["all", "default"] {
        try Sysctl.write("ipv6/conf/\(scope)/accept_dad", 0)
        try Sysctl.write("ipv6/conf/\(scope)/router_solicitations", 0)
      }
    }
    return namespace
  }

  private init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { _ = close(descriptor) }

  /// A path that names the namespace for other programs, while it exists.
  var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

  /// Runs `body` inside.
  func enter<Result>(_ body: () throws -> Result) throws -> Result {
    let home = try Self.current()
    defer {
      if swabel_setns(home, 0) != 0 { die("cannot go back to the network namespace") }
      _ = close(home)
    }
    try #require(swabel_setns(descriptor, 0) == 0)
    return try body()
  }

  private static func current() throws -> Int32 {
    let number = swabel_open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0)
    try #require(number >= 0)
    return number
  }
}

/// Runs a shell command in the thread's network namespace.
func run(_ command: String) throws {
  try #require(system(command) == 0, "\(command)")
}

/// Runs `body` in a fresh namespace with a veth pair `v0` (10.0.0.1/24, fe80::1) and `v1`, both
/// up.
func withLinkedNamespace<Result>(_ body: () throws -> Result) throws -> Result {
  let namespace = try NetworkNamespace.make()
  return try namespace.enter {
    try run("ip link add v0 type veth peer name v1")
    try run("ip link set v0 up; ip link set v1 up")
    try run("ip addr add 10.0.0.1/24 dev v0; ip addr add fe80::1/64 dev v0 nodad")
    return try body()
  }
}

/// The link of a name.
func link(_ name: String) throws -> KernelLink {
  var reader = try KernelReader()
  let wanted = try #require(InterfaceName(name))
  let links = try reader.links()
  return try #require(links.first { $0.name == wanted })
}

/// A prefix from text such as `10.0.0.0/8`.
func prefix(_ text: String) throws -> Prefix {
  let parts = text.split(separator: "/")
  let address = try #require(IPAddress(String(parts[0])))
  let length = try #require(Int(parts[1]))
  return try #require(Prefix(address, length: length))
}

/// An address from text.
func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
