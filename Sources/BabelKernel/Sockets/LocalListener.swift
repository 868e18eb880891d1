import BabelWire
import CLinux

/// Listens for local programs on a Unix socket or on TCP `[::1]`. It never waits. The file of a
/// Unix socket is removed when the listener goes away.
public struct LocalListener: ~Copyable, Sendable {
  /// The descriptor to poll for reading.
  public let descriptor: FileDescriptor
  /// The path of a Unix socket; nil for TCP.
  public let path: String?

  /// Listens on a Unix socket. A socket that a process left behind is replaced. A socket on which
  /// somebody answers is not replaced (`addressInUse`), nor is a file of another kind. The file
  /// gets the permissions `mode`, whatever the mask of the process is. A user or group
  /// that is nil is left to the kernel.
  public init(
    path: String, mode: UInt32 = 0o600, userID: UInt32? = nil, groupID: UInt32? = nil
  ) throws(KernelError) {
    let socket = try openStream(AF_UNIX)
    let number = socket.rawValue
    let operation = "bind \(path)"
    var result = LocalListener.bind(number, path)
    if result != 0, result == ErrorNumber.addressInUse, LocalListener.isStale(path) {
      try FileSystem.remove(path)
      result = LocalListener.bind(number, path)
    }
    if result != 0 { throw KernelError(operation: operation, errno: result) }
    // Nobody can connect before `listen`, and by then mode and owners are right. The mode comes
    // first, because without CAP_FOWNER only the owner of a file may change it.
    do throws(KernelError) {
      try LocalListener.setAccess(of: path, mode, userID, groupID)
      try Syscall.check("listen on \(path)") { listen(number, LocalListener.backlog) }
    } catch {
      _ = unlink(path)
      throw error
    }
    descriptor = socket
    self.path = path
  }

  /// Listens on TCP `[::1]:port`, open to every local user.
  public init(port: UInt16) throws(KernelError) {
    let socket = try LocalListener.bound(to: port)
    let number = socket.rawValue
    try Syscall.check("listen on [::1]:\(port)") { listen(number, LocalListener.backlog) }
    descriptor = socket
    path = nil
  }

  deinit { if let path { _ = unlink(path) } }

  /// Finds out whether ``init(path:mode:userID:groupID:)`` would succeed, and throws what that
  /// would throw. Nobody can connect meanwhile, and nothing is left behind. Where a process left
  /// its socket behind, only the right to replace it is checked, not binding or owners.
  public static func check(
    path: String, mode: UInt32 = 0o600, userID: UInt32? = nil, groupID: UInt32? = nil
  ) throws(KernelError) {
    guard FileSystem.exists(path) else {
      let socket = try openStream(AF_UNIX)
      let result = bind(socket.rawValue, path)
      if result != 0 { throw KernelError(operation: "bind \(path)", errno: result) }
      defer { _ = unlink(path) }
      return try setAccess(of: path, mode, userID, groupID)
    }
    guard isStale(path) else {
      throw KernelError(operation: "bind \(path)", errno: ErrorNumber.addressInUse)
    }
    try FileSystem.checkCreating(beside: path)
  }

  /// Finds out whether ``init(port:)`` would succeed, and throws what that would throw.
  public static func check(port: UInt16) throws(KernelError) { _ = try bound(to: port) }

  /// A socket that is bound to TCP `[::1]:port`. The kernel refuses it if somebody listens there.
  private static func bound(to port: UInt16) throws(KernelError) -> FileDescriptor {
    let socket = try openStream(AF_INET6)
    let number = socket.rawValue
    try setOption(number, Int(SOL_SOCKET), Int(SO_REUSEADDR), 1, "set SO_REUSEADDR")
    let loopback = IPAddress(high: 0, low: 1)
    try Syscall.check("bind [::1]:\(port)") {
      withIPv6Address(loopback, port: port, scope: 0) { CLinux.bind(number, $0, $1) }
    }
    return socket
  }

  /// Changes who may connect to a Unix socket; nothing for TCP. An owner that is nil stays.
  public func setAccess(
    mode: UInt32, userID: UInt32?, groupID: UInt32?
  ) throws(KernelError) {
    if let path { try LocalListener.setAccess(of: path, mode, userID, groupID) }
  }

  private static func setAccess(
    of path: String, _ mode: UInt32, _ userID: UInt32?, _ groupID: UInt32?
  ) throws(KernelError) {
    try FileSystem.setMode(path, mode)
    if userID != nil || groupID != nil {
      try FileSystem.setOwner(path, userID: userID, groupID: groupID)
    }
  }

  /// Adds the wait for connections; returns its index.
  public func addInterest(to poll: inout PollSet) -> Int { poll.add(descriptor, .read) }

  /// The next waiting connection; nil if there is none.
  public func accept() throws(KernelError) -> LocalConnection? {
    let number = descriptor.rawValue
    let accepted = Syscall.retrying { swabel_accept4(number, nil, nil, Int32(SWB_SOCK_FLAGS)) }
    if accepted >= 0 { return LocalConnection(FileDescriptor(owning: accepted)) }
    let errno = Syscall.errno
    if errno == ErrorNumber.wouldBlock || errno == ECONNABORTED { return nil }
    throw Syscall.failure("accept")
  }

  /// How many connections may wait: as many as we serve in all. The kernel refuses further clients
  /// that do not want to wait.
  private static var backlog: Int32 { 128 }

  /// Binds to a file without any permission; returns 0 or the error number.
  private static func bind(_ number: Int32, _ path: String) -> Int32 {
    // Linux gives the file the permissions of the socket, so we need not change the mask of the
    // process.
    if fchmod(number, 0) != 0 { return Syscall.errno }
    let result = withUnixAddress(path) { CLinux.bind(number, $0, $1) }
    guard let result else { return path.utf8.isEmpty ? ENOENT : ENAMETOOLONG }
    return result == 0 ? 0 : Syscall.errno
  }

  /// Whether the path is a socket that nobody listens on.
  private static func isStale(_ path: String) -> Bool {
    guard FileSystem.kind(of: path) == .socket else { return false }
    do throws(KernelError) {
      _ = try LocalConnection(path: path)
      return false
    } catch {
      return error.errno == ErrorNumber.connectionRefused
    }
  }
}
