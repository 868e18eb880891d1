import BabelCore
import BabelWire

/// Loops that Babel does not rule out (a node lost its memory, a prefix has several origins or
/// changed its router-id): each must go away in bounded time.
struct LoopLedger {
  /// First sight of each, by destination number.
  private(set) var open: [Int: (since: Int64, host: Int)] = [:]
  /// Destinations whose origin changed its identity, and when.
  var unclean: [Int: Int64] = [:]

  mutating func note(_ destination: Int, host: Int, at time: Int64) -> Bool {
    guard open[destination] == nil else { return false }
    open[destination] = (time, host)
    return true
  }

  /// Looks at every open loop again.
  mutating func audit(_ network: Network) throws(Violation) {
    for (destination, loop) in open.sorted(by: { $0.key < $1.key }) {
      if !network.hosts.contains(where: { network.loop(from: $0.index, destination) != nil }) {
        open[destination] = nil
      } else if network.now - loop.since > network.limits.tolerated {
        throw network.violation(
          "\(network.destinations.prefixes[destination].text): a loop, seen first at "
            + "\(Instant(microseconds: loop.since)) s, does not go away")
      }
    }
  }
}

extension Network {
  /// Walks from every changed entry; a new loop must pass through one of them.
  func checkLoops() throws(Violation) {
    guard !changed.isEmpty else { return }
    defer { changed.removeAll(keepingCapacity: true) }
    for (host, number) in changed {
      for destination in destinations.inside[number] {
        guard let path = loop(from: host, destination) else { continue }
        try judge(path, destination)
      }
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
    let prefix = destinations.prefixes[destination]
    let origins = hosts.filter { $0.offered.contains(destination) }.count
    let forgetful = loop.contains { index in
      hosts[index].amnesia.map { now - $0 < limits.tolerated } ?? false
    }
    let isUnclean = destinations.covers[destination].contains { number in
      ledger.unclean[number].map { now - $0 < 2 * limits.tolerated } ?? false
    }
    guard origins > 1 || forgetful || isUnclean else {
      let way = loop.map { "\($0) \(hosts[$0].entry(destination).text)" }
      throw violation("loop towards \(prefix.text): \(way.joined(separator: ", "))")
    }
    if ledger.note(destination, host: loop[0], at: now) { statistics.toleratedLoops += 1 }
  }
}
