import BabelCore
import BabelKernel
import BabelWire

/// Which prefixes belong to which peer of one WireGuard interface, so that packets go where routes
/// lead. A value without any access to the device or to the kernel: what the node wants and what
/// the device tells go in, and what is to be written comes out.
///
/// WireGuard sends a packet to the peer that has the longest of the prefixes which the destination
/// is in, whatever gateway a route names. The steps of a change therefore have an order:
///
/// 1. Prefixes of new routes are given to their peers, and those of moved routes are taken from one
///    peer and given to another at one instant.
/// 2. The kernel's routes are changed.
/// 3. Prefixes whose routes are gone are taken from their peers.
///
/// Between two steps a packet goes where it would go if some of the changes were done and others
/// were not, or it is dropped. If one route changes, this is where it went before or will go
/// afterwards. In step 1 a prefix without a route matters only if the kernel sends its packets to
/// the interface by a shorter route, and then they go where the new one will lead. In step 3 a
/// prefix without a route is passed over by packets that follow another interface, and those that
/// follow a shorter route still go where they went. The other order would do harm: a packet whose
/// route is there and whose prefix is not would go to the peer of any shorter prefix.
struct AllowedIPs {
  /// A peer.
  struct Peer: Equatable {
    /// Its public key.
    let key: [UInt8]
    /// The link-local address by which it is a neighbour.
    let address: IPAddress
  }

  /// What became of a wish.
  enum Answer: Equatable {
    /// It counts. These others cannot be fulfilled beside it.
    case taken(displaced: [ForwardingKey])
    /// It cannot be fulfilled: nobody has the gateway, or the prefix is another peer's.
    case refused
  }

  /// What a comparison with the device has found.
  struct Findings {
    /// The prefixes of the operator are others than before.
    var hasOtherOperators = false
    /// Wishes that cannot be fulfilled any more.
    var refused: [ForwardingKey] = []
  }

  private struct Wish {
    let entry: ForwardingKey
    let key: [UInt8]
  }

  /// Entries of this table are ours alone: link-local addresses of peers.
  private static let ownTable: UInt32 = 0

  /// The peers, in the order of the device.
  private(set) var peers: [Peer] = []
  private var keys: [IPAddress: [UInt8]] = [:]
  /// What somebody else gave to peers. It is never touched.
  private var operators: [Prefix: [UInt8]] = [:]
  /// What we gave to peers, as far as is known.
  private var given: [Prefix: [UInt8]] = [:]
  private var wishes: [Prefix: [Wish]] = [:]
  /// Prefixes of which something may have to be written.
  private var toGive: Set<Prefix> = []
  private var toTake: Set<Prefix> = []
  /// Prefixes of which a wish was refused, and those of them that may be wished again.
  private var refused: Set<Prefix> = []
  private var freed: Set<Prefix> = []
  /// Whether the device was compared before.
  private var isCompared = false

  /// Nothing is known.
  init() {}

  // MARK: What is known

  /// What the operator gave to peers, in order.
  var operatorEntries: [WireGuardEntry] {
    operators.map { WireGuardEntry(prefix: $0.key, key: $0.value) }.ordered {
      $0.prefix < $1.prefix
    }
  }

  /// What we gave to peers, in order.
  var ownEntries: [WireGuardEntry] {
    given.map { WireGuardEntry(prefix: $0.key, key: $0.value) }.ordered { $0.prefix < $1.prefix }
  }

  /// The key of the peer that has a gateway: by its link-local address, or because the operator
  /// gave it the longest prefix that the gateway is in.
  func key(of gateway: IPAddress) -> [UInt8]? {
    if let key = keys[gateway] { return key }
    guard !gateway.isLinkLocal else { return nil }
    var best: (length: UInt8, key: [UInt8])?
    for (prefix, key) in operators where prefix.contains(gateway) && !prefix.isDefault {
      if best.map({ $0.length < prefix.mappedLength }) ?? true { best = (prefix.mappedLength, key) }
    }
    return best?.key
  }

  // MARK: Wishes

  /// A route is to lead to a gateway. An earlier wish for it is forgotten.
  mutating func want(_ entry: ForwardingKey, through gateway: IPAddress) -> Answer {
    let prefix = entry.destination
    guard let key = key(of: gateway), operators[prefix].map({ $0 == key }) ?? true else {
      drop(entry)
      refused.insert(prefix)
      return .refused
    }
    var row = (wishes[prefix] ?? []).filter { $0.entry != entry }
    // WireGuard does not look at sources, so routes from several sources need the same peer.
    let others = row.filter { $0.key != key && $0.entry.source != entry.source }
    if !others.isEmpty {
      refused.insert(prefix)
      guard entry.source.isDefault else {
        drop(entry)
        return .refused
      }
      row.removeAll { $0.key != key && $0.entry.source != entry.source }
    }
    row.append(Wish(entry: entry, key: key))
    wishes[prefix] = row
    if given[prefix] != key, operators[prefix] == nil { toGive.insert(prefix) }
    return .taken(displaced: others.map { $0.entry })
  }

  /// A route is not to be there, or leads elsewhere.
  mutating func drop(_ entry: ForwardingKey) {
    let prefix = entry.destination
    guard let row = wishes[prefix], row.contains(where: { $0.entry == entry }) else { return }
    let rest = row.filter { $0.entry != entry }
    wishes[prefix] = rest.isEmpty ? nil : rest
    if rest.isEmpty, given[prefix] != nil { toTake.insert(prefix) }
    if refused.remove(prefix) != nil { freed.insert(prefix) }
  }

  /// No route leads to the interface any more, and peers are no neighbours.
  mutating func dropAll() {
    wishes.removeAll()
    toGive.removeAll()
    toTake = Set(given.keys)
  }

  /// Makes the wishes those of some routes with their gateways. Returns those that cannot be
  /// fulfilled.
  mutating func align(_ wanted: [ForwardingKey: IPAddress]) -> [ForwardingKey] {
    for wish in wishes.values.flatMap({ $0 })
    where wish.entry.table != Self.ownTable && wanted[wish.entry] == nil { drop(wish.entry) }
    var result: [ForwardingKey] = []
    for (entry, gateway) in wanted {
      let isKnown = wishes[entry.destination]?.contains {
        $0.entry == entry && $0.key == key(of: gateway)
      }
      guard isKnown != true else { continue }
      switch want(entry, through: gateway) {
      case .taken(let displaced): result += displaced
      case .refused: result.append(entry)
      }
    }
    toTake.formUnion(given.keys.filter { wishes[$0] == nil })
    return result
  }

  /// Prefixes of which a refused wish may be fulfilled now, in order.
  mutating func takeFreed() -> [Prefix] {
    defer { freed.removeAll() }
    return freed.ordered()
  }

  // MARK: The device

  /// The device has these peers. Returns the wishes that lead to one that is gone.
  mutating func meet(_ device: WireGuardDevice) -> [ForwardingKey] {
    var found: [Peer] = []
    for peer in device.peers {
      guard let derived = IPAddress(wireGuardKey: peer.publicKey),
        peer.publicKey != WireGuardPeer.nobody
      else { continue }
      let others = peer.allowedIPs.filter {
        $0.mappedLength == 128 && $0.address.isLinkLocal && $0.address != derived
      }
      found.append(Peer(key: peer.publicKey, address: others.min()?.address ?? derived))
    }
    guard found != peers else { return [] }
    let present = Set(found.map { $0.key })
    var lost: [ForwardingKey] = []
    for wish in wishes.values.flatMap({ $0 })
    where !present.contains(wish.key) || wish.entry.table == Self.ownTable {
      drop(wish.entry)
      if wish.entry.table != Self.ownTable { lost.append(wish.entry) }
    }
    // Whoever was refused because nobody had its gateway is not told apart from others.
    freed.formUnion(refused)
    refused.removeAll()
    peers = found
    keys.removeAll()
    for peer in found { keys[peer.address] = peer.key }
    for peer in found {
      let host = Prefix(mapped: peer.address, mappedLength: 128)
      _ = want(
        ForwardingKey(destination: host, source: .ipv6Default, table: Self.ownTable),
        through: peer.address)
    }
    return lost
  }

  /// Compares what is known with what the device has.
  ///
  /// The first time, what is there is the operator's, but for what an earlier life gave: `record`
  /// holds what was the operator's then. Without one, ours is what there is a wish for.
  mutating func compare(_ device: WireGuardDevice, record: Set<WireGuardEntry>?) -> Findings {
    var findings = Findings()
    var present: [Prefix: [UInt8]] = [:]
    for peer in device.peers {
      for prefix in peer.allowedIPs { present[prefix] = peer.publicKey }
    }
    for (prefix, key) in present where given[prefix] != key && operators[prefix] != key {
      let isOurs =
        !isCompared
        && (record.map { !$0.contains(WireGuardEntry(prefix: prefix, key: key)) }
          ?? (wishes[prefix]?.contains { $0.key == key && $0.entry.table != Self.ownTable }
            == true))
      if isOurs || key == WireGuardPeer.nobody {
        given[prefix] = key
        if let wish = wishes[prefix]?.last {
          if wish.key != key { toGive.insert(prefix) }
        } else {
          toTake.insert(prefix)
        }
      } else {
        given[prefix] = nil
        operators[prefix] = key
        findings.hasOtherOperators = true
        for wish in wishes[prefix] ?? [] where wish.key != key {
          drop(wish.entry)
          refused.insert(prefix)
          if wish.entry.table != Self.ownTable { findings.refused.append(wish.entry) }
        }
      }
    }
    for prefix in Array(given.keys) where present[prefix] == nil {
      given[prefix] = nil
      toTake.remove(prefix)
      if wishes[prefix] != nil { toGive.insert(prefix) }
    }
    for prefix in Array(operators.keys) where present[prefix] == nil {
      operators[prefix] = nil
      findings.hasOtherOperators = true
      if wishes[prefix] != nil { toGive.insert(prefix) }
      if refused.remove(prefix) != nil { freed.insert(prefix) }
    }
    isCompared = true
    return findings
  }

  // MARK: What is to be written

  /// What is to be given to peers before routes are changed, in this order: the longest prefixes
  /// first, so that a packet goes where the longest of its new routes leads, and not for an instant
  /// where a shorter one does.
  mutating func takeGiving() -> [WireGuardEntry] {
    var entries: [WireGuardEntry] = []
    for prefix in toGive {
      guard let key = wishes[prefix]?.last?.key, operators[prefix] == nil, given[prefix] != key
      else { continue }
      entries.append(WireGuardEntry(prefix: prefix, key: key))
    }
    toGive.removeAll()
    return entries.ordered { a, b in
      if a.prefix.mappedLength != b.prefix.mappedLength {
        return a.prefix.mappedLength > b.prefix.mappedLength
      }
      return a.key == b.key ? a.prefix < b.prefix : a.key.lexicographicallyPrecedes(b.key)
    }
  }

  /// That was given.
  mutating func noteGiven(_ entries: [WireGuardEntry]) {
    for entry in entries { given[entry.prefix] = entry.key }
  }

  /// It was not, or nobody knows. Returns the wishes that are not fulfilled; they are forgotten.
  mutating func noteNotGiven(_ entries: [WireGuardEntry]) -> [ForwardingKey] {
    var result: [ForwardingKey] = []
    for entry in entries {
      for wish in wishes[entry.prefix] ?? [] {
        guard wish.entry.table != Self.ownTable else {
          toGive.insert(entry.prefix)
          continue
        }
        drop(wish.entry)
        refused.insert(entry.prefix)
        result.append(wish.entry)
      }
    }
    return result
  }

  /// What is to be taken from peers after routes were changed, in this order: the shortest prefixes
  /// first, so that a packet does not fall from one to the other. What is in `held` stays for now:
  /// the kernel may have a route for it.
  mutating func takeTaking(except held: Set<Prefix> = []) -> [Prefix] {
    let prefixes = toTake.filter { wishes[$0] == nil && given[$0] != nil && !held.contains($0) }
    toTake = held.intersection(toTake)
    return prefixes.ordered { a, b in
      a.mappedLength == b.mappedLength ? a < b : a.mappedLength < b.mappedLength
    }
  }

  /// That was taken.
  mutating func noteTaken(_ prefixes: [Prefix]) {
    for prefix in prefixes { given[prefix] = nil }
  }

  /// It was not, or nobody knows: it is tried again after the next comparison.
  mutating func noteNotTaken(_ prefixes: [Prefix]) { toTake.formUnion(prefixes) }

  /// Whether there is something to take.
  var hasTaking: Bool { !toTake.isEmpty }
}
