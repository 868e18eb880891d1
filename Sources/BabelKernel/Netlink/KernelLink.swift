import BabelWire

/// What kind of device a link is, by the name of its driver in the kernel
/// (`IFLA_INFO_KIND`).
public enum LinkKind: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  /// No kind given: a real device, or one of an older driver.
  case none
  /// WireGuard in the kernel. (wireguard-go makes a ``tun``.)
  case wireguard
  /// VXLAN.
  case vxlan
  /// Bridge.
  case bridge
  /// VLAN (802.1Q).
  case vlan
  /// Virtual Ethernet pair.
  case veth
  /// batman-adv mesh.
  case batadv
  /// TUN or TAP.
  case tun
  /// GRE over IPv4.
  case gre
  /// GRE over IPv4 with Ethernet inside.
  case gretap
  /// GRE over IPv6.
  case ip6gre
  /// IPv4 in IPv4.
  case ipip
  /// Anything in IPv6.
  case ip6tnl
  /// IPv6 in IPv4.
  case sit
  /// GENEVE.
  case geneve
  /// IPsec interface.
  case xfrm
  /// Virtual tunnel interface.
  case vti
  /// PPP. L2TP tunnels are of this kind, too, because they have none of their own.
  case ppp
  /// Dummy.
  case dummy
  /// Bonding.
  case bond
  /// Virtual Ethernet on top of a device.
  case macvlan
  /// Virtual routing and forwarding.
  case vrf
  /// Some other driver.
  case other

  /// The driver's name as the kernel gives it.
  public var description: String {
    switch self {
    case .none: "none"
    case .wireguard: "wireguard"
    case .vxlan: "vxlan"
    case .bridge: "bridge"
    case .vlan: "vlan"
    case .veth: "veth"
    case .batadv: "batadv"
    case .tun: "tun"
    case .gre: "gre"
    case .gretap: "gretap"
    case .ip6gre: "ip6gre"
    case .ipip: "ipip"
    case .ip6tnl: "ip6tnl"
    case .sit: "sit"
    case .geneve: "geneve"
    case .xfrm: "xfrm"
    case .vti: "vti"
    case .ppp: "ppp"
    case .dummy: "dummy"
    case .bond: "bond"
    case .macvlan: "macvlan"
    case .vrf: "vrf"
    case .other: "other"
    }
  }

  /// The kind of a driver's name; `other` if unknown.
  init(octets: [UInt8]) {
    for kind in LinkKind.allCases where kind != .other && kind != .none {
      if kind.description.utf8.elementsEqual(octets) {
        self = kind
        return
      }
    }
    self = .other
  }
}

/// A network interface as the kernel sees it.
public struct KernelLink: Equatable, Sendable {
  /// Its number, positive, in this network namespace.
  public var ifindex: Int32
  /// Its name.
  public var name: InterfaceName
  /// The `IFF_` bits.
  public var flags: UInt32
  /// Largest packet in octets; 0 if unknown.
  public var mtu: UInt32
  /// `ARPHRD_` number: 1 Ethernet, 772 loopback, 65534 none (tun, WireGuard).
  public var hardwareType: UInt16
  /// Link-layer address; may be empty.
  public var hardwareAddress: [UInt8]
  /// Driver.
  public var kind: LinkKind
  /// Index of the bridge, bond or VRF that the link belongs to; 0 if there is none.
  public var master: Int32

  /// Whether the administrator has set the link up (IFF_UP).
  public var isUp: Bool { flags & 0x1 != 0 }
  /// Whether the link is up and has a carrier (IFF_RUNNING).
  public var isRunning: Bool { flags & 0x40 != 0 }
  /// Whether the kernel has use for the link: it has a carrier, or its driver knows of none
  /// (IFF_RUNNING, IFF_LOWER_UP).
  public var hasCarrier: Bool { flags & (0x40 | 0x1_0000) != 0 }
  /// Whether two states of the link differ in whether it is up or has a carrier (IFF_UP,
  /// IFF_RUNNING, IFF_LOWER_UP). If so, the kernel may use other routes through the link.
  public func carriesLike(_ other: KernelLink) -> Bool {
    (flags ^ other.flags) & (0x1 | 0x40 | 0x1_0000) == 0
  }
  /// Whether it is the loopback link (IFF_LOOPBACK).
  public var isLoopback: Bool { flags & 0x8 != 0 }
  /// Whether the link has two ends only (IFF_POINTOPOINT).
  public var isPointToPoint: Bool { flags & 0x10 != 0 }
  /// Whether the link can carry multicast (IFF_MULTICAST).
  public var isMulticast: Bool { flags & 0x1000 != 0 }

  /// Whether the link is a tunnel over IP. Users of babeld set `type tunnel` for such a link.
  public var isTunnel: Bool {
    switch kind {
    case .wireguard, .vxlan, .tun, .gre, .gretap, .ip6gre, .ipip, .ip6tnl, .sit, .geneve, .xfrm,
      .vti, .ppp:
      true
    case .none, .bridge, .vlan, .veth, .batadv, .dummy, .bond, .macvlan, .vrf, .other: false
    }
  }

  /// Makes a link.
  public init(
    ifindex: Int32, name: InterfaceName, flags: UInt32 = 0, mtu: UInt32 = 0,
    hardwareType: UInt16 = 1, hardwareAddress: [UInt8] = [], kind: LinkKind = .none,
    master: Int32 = 0
  ) {
    self.ifindex = ifindex
    self.name = name
    self.flags = flags
    self.mtu = mtu
    self.hardwareType = hardwareType
    self.hardwareAddress = hardwareAddress
    self.kind = kind
    self.master = master
  }
}
