import BabelCore
import BabelKernel
import BabelWire

/// Links and addresses of the machine as last heard from the kernel, all of them: any interface
/// may become one of ours, and the addresses of all are redistributed.
struct LinkTable {
  /// A link with its addresses.
  private struct Row {
    var link: KernelLink
    var addresses = AddressList()
  }

  /// Most addresses of one link that are remembered.
  static let addressLimit = 65_536
  /// Most link-local addresses a node is told of (babeld's limit).
  private static let linkLocalLimit = 32
  /// Most further IPv4 subnets a node is told of.
  private static let subnetLimit = 31
  /// babeld's guess when the kernel does not tell an MTU.
  private static let unknownMTU: UInt32 = 1280
  /// babeld's lower bound.
  private static let leastMTU: UInt32 = 512

  private var rows: [Int32: Row] = [:]
  private var indices: [InterfaceName: Int32] = [:]
  /// Links that were seen with a carrier, also before a new reading: there a missing one says
  /// something. Some kinds of links never have one and work all the same.
  private var carriers: Set<Int32> = []
  /// Links that were found to have more addresses than are remembered.
  private(set) var fullLinks: Set<Int32> = []

  /// Forgets links and addresses, before a new reading.
  mutating func removeAll() {
    rows.removeAll(keepingCapacity: true)
    indices.removeAll(keepingCapacity: true)
  }

  /// Takes a new or changed link. Returns whether an old link got another name.
  @discardableResult
  mutating func update(_ link: KernelLink) -> Bool {
    let oldName = rows[link.ifindex]?.link.name
    if let oldName, oldName != link.name, indices[oldName] == link.ifindex {
      indices[oldName] = nil
    }
    rows[link.ifindex, default: Row(link: link)].link = link
    indices[link.name] = link.ifindex
    if link.isUp, link.isRunning { carriers.insert(link.ifindex) }
    return oldName != nil && oldName != link.name
  }

  /// Forgets a link and its addresses.
  mutating func remove(_ link: KernelLink) {
    carriers.remove(link.ifindex)
    fullLinks.remove(link.ifindex)
    guard let row = rows.removeValue(forKey: link.ifindex) else { return }
    if indices[row.link.name] == link.ifindex { indices[row.link.name] = nil }
  }

  /// Takes a new or changed address. Returns whether it is new.
  @discardableResult
  mutating func update(_ address: KernelAddress) -> Bool {
    // No copy of the row may live on when it is changed: the list would be copied with it.
    guard let isKnown = rows[address.ifindex]?.addresses.contains(address) else { return false }
    let count = rows[address.ifindex]?.addresses.count ?? 0
    if !isKnown, count >= Self.addressLimit {
      fullLinks.insert(address.ifindex)
      return false
    }
    rows[address.ifindex]?.addresses.put(address)
    return !isKnown
  }

  /// Forgets an address.
  mutating func remove(_ address: KernelAddress) {
    rows[address.ifindex]?.addresses.remove(address)
  }

  /// The link with a name.
  func link(_ name: InterfaceName) -> KernelLink? { indices[name].flatMap { rows[$0]?.link } }

  /// The link with an index.
  func link(_ ifindex: Int32) -> KernelLink? { rows[ifindex]?.link }

  /// The name of a link.
  func name(_ ifindex: Int32) -> InterfaceName? { rows[ifindex]?.link.name }

  /// Whether a link has an IPv4 address; without one the kernel keeps no IPv4 route through it.
  func hasIPv4(_ ifindex: Int32) -> Bool {
    rows[ifindex]?.addresses.contains { $0.address.family == .ipv4 } ?? false
  }

  /// Whether a link has an IPv6 address; without one it has no IPv6 routes either.
  func hasIPv6(_ ifindex: Int32) -> Bool {
    rows[ifindex]?.addresses.contains { $0.address.family == .ipv6 } ?? false
  }

  /// Whether a link has a link-local address, usable or not.
  func hasLinkLocal(_ ifindex: Int32) -> Bool {
    rows[ifindex]?.addresses.contains { $0.address.isLinkLocal } ?? false
  }

  /// Whether a link has a link-local address that is usable or may become so.
  func mayUseLinkLocal(_ ifindex: Int32) -> Bool {
    rows[ifindex]?.addresses.contains { $0.address.isLinkLocal && !$0.isDuplicate } ?? false
  }

  /// Whether a link has an address.
  func hasAddress(_ address: IPAddress, on ifindex: Int32) -> Bool {
    rows[ifindex]?.addresses.all(address).isEmpty == false
  }

  /// Whether any link has an address that packets may come from. All of 127.0.0.0/8 is local.
  func hasUsable(_ address: IPAddress) -> Bool {
    if address.family == .ipv4, address.isLoopback { return true }
    return rows.values.contains {
      $0.addresses.all(address).contains { !$0.isTentative && !$0.isDuplicate }
    }
  }

  /// Whether somebody else on the link has an address of ours.
  func isDuplicate(_ address: IPAddress, on ifindex: Int32) -> Bool {
    rows[ifindex]?.addresses.all(address).contains { $0.isDuplicate } ?? false
  }

  /// Links in the order of their indices.
  func links() -> [KernelLink] {
    rows.values.map { $0.link }.ordered { $0.ifindex < $1.ifindex }
  }

  /// All addresses, by interface and in their order.
  func addresses() -> [KernelAddress] {
    links().flatMap { addresses(of: $0.ifindex) }
  }

  /// The addresses of a link in the order they appeared.
  func addresses(of ifindex: Int32) -> [KernelAddress] { rows[ifindex]?.addresses.all ?? [] }

  /// The addresses of a link that have a value; they differ in the length of their prefixes.
  func addresses(of ifindex: Int32, _ address: IPAddress) -> [KernelAddress] {
    rows[ifindex]?.addresses.all(address) ?? []
  }

  /// What the node is told about an interface. `detectingCarrier` makes a missing carrier count
  /// as down; nil does so where there was one before.
  func state(_ name: InterfaceName, detectingCarrier: Bool?) -> LinkState {
    guard let index = indices[name], let row = rows[index] else {
      return LinkState(isUp: false, mtu: Self.unknownMTU, linkLocals: [], ipv4: nil)
    }
    let addresses = row.addresses.all
    let usable = addresses.filter {
      $0.address.isLinkLocal && !$0.isTentative && !$0.isDuplicate
    }
    let ipv4 = addresses.first { $0.address.family == .ipv4 && !$0.isSecondary }
    let others = addresses.filter { $0.address.family == .ipv4 && $0 != ipv4 }
    var subnets: [IPv4Subnet] = []
    for address in (ipv4.map { [$0] } ?? []) + others.prefix(Self.subnetLimit) {
      guard let prefix = Prefix(address.network, length: Int(address.prefixLength)) else {
        continue
      }
      subnets.append(IPv4Subnet(address: address.address, prefix: prefix))
    }
    let mtu = row.link.mtu == 0 ? Self.unknownMTU : max(row.link.mtu, Self.leastMTU)
    let needsCarrier = detectingCarrier ?? carriers.contains(index)
    return LinkState(
      isUp: row.link.isUp && (row.link.isRunning || !needsCarrier), mtu: mtu,
      linkLocals: usable.prefix(Self.linkLocalLimit).map { $0.address }, ipv4: ipv4?.address,
      ipv4Subnets: subnets)
  }
}
