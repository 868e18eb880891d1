import BabelCore
import BabelWire
import TestSupport

/// Limits that every run must keep.
struct Limits {
  /// Datagrams of one interface in any 100 ms.
  var burst = 128
  /// Datagrams of one host in any second of virtual time.
  var packetsPerSecond = 2000
  /// Octets of actions after one input.
  var bufferOctets = 4_000_000
  /// Actions after one input.
  var bufferActions = 70_000
  /// How long a loop may last towards a prefix with several origins, for which Babel does not
  /// promise loop freedom.
  var tolerated: Int64 = 120_000_000
  /// How long a loop may last that a kernel built when it lost routes without a daemon to see it:
  /// storms keep no daemon away for longer than 40 s.
  var absence: Int64 = 60_000_000
  /// Whether a daemon may be away for longer than its neighbours hold a prefix. Its kernel still
  /// has the old route when they have ended the hold.
  var outlastsHolds = false
  /// How long a daemon may take after its start to learn what its kernel lost.
  var returned: Int64 = 5_000_000
  /// How long a prefix that its origin withdrew may be sent back there by those who have not
  /// heard yet, 3.5 Update intervals: the origin itself does not hold it.
  var withdrawal: Int64 = 60_000_000
  /// How long a daemon may take to repair what its kernel dropped when a carrier was lost. Until
  /// then a shorter prefix may lead back.
  var surprise: Int64 = 100_000
}

/// Figures of a run.
struct Statistics {
  var events = 0
  var transmitted = 0
  var octets = 0
  var forwardingChanges = 0
  var toleratedLoops: [LoopExcuse: Int] = [:]
  var restarts = 0
  var busiestSecond = 0
}

/// Many Babel nodes, the links between them, one clock and one seed.
///
/// Events are ordered by time and insertion. Daemons are called as the real one calls them:
/// datagrams as they come, `advance` at the deadline with a small budget.
final class Network {
  var chance: Chance
  private(set) var now: Int64 = 0
  var queue = EventQueue()
  var flights = Slab<Flight>()
  private var scripts = Slab<(Network) throws(Violation) -> Void>()
  var hosts: [Host] = []
  var segments: [Segment] = []
  var destinations = DestinationTable()
  var ledger = LoopLedger()
  var trace = Trace()
  var limits = Limits()
  var statistics = Statistics()
  /// Table rows a daemon works on between two looks at its sockets.
  var budget = 64
  /// Whether daemons that lost their source table wait until all neighbours know. If false, there
  /// is a bug on purpose.
  var restartsCarefully = true
  /// Whether a daemon that does not know its last seqno goes on from the one that neighbours
  /// remember. If false, it is as other programs are.
  var asksForLostSeqno = true
  /// Wake-ups come up to so many microseconds late.
  var wakeLateness: Int64 = 1000
  /// Called with every notice.
  var onNotice: ((Int, Notice) -> Void)?
  /// Called with every transmitted packet: host, port, destination, octets.
  var onTransmit: ((Int, Int, IPAddress, [UInt8]) -> Void)?
  /// Called with every forwarding change.
  var onForward: ((Int, ForwardingChange) -> Void)?
  /// Keys of every interface.
  var authentication = InterfaceAuthentication()
  /// Called with a description of every fault.
  var onFault: ((String) -> Void)?
  /// Changes the parameters of a daemon that starts.
  var parameters: ((Int, inout NodeParameters) -> Void)?
  /// Forwarding entries changed by the current event: host and destination number.
  var changed: [(host: Int, destination: Int)] = []

  init(seed: UInt64) { chance = Chance(seed: seed) }

  func violation(_ text: String) -> Violation { Violation(microseconds: now, text: text) }

  /// Virtual seconds since the start.
  var seconds: Double { Double(now) / 1_000_000 }

  // MARK: Running

  /// Runs a closure at a virtual time.
  func at(_ time: Int64, _ body: @escaping (Network) throws(Violation) -> Void) {
    queue.push(.script, at: max(time, now), subject: scripts.insert(body))
  }

  /// Runs everything that is due within `seconds` from now.
  func run(seconds: Double) throws(Violation) {
    try run(until: now + Int64(seconds * 1_000_000))
  }

  /// Runs everything that is due up to and including `time`.
  func run(until time: Int64) throws(Violation) {
    while let next = queue.nextTime, next <= time, let event = queue.pop() {
      now = event.time
      statistics.events += 1
      try perform(event)
      try checkLoops()
    }
    now = time
    try auditLoops()
  }

  /// Runs until a condition holds, asked every `step` seconds; nil if it never did. The answer
  /// is in virtual seconds.
  func run(
    atMost seconds: Double, step: Double = 0.05, until condition: (Network) -> Bool
  ) throws(Violation) -> Double? {
    let start = now
    while !condition(self) {
      guard Double(now - start) < seconds * 1_000_000 else { return nil }
      try run(seconds: step)
    }
    return Double(now - start) / 1_000_000
  }

  private func perform(_ event: Event) throws(Violation) {
    let subject = Int(event.subject)
    switch event.kind {
    case .arrival:
      if let flight = flights.take(subject) { try arrive(flight) }
    case .drain: try drain(hosts[subject])
    case .wake: try wake(hosts[subject], event)
    case .script:
      if let body = scripts.take(subject) { try body(self) }
    }
  }

  // MARK: Daemons

  /// Calls an input of a host's node and does what it asks for.
  func input(
    _ host: Host,
    _ body: (inout BabelNode, Instant, inout ActionBuffer) -> Void
  ) throws(Violation) {
    guard let daemon = host.daemon else { return }
    body(&daemon.node, host.clock(now), &daemon.buffer)
    try apply(daemon.buffer, of: host, daemon)
    daemon.buffer.removeAll()
    host.savedSeqno = daemon.node.seqno
    schedule(host, daemon)
  }

  private func schedule(_ host: Host, _ daemon: Daemon) {
    guard let deadline = daemon.node.nextDeadline else { return }
    let due = max(deadline.microseconds - host.clockOrigin, now)
    if let planned = daemon.wakeAt, planned <= due + wakeLateness { return }
    let time = due + chance.between(0, wakeLateness)
    daemon.wakeAt = time
    queue.push(.wake, at: time, subject: host.index, generation: host.generation)
  }

  private func wake(_ host: Host, _ event: Event) throws(Violation) {
    guard let daemon = host.daemon, event.generation == host.generation,
      daemon.wakeAt == event.time
    else { return }
    daemon.wakeAt = nil
    var hasMore = false
    let budget = budget
    try input(host) { node, clock, buffer in
      hasMore = node.advance(to: clock, budget: budget, into: &buffer)
    }
    if hasMore {
      daemon.slices += 1
      guard daemon.slices < 1_000_000 else { throw violation("host \(host.index): endless work") }
      daemon.wakeAt = now + 50
      queue.push(.wake, at: now + 50, subject: host.index, generation: host.generation)
      return
    }
    daemon.slices = 0
    if let deadline = daemon.node.nextDeadline, deadline <= host.clock(now) {
      throw violation(
        "host \(host.index): nothing more to do, yet the deadline \(deadline) is not after "
          + "\(host.clock(now))")
    }
  }

  private func apply(
    _ buffer: ActionBuffer, of host: Host, _ daemon: Daemon
  ) throws(Violation) {
    guard !buffer.isEmpty else { return }
    guard buffer.bytes.count <= limits.bufferOctets, buffer.actions.count <= limits.bufferActions
    else {
      throw violation(
        "host \(host.index): \(buffer.actions.count) actions, \(buffer.bytes.count) octets")
    }
    var refused: [ForwardingKey] = []
    for action in buffer.actions {
      switch action {
      case .transmit(let datagram): try transmit(datagram, buffer, of: host)
      case .forward(let change):
        if try !forward(change, of: host, daemon) { refused.append(change.key) }
      case .notify(let notice): onNotice?(host.index, notice)
      case .tellPath: break
      }
    }
    for key in refused {
      at(now + 200) { (network) throws(Violation) in
        try network.input(host) { $0.forwardingFailed(key, at: $1, into: &$2) }
      }
    }
  }
}
