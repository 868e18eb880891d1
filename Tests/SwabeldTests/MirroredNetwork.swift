import BabelCore
import BabelKernel
import BabelWire
import TestSupport

@testable import swabeld

/// A small network of real nodes, each with a mirror of a kernel that is late, in virtual time.
/// Everything follows from one seed.
struct MirroredNetwork {
  private struct Flight {
    let due: Instant
    let host: Int
    let port: Int
    let source: IPAddress
    let destination: IPAddress
    let bytes: [UInt8]
  }

  /// How long the network may take to be right after the last fault.
  static let bound: Int64 = 60_000_000
  private static let beginning = Instant(microseconds: 10_000_000)
  /// Every link has the same cost, so the shortest path has the fewest links.
  private static let nowhere = 1000

  let destinations: [Prefix]
  private(set) var hosts: [MirroredHost] = []
  /// The tables that routes are put into: in every other network the main one alone.
  private let tables: [UInt32]
  private var links: [(a: (host: Int, port: Int), b: (host: Int, port: Int))] = []
  private var chance: Chance
  private var now = Self.beginning
  private var flights: [Flight] = []
  /// When each host has something to do.
  private var due: [Instant]
  /// What others put into the kernels, by host.
  private var foreign: [Set<KernelRoute>]

  init(seed: UInt64, forgetsLosses: Bool) {
    chance = Chance(seed: seed)
    let count = 3 + chance.below(4)
    tables =
      seed % 2 == 0 ? [KernelRoute.mainTable] : [KernelRoute.mainTable, MirroredHost.secondTable]
    destinations = (0..<count).compactMap { Prefix("fd0\($0)::/64") }
    due = Array(repeating: Self.beginning, count: count)
    foreign = Array(repeating: [], count: count)
    // A ring, and a link across it.
    var pairs = (0..<count).map { ($0, ($0 + 1) % count) }
    if count > 3 { pairs.append((0, 2)) }
    var ends: [[(peer: Int, peerPort: Int)]] = Array(repeating: [], count: count)
    for (a, b) in pairs {
      let (here, there) = (ends[a].count, ends[b].count)
      ends[a].append((b, there))
      ends[b].append((a, here))
      links.append(((a, here), (b, there)))
    }
    for number in 0..<count {
      hosts.append(
        MirroredHost(
          number, links: ends[number], Chance(seed: chance.next()),
          forgetsLosses: forgetsLosses, tables: tables, at: now))
    }
    for (number, destination) in destinations.enumerated() {
      insert(route(to: destination, MirroredHost.redistributed), number)
    }
  }

  // MARK: Running

  /// Runs a history of faults; returns what was wrong at its end.
  mutating func run() -> [String] {
    run(for: 15_000_000)
    for _ in 0..<25 {
      fault()
      run(for: chance.oneIn(2) ? chance.between(0, 60_000) : chance.between(0, 1_500_000))
    }
    repair()
    let end = now + Self.bound
    while now < end, !wrongs().isEmpty { run(for: 500_000) }
    // What is right must stay so.
    if wrongs().isEmpty { run(for: 10_000_000) }
    return hosts.flatMap { $0.faults } + wrongs()
  }

  private mutating func run(for microseconds: Int64) {
    let end = now + microseconds
    while true {
      var next = end
      for time in due { next = min(next, time) }
      for flight in flights { next = min(next, flight.due) }
      now = max(now, next)
      guard next < end else { return }
      let arrived = flights.filter { $0.due <= now }
      flights.removeAll { $0.due <= now }
      for flight in arrived where hosts[flight.host].isUp(flight.port) {
        hosts[flight.host].receive(
          flight.bytes, on: flight.port, from: flight.source, to: flight.destination, at: now)
        finish(flight.host)
      }
      for number in hosts.indices where due[number] <= now {
        hosts[number].turn(at: now)
        finish(number)
      }
    }
  }

  /// Carries the packets that a host sent, and asks when it goes on.
  private mutating func finish(_ number: Int) {
    let host = hosts[number]
    for packet in host.packets where host.isUp(packet.port) {
      let port = host.ports[packet.port]
      flights.append(
        Flight(
          due: now + 500 + chance.between(0, 500), host: port.peer, port: port.peerPort,
          source: port.linkLocal, destination: packet.destination, bytes: packet.bytes))
    }
    host.packets = []
    due[number] = host.due(after: now)
  }

  // MARK: Faults

  private mutating func fault() {
    let number = chance.below(hosts.count)
    switch chance.below(8) {
    case 0...2: setLink(chance.below(links.count), chance.oneIn(2))
    case 3: flap(chance.below(links.count))
    case 4: loseNotifications(number)
    case 5: hosts[number].refusesUntil = now + chance.between(0, 2_000_000)
    case 6: insert(route(to: chance.pick(destinations), chance.pick([3, 4, 16])), number)
    case 7 where tables.count > 1 && chance.oneIn(2):
      var route = route(to: chance.pick(destinations), 3)
      route.table = MirroredHost.secondTable
      insert(route, number)
    default:
      let routes = sortedForeign(number)
      if !routes.isEmpty { remove(chance.pick(routes), number) }
    }
  }

  private mutating func setLink(_ link: Int, _ isUp: Bool) {
    for end in [links[link].a, links[link].b] {
      hosts[end.host].kernel.setUp(isUp, hosts[end.host].ports[end.port].ifindex)
      touched(end.host)
    }
  }

  /// A link goes and comes back before anybody looks, and one end may never be told.
  private mutating func flap(_ link: Int) {
    setLink(link, false)
    let end = chance.oneIn(2) ? links[link].a : links[link].b
    if chance.oneIn(2) { hosts[end.host].kernel.overflow() }
    setLink(link, true)
  }

  /// Two or three times in a row the buffer of a host is full, while a link of it changes.
  private mutating func loseNotifications(_ number: Int) {
    for _ in 0..<2 + chance.below(2) {
      let link = chance.pick(
        links.indices.filter {
          links[$0].a.host == number || links[$0].b.host == number
        })
      setLink(link, chance.oneIn(2))
      hosts[number].kernel.overflow()
      run(for: chance.between(0, 100_000))
    }
  }

  private mutating func touched(_ number: Int) {
    hosts[number].kernelChanged(at: now)
    due[number] = hosts[number].due(after: now)
  }

  private func route(to destination: Prefix, _ kernelProtocol: UInt8) -> KernelRoute {
    KernelRoute(
      destination: destination, kernelProtocol: kernelProtocol, gateway: IPAddress("fe80::99"),
      ifindex: MirroredHost.outerLink)
  }

  private mutating func insert(_ route: KernelRoute, _ number: Int) {
    guard !hosts[number].isReplacing(route.key) else { return }
    let before = others(number)
    hosts[number].kernel.insert(route, .add)
    foreign[number].formUnion(others(number).subtracting(before))
    touched(number)
  }

  /// In an order that does not depend on hashes. A table has one for a destination at most.
  private func sortedForeign(_ number: Int) -> [KernelRoute] {
    foreign[number].sorted { ($0.destination, $0.table) < ($1.destination, $1.table) }
  }

  private mutating func remove(_ route: KernelRoute, _ number: Int) {
    guard let index = hosts[number].kernel.routes.firstIndex(of: route) else { return }
    hosts[number].kernel.remove(at: index)
    foreign[number].remove(route)
    touched(number)
  }

  /// The faults end: links work again but perhaps for one, and only what is redistributed stays in
  /// the way. Most hosts have their own prefix again. Last, a link goes and comes back.
  private mutating func repair() {
    for link in links.indices { setLink(link, true) }
    if chance.oneIn(2) { setLink(chance.below(links.count), false) }
    for number in hosts.indices {
      hosts[number].refusesUntil = now
      for route in sortedForeign(number)
      where route.kernelProtocol != MirroredHost.redistributed {
        remove(route, number)
      }
      guard !chance.oneIn(4) else { continue }
      insert(route(to: destinations[number], MirroredHost.redistributed), number)
    }
    run(for: chance.between(0, 5_000_000))
    let working = links.indices.filter { hosts[links[$0].a.host].isUp(links[$0].a.port) }
    flap(chance.pick(working))
  }

  // MARK: How it must end

  private func others(_ number: Int) -> Set<KernelRoute> {
    Set(hosts[number].kernel.routes.filter { $0.kernelProtocol != KernelRoute.babelProtocol })
  }

  private func wrongs() -> [String] {
    var wrongs: [String] = []
    for number in hosts.indices where others(number) != foreign[number] {
      wrongs.append("host \(number): routes of others are not what others made them")
    }
    for destination in destinations {
      let distances = distances(to: destination)
      for host in hosts {
        for table in tables {
          guard let wrong = wrong(host, destination, table, distances) else { continue }
          wrongs.append("host \(host.number), \(destination), table \(table): \(wrong)")
        }
      }
    }
    return wrongs
  }

  private func wrong(
    _ host: MirroredHost, _ destination: Prefix, _ table: UInt32, _ distances: [Int]
  ) -> String? {
    let mine = host.kernel.routes.filter {
      $0.destination == destination && $0.kernelProtocol == KernelRoute.babelProtocol
        && $0.table == table
    }
    let key = ForwardingKey(destination: destination, source: .any(.ipv6), table: table)
    let target = host.node.desiredForwarding(key)
    let wanted = KernelRoute(key, target) { id in
      host.ports.first { $0.id == id }?.ifindex
    }
    guard let wanted else {
      if !mine.isEmpty { return "nothing is wanted, but the kernel has \(mine)" }
      let distance = distances[host.number]
      return distance == 0 || distance >= Self.nowhere ? nil : "no route at distance \(distance)"
    }
    guard mine.count == 1, mine[0].key == wanted.key, mine[0].forwardsLike(wanted) else {
      return "\(wanted) is wanted, but the kernel has \(mine)"
    }
    guard case .via(let path) = target,
      let port = host.ports.first(where: { $0.id == path.interface })
    else { return "still held" }
    return distances[port.peer] + 1 == distances[host.number]
      ? nil : "host \(port.peer) is not on a shortest path"
  }

  /// Links from each host to the nearest one that has a route to redistribute.
  private func distances(to destination: Prefix) -> [Int] {
    var distances = hosts.indices.map { number in
      foreign[number].contains {
        $0.destination == destination && $0.kernelProtocol == MirroredHost.redistributed
      } ? 0 : Self.nowhere
    }
    for _ in hosts {
      for link in links where hosts[link.a.host].isUp(link.a.port) {
        let (a, b) = (link.a.host, link.b.host)
        distances[a] = min(distances[a], distances[b] + 1)
        distances[b] = min(distances[b], distances[a] + 1)
      }
    }
    return distances
  }
}
