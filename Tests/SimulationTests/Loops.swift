import BabelCore
import BabelWire

/// Reasons for a loop that Babel does not rule out.
enum LoopExcuse: String, CaseIterable {
  /// The prefix has several origins, or one that changed its router-id.
  case severalOrigins
  /// A kernel dropped routes when no daemon was there to hold the prefixes, or kept routes for
  /// longer after its daemon died than neighbours hold a prefix.
  case nobodyHome
  /// The origin withdrew the prefix, does not hold it, and has a default route.
  case withdrawal
  /// A kernel dropped routes and its daemon is about to hear of it.
  case surprise

  /// How long such a loop may last, in microseconds.
  func allowance(_ limits: Limits) -> Int64 {
    switch self {
    case .severalOrigins: limits.tolerated
    case .nobodyHome: limits.absence
    case .withdrawal: limits.withdrawal
    case .surprise: limits.surprise
    }
  }
}

/// Loops that are excused. Each must end within a bounded time.
struct LoopLedger {
  /// One loop, named by its destination and its member of the lowest number.
  struct Key: Hashable {
    let destination: Int
    let member: Int
  }

  /// When each loop was first seen, when it must have ended, and its members.
  private(set) var open: [Key: (since: Int64, until: Int64, loop: Set<Int>)] = [:]
  /// Open loops of each destination.
  private var members: [Int: [Int]] = [:]
  /// Destinations whose origin changed its identity, and when.
  var unclean: [Int: Int64] = [:]

  /// Returns whether the loop is new.
  mutating func note(_ key: Key, _ loop: [Int], since: Int64, until: Int64) -> Bool {
    guard open[key] == nil else {
      open[key]?.loop = Set(loop)
      return false
    }
    open[key] = (since, until, Set(loop))
    members[key.destination, default: []].append(key.member)
    return true
  }

  /// Forgets the loops towards a destination that have ended. A later loop needs an excuse and a
  /// time of its own, even through the same hosts.
  mutating func closeBroken(_ destination: Int, in network: Network) {
    guard let known = members[destination] else { return }
    let remaining = known.filter { network.loop(from: $0, destination)?.min() == $0 }
    for member in known where !remaining.contains(member) {
      open[Key(destination: destination, member: member)] = nil
    }
    members[destination] = remaining.isEmpty ? nil : remaining
  }

  /// Open loops whose time is over, in a fixed order.
  func overdue(at now: Int64) -> [(key: Key, since: Int64)] {
    open.filter { now >= $0.value.until }.map { ($0.key, $0.value.since) }.sorted {
      ($0.key.destination, $0.key.member) < ($1.key.destination, $1.key.member)
    }
  }

  /// Gives an open loop more time.
  mutating func extend(_ key: Key, until: Int64) { open[key]?.until = until }
}

extension Network {
  /// Walks from every changed entry; a new loop must pass through one of them.
  func checkLoops() throws(Violation) {
    guard !changed.isEmpty else { return }
    defer { changed.removeAll(keepingCapacity: true) }
    for (host, number) in changed {
      for destination in destinations.inside[number] {
        ledger.closeBroken(destination, in: self)
        guard let path = loop(from: host, destination) else { continue }
        try judge(path, destination)
      }
    }
  }

  /// Fails if an open loop has outlived its time. A daemon may have died meanwhile, before it
  /// repaired what its kernel had dropped. Then the excuse is "nobody home", and the loop has the
  /// time of that.
  func auditLoops() throws(Violation) {
    for (key, since) in ledger.overdue(at: now) {
      let members = loop(from: key.member, key.destination) ?? []
      if let excuse = excuse(for: members, key.destination),
        since + excuse.allowance(limits) > now
      {
        let until = since + excuse.allowance(limits)
        ledger.extend(key, until: until)
        at(until) { (network) throws(Violation) in try network.auditLoops() }
        continue
      }
      let way = members.map { "\($0) \(hosts[$0].entry(key.destination).text)" }
      throw violation(
        "\(destinations.prefixes[key.destination].text): a loop, seen first at "
          + "\(Instant(microseconds: since)) s, does not go away: " + way.joined(separator: ", "))
    }
  }

  /// The hosts of a loop on the way from a host to a destination, nil if the way ends.
  func loop(from start: Int, _ destination: Int) -> [Int]? {
    var current = start
    var steps = 0
    while let next = step(from: current, destination) {
      current = next
      steps += 1
      if steps > hosts.count { return cycle(through: current, destination) }
    }
    return nil
  }

  private func cycle(through start: Int, _ destination: Int) -> [Int] {
    var members = [start]
    while let next = step(from: members[members.count - 1], destination), next != start {
      members.append(next)
    }
    return members
  }

  /// Where a host sends a packet for a destination: longest match, nil if it does not.
  func step(from index: Int, _ destination: Int) -> Int? {
    let host = hosts[index]
    for number in destinations.covers[destination] {
      if host.offered.contains(number) { return nil }
      switch host.entry(number) {
      case .absent: continue
      case .unreachable: return nil
      case .via(let path): return nextHop(host, path)
      }
    }
    return nil
  }

  private func judge(_ loop: [Int], _ destination: Int) throws(Violation) {
    guard let member = loop.min() else { return }
    let key = LoopLedger.Key(destination: destination, member: member)
    // A loop that is known has its time already.
    if ledger.open[key]?.loop == Set(loop) { return }
    let prefix = destinations.prefixes[destination]
    guard let excuse = excuse(for: loop, destination) else {
      let way = loop.map { "\($0) \(hosts[$0].entry(destination).text)" }
      throw violation("loop towards \(prefix.text): \(way.joined(separator: ", "))")
    }
    let until = now + excuse.allowance(limits)
    if ledger.note(key, loop, since: now, until: until) {
      statistics.toleratedLoops[excuse, default: 0] += 1
      at(until) { (network) throws(Violation) in try network.auditLoops() }
    }
  }

  /// Why Babel does not rule out a loop; nil if it does.
  private func excuse(for loop: [Int], _ destination: Int) -> LoopExcuse? {
    let covers = destinations.covers[destination]
    let members = loop.map { hosts[$0] }
    if hosts.filter({ $0.offered.contains(destination) }).count > 1 { return .severalOrigins }
    if covers.contains(where: { happened(ledger.unclean[$0], within: 2 * limits.tolerated) }) {
      return .severalOrigins
    }
    let isWithdrawn = members.contains { host in
      covers.contains { happened(host.withdrawn[$0], within: limits.withdrawal) }
    }
    if isWithdrawn { return .withdrawal }
    let isUnseen = members.contains { host in
      if limits.outlastsHolds, host.daemon == nil { return true }
      guard let loss = host.kernelLoss, loss.isUnseen else { return false }
      return host.daemon == nil || happened(host.startedAt, within: limits.returned)
    }
    if isUnseen { return .nobodyHome }
    return members.contains { happened($0.kernelLoss?.time, within: limits.surprise) }
      ? .surprise : nil
  }

  private func happened(_ time: Int64?, within limit: Int64) -> Bool {
    time.map { now - $0 < limit } ?? false
  }
}
