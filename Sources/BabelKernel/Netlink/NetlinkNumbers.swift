// The numbers of the netlink protocols, as <linux/netlink.h>, <linux/rtnetlink.h>,
// <linux/if_link.h> and <linux/if_addr.h> define them. They are part of the kernel's ABI; a test
// compares them with the headers. They are written out here because Swift would import them from C
// as four different types.

/// `nlmsg_type`.
enum NetlinkType {
  static let error: UInt16 = 2
  static let done: UInt16 = 3
  static let newLink: UInt16 = 16
  static let deleteLink: UInt16 = 17
  static let getLink: UInt16 = 18
  static let newAddress: UInt16 = 20
  static let deleteAddress: UInt16 = 21
  static let getAddress: UInt16 = 22
  static let newRoute: UInt16 = 24
  static let deleteRoute: UInt16 = 25
  static let getRoute: UInt16 = 26
  static let newRule: UInt16 = 32
  static let deleteRule: UInt16 = 33
  static let getRule: UInt16 = 34
  static let newSettings: UInt16 = 80
  static let newNexthop: UInt16 = 104
  static let deleteNexthop: UInt16 = 105
  static let getNexthop: UInt16 = 106
}

/// `nlmsg_flags`.
enum NetlinkFlag {
  static let request: UInt16 = 0x1
  static let acknowledge: UInt16 = 0x4
  static let dumpInterrupted: UInt16 = 0x10
  /// In an answer this means that the request is not repeated behind the error.
  static let capped: UInt16 = 0x100
  /// In an answer this means that attributes follow.
  static let answerAttributes: UInt16 = 0x200
  static let dump: UInt16 = 0x300
  static let replace: UInt16 = 0x100
  static let exclusive: UInt16 = 0x200
  static let create: UInt16 = 0x400
  static let append: UInt16 = 0x800
}

/// `rta_type` of routes.
enum RouteAttribute {
  static let destination: UInt16 = 1
  static let source: UInt16 = 2
  static let outputInterface: UInt16 = 4
  static let gateway: UInt16 = 5
  static let priority: UInt16 = 6
  static let preferredSource: UInt16 = 7
  static let multipath: UInt16 = 9
  static let cacheInformation: UInt16 = 12
  static let table: UInt16 = 15
  static let via: UInt16 = 18
  static let nexthopID: UInt16 = 30
}

/// `NHA_…` of next-hop objects.
enum NexthopAttribute {
  static let id: UInt16 = 1
  static let group: UInt16 = 2
  static let blackhole: UInt16 = 4
  static let outputInterface: UInt16 = 5
  static let gateway: UInt16 = 6
  static let encapsulation: UInt16 = 8
  static let bridge: UInt16 = 11
}

/// `NETCONFA_…` of settings.
enum SettingsAttribute {
  static let ignoresRoutesWithoutCarrier: UInt16 = 6
}

/// `FRA_…` of rules.
enum RuleAttribute {
  static let source: UInt16 = 2
  static let inputInterface: UInt16 = 3
  static let priority: UInt16 = 6
  static let firewallMark: UInt16 = 10
  static let table: UInt16 = 15
  static let outputInterface: UInt16 = 17
  static let `protocol`: UInt16 = 21
}

/// `ifla_type` of links.
enum LinkAttribute {
  static let address: UInt16 = 1
  static let name: UInt16 = 3
  static let mtu: UInt16 = 4
  static let master: UInt16 = 10
  static let information: UInt16 = 18
  static let extensionMask: UInt16 = 29
  /// The driver's name, an attribute inside ``information``.
  static let informationKind: UInt16 = 1
  /// `RTEXT_FILTER_SKIP_STATS`: leave counters out, which are large and of no interest to us.
  static let skipStatistics: UInt32 = 8
}

/// `ifa_type` of addresses.
enum AddressAttribute {
  static let address: UInt16 = 1
  static let local: UInt16 = 2
  static let flags: UInt16 = 8
}

/// `nlmsgerr_attrs`.
enum AnswerAttribute {
  static let message: UInt16 = 1
}

/// Address families, as octets of netlink headers.
enum FamilyNumber {
  static let any: UInt8 = 0
  static let ipv4: UInt8 = 2
  static let ipv6: UInt8 = 10
}

/// Bits of `rtm_flags`.
enum RouteFlag {
  /// The kernel does not use it.
  static let dead: UInt32 = 0x1
  static let onlink: UInt32 = 0x4
  static let cloned: UInt32 = 0x200
  /// In a question this asks for the entry of the table that a packet follows (Linux 4.13).
  static let matchEntry: UInt32 = 0x2000
  /// In a question this asks for the table that the entry is in; an answer about IPv4 names the
  /// main table without it.
  static let lookUpTable: UInt32 = 0x1000
}

/// Options at level SOL_NETLINK, and multicast groups.
enum NetlinkOption {
  static let extendedAcknowledgment = 11
  static let strictCheck = 12
  /// Bits of the groups LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE, IPV4_NETCONF,
  /// IPV6_NETCONF, NEXTHOP. A kernel that lacks the last group ignores its bit.
  static let monitorGroups: UInt32 =
    0x1 | 0x10 | 0x40 | 0x100 | 0x400 | 1 << 23 | 1 << 24 | 1 << 31
}
