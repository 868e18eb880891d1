import BabelCore
import BabelWire

/// One storm: a random network to which random faults happen, and then none.
///
/// Everything about a storm follows from its seed and its number of hosts.
struct Storm {
  let seed: UInt64
  let hosts: Int
  /// Every interface has a key.
  var isSigned = false
  /// Virtual seconds of trouble.
  var trouble: Double { hosts > 100 ? 60 : 120 }
  /// Virtual seconds of quiet: at least so many, so that all that is stale has expired (3.5 Update
  /// intervals twice, and three minutes for a lost seqno), at most so many to converge.
  var quiet = (least: 190.0, most: 480.0)
  /// Virtual seconds the network has to stay converged.
  static let steady = 40.0

  enum Shape: CaseIterable { case ring, grid, random }

  /// The result of a storm.
  struct Outcome {
    var digest: UInt64
    var statistics: Statistics
    /// Virtual seconds from the end of the trouble to convergence.
    var converged: Double
  }

  /// Runs the storm to its end.
  func run(watched by: Watch? = nil) throws(Violation) -> Outcome {
    let network = Network(seed: seed)
    network.budget = [1, 8, 64, 256][network.chance.below(4)]
    // Every host may answer a request of every other, and pass it on, and each neighbour may get a
    // full update besides.
    network.limits.packetsPerSecond = max(400, 3 * hosts)
    if hosts > 100 { network.limits.burst = 160 }
    if isSigned {
      let key = AuthenticationKey(
        id: [], algorithm: seed % 2 == 0 ? .hmacSHA256 : .blake2s128,
        value: SecretOctets([1, 2, 3]))
      network.authentication.keys = [InterfaceKey(key: key)]
    }
    var weather = Weather(network: network, hosts: hosts)
    try weather.build()
    by?.attach(to: network)
    network.startAll(within: 5)
    try network.run(seconds: 30)
    weather.plan(seconds: trouble)
    try audited(network, seconds: trouble)
    try weather.clear()
    return try calm(network)
  }

  /// Runs and compares daemons with kernels now and then.
  func audited(_ network: Network, seconds: Double) throws(Violation) {
    let slices = 10
    for _ in 0..<slices {
      try network.run(seconds: seconds / Double(slices))
      for host in network.hosts { try network.requireConsistent(host) }
    }
  }

  func calm(_ network: Network) throws(Violation) -> Outcome {
    let graph = network.trueGraph()
    let start = network.seconds
    var since: Double?
    while network.seconds < start + quiet.most {
      try network.run(seconds: 5)
      let isRight = network.fault(in: graph) == nil
      since = isRight ? since ?? network.seconds : nil
      guard let since, network.seconds >= start + quiet.least else { continue }
      if network.seconds >= since + Self.steady { break }
    }
    if let fault = network.fault(in: graph) { throw network.violation(fault) }
    try network.requireTidy()
    return Outcome(
      digest: network.trace.digest, statistics: network.statistics,
      converged: (since ?? network.seconds) - start)
  }
}

/// The random part of a storm: the network's shape, its faults and their repair.
struct Weather {
  let network: Network
  let hosts: Int
  /// Hosts that stay dead at the end.
  private var fallen: Set<Int> = []
  /// Segments that stay cut at the end.
  private var severed: Set<Int> = []
  private var baseline: [Quality] = []

  init(network: Network, hosts: Int) {
    self.network = network
    self.hosts = hosts
  }

  // MARK: Building

  mutating func build() throws(Violation) {
    try network.addHosts(hosts)
    // Large networks are slow enough with one prefix each.
    for host in 0..<hosts where hosts <= 100 {
      if network.chance.happens(permille: 300) {
        try network.addOffer(host, ipv4Prefix(of: host))
      }
      if network.chance.happens(permille: 300) {
        try network.addOffer(host, address(of: host), isAddress: true)
      }
    }
    if network.chance.happens(permille: 500) {
      try network.addOffer(network.chance.below(hosts), .ipv6Default)
    }
    switch Storm.Shape.allCases[network.chance.below(3)] {
    case .ring: buildRing()
    case .grid: buildGrid()
    case .random: buildRandom()
    }
    baseline = network.segments.map { $0.qualities[0] }
  }

  private mutating func buildRing() {
    for i in 0..<hosts { link([i, (i + 1) % hosts]) }
    // Chords keep the diameter of a large ring below the metric's range.
    for _ in 0..<(hosts / 5) { linkStrangers() }
  }

  private mutating func buildGrid() {
    var width = 1
    while (width + 1) * (width + 1) <= hosts { width += 1 }
    for i in 0..<hosts {
      if (i + 1) % width != 0, i + 1 < hosts { link([i, i + 1]) }
      if i + width < hosts { link([i, i + width]) }
    }
  }

  private mutating func buildRandom() {
    for i in 1..<hosts { link([i, network.chance.below(i)]) }
    for _ in 0..<hosts { linkStrangers() }
    for _ in 0..<(hosts / 25) {
      var members = Array(0..<hosts)
      network.chance.shuffle(&members)
      link(Array(members.prefix(3 + network.chance.below(4))))
    }
  }

  private mutating func linkStrangers() {
    let a = network.chance.below(hosts)
    let b = network.chance.below(hosts)
    if a != b { link([a, b]) }
  }

  private func link(_ members: [Int]) {
    let parameters: InterfaceParameters
    switch network.chance.below(4) {
    case 0: parameters = .radio()
    case 1: parameters = .tunnel()
    default: parameters = .wired(cost: 96 * UInt16(1 + network.chance.below(3)))
    }
    var quality = Quality()
    quality.delay = network.chance.between(100, 40_000)
    quality.jitter = network.chance.between(0, quality.delay)
    // Where a thousand links change their cost all the time, a run takes minutes.
    let isLarge = hosts > 100
    quality.lossPermille = network.chance.below(
      parameters.linkSensing == .etx ? (isLarge ? 30 : 150) : (isLarge ? 10 : 30))
    quality.duplicatePermille = network.chance.below(20)
    quality.stragglerPermille = network.chance.below(20)
    network.connect(
      members, parameters, quality: quality, ipv4: network.chance.happens(permille: 300))
  }

  // MARK: Trouble

  /// Plans faults at random times within the next `seconds`, each with its repair.
  mutating func plan(seconds: Double) {
    let span = Int64(seconds * 1_000_000)
    let count = 10 + hosts / (hosts > 100 ? 4 : 2)
    for _ in 0..<count {
      let start = network.now + network.chance.between(0, span)
      let end = start + network.chance.between(100_000, 40_000_000)
      switch network.chance.below(10) {
      case 0...2: planCut(start, end)
      case 3...5: planCarrierLoss(start, end)
      case 6...7: planCrash(start, end)
      case 8: planFlap(start)
      default: planOffer(start, end)
      }
    }
  }

  mutating func planCut(_ start: Int64, _ end: Int64) {
    let segment = network.chance.below(network.segments.count)
    if network.chance.happens(permille: 80) { severed.insert(segment) }
    let ends = network.segments[segment].ends.count
    let from = network.chance.below(ends)
    let to = (from + 1 + network.chance.below(ends - 1)) % ends
    let isOneWay = network.chance.happens(permille: 400)
    for (time, isCut) in [(start, true), (end, false)] {
      network.at(time) { network in
        if isOneWay {
          network.setCut(segment: segment, from: from, to: to, isCut)
        } else {
          network.setCut(segment: segment, isCut)
        }
      }
    }
  }

  func planCarrierLoss(_ start: Int64, _ end: Int64) {
    let segment = network.chance.below(network.segments.count)
    let single = network.chance.happens(permille: 300)
    for (time, hasCarrier) in [(start, false), (end, true)] {
      network.at(time) { (network) throws(Violation) in
        if single {
          let first = network.segments[segment].ends[0]
          try network.setCarrier(first.host, first.port, hasCarrier)
        } else {
          try network.setCarrier(segment: segment, hasCarrier)
        }
      }
    }
  }

  private mutating func planCrash(_ start: Int64, _ end: Int64) {
    let victim = network.chance.below(hosts)
    if network.chance.happens(permille: 100) { fallen.insert(victim) }
    let forgets = network.chance.happens(permille: 500)
    let memory = network.chance.pick([
      Memory.savedSeqno, .lostSeqno, .newIdentity, .everything, .everything,
    ])
    network.at(start) {
      if memory == .everything {
        $0.suspend(victim)
      } else {
        $0.crash(victim, forgettingKernelRoutes: forgets)
      }
    }
    network.at(end) { (network) throws(Violation) in try network.restart(victim, memory) }
  }

  private func planFlap(_ start: Int64) {
    let segment = network.chance.below(network.segments.count)
    let period = network.chance.between(10_000, 2_000_000)
    for i in 0..<10 {
      network.at(start + Int64(i) * period) { (network) throws(Violation) in
        try network.setCarrier(segment: segment, i % 2 == 1)
      }
    }
  }

  private func planOffer(_ start: Int64, _ end: Int64) {
    let host = network.chance.below(hosts)
    let destination = prefix(of: host, 1 + network.chance.below(3))
    network.at(start) { (network) throws(Violation) in
      if let number = network.destinations.number(destination),
        network.hosts[host].offered.contains(number)
      {
        return
      }
      try network.addOffer(host, destination)
    }
    network.at(end) { (network) throws(Violation) in
      try network.removeOffer(host, destination)
    }
  }

  // MARK: Clearing

  /// Ends the trouble: links carry everything in time or, if severed, nothing; fallen hosts
  /// are dead for good, all others run.
  func clear() throws(Violation) {
    // Repairs may be planned up to 40 s after the last fault.
    try network.run(seconds: 41)
    for segment in network.segments.indices {
      var quality = baseline[segment]
      quality.lossPermille = 0
      quality.duplicatePermille = 0
      quality.stragglerPermille = 0
      quality.jitter = min(quality.jitter, 1000)
      network.setQuality(segment: segment, quality)
      network.setCut(segment: segment, severed.contains(segment))
      try network.setCarrier(segment: segment, true)
    }
    for host in network.hosts.indices {
      if fallen.contains(host) {
        network.crash(host, forgettingKernelRoutes: true)
      } else {
        try network.restart(host, .savedSeqno)
      }
    }
  }
}
