import BabelWire
import CLinux

/// A multicast group on a link, of which a socket can be a member.
struct Membership {
  /// The group.
  let group: IPAddress
  /// The link.
  let ifindex: Int32
  /// The family of the sockets that join.
  let family: AddressFamily

  /// Makes a socket a member.
  func join(_ socket: Int32) throws(KernelError) {
    try change(socket, Int32(IPV6_JOIN_GROUP), Int32(IP_ADD_MEMBERSHIP), "join")
  }

  /// Ends a socket's membership, also on a link that is gone.
  func leave(_ socket: Int32) throws(KernelError) {
    try change(socket, Int32(IPV6_LEAVE_GROUP), Int32(IP_DROP_MEMBERSHIP), "leave")
  }

  /// Whether an error says that the socket has as many memberships as it may have.
  static func isFull(_ error: KernelError) -> Bool {
    error.errno == ErrorNumber.noBufferSpace || error.errno == ErrorNumber.noMemory
  }

  /// Lets a socket receive what arrives for groups that other sockets have joined. Over IPv6 a
  /// kernel that does not know this option (Linux before 4.20) always does so. Over IPv4 an IPv6
  /// socket does so only when it is told to, so without the option it would stay deaf.
  func heedOthers(_ socket: Int32) throws(KernelError) {
    let isIPv4 = family == .ipv4
    var on: Int32 = 1
    do throws(KernelError) {
      try Syscall.check(isIPv4 ? "set IP_MULTICAST_ALL" : "set IPV6_MULTICAST_ALL") {
        setsockopt(
          socket, Int32(isIPv4 ? SWB_IPPROTO_IP : SWB_IPPROTO_IPV6),
          Int32(isIPv4 ? SWB_IP_MULTICAST_ALL : SWB_IPV6_MULTICAST_ALL), &on,
          socklen_t(MemoryLayout<Int32>.size))
      }
    } catch {
      if isIPv4 || error.errno != ErrorNumber.noSuchOption { throw error }
    }
  }

  private func change(
    _ socket: Int32, _ ipv6Option: Int32, _ ipv4Option: Int32, _ operation: StaticString
  ) throws(KernelError) {
    try Syscall.check("\(operation) \(group)") {
      withUnsafeTemporaryAllocation(byteCount: 20, alignment: 8) {
        if family == .ipv4 {
          // struct ip_mreqn: group, address of the interface (none), index.
          $0.storeBytes(of: group.ipv4Bits.bigEndian, toByteOffset: 0, as: UInt32.self)
          $0.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
          $0.storeBytes(of: ifindex, toByteOffset: 8, as: Int32.self)
          return setsockopt(socket, Int32(SWB_IPPROTO_IP), ipv4Option, $0.baseAddress, 12)
        }
        // struct ipv6_mreq: address and interface index.
        $0.store(group, at: 0)
        $0.storeBytes(of: ifindex, toByteOffset: 16, as: Int32.self)
        return setsockopt(socket, Int32(SWB_IPPROTO_IPV6), ipv6Option, $0.baseAddress, 20)
      }
    }
  }
}

/// Memberships of one socket and those for which it has no room. Over IPv4 a socket may have 20
/// (`net.ipv4.igmp_max_memberships`). Over IPv6 it may have as many as fit into
/// `net.core.optmem_max`, but the memory that they take is then missing for sending.
///
/// The further sockets have no port and receive nothing. They make the kernel listen to a group on
/// a link. What arrives there goes to the socket that is bound to the port, because that one also
/// receives what is sent to groups of other sockets (ip(7), `IP_MULTICAST_ALL`).
///
/// The type is marked `@unchecked Sendable`, because there is only one thread.
final class Memberships: @unchecked Sendable {
  private final class Holder {
    let descriptor: FileDescriptor

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
  }

  private var holders: [Holder] = []
  /// Memberships of the socket itself.
  private var firstCount = 0

  /// How many groups the socket itself joins at most.
  private static let firstLimit = 16
  /// How many further sockets are opened at most. With 20 memberships each they suffice for all
  /// interfaces that a node may have.
  private static let holderLimit = 256

  /// Joins with the first socket that has room, or with a new one. In either case `socket` receives
  /// what arrives; throws if the kernel cannot do that.
  func join(_ membership: Membership, firstWith socket: Int32) throws(KernelError) {
    if firstCount < Self.firstLimit {
      do throws(KernelError) {
        try membership.join(socket)
        firstCount += 1
        return
      } catch {
        guard Membership.isFull(error) else { throw error }
      }
    }
    try membership.heedOthers(socket)
    try joinFurther(membership)
  }

  private func joinFurther(_ membership: Membership) throws(KernelError) {
    for holder in holders {
      do throws(KernelError) {
        return try membership.join(holder.descriptor.rawValue)
      } catch {
        guard Membership.isFull(error) else { throw error }
      }
    }
    guard holders.count < Self.holderLimit else {
      throw KernelError(operation: "join \(membership.group)", errno: ErrorNumber.noBufferSpace)
    }
    let number = try Syscall.check("open UDP socket") {
      socket(
        membership.family == .ipv4 ? AF_INET : AF_INET6, Int32(SWB_SOCK_DGRAM | SWB_SOCK_FLAGS), 0)
    }
    let holder = Holder(FileDescriptor(owning: number))
    try membership.join(number)
    holders.append(holder)
  }

  /// Leaves the group with the socket that is its member.
  func leave(_ membership: Membership, firstWith socket: Int32) throws(KernelError) {
    do throws(KernelError) {
      try membership.leave(socket)
      firstCount -= 1
    } catch {
      for holder in holders {
        do throws(KernelError) {
          return try membership.leave(holder.descriptor.rawValue)
        } catch {
          // Another socket is the member.
          continue
        }
      }
      throw error
    }
  }
}
