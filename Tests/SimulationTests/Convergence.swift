import BabelCore
import BabelWire

/// Computes what Babel should have made of the network as it is, and compares.
struct TrueGraph {
  /// For each host, its usable neighbours and the cost of sending to them.
  var costs: [[Int: Int]]
  private let known = KnownDistances()

  init(costs: [[Int: Int]]) { self.costs = costs }

  /// Results of before, because a graph is asked the same every few virtual seconds.
  private final class KnownDistances {
    var toOrigins: [[Int]: [Int?]] = [:]
  }

  /// Cost from each host to the nearest of the origins; nil if none can be reached.
  func distances(to origins: [Int]) -> [Int?] {
    if let found = known.toOrigins[origins] { return found }
    let computed = computeDistances(to: origins)
    known.toOrigins[origins] = computed
    return computed
  }

  private func computeDistances(to origins: [Int]) -> [Int?] {
    var distances = [Int?](repeating: nil, count: costs.count)
    for origin in origins { distances[origin] = 0 }
    var towards = [[(from: Int, cost: Int)]](repeating: [], count: costs.count)
    for (from, row) in costs.enumerated() {
      for (to, cost) in row { towards[to].append((from, cost)) }
    }
    var open = Set(origins)
    while let nearest = open.min(by: { (distances[$0]!, $0) < (distances[$1]!, $1) }) {
      open.remove(nearest)
      for (from, cost) in towards[nearest] {
        let candidate = distances[nearest]! + cost
        if distances[from].map({ candidate < $0 }) ?? true {
          distances[from] = candidate
          open.insert(from)
        }
      }
    }
    // Whatever reaches 65535 is infinity (§3.5.2).
    return distances.map { $0.flatMap { $0 < 65535 ? $0 : nil } }
  }
}

extension Network {
  /// The graph as the links are now, each usable in both directions, without regard to what
  /// the daemons know.
  func trueGraph() -> TrueGraph {
    var graph = TrueGraph(costs: Array(repeating: [:], count: hosts.count))
    for segment in segments {
      for (a, from) in segment.ends.enumerated() {
        for (b, to) in segment.ends.enumerated() where a != b {
          let (here, there) = (hosts[from.host].ports[from.port], hosts[to.host].ports[to.port])
          guard hosts[from.host].daemon != nil, hosts[to.host].daemon != nil,
            here.hasCarrier, there.hasCarrier, !segment[a, b].isCut, !segment[b, a].isCut
          else { continue }
          let cost = losslessCost(here.parameters, there.parameters)
          let known = graph.costs[from.host][to.host] ?? .max
          graph.costs[from.host][to.host] = min(known, cost)
        }
      }
    }
    return graph
  }

  /// The cost of a link without loss and without a penalty for the round-trip time (A.2).
  private func losslessCost(_ here: InterfaceParameters, _ there: InterfaceParameters) -> Int {
    let txcost = Int(there.rxcost.rawValue)
    return here.linkSensing == .etx ? max(txcost, 256) : txcost
  }

  /// What is still wrong with the forwarding tables; nil if every host forwards every prefix
  /// along a shortest path of the graph and nothing is left over.
  func fault(in graph: TrueGraph) -> String? {
    for (number, prefix) in destinations.prefixes.enumerated() {
      let origins = hosts.indices.filter {
        hosts[$0].daemon != nil && hosts[$0].offered.contains(number)
      }
      let distances = graph.distances(to: origins)
      for host in hosts where host.daemon != nil {
        let target = host.entry(number)
        let place = "host \(host.index), \(prefix.text): \(target.text)"
        guard let distance = distances[host.index], !origins.contains(host.index) else {
          if target != .absent { return place + ", should not be there" }
          continue
        }
        guard case .via(let path) = target, let next = nextHop(host, path) else {
          return place + ", should be at distance \(distance)"
        }
        guard let cost = graph.costs[host.index][next], let rest = distances[next],
          cost + rest == distance
        else { return place + " (host \(next)), not on a path of cost \(distance)" }
      }
    }
    return nil
  }

  var isConverged: Bool { fault(in: trueGraph()) == nil }

  /// Fails unless the network has converged.
  func requireConverged() throws(Violation) {
    if let fault = fault(in: trueGraph()) { throw violation(fault) }
  }

  /// Compares what the daemons say with what their kernels do: the installed route is the
  /// entry, finite, feasible and selected, and nothing else is installed.
  func requireConsistent(_ host: Host) throws(Violation) {
    // A daemon that has not finished its work is not compared.
    guard let daemon = host.daemon, daemon.slices == 0,
      daemon.node.nextDeadline.map({ $0 > host.clock(now) }) ?? true
    else { return }
    var installed: Set<Int> = []
    for handle in daemon.node.destinationOrder() {
      for route in daemon.node.routes(ofDestination: handle, at: host.clock(now)) {
        guard route.isInstalled else { continue }
        let text = "host \(host.index): installed route to \(route.destination.text)"
        guard let number = destinations.number(route.destination),
          installed.insert(number).inserted
        else { throw violation(text + " is unknown or there twice") }
        guard !route.metric.isInfinite, route.isFeasible, route.reason == .selected else {
          throw violation(text + " has metric \(route.metric), \(route.reason)")
        }
        guard case .via(let path) = host.entry(number), path.gateway == route.nextHop else {
          throw violation(text + " is \(host.entry(number).text) in the kernel")
        }
      }
    }
    let adopts = daemon.node.adoptedForwardingCount > 0
    for number in host.kernel.indices where !adopts || !host.adopted.contains(number) {
      guard case .via = host.kernel[number], !installed.contains(number) else { continue }
      throw violation(
        "host \(host.index): entry for \(destinations.prefixes[number].text) without a route")
    }
  }

  /// Routes to prefixes nobody offers any more must have been forgotten, and what the node
  /// wants must be what the kernel has.
  func requireTidy() throws(Violation) {
    for host in hosts {
      try requireConsistent(host)
      guard let daemon = host.daemon else { continue }
      for handle in daemon.node.destinationOrder() {
        for route in daemon.node.routes(ofDestination: handle, at: host.clock(now)) {
          let isOffered = hosts.contains { other in
            other.daemon != nil
              && destinations.number(route.destination).map { other.offered.contains($0) } ?? false
          }
          if !isOffered {
            throw violation("host \(host.index): still has a route to \(route.destination.text)")
          }
        }
      }
      for (number, prefix) in destinations.prefixes.enumerated() {
        let key = ForwardingKey(destination: prefix, source: .any(prefix.family), table: 254)
        let wanted = daemon.node.desiredForwarding(key)
        if wanted != host.entry(number) {
          throw violation(
            "host \(host.index), \(prefix.text): wants \(wanted.text), has "
              + host.entry(number).text)
        }
      }
    }
  }
}
