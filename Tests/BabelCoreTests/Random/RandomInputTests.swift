import BabelCore
import BabelWire
import Foundation
import TestSupport
import Testing

/// Random inputs to one node. A model that knows only inputs and outputs says what must be true. A
/// failure names its seed: `SWABELD_RANDOM_SEED=… SWABELD_RANDOM_COUNT=… swift test --filter
/// 'Random inputs'` runs others.
@Suite struct `Random inputs` {
  private static let environment = ProcessInfo.processInfo.environment
  private static let first = environment["SWABELD_RANDOM_SEED"].flatMap { UInt64($0) } ?? 1
  private static let count = environment["SWABELD_RANDOM_COUNT"].flatMap { UInt64($0) } ?? 10

  @Test(arguments: first..<(first + count))
  func `whatever comes, decisions are sound and losses are told`(seed: UInt64) throws {
    var dice = Chance(seed: seed)
    let setting = try RandomSetting(&dice, seed: seed)
    var model = RandomModel(setting)
    for _ in 0..<250 where model.faults.isEmpty {
      let what = Self.act(&dice, setting, &model)
      setting.bench.run(0)
      model.check(what)
      if dice.oneIn(3) {
        // A small budget leaves work to do when the next input comes.
        setting.bench.run(dice.pick([0, 0.003, 0.02]), budget: 1)
      } else {
        setting.bench.run(dice.pick([0, 0.01, 0.05, 0.11, 0.3, 2]))
        model.check("after " + what)
      }
    }
    #expect(model.faults.isEmpty, "seed \(seed)")
  }

  /// Gives the node one random input; returns a text that says which.
  private static func act(
    _ dice: inout Chance, _ setting: RandomSetting, _ model: inout RandomModel
  ) -> String {
    let peer = dice.pick(setting.peers)
    let key = dice.pick(setting.keys)
    switch dice.below(24) {
    case 0...9: return announce(peer, key, &dice, &model)
    case 10: return say(peer, key, Example.ownRouterID, seqno: 1, .infinity, 1600, &model)
    case 11:
      peer.send { _ = $0.appendWildcardRetraction(seqno: Seqno(1)) }
      model.noteRetraction(peer)
      return "wildcard retraction of \(peer.address)"
    case 12, 13: return ask(peer, key, &dice)
    case 14, 15: return offer(key, &dice, setting, &model)
    case 16: return changeLink(dice.pick(setting.interfaces), setting, &model)
    case 17: return disturb(peer, &dice, &model)
    case 18: return changeParameters(&dice, setting, &model)
    case 19: return refuse(key, &dice, setting)
    case 20:
      for interface in setting.interfaces where model.up.contains(interface) {
        _ = changeLink(interface, setting, &model)
      }
      for interface in setting.interfaces { _ = changeLink(interface, setting, &model) }
      return "all links down and up"
    default:
      setting.bench.run(Double(dice.below(60)))
      return "waiting"
    }
  }

  private static func announce(
    _ peer: Peer, _ key: RandomSetting.Key, _ dice: inout Chance, _ model: inout RandomModel
  ) -> String {
    say(
      peer, key, dice.pick(RandomSetting.routers), seqno: UInt16(10 + dice.below(4)),
      Metric(UInt16(dice.below(5) * 100)), dice.pick([10, 400, 1600, 1600, 65534]), &model)
  }

  private static func say(
    _ peer: Peer, _ key: RandomSetting.Key, _ router: RouterID, seqno: UInt16, _ metric: Metric,
    _ interval: UInt16, _ model: inout RandomModel
  ) -> String {
    peer.send {
      _ = $0.append(
        OutgoingUpdate(
          destination: key.destination, source: key.source, routerID: router,
          seqno: Seqno(seqno), metric: metric, interval: Interval(centiseconds: interval),
          nextHop: key.destination.family == .ipv4 ? .ipv6 : .packetSource))
    }
    model.note(peer, key, router, isFinite: !metric.isInfinite)
    return "\(peer.address) says \(key.destination) \(seqno) \(metric) of \(router)"
  }

  private static func ask(
    _ peer: Peer, _ key: RandomSetting.Key, _ dice: inout Chance
  ) -> String {
    if dice.oneIn(2) {
      peer.request(key.destination)
      return "request for \(key.destination)"
    }
    peer.requestSeqno(
      key.destination, UInt16(10 + dice.below(100)), of: dice.pick(RandomSetting.routers))
    return "seqno request for \(key.destination)"
  }

  private static func offer(
    _ key: RandomSetting.Key, _ dice: inout Chance, _ setting: RandomSetting,
    _ model: inout RandomModel
  ) -> String {
    let offer = KernelOffer(
      destination: key.destination, source: key.source, kernelProtocol: 4, interface: nil,
      table: 254)
    if model.offered.remove(key) != nil {
      setting.bench.input { $0.kernelOfferRemoved(offer, at: $1, into: &$2) }
      return "withdrawn \(key.destination)"
    }
    model.offered.insert(key)
    setting.bench.input { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
    return "offered \(key.destination)"
  }

  private static func changeLink(
    _ interface: InterfaceID, _ setting: RandomSetting, _ model: inout RandomModel
  ) -> String {
    if model.up.contains(interface) {
      setting.bench.loseAll(through: interface)
      setting.bench.setLink(interface, isUp: false)
      model.noteDown(interface)
      return "interface \(interface.rawValue) down"
    }
    setting.bench.setLink(interface, isUp: true, ipv4: IPAddress("10.0.0.1"))
    model.up.insert(interface)
    return "interface \(interface.rawValue) up"
  }

  /// The link to a peer changes.
  private static func disturb(
    _ peer: Peer, _ dice: inout Chance, _ model: inout RandomModel
  ) -> String {
    switch dice.below(3) {
    case 0:
      peer.isTalking.toggle()
      return "\(peer.address) talks: \(peer.isTalking)"
    case 1:
      peer.rxcost = dice.pick([96, 96, 200, 1000, 65535])
      peer.say()
      return "\(peer.address) receives at \(peer.rxcost)"
    default:
      let jump = UInt16(dice.below(40))
      peer.send { _ = $0.append(peer.nextHello(skipping: jump)) }
      if jump > 16 { model.noteJump(peer) }
      return "\(peer.address) jumps by \(jump)"
    }
  }

  private static func changeParameters(
    _ dice: inout Chance, _ setting: RandomSetting, _ model: inout RandomModel
  ) -> String {
    var new = setting.parameters
    if dice.oneIn(2) { new.splitHorizon.toggle() }
    if dice.oneIn(3) { new.unicast.toggle() }
    if dice.oneIn(3) {
      new.helloInterval = dice.pick([100, 1000, 4000, 60_000, 655_350])
      new.updateInterval = min(4 * new.helloInterval, 655_350)
    }
    let interface = dice.pick(setting.interfaces)
    setting.bench.input { $0.setParameters(new, of: interface, at: $1, into: &$2) }
    model.usesUnicast[interface] = new.unicast
    return "other parameters of interface \(interface.rawValue)"
  }

  /// The kernel refuses what it was asked for, or takes it again.
  private static func refuse(
    _ key: RandomSetting.Key, _ dice: inout Chance, _ setting: RandomSetting
  ) -> String {
    guard dice.oneIn(2) else {
      setting.bench.input { $0.forwardingMayWork(nil, at: $1, into: &$2) }
      return "the kernel may take routes"
    }
    let forwarding = ForwardingKey(destination: key.destination, source: key.source, table: 254)
    guard key.source.isDefault, setting.bench.wanted(forwarding) != .absent else {
      return "nothing"
    }
    setting.bench.lose(key.destination)
    setting.bench.input { $0.forwardingFailed(forwarding, at: $1, into: &$2) }
    return "the kernel refuses \(key.destination)"
  }
}
