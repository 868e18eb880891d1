import BabelCore
import BabelWire
import TestSupport
import Testing

@testable import BabelKernel
@testable import swabeld

/// A WireGuard device and a kernel, as far as they decide where packets go.
private struct PeerWorld {
  /// Where a route leads.
  enum Way: Hashable {
    case peer([UInt8])
    case elsewhere
    case unreachable
  }

  static let keys = (0..<4).map { [UInt8](repeating: UInt8($0 + 1), count: 32) }
  /// Prefixes inside one another, of both families.
  static let prefixes = [
    "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "10.2.0.0/16", "::/0", "fd00::/16",
    "fd00:1::/32",
  ].compactMap { Prefix($0) }
  static let targets = [
    "10.1.1.1", "10.1.2.1", "10.2.0.1", "10.3.0.1", "11.0.0.1", "fd00:1::1", "fd00:2::1", "2001::1",
  ].compactMap { IPAddress($0) }

  var table = AllowedIPs()
  /// What the device has.
  var device: [Prefix: [UInt8]] = [:]
  /// What the kernel has.
  var routes: [ForwardingKey: Way] = [:]
  /// What the node wants.
  var wanted: [ForwardingKey: Way] = [:]

  static func gateway(_ key: [UInt8]) -> IPAddress {
    IPAddress(wireGuardKey: key) ?? .unspecified
  }

  static func entry(_ prefix: Prefix) -> ForwardingKey {
    ForwardingKey(destination: prefix, source: .any(prefix.family), table: 254)
  }

  var told: WireGuardDevice {
    var told = WireGuardDevice()
    for key in Self.keys {
      var peer = WireGuardPeer()
      peer.publicKey = key
      for prefix in device.keys.sorted() where device[prefix] == key {
        peer.allow(prefix.address, length: UInt8(prefix.length))
      }
      told.add(peer)
    }
    return told
  }

  /// The route that a packet follows by some routes; nil if there is none.
  static func way(_ target: IPAddress, _ routes: [ForwardingKey: Way]) -> Way? {
    routes.filter { $0.key.destination.contains(target) }
      .max { $0.key.destination.mappedLength < $1.key.destination.mappedLength }?.value
  }

  /// Where a packet may go while routes change one after the other: where it would go if some of
  /// them were as before and the others as they will be.
  static func ways(
    _ target: IPAddress, _ before: [ForwardingKey: Way], _ after: [ForwardingKey: Way]
  ) -> Set<Way> {
    var ways: Set<Way> = []
    let entries = Set(before.keys).union(after.keys).filter { $0.destination.contains(target) }
    for entry in entries.sorted(by: {
      $0.destination.mappedLength > $1.destination.mappedLength
    }) {
      if let way = before[entry] { ways.insert(way) }
      if let way = after[entry] { ways.insert(way) }
      if before[entry] != nil, after[entry] != nil { break }
    }
    return ways
  }

  /// Where a packet goes; nil if it is dropped, or goes elsewhere.
  func end(_ target: IPAddress) -> [UInt8]? {
    guard case .peer = Self.way(target, routes) else { return nil }
    return device.filter { $0.key.contains(target) }
      .max { $0.key.mappedLength < $1.key.mappedLength }?.value
  }

  /// Changes routes, in the order that the table wants; `look` sees the world after each step.
  mutating func change(
    _ changes: [(ForwardingKey, Way?)], _ look: (PeerWorld, String) -> Void
  ) {
    for (entry, way) in changes {
      if case .peer(let key) = way {
        #expect(table.want(entry, through: Self.gateway(key)) == .taken(displaced: []))
      } else {
        table.drop(entry)
      }
    }
    let given = table.takeGiving()
    for one in given {
      device[one.prefix] = one.key
      look(self, "\(one.prefix) is given")
    }
    table.noteGiven(given)
    for (entry, way) in changes {
      routes[entry] = way
      look(self, "\(entry.destination) is routed")
    }
    let taken = table.takeTaking()
    for prefix in taken {
      device[prefix] = nil
      look(self, "\(prefix) is taken")
    }
    table.noteTaken(taken)
  }

  mutating func meet() {
    _ = table.meet(told)
    _ = table.compare(told, record: nil)
  }
}

@Suite struct `Allowed-ips in step with routes` {
  private let keys = PeerWorld.keys

  private func prefix(_ text: String) -> Prefix { Prefix(text) ?? .ipv6Default }

  /// After every single step of any change of several routes a packet goes where it would go if
  /// some of them were changed and others not; or it is dropped.
  @Test(arguments: 0..<40) func `no step sends a packet to a wrong peer`(seed: UInt64) throws {
    var random = Chance(seed: seed)
    var world = PeerWorld()
    world.meet()
    // The operator's own.
    if random.happens(permille: 500) {
      world.device[prefix("10.3.0.0/16")] = random.pick(keys)
      world.meet()
    }
    let operators = world.table.operatorEntries
    for _ in 0..<60 {
      let before = world.routes
      var changes: [(ForwardingKey, PeerWorld.Way?)] = []
      for _ in 0...random.below(4) {
        let entry = PeerWorld.entry(random.pick(PeerWorld.prefixes))
        guard !changes.contains(where: { $0.0 == entry }) else { continue }
        let way: PeerWorld.Way? =
          switch random.below(6) {
          case 0: nil
          case 1: .elsewhere
          case 2: .unreachable
          default: .peer(random.pick(keys))
          }
        changes.append((entry, way))
      }
      for (entry, way) in changes { world.wanted[entry] = way }
      let after = world.wanted
      world.change(changes) { world, step in
        for target in PeerWorld.targets {
          guard let end = world.end(target) else { continue }
          let isOperators = operators.contains { $0.prefix.contains(target) && $0.key == end }
          #expect(
            PeerWorld.ways(target, before, after).contains(.peer(end)) || isOperators,
            "seed \(seed): \(step): \(target) goes to \(end[0])")
        }
      }
      #expect(world.table.takeGiving().isEmpty && world.table.takeTaking().isEmpty)
      // In the end each route of the interface has its prefix, and nothing else is there.
      var expected: [Prefix: [UInt8]] = [:]
      for peer in world.table.peers {
        expected[Prefix(mapped: peer.address, mappedLength: 128)] = peer.key
      }
      for (entry, way) in world.routes {
        if case .peer(let key) = way { expected[entry.destination] = key }
      }
      for entry in operators { expected[entry.prefix] = entry.key }
      #expect(world.device == expected, "seed \(seed)")
    }
  }

  @Test func `routes inside one another are given from inside and taken from outside`() {
    var world = PeerWorld()
    world.meet()
    world.table.noteGiven(world.table.takeGiving())
    let nested = ["10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24"].map { prefix($0) }
    for (index, prefix) in nested.enumerated() {
      _ = world.table.want(
        PeerWorld.entry(prefix), through: PeerWorld.gateway(keys[(index + 1) % 3]))
    }
    let given = world.table.takeGiving()
    #expect(given.map { $0.prefix } == nested.reversed())
    world.table.noteGiven(given)
    for prefix in nested { world.table.drop(PeerWorld.entry(prefix)) }
    #expect(world.table.takeTaking() == nested)
  }

  @Test func `each peer has the address that follows from its key, or the operator's`() {
    var world = PeerWorld()
    let host = prefix("fe80::7/128")
    world.device[host] = keys[1]
    world.meet()
    #expect(world.table.peers[0].address == IPAddress(wireGuardKey: keys[0]))
    #expect(world.table.peers[1].address == host.address)
    #expect(world.table.key(of: host.address) == keys[1])
    #expect(world.table.takeGiving().count == keys.count - 1)
  }

  @Test func `a prefix of the operator stays where it is`() {
    var world = PeerWorld()
    let entry = PeerWorld.entry(prefix("10.1.0.0/16"))
    world.device[entry.destination] = keys[0]
    world.meet()
    #expect(world.table.want(entry, through: PeerWorld.gateway(keys[1])) == .refused)
    #expect(world.table.want(entry, through: PeerWorld.gateway(keys[0])) == .taken(displaced: []))
    #expect(!world.table.takeGiving().contains { $0.prefix == entry.destination })
    world.table.drop(entry)
    #expect(world.table.takeTaking().isEmpty)
    // When the operator takes it away, it may be given.
    _ = world.table.want(entry, through: PeerWorld.gateway(keys[1]))
    world.device = [:]
    #expect(world.table.compare(world.told, record: nil).hasOtherOperators)
    #expect(world.table.takeFreed() == [entry.destination])
    #expect(world.table.want(entry, through: PeerWorld.gateway(keys[1])) == .taken(displaced: []))
    #expect(world.table.takeGiving().contains { $0.prefix == entry.destination })
  }

  @Test func `what an operator gives while a route leads elsewhere ends the route`() {
    var world = PeerWorld()
    world.meet()
    let entry = PeerWorld.entry(prefix("10.1.0.0/16"))
    _ = world.table.want(entry, through: PeerWorld.gateway(keys[1]))
    let given = world.table.takeGiving()
    for one in given { world.device[one.prefix] = one.key }
    world.table.noteGiven(given)
    world.device[entry.destination] = keys[2]
    let findings = world.table.compare(world.told, record: nil)
    #expect(findings.refused == [entry] && findings.hasOtherOperators)
    #expect(world.table.operatorEntries.map { $0.prefix } == [entry.destination])
    #expect(world.table.takeTaking().isEmpty)
  }

  @Test func `after a crash all is ours that was not the operator's`() {
    var world = PeerWorld()
    let (theirs, routed, stale) = (
      prefix("10.3.0.0/16"), prefix("10.1.0.0/16"), prefix("10.2.0.0/16")
    )
    world.device = [theirs: keys[0], routed: keys[1], stale: keys[2]]
    _ = world.table.meet(world.told)
    #expect(
      world.table.align([PeerWorld.entry(routed): PeerWorld.gateway(keys[1])]).isEmpty)
    let record: Set = [WireGuardEntry(prefix: theirs, key: keys[0])]
    #expect(world.table.compare(world.told, record: record).refused.isEmpty)
    #expect(world.table.operatorEntries == Array(record))
    #expect(!world.table.takeGiving().contains { $0.prefix == routed })
    #expect(world.table.takeTaking() == [stale])
  }

  @Test func `without a record what no route needs is the operator's`() {
    var world = PeerWorld()
    let (routed, other) = (prefix("10.1.0.0/16"), prefix("10.2.0.0/16"))
    world.device = [routed: keys[1], other: keys[2]]
    _ = world.table.meet(world.told)
    _ = world.table.align([PeerWorld.entry(routed): PeerWorld.gateway(keys[1])])
    _ = world.table.compare(world.told, record: nil)
    #expect(world.table.operatorEntries.map { $0.prefix } == [other])
  }

  @Test func `what somebody took away is given again`() {
    var world = PeerWorld()
    world.meet()
    let entry = PeerWorld.entry(prefix("fd00::/16"))
    _ = world.table.want(entry, through: PeerWorld.gateway(keys[0]))
    world.table.noteGiven(world.table.takeGiving())
    _ = world.table.compare(world.told, record: nil)
    #expect(world.table.takeGiving().contains { $0.prefix == entry.destination })
  }

  @Test func `routes to a peer that is gone are given up`() {
    var world = PeerWorld()
    world.meet()
    let entry = PeerWorld.entry(prefix("fd00::/16"))
    _ = world.table.want(entry, through: PeerWorld.gateway(keys[3]))
    world.table.noteGiven(world.table.takeGiving())
    var less = WireGuardDevice()
    for peer in world.told.peers where peer.publicKey != keys[3] { less.add(peer) }
    #expect(world.table.meet(less) == [entry])
    #expect(world.table.want(entry, through: PeerWorld.gateway(keys[3])) == .refused)
    #expect(world.table.key(of: PeerWorld.gateway(keys[3])) == nil)
  }

  @Test func `routes from several sources lead to one peer, or the general one counts`() {
    var world = PeerWorld()
    world.meet()
    let all = PeerWorld.entry(prefix("fd00::/16"))
    let some = ForwardingKey(
      destination: all.destination, source: prefix("fd01::/16"), table: all.table)
    #expect(world.table.want(some, through: PeerWorld.gateway(keys[0])) == .taken(displaced: []))
    #expect(
      world.table.want(all, through: PeerWorld.gateway(keys[1])) == .taken(displaced: [some]))
    #expect(world.table.want(some, through: PeerWorld.gateway(keys[0])) == .refused)
    #expect(world.table.want(some, through: PeerWorld.gateway(keys[1])) == .taken(displaced: []))
    world.table.drop(all)
    #expect(world.table.takeFreed() == [all.destination])
  }

  @Test func `what the kernel did not delete stays, and what was not written is tried again`() {
    var world = PeerWorld()
    world.meet()
    let entry = PeerWorld.entry(prefix("fd00::/16"))
    _ = world.table.want(entry, through: PeerWorld.gateway(keys[0]))
    world.table.noteGiven(world.table.takeGiving())
    world.table.drop(entry)
    #expect(world.table.takeTaking(except: [entry.destination]).isEmpty)
    let taken = world.table.takeTaking()
    #expect(taken == [entry.destination])
    world.table.noteNotTaken(taken)
    #expect(world.table.takeTaking() == taken)
    _ = world.table.want(entry, through: PeerWorld.gateway(keys[1]))
    let given = world.table.takeGiving()
    #expect(world.table.noteNotGiven(given) == [entry])
  }

  @Test func `a link costs the same from both ends, and little more than nominal`() {
    var random = Chance(seed: 5)
    var costs: Set<UInt16> = []
    for _ in 0..<500 {
      let (one, other) = (
        IPAddress(high: 0xFE80 << 48, low: random.next()),
        IPAddress(high: 0xFE80 << 48, low: random.next())
      )
      let cost = LinkPeers.cost(between: one, and: other)
      #expect(cost == LinkPeers.cost(between: other, and: one))
      costs.insert(cost.rawValue)
    }
    #expect(costs == Set(0..<32))
  }
}
