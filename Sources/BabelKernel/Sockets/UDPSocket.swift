import BabelWire
import CLinux

/// One datagram socket for all interfaces, as babeld opens it: one family only, hop limit 1,
/// traffic class CS6, no multicast loop, interface and destination reported with each datagram.
/// Non-blocking.
///
/// The one for IPv4 is a socket of IPv6 all the same, bound to `::ffff:0.0.0.0`: the kernel then
/// speaks IPv4 on it, with addresses in their 16-octet form.
public struct UDPSocket: ~Copyable, Sendable {
  /// The family it speaks.
  public let family: AddressFamily
  /// To poll for reading.
  public let descriptor: FileDescriptor
  /// The port bound to.
  public let port: UInt16
  /// The kernel refused the traffic class; datagrams leave without it.
  public let lacksTrafficClass: Bool
  /// The groups it heeds.
  private let memberships = Memberships()

  /// Opens the socket bound to `port` of all addresses of a family. `receiveBuffer` is in octets:
  /// a burst must fit in while we work. The system's default holds about 8,000 routes.
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
  }

  /// Whether another socket of this network namespace has the port, even one that would share
  /// it: a second Babel daemon, most likely.
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

  /// Joins a multicast group on an interface. There is no limit but that of the system.
  public func join(_ group: IPAddress, on ifindex: Int32) throws(KernelError) {
    let membership = Membership(group: group, ifindex: ifindex, family: family)
    if try !memberships.join(membership, firstWith: descriptor.rawValue) { heedAllGroups() }
  }

  /// Leaves a multicast group on an interface.
  public func leave(_ group: IPAddress, on ifindex: Int32) throws(KernelError) {
    let membership = Membership(group: group, ifindex: ifindex, family: family)
    try memberships.leave(membership, firstWith: descriptor.rawValue)
  }

  /// Lets the socket have what arrives for groups that other sockets have joined. Where the
  /// kernel does not know the option it does so anyway.
  private func heedAllGroups() {
    var on: Int32 = 1
    let level = family == .ipv4 ? SWB_IPPROTO_IP : SWB_IPPROTO_IPV6
    let option = family == .ipv4 ? SWB_IP_MULTICAST_ALL : SWB_IPV6_MULTICAST_ALL
    let size = socklen_t(MemoryLayout<Int32>.size)
    _ = setsockopt(descriptor.rawValue, Int32(level), Int32(option), &on, size)
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
