import BabelCore
import BabelWire

/// A shape of network in which links are lost.
struct Shape: CustomStringConvertible {
  enum Form {
    /// Hosts in a circle.
    case ring(Int)
    /// Columns and rows.
    case grid(Int, Int)
  }

  var form: Form
  var parameters = InterfaceParameters.wired()
  /// Microseconds from host to host.
  var linkDelay: Int64 = 500

  init(_ form: Form, splitHorizon: Bool, linkDelay: Int64 = 500, isTunnel: Bool = false) {
    self.form = form
    self.linkDelay = linkDelay
    parameters = isTunnel ? .tunnel() : .wired()
    parameters.splitHorizon = splitHorizon
  }

  var description: String {
    "\(form), split horizon \(parameters.splitHorizon), \(linkDelay) us a link"
  }

  /// Number of hosts.
  var count: Int {
    switch form {
    case .ring(let count): count
    case .grid(let width, let height): width * height
    }
  }

  /// The hosts at the ends of each link.
  var links: [[Int]] {
    switch form {
    case .ring(let count): return (0..<count).map { [$0, ($0 + 1) % count] }
    case .grid(let width, let height):
      var links: [[Int]] = []
      for i in 0..<(width * height) {
        if (i + 1) % width != 0 { links.append([i, i + 1]) }
        if i + width < width * height { links.append([i, i + width]) }
      }
      return links
    }
  }

  /// The network, not started yet.
  func network(seed: UInt64) throws(Violation) -> Network {
    let network = Network(seed: seed)
    try network.addHosts(count)
    var quality = Quality()
    quality.delay = linkDelay
    quality.jitter = linkDelay / 5
    for ends in links { network.connect(ends, parameters, quality: quality) }
    return network
  }
}

/// What happens to the network.
enum Happening: CaseIterable {
  /// All daemons start at the same moment.
  case coldStart
  /// A link loses its carrier at both ends.
  case bothEndsTold
  /// One end of a link goes down, and the kernel of the other end does not know: a tunnel.
  case oneEndTold
  /// A link carries nothing any more, and no kernel knows.
  case silentLoss
}

/// How long a network takes to recover from an event, and what that costs.
struct Reconvergence {
  /// Virtual seconds until every host reaches every other.
  var reaching = Double.infinity
  /// Virtual seconds until all paths are shortest.
  var shortest = Double.infinity
  /// Links of the longest of the shortest paths afterwards.
  var hops = 0
  /// Packets that the busiest host sent, from the event until five seconds after its end.
  var packets = 0
  /// Interfaces of that host.
  var ports = 0
}

extension Network {
  /// Whether packets of every host arrive at every origin, over links that work.
  func everyoneReachesEveryone(in graph: TrueGraph) -> Bool {
    func next(_ host: Int, _ number: Int) -> Int? {
      guard let next = step(from: host, number), graph.costs[host][next] != nil else { return nil }
      return next
    }
    for number in destinations.prefixes.indices {
      var arrives = hosts.map { $0.offered.contains(number) }
      for start in hosts.indices where !arrives[start] {
        var way = [start]
        while let next = next(way[way.count - 1], number), !arrives[next] {
          guard way.count <= hosts.count else { return false }
          way.append(next)
        }
        guard let last = next(way[way.count - 1], number), arrives[last] else { return false }
        for host in way { arrives[host] = true }
      }
    }
    return true
  }

  /// Packets that each host has sent so far.
  var sentByHost: [Int] { hosts.map { host in host.ports.reduce(0) { $0 + $1.sent } } }
}

extension TrueGraph {
  /// Links of the longest of the shortest ways, where every link has the same cost.
  var diameter: Int {
    var longest = 0
    for origin in costs.indices {
      for case .some(let distance) in distances(to: [origin]) { longest = max(longest, distance) }
    }
    let cost = costs.lazy.compactMap { $0.values.first }.first ?? 1
    return longest / cost
  }
}

extension Shape {
  /// Virtual seconds in which an event is to be over, where the longest way has so many links. A
  /// loss is announced as far as it matters, then a newer seqno is requested, and the answer comes
  /// back. That takes three times the link's delay and 30 ms for each link. Before that it must be
  /// noticed.
  func bound(_ happening: Happening, hops: Int) -> Double {
    let spreading = Double(hops) * (3 * Double(linkDelay) / 1_000_000 + 0.030)
    let hello = Double(parameters.helloInterval) / 1000
    return switch happening {
    case .bothEndsTold: spreading
    // Two Hellos, at most 50 ms apart, and the answer to them make a link usable.
    case .coldStart: 0.1 + 4 * Double(linkDelay) / 1_000_000 + spreading
    // Two and a half intervals after the last Hello.
    case .oneEndTold, .silentLoss: 2.5 * hello + spreading
    }
  }

  /// Packets that a host may send because of an event, for each of its interfaces. In a cold start
  /// it hears of every other host by every interface, better and better.
  static func packetBound(_ happening: Happening, hops: Int) -> Int {
    happening == .coldStart ? 20 + 5 * hops : 20 + hops
  }

  /// Lets the event happen, to the link of this number, and watches it for at most so many
  /// seconds.
  func undergo(
    _ happening: Happening, link: Int = 0, seed: UInt64, atMost seconds: Double
  ) throws(Violation) -> Reconvergence {
    let network = try network(seed: seed)
    if happening != .coldStart {
      network.startAll(within: 0.5)
      try network.run(seconds: 40)
      try network.requireConverged()
    }
    let before = network.sentByHost
    let start = network.now
    try happen(happening, link, network)
    let graph = network.trueGraph()
    var result = Reconvergence()
    result.hops = graph.diameter
    // Asking costs more than running, so it is done rarely where the answer takes long.
    let step = max(0.001, bound(.bothEndsTold, hops: result.hops) / 100)
    while result.shortest.isInfinite, Double(network.now - start) < seconds * 1_000_000 {
      try network.run(seconds: step)
      let time = Double(network.now - start) / 1_000_000
      guard network.everyoneReachesEveryone(in: graph) else { continue }
      result.reaching = min(result.reaching, time)
      if network.fault(in: graph) == nil { result.shortest = time }
    }
    try network.run(seconds: 5)
    let sent = zip(network.sentByHost, before).map { $0 - $1 }
    if let busiest = sent.indices.max(by: { sent[$0] < sent[$1] }) {
      result.packets = sent[busiest]
      result.ports = network.hosts[busiest].ports.count
    }
    return result
  }

  private func happen(
    _ happening: Happening, _ link: Int, _ network: Network
  ) throws(Violation) {
    switch happening {
    case .coldStart: for host in network.hosts.indices { try network.start(host) }
    case .bothEndsTold: try network.setCarrier(segment: link, false)
    case .oneEndTold:
      let end = network.segments[link].ends[0]
      try network.setCarrier(end.host, end.port, false)
    case .silentLoss: network.setCut(segment: link, true)
    }
  }
}
