import BabelWire
import CLinux

/// One datagram socket for all interfaces, opened as babeld does: it speaks one family, sends with
/// hop limit 1 and traffic class CS6, does not hear its own multicast, and tells interface and
/// destination of each datagram. It never waits.
///
/// The socket for IPv4 is also opened as one of IPv6, and bound to `::ffff:0.0.0.0`. The kernel
/// then speaks IPv4 on it, and gives addresses in their 16-octet form.
public struct UDPSocket: ~Copyable, Sendable {
  /// The family it speaks.
  public let family: AddressFamily
  /// The descriptor to poll for reading.
  public let descriptor: FileDescriptor
  /// The port that it is bound to.
  public let port: UInt16
  /// Whether the kernel refused the traffic class, so that datagrams leave without it.
  public let lacksTrafficClass: Bool
  /// Size of the send buffer as the kernel accounts it, in octets.
  let sendBufferOctets: Int
  /// The groups that it has joined.
  private let memberships = Memberships()

  /// Opens the socket bound to `port` of all addresses of a family. `receiveBuffer` is in octets.
  /// The packets that arrive while we work must fit into it; the default of the system holds about
  /// 8,000 routes.
  public init(
    port: UInt16, family: AddressFamily = .ipv6, receiveBuffer: Int32 = 4 << 20
  ) throws(KernelError) {
    let socket = try UDPSocket.open(family)
    let number = socket.rawValue
    let level = SWB_IPPROTO_IPV6
    try setOption(number, Int(SOL_SOCKET), Int(SO_REUSEADDR), 1, "set SO_REUSEADDR")
    try setOption(number, level, Int(IPV6_MULTICAST_LOOP), 0, "set IPV6_MULTICAST_LOOP")
    try setOption(number, level, Int(IPV6_UNICAST_HOPS), 1, "set IPV6_UNICAST_HOPS")
    try setOption(number, level, Int(IPV6_MULTICAST_HOPS), 1, "set IPV6_MULTICAST_HOPS")
    try setOption(number, level, Int(IPV6_RECVPKTINFO), 1, "set IPV6_RECVPKTINFO")
    var trafficClass: Int32 = 0xC0
    let size = socklen_t(MemoryLayout<Int32>.size)
    var marked = setsockopt(number, Int32(level), Int32(IPV6_TCLASS), &trafficClass, size)
    if family == .ipv4 {
      let level = SWB_IPPROTO_IP
      try setOption(number, level, Int(IP_MULTICAST_LOOP), 0, "set IP_MULTICAST_LOOP")
      try setOption(number, level, Int(IP_TTL), 1, "set IP_TTL")
      try setOption(number, level, Int(IP_MULTICAST_TTL), 1, "set IP_MULTICAST_TTL")
      marked = setsockopt(number, Int32(level), Int32(IP_TOS), &trafficClass, size)
    }
    enlargeReceiveBuffer(number, octets: receiveBuffer)
    try UDPSocket.bind(number, port, family)
    descriptor = socket
    self.port = port
    self.family = family
    lacksTrafficClass = marked != 0
    sendBufferOctets = bufferSize(number, SO_SNDBUF)
  }

  /// Whether another socket of this network namespace has the port, even if it would share the
  /// port. Such a socket most likely belongs to a second Babel daemon.
  public static func isPortTaken(_ port: UInt16) throws(KernelError) -> Bool {
    let probe = try open(.ipv6)
    do throws(KernelError) {
      try bind(probe.rawValue, port, .ipv6)
      return false
    } catch {
      if error.errno == ErrorNumber.addressInUse { return true }
      throw error
    }
  }

  /// How many sockets of this network namespace have the port, sockets for IPv4 alone left out.
  /// More than one can have it if all of them share it. Nil if the kernel does not tell.
  public static func holderCount(ofPort port: UInt16) -> Int? {
    do throws(KernelError) {
      return holderCount(
        ofPort: port, try FileSystem.read("/proc/thread-self/net/udp6", limit: 16 << 20))
    } catch {
      return nil
    }
  }

  /// Counts lines such as ` 42: 00000000000000000000000000000000:1A28 0000…`.
  package static func holderCount(ofPort port: UInt16, _ text: [UInt8]) -> Int {
    var count = 0
    for line in text.split(separator: 0x0A) {
      let words = line.split(separator: 0x20)
      guard words.count > 2, words[1].count == 37, !isMapped(words[1]) else { continue }
      let number = String(decoding: words[1].suffix(4), as: UTF8.self)
      if UInt16(number, radix: 16) == port { count += 1 }
    }
    return count
  }

  /// Whether an address is `::ffff:…`. The kernel writes each 32 bits in the machine's order.
  private static func isMapped(_ address: ArraySlice<UInt8>) -> Bool {
    guard address.prefix(16).allSatisfy({ $0 == UInt8(ascii: "0") }) else { return false }
    let third = address.dropFirst(16).prefix(8)
    return third.elementsEqual("FFFF0000".utf8) || third.elementsEqual("0000FFFF".utf8)
  }

  /// Size of the receive buffer as the kernel accounts it, in octets.
  public var receiveBufferOctets: Int { bufferSize(descriptor.rawValue, SO_RCVBUF) }

  /// Makes the kernel note when datagrams arrive. This makes every packet of the machine a little
  /// slower, so only nodes that measure round-trip times use it. Returns whether the kernel can.
  public func enableArrivalTimes() -> Bool {
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    return setsockopt(
      descriptor.rawValue, SOL_SOCKET, Int32(SWB_SO_TIMESTAMPNS_NEW), &on, size) == 0
  }

  /// Joins a multicast group on an interface. The system alone limits the number of groups.
  public func join(_ group: IPAddress, on ifindex: Int32) throws(KernelError) {
    let membership = Membership(group: group, ifindex: ifindex, family: family)
    try memberships.join(membership, firstWith: descriptor.rawValue)
  }

  /// Leaves a multicast group on an interface.
  public func leave(_ group: IPAddress, on ifindex: Int32) throws(KernelError) {
    let membership = Membership(group: group, ifindex: ifindex, family: family)
    try memberships.leave(membership, firstWith: descriptor.rawValue)
  }

  /// Forbids or allows the kernel and routers to fragment what is sent over IPv4, where that
  /// cannot be said of each datagram.
  func setIPv4Probing(_ isOn: Bool) {
    var mode = Int32(isOn ? SWB_IP_PMTUDISC_PROBE : SWB_IP_PMTUDISC_WANT)
    let size = socklen_t(MemoryLayout<Int32>.size)
    _ = setsockopt(
      descriptor.rawValue, Int32(SWB_IPPROTO_IP), Int32(IP_MTU_DISCOVER), &mode, size)
  }

  private static func open(_ family: AddressFamily) throws(KernelError) -> FileDescriptor {
    let number = try Syscall.check("open UDP socket") {
      socket(AF_INET6, Int32(SWB_SOCK_DGRAM | SWB_SOCK_FLAGS), 0)
    }
    let descriptor = FileDescriptor(owning: number)
    let isAlone: Int32 = family == .ipv4 ? 0 : 1
    try setOption(number, SWB_IPPROTO_IPV6, Int(IPV6_V6ONLY), isAlone, "set IPV6_V6ONLY")
    return descriptor
  }

  private static func bind(
    _ number: Int32, _ port: UInt16, _ family: AddressFamily
  ) throws(KernelError) {
    let any = family == .ipv4 ? IPAddress(ipv4: 0) : .unspecified
    try Syscall.check(family == .ipv4 ? "bind 0.0.0.0:\(port)" : "bind [::]:\(port)") {
      withIPv6Address(any, port: port, scope: 0) { CLinux.bind(number, $0, $1) }
    }
  }
}
