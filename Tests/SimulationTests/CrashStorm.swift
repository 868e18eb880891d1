import BabelCore
import BabelWire

/// A storm in which daemons die and come back all the time, most of them with their routes left
/// in the kernel and without their source table.
struct CrashStorm {
  let seed: UInt64
  /// If false, there is a bug on purpose: daemons that come back do not wait for acknowledgments.
  var restartsCarefully = true

  /// Hosts of the network, from the seed: 5 … 24.
  var hosts: Int { 5 + Int(seed % 20) }

  /// Runs the storm to its end.
  func run(watched by: Watch? = nil) throws(Violation) -> Storm.Outcome {
    let network = Network(seed: seed &* 0x9E37_79B9 &+ 1)
    network.restartsCarefully = restartsCarefully
    network.budget = [1, 8, 64, 256][network.chance.below(4)]
    network.limits.packetsPerSecond = 400
    var weather = Weather(network: network, hosts: hosts)
    try weather.build()
    by?.attach(to: network)
    network.startAll(within: 3)
    try network.run(seconds: 25)
    weather.planCrashes(seconds: 100)
    let storm = Storm(seed: seed, hosts: hosts)
    try storm.audited(network, seconds: 100)
    try weather.clear()
    return try storm.calm(network)
  }
}

extension Weather {
  /// Plans when daemons die and come back, and between that the faults that make routes change.
  mutating func planCrashes(seconds: Double) {
    let span = Int64(seconds * 1_000_000)
    for _ in 0..<(hosts * 3 / 2) {
      let start = network.now + network.chance.between(0, span)
      // From a quick restart by a supervisor to a lengthy one by hand.
      let longest: Int64 = network.chance.happens(permille: 600) ? 4_000_000 : 40_000_000
      let end = start + network.chance.between(1_000_000, longest)
      let victim = network.chance.below(hosts)
      let memory = network.chance.pick([
        Memory.savedSeqno, .savedSeqno, .savedSeqno, .lostSeqno, .newIdentity, .everything,
      ])
      // A daemon that stops on purpose leaves its routes, or says goodbye.
      let forgets = memory != .everything && network.chance.happens(permille: 250)
      network.at(start) {
        if memory == .everything {
          $0.suspend(victim)
        } else {
          $0.crash(victim, forgettingKernelRoutes: forgets)
        }
      }
      network.at(end) { (network) throws(Violation) in try network.restart(victim, memory) }
    }
    for _ in 0..<hosts {
      let start = network.now + network.chance.between(0, span)
      let end = start + network.chance.between(100_000, 30_000_000)
      if network.chance.happens(permille: 500) {
        planCut(start, end)
      } else {
        planCarrierLoss(start, end)
      }
    }
  }
}
