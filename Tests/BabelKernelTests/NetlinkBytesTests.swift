import BabelWire
import CLinux
import TestSupport
import Testing

@testable import BabelKernel

// The numbers of the protocol are internal. The test must see them, because they have to be the
// kernel's.

@Suite struct `Netlink bytes` {
  /// An IPv6 route as `strace ip -6 route` shows it: fd01::/64 via fe80::2 oif 3 proto 42,
  /// table 1000, metric 1024, onlink. Little-endian.
  private let routeBytes: [UInt8] = [
    0x70, 0, 0, 0, 24, 0, 0, 1, 5, 0, 0, 0, 0x39, 0x30, 0, 0,  // length, NEWROUTE, REPLACE
    10, 64, 0, 0, 252, 42, 0, 1, 4, 0, 0, 0,  // IPv6, /64, table compat, proto 42, unicast
    8, 0, 15, 0, 0xE8, 3, 0, 0,  // table 1000
    20, 0, 1, 0, 0xFD, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    8, 0, 6, 0, 0, 4, 0, 0,  // priority 1024
    20, 0, 5, 0, 0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
    8, 0, 4, 0, 3, 0, 0, 0,  // oif 3
    5, 0, 20, 0, 0, 0, 0, 0,  // RTA_PREF, one octet and padding
    8, 0, 200, 0x80, 9, 9, 9, 9,  // nested, unknown
    4, 0, 201, 0,  // empty, unknown
  ]

  private func events(_ bytes: [UInt8]) -> [KernelEvent] {
    var result: [KernelEvent] = []
    var cursor = NetlinkMessageCursor(count: bytes.count)
    while let message = cursor.next(in: bytes.span) {
      if let event = KernelEvent(message, in: bytes.span) { result.append(event) }
    }
    return result
  }

  private var route: KernelRoute {
    get throws {
      KernelRoute(
        destination: try prefix("fd01::/64"), table: 1000, metric: 1024,
        gateway: try address("fe80::2"), ifindex: 3, isOnlink: true)
    }
  }

  @Test func `a route message is read`() throws {
    #expect(try events(routeBytes) == [.routeAdded(route, replacing: true)])
  }

  @Test func `what is written reads the same`() throws {
    var routes = [try route]
    routes.append(
      KernelRoute(
        destination: try prefix("10.1.0.0/16"), table: .max, metric: .max,
        gateway: try address("fe80::2"), ifindex: 7, preferredSource: try address("10.0.0.1")))
    routes.append(
      KernelRoute(
        destination: try prefix("fd01::/16"), source: try prefix("fd02::/32"), table: 255,
        metric: 1, gateway: try address("fe80::2"), ifindex: 7,
        preferredSource: try address("fd00::1"), isOnlink: true))
    routes.append(KernelRoute(destination: .ipv4Default, type: .unreachable))
    routes.append(KernelRoute(destination: .ipv6Default, metric: 5, type: .blackhole))
    var builder = NetlinkBuilder(capacity: routes.count * NetlinkBuilder.routeCount)
    for route in routes {
      builder.route(route, type: NetlinkType.newRoute, flags: 0, sequence: 1)
    }
    #expect(events(builder.bytes) == routes.map { .routeAdded($0, replacing: false) })
  }

  @Test func `multipath and cloned routes are recognised`() throws {
    var bytes = routeBytes
    bytes[16 + 9] = 2  // RTM_F_CLONED
    bytes[bytes.count - 2] = 9  // RTA_MULTIPATH
    guard case .routeAdded(let route, _)? = events(bytes).first else {
      Issue.record("no route")
      return
    }
    #expect(route.isCloned && route.isMultipath && route.gateway == nil && route.ifindex == nil)
  }

  @Test func `IPv6 routes inside the mapped range do not turn into IPv4`() throws {
    var bytes = routeBytes
    bytes.replaceSubrange(40..<56, with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0])
    bytes[17] = 96
    #expect(events(bytes) == [])
    bytes[17] = 129
    #expect(events(bytes) == [])
  }

  @Test func `every truncation is survived`() {
    for count in 0..<routeBytes.count {
      var bytes = Array(routeBytes[..<count])
      #expect(events(bytes) == [])
      guard count >= 16 else { continue }
      // The length says that all is there, but the attributes may be cut anywhere.
      bytes[0] = UInt8(count)
      #expect(events(bytes).count == (count < 28 ? 0 : 1))
    }
  }

  @Test func `random bytes neither crash nor hang`() throws {
    var numbers = Chance(seed: 1)
    for _ in 0..<20_000 {
      var bytes = routeBytes + routeBytes
      switch Int.random(in: 0..<3, using: &numbers) {
      case 0:
        for i in bytes.indices { bytes[i] = UInt8.random(in: 0...255, using: &numbers) }
      default:
        for _ in 0..<Int.random(in: 1...8, using: &numbers) {
          let i = Int.random(in: 0..<bytes.count, using: &numbers)
          bytes[i] = UInt8.random(in: 0...255, using: &numbers)
        }
      }
      bytes[4] = [2, 3, 16, 17, 20, 21, 24, 25].randomElement(using: &numbers) ?? 24
      if Bool.random(using: &numbers) { bytes[5] = 0 }
      bytes.removeLast(Int.random(in: 0..<64, using: &numbers))
      #expect(events(bytes).count <= 30)
      var cursor = NetlinkMessageCursor(count: bytes.count)
      while let message = cursor.next(in: bytes.span) {
        _ = NetlinkAnswer(message, in: bytes.span)
      }
    }
  }

  @Test func `an error answer gives number, words and request`() throws {
    let words = Array("No such thing\0".utf8)
    let body = Array(routeBytes)
    let length = 16 + 4 + body.count + 4 + words.count
    var builder = NetlinkBuilder(capacity: 512)
    builder.begin(type: NetlinkType.error, flags: NetlinkFlag.answerAttributes, sequence: 5)
    builder.append(Int32(-17))
    builder.append(octets: body)
    builder.append(UInt16(4 + words.count))
    builder.append(AnswerAttribute.message)
    builder.append(octets: words)
    builder.end()
    let bytes = builder.bytes
    #expect(bytes.count == (length + 3) & ~3)
    var cursor = NetlinkMessageCursor(count: bytes.count)
    let next = cursor.next(in: bytes.span)
    let message = try #require(next)
    let read = NetlinkAnswer(message, in: bytes.span)
    let answer = try #require(read)
    #expect(answer.errno == ErrorNumber.exists && answer.text == "No such thing")
    let repeated = KernelRoute(message: answer.request, in: bytes.span)
    #expect(try repeated == route)
  }

  @Test func `link and address messages are read`() throws {
    var builder = NetlinkBuilder(capacity: 512)
    builder.begin(type: NetlinkType.newLink, flags: 0, sequence: 0)
    for word: UInt32 in [0xFFFE_0000, 9, 0x11091, 0] { builder.append(word) }
    builder.append(UInt16(8))
    builder.append(LinkAttribute.name)
    builder.append(octets: Array("wg0\0".utf8))
    builder.append(UInt16(4 + 4 + 10))
    builder.append(LinkAttribute.information)
    builder.append(UInt16(4 + 10))
    builder.append(LinkAttribute.informationKind)
    builder.append(octets: Array("wireguard\0".utf8))
    builder.attribute(LinkAttribute.mtu, 1420)
    builder.end()
    builder.address(
      KernelAddress(
        ifindex: 9, address: try address("fe80::1"), prefixLength: 64, scope: 253, flags: 0x48),
      type: NetlinkType.deleteAddress, flags: 0, sequence: 0)
    let read = events(builder.bytes)
    let name = try #require(InterfaceName("wg0"))
    let link = KernelLink(
      ifindex: 9, name: name, flags: 0x11091, mtu: 1420, hardwareType: 65534, kind: .wireguard)
    #expect(link.isUp && !link.isRunning && link.isPointToPoint && link.isTunnel)
    let row = KernelAddress(
      ifindex: 9, address: try address("fe80::1"), prefixLength: 64, scope: 253, flags: 0x48)
    #expect(row.isTentative && row.isDuplicate)
    #expect(read == [.linkChanged(link), .addressRemoved(row)])
  }

  @Test func `our numbers are the kernel's`() {
    #expect(NetlinkType.newLink == RTM_NEWLINK && NetlinkType.deleteLink == RTM_DELLINK)
    #expect(NetlinkType.getLink == RTM_GETLINK && NetlinkType.getAddress == RTM_GETADDR)
    #expect(NetlinkType.newAddress == RTM_NEWADDR && NetlinkType.deleteAddress == RTM_DELADDR)
    #expect(NetlinkType.newRoute == RTM_NEWROUTE && NetlinkType.deleteRoute == RTM_DELROUTE)
    #expect(NetlinkType.getRoute == RTM_GETROUTE)
    #expect(NetlinkType.newRule == RTM_NEWRULE && NetlinkType.deleteRule == RTM_DELRULE)
    #expect(NetlinkType.getRule == RTM_GETRULE)
    #expect(NetlinkType.error == NLMSG_ERROR && NetlinkType.done == NLMSG_DONE)
    #expect(NetlinkFlag.request == NLM_F_REQUEST && NetlinkFlag.acknowledge == NLM_F_ACK)
    #expect(NetlinkFlag.dump == NLM_F_DUMP && NetlinkFlag.create == NLM_F_CREATE)
    #expect(NetlinkFlag.replace == NLM_F_REPLACE && NetlinkFlag.exclusive == NLM_F_EXCL)
    #expect(NetlinkFlag.dumpInterrupted == NLM_F_DUMP_INTR)
    #expect(NetlinkFlag.capped == NLM_F_CAPPED)
    #expect(NetlinkFlag.answerAttributes == NLM_F_ACK_TLVS)
    #expect(UInt32(RouteAttribute.destination) == RTA_DST.rawValue)
    #expect(UInt32(RouteAttribute.source) == RTA_SRC.rawValue)
    #expect(UInt32(RouteAttribute.outputInterface) == RTA_OIF.rawValue)
    #expect(UInt32(RouteAttribute.gateway) == RTA_GATEWAY.rawValue)
    #expect(UInt32(RouteAttribute.priority) == RTA_PRIORITY.rawValue)
    #expect(UInt32(RouteAttribute.preferredSource) == RTA_PREFSRC.rawValue)
    #expect(UInt32(RouteAttribute.multipath) == RTA_MULTIPATH.rawValue)
    #expect(UInt32(RouteAttribute.cacheInformation) == RTA_CACHEINFO.rawValue)
    #expect(UInt32(RouteAttribute.table) == RTA_TABLE.rawValue)
    #expect(UInt32(RouteAttribute.via) == RTA_VIA.rawValue)
    #expect(UInt32(RouteAttribute.nexthopID) == RTA_NH_ID.rawValue)
    #expect(LinkAttribute.address == IFLA_ADDRESS && LinkAttribute.name == IFLA_IFNAME)
    #expect(LinkAttribute.mtu == IFLA_MTU && LinkAttribute.master == IFLA_MASTER)
    #expect(LinkAttribute.information == IFLA_LINKINFO)
    #expect(LinkAttribute.informationKind == IFLA_INFO_KIND)
    #expect(LinkAttribute.extensionMask == IFLA_EXT_MASK)
    #expect(LinkAttribute.skipStatistics == RTEXT_FILTER_SKIP_STATS)
    #expect(AddressAttribute.address == IFA_ADDRESS && AddressAttribute.local == IFA_LOCAL)
    #expect(AddressAttribute.flags == IFA_FLAGS)
    #expect(UInt32(AnswerAttribute.message) == NLMSGERR_ATTR_MSG.rawValue)
    #expect(RouteFlag.cloned == RTM_F_CLONED && RouteFlag.onlink == RTNH_F_ONLINK)
    #expect(RouteFlag.dead == RTNH_F_DEAD && RouteFlag.matchEntry == RTM_F_FIB_MATCH)
    #expect(
      SettingsAttribute.ignoresRoutesWithoutCarrier == NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN)
    #expect(NetlinkType.newSettings == RTM_NEWNETCONF && NetlinkFlag.append == NLM_F_APPEND)
    #expect(NetlinkType.newNexthop == RTM_NEWNEXTHOP)
    #expect(NetlinkType.deleteNexthop == RTM_DELNEXTHOP)
    #expect(NetlinkType.getNexthop == RTM_GETNEXTHOP)
    #expect(NetlinkOption.extendedAcknowledgment == NETLINK_EXT_ACK)
    #expect(NetlinkOption.strictCheck == NETLINK_GET_STRICT_CHK)
    let groups = [
      RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
      RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, RTNLGRP_NEXTHOP,
    ]
    #expect(
      NetlinkOption.monitorGroups == groups.reduce(UInt32(0)) { $0 | 1 << ($1.rawValue - 1) })
  }
}

@Suite struct `Netlink bytes of next-hop objects` {
  private let object = KernelNexthop(
    id: 0x0102_0304, gateway: IPAddress(ipv4: 0x0A00_0002), ifindex: 5)

  @Test func `an object is made with what it leads to, and removed by its number`() {
    var builder = NetlinkBuilder(capacity: 512)
    builder.nexthop(object, type: NetlinkType.newNexthop, flags: 0x601, sequence: 9)
    builder.nexthop(object, type: NetlinkType.deleteNexthop, flags: 1, sequence: 10)
    let made: [UInt8] =
      [48, 0, 0, 0, 104, 0, 1, 6, 9, 0, 0, 0, 0, 0, 0, 0]
      + [2, 0, 42, 0, 4, 0, 0, 0]
      + [8, 0, 1, 0, 4, 3, 2, 1] + [8, 0, 5, 0, 5, 0, 0, 0] + [8, 0, 6, 0, 10, 0, 0, 2]
    let removed: [UInt8] =
      [32, 0, 0, 0, 105, 0, 1, 0, 10, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0]
      + [8, 0, 1, 0, 4, 3, 2, 1]
    #expect(builder.bytes == made + removed)
  }

  @Test func `what is written reads the same, and what is cut off is not read`() throws {
    let ipv6 = KernelNexthop(id: .max, gateway: try address("fe80::2"), ifindex: 7)
    for object in [object, ipv6] {
      var builder = NetlinkBuilder(capacity: 512)
      builder.nexthop(object, type: NetlinkType.newNexthop, flags: 0, sequence: 1)
      let bytes = builder.bytes
      let read = KernelNexthop(message: 16..<bytes.count, in: bytes.span)
      #expect(read == object)
      for count in 16..<24 {
        let cut = KernelNexthop(message: 16..<count, in: bytes.span)
        #expect(cut == nil)
      }
      for count in 24..<bytes.count { _ = KernelNexthop(message: 16..<count, in: bytes.span) }
    }
  }

  @Test func `a route names an object in place of gateway and interface`() throws {
    let plain = KernelRoute(
      destination: try prefix("10.1.0.0/16"), gateway: try address("10.0.0.2"), ifindex: 5,
      isOnlink: true)
    var named = plain
    named.nexthopID = 7
    var other = plain
    other.nexthopID = 8
    for (route, nexthop, id) in [(plain, UInt32(7), UInt32(7)), (named, 0, 7), (other, 7, 8)] {
      var builder = NetlinkBuilder(capacity: 512)
      builder.route(route, nexthop: nexthop, type: NetlinkType.newRoute, flags: 0, sequence: 1)
      let bytes = builder.bytes
      let found = KernelRoute(message: 16..<bytes.count, in: bytes.span)
      let read = try #require(found)
      #expect(read.nexthopID == id && read.gateway == nil && read.ifindex == nil && !read.isOnlink)
      #expect(read.key == plain.key)
    }
  }
}

@Suite struct `Netlink bytes of rules` {
  @Test func `what is written reads the same`() throws {
    let rules = try [("10.1.0.0/16", UInt32(7)), ("fd00::/8", .max)].map {
      KernelRule(source: try #require(Prefix($0.0)), table: $0.1, priority: 1016)
    }
    var builder = NetlinkBuilder(capacity: 512)
    for rule in rules { builder.rule(rule, type: NetlinkType.newRule, flags: 0, sequence: 1) }
    let bytes = builder.bytes
    var found: [KernelRule?] = []
    var cursor = NetlinkMessageCursor(count: bytes.count)
    while let message = cursor.next(in: bytes.span) {
      found.append(KernelRule(message: message.body, in: bytes.span))
    }
    #expect(found == rules)
    // A rule that asks for more than the source, or that is cut off, is not read.
    for count in 16..<bytes.count { _ = KernelRule(message: 16..<count, in: bytes.span) }
  }

  @Test func `rules that ask for more than the source are passed over`() {
    // From 10.0.0.0/8, lookup main; the second has a firewall mark.
    let plain: [UInt8] =
      [2, 0, 8, 0, 254, 0, 0, 1, 0, 0, 0, 0] + [8, 0, 2, 0, 10, 0, 0, 0] + [8, 0, 6, 0, 5, 0, 0, 0]
    let marked = plain + [8, 0, 10, 0, 1, 0, 0, 0]
    #expect(KernelRule(message: 0..<plain.count, in: plain.span)?.priority == 5)
    #expect(KernelRule(message: 0..<marked.count, in: marked.span) == nil)
  }
}
