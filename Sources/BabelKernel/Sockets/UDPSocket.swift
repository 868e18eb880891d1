import BabelWire
import CLinux

/// A datagram as the kernel delivered it; its octets are in the caller's buffer.
public struct ReceivedDatagram: Equatable, Sendable {
  /// Octets stored in the buffer.
  public let count: Int
  /// Source address.
  public let source: IPAddress
  /// Source port.
  public let port: UInt16
  /// Index of the interface it came in on.
  public let ifindex: Int32
  /// Destination address.
  public let destination: IPAddress
  /// The datagram was longer than the buffer; the rest is lost.
  public let isTruncated: Bool
  /// When it arrived, in microseconds of ``MonotonicClock``; nil unless
  /// ``UDPSocket/enableArrivalTimes()`` was called.
  public let arrival: Int64?
}

/// One datagram socket for all interfaces, as babeld opens it: IPv6 only, hop limit 1, traffic
/// class CS6, no multicast loop, interface and destination reported with each datagram.
/// Non-blocking.
public struct UDPSocket: ~Copyable, Sendable {
  /// To poll for reading.
  public let descriptor: FileDescriptor
  /// The port bound to.
  public let port: UInt16
  /// The kernel refused the traffic class; datagrams leave without it.
  public let lacksTrafficClass: Bool

  /// Opens the socket bound to `[::]:port`. `receiveBuffer` is in octets: a burst must fit in
  /// while we work. The system's default holds about 8,000 routes.
  public init(port: UInt16, receiveBuffer: Int32 = 4 << 20) throws(KernelError) {
    let socket = try UDPSocket.open()
    let number = socket.rawValue
    let level = SWB_IPPROTO_IPV6
    try setOption(number, Int(SOL_SOCKET), Int(SO_REUSEADDR), 1, "set SO_REUSEADDR")
    try setOption(number, level, Int(IPV6_MULTICAST_LOOP), 0, "set IPV6_MULTICAST_LOOP")
    try setOption(number, level, Int(IPV6_UNICAST_HOPS), 1, "set IPV6_UNICAST_HOPS")
    try setOption(number, level, Int(IPV6_MULTICAST_HOPS), 1, "set IPV6_MULTICAST_HOPS")
    try setOption(number, level, Int(IPV6_RECVPKTINFO), 1, "set IPV6_RECVPKTINFO")
    var trafficClass: Int32 = 0xC0
    let size = socklen_t(MemoryLayout<Int32>.size)
    let marked = setsockopt(number, Int32(level), Int32(IPV6_TCLASS), &trafficClass, size)
    enlargeReceiveBuffer(number, octets: receiveBuffer)
    try UDPSocket.bind(number, port)
    descriptor = socket
    self.port = port
    lacksTrafficClass = marked != 0
  }

  /// Whether another socket of this network namespace has the port, even one that would share
  /// it: a second Babel daemon, most likely.
  public static func isPortTaken(_ port: UInt16) throws(KernelError) -> Bool {
    let probe = try open()
    do throws(KernelError) {
      try bind(probe.rawValue, port)
      return false
    } catch {
      if error.errno == ErrorNumber.addressInUse { return true }
      throw error
    }
  }

  /// Size of the receive buffer as the kernel accounts it, in octets.
  public var receiveBufferOctets: Int { receiveBufferSize(descriptor.rawValue) }

  /// Makes the kernel note when datagrams arrive. It costs every packet of the machine a little,
  /// so it is for nodes that measure round-trip times. Returns whether the kernel can.
  public func enableArrivalTimes() -> Bool {
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    return setsockopt(
      descriptor.rawValue, SOL_SOCKET, Int32(SWB_SO_TIMESTAMPNS_NEW), &on, size) == 0
  }

  /// Joins a multicast group on an interface.
  public func join(_ group: IPAddress, on ifindex: Int32) throws(KernelError) {
    try membership(Int32(IPV6_JOIN_GROUP), group, ifindex, "join \(group)")
  }

  /// Leaves a multicast group on an interface.
  public func leave(_ group: IPAddress, on ifindex: Int32) throws(KernelError) {
    try membership(Int32(IPV6_LEAVE_GROUP), group, ifindex, "leave \(group)")
  }

  private func membership(
    _ option: Int32, _ group: IPAddress, _ ifindex: Int32, _ operation: String
  ) throws(KernelError) {
    let number = descriptor.rawValue
    // struct ipv6_mreq: address and interface index.
    try Syscall.check(operation) {
      withUnsafeTemporaryAllocation(byteCount: 20, alignment: 8) {
        $0.store(group, at: 0)
        $0.storeBytes(of: ifindex, toByteOffset: 16, as: Int32.self)
        return setsockopt(number, Int32(SWB_IPPROTO_IPV6), option, $0.baseAddress, 20)
      }
    }
  }

  private static func open() throws(KernelError) -> FileDescriptor {
    let number = try Syscall.check("open UDP socket") {
      socket(AF_INET6, Int32(SWB_SOCK_DGRAM | SWB_SOCK_FLAGS), 0)
    }
    let descriptor = FileDescriptor(owning: number)
    try setOption(number, SWB_IPPROTO_IPV6, Int(IPV6_V6ONLY), 1, "set IPV6_V6ONLY")
    return descriptor
  }

  private static func bind(_ number: Int32, _ port: UInt16) throws(KernelError) {
    try Syscall.check("bind [::]:\(port)") {
      withIPv6Address(.unspecified, port: port, scope: 0) { CLinux.bind(number, $0, $1) }
    }
  }
}
