import BabelWire
import CLinux

/// One question to the far side of an uplink, and the wait for its answer. It never waits itself.
public final class UplinkProbe {
  /// What became of it.
  public enum Outcome: Equatable, Sendable {
    /// The answer has not come yet.
    case waiting
    /// A good answer came.
    case answered
    /// There will be none, or it is a bad one; the reason for an operator.
    case failed(String)
  }

  /// What is asked.
  public enum Question: Equatable, Sendable {
    /// An ICMP echo request.
    case icmp
    /// A TCP connection to a port.
    case tcp(UInt16)
    /// `GET` of a path at a port, which has to give a status from 200 to 299.
    case http(UInt16, path: [UInt8])
    /// The IPv4 address of a name, from a DNS server.
    case dns([UInt8])
  }

  /// A class can hold the owner of a descriptor, or not.
  private final class Echo {
    let socket: EchoSocket
    init(_ socket: consuming EchoSocket) { self.socket = socket }
  }

  private final class Socket {
    let descriptor: FileDescriptor
    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
  }

  private enum Stage {
    case connecting, writing, reading
  }

  private let address: IPAddress
  private let port: UInt16
  private let echo: Echo?
  private let socket: Socket?
  private let query: DNSQuery?
  private let request: [UInt8]?
  private var stage: Stage
  /// What the network reported meanwhile, without being believed; nil if it reported nothing.
  public private(set) var rumour: String?
  private var written = 0
  private var received: [UInt8] = []

  // MARK: Asking

  /// Opens a socket for a question. What it throws is a fault of this machine, not of the uplink,
  /// but for ``ErrorNumber/noDevice``: there is no such interface.
  public init(
    _ question: Question, to address: IPAddress, through way: ProbeWay
  ) throws(KernelError) {
    self.address = address
    var (port, query, request) = (UInt16(0), DNSQuery?.none, [UInt8]?.none)
    switch question {
    case .icmp: break
    case .tcp(let number): port = number
    case .http(let number, let path):
      port = number
      let host = address.family == .ipv4 ? "\(address)" : "[\(address)]"
      request = WebQuery.request(path, host: port == 80 ? host : "\(host):\(port)")
    case .dns(let name):
      port = 53
      query = DNSQuery(name, id: UInt16(truncatingIfNeeded: Entropy.uint64()))
    }
    self.port = port
    self.query = query
    self.request = request
    stage = question == .icmp || query != nil ? .reading : .connecting
    if question == .icmp {
      echo = Echo(try EchoSocket(to: address, through: way))
      socket = nil
    } else {
      echo = nil
      socket = try UplinkProbe.open(
        address.family, query == nil ? SWB_SOCK_STREAM : SWB_SOCK_DGRAM, way)
    }
  }

  private static func open(
    _ family: AddressFamily, _ kind: Int, _ way: ProbeWay
  ) throws(KernelError) -> Socket {
    let number = try Syscall.check("open a socket for a probe") {
      CLinux.socket(family == .ipv4 ? AF_INET : AF_INET6, Int32(kind | SWB_SOCK_FLAGS), 0)
    }
    let socket = Socket(FileDescriptor(owning: number))
    try way.apply(to: number)
    return socket
  }

  /// Sends the question.
  public func begin() -> Outcome {
    do throws(KernelError) {
      if let echo {
        return try echo.socket.send(1) ? .waiting : Self.noRoom
      }
      guard let socket else { return .waiting }
      try connect(socket.descriptor.rawValue)
      guard let query else { return .waiting }
      return try socket.descriptor.write(query.octets) != nil ? .waiting : Self.noRoom
    } catch {
      return .failed(error.reason)
    }
  }

  private static var noRoom: Outcome { .failed("there is no room to send") }

  private func connect(_ number: Int32) throws(KernelError) {
    let result = Syscall.retrying {
      address.family == .ipv4
        ? withIPv4Address(address, port: port) { CLinux.connect(number, $0, $1) }
        : withIPv6Address(address, port: port, scope: 0) { CLinux.connect(number, $0, $1) }
    }
    if result < 0, Syscall.errno != EINPROGRESS { throw Syscall.failure("no way to \(address)") }
  }

  // MARK: Waiting

  /// Lets a loop wait for it; returns the place in the poll set.
  public func addInterest(to poll: inout PollSet) -> Int {
    if let echo { return poll.add(echo.socket.descriptor, .read) }
    guard let socket else { return -1 }
    return poll.add(socket.descriptor, stage == .reading ? .read : .write)
  }

  /// Goes on with what is possible now.
  public func proceed() -> Outcome {
    do throws(KernelError) {
      if echo != nil { return try readEcho() }
      return query != nil ? try readResponse() : try goOn()
    } catch {
      // An ICMP error about a datagram can come from anybody who guesses an address or a port, so
      // it must not outweigh an answer. The kernel compares those about TCP with sequence numbers.
      guard stage == .reading, request == nil else { return .failed(error.reason) }
      rumour = error.reason
      return .waiting
    }
  }

  private func readEcho() throws(KernelError) -> Outcome {
    guard let echo, let answer = try echo.socket.receive() else { return .waiting }
    return answer.number == 1 ? .answered : .waiting
  }

  /// Most datagrams that are looked at in one turn.
  private static let datagramsPerTurn = 8

  private func readResponse() throws(KernelError) -> Outcome {
    guard let query, let socket else { return .waiting }
    var buffer = [UInt8](repeating: 0, count: 1500)
    for _ in 0..<Self.datagramsPerTurn {
      guard let count = try socket.descriptor.read(into: &buffer) else { return .waiting }
      switch query.responseCode(of: buffer[..<count]) {
      case nil: continue
      case 0, 3: return .answered
      case 2: return .failed("the DNS server fails (SERVFAIL)")
      case 5: return .failed("the DNS server refuses (REFUSED)")
      case let code?: return .failed("DNS response code \(code)")
      }
    }
    return .waiting
  }

  private func goOn() throws(KernelError) -> Outcome {
    guard let socket else { return .waiting }
    if stage == .connecting {
      try checkConnected(socket.descriptor.rawValue)
      guard request != nil else { return .answered }
      stage = .writing
    }
    if stage == .writing, let request {
      let number = socket.descriptor.rawValue
      let count = Syscall.retrying {
        request.withUnsafeBytes { (all: UnsafeRawBufferPointer) -> Int in
          let rest = UnsafeRawBufferPointer(rebasing: all[written...])
          return send(number, rest.baseAddress, rest.count, Int32(SWB_MSG_NOSIGNAL))
        }
      }
      if count < 0, Syscall.errno == ErrorNumber.wouldBlock { return .waiting }
      if count < 0 { throw Syscall.failure("send a request") }
      written += count
      guard written >= request.count else { return .waiting }
      stage = .reading
    }
    return try readStatus(socket)
  }

  private func readStatus(_ socket: Socket) throws(KernelError) -> Outcome {
    var buffer = [UInt8](repeating: 0, count: WebQuery.limit)
    guard let count = try socket.descriptor.read(into: &buffer) else { return .waiting }
    received += buffer[..<min(count, WebQuery.limit - received.count)]
    switch WebQuery.read(received) {
    case .status(let status):
      return (200...299).contains(status) ? .answered : .failed("HTTP status \(status)")
    case .foreign: return .failed("the answer is not HTTP")
    case .incomplete:
      return count == 0 || received.count >= WebQuery.limit
        ? .failed("the connection ended without an answer") : .waiting
    }
  }

  private func checkConnected(_ number: Int32) throws(KernelError) {
    var failure: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    try Syscall.check("connect") { getsockopt(number, SOL_SOCKET, SO_ERROR, &failure, &size) }
    if failure != 0 { throw KernelError(operation: "connect", errno: failure) }
  }
}
