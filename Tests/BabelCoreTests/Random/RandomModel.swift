import BabelCore
import BabelWire

/// What must be true of a node, as seen from outside. The model knows what was said to the node and
/// what the node sent.
struct RandomModel {
  typealias Key = RandomSetting.Key

  private struct Source: Hashable {
    let key: Key
    let router: RouterID
  }

  private struct Place: Hashable {
    let key: Key
    let interface: InterfaceID
  }

  private struct Claim: Hashable {
    let key: Key
    let neighbour: IPAddress
  }

  let setting: RandomSetting
  private(set) var faults: [String] = []
  /// Feasibility distances by what was announced (RFC 8966 §3.7.3).
  private var distances: [Source: (seqno: Seqno, metric: Metric, at: Int64)] = [:]
  /// Whether the last that everyone on an interface was told is a finite metric.
  private var isTold: [Place: Bool] = [:]
  private var lostAt: [Place: Int64] = [:]
  /// Whether the last that a neighbour said of a route allows to use it.
  private var claims: [Claim: Bool] = [:]
  /// What a neighbour claimed before its Hellos jumped, see ``noteJump(_:)``.
  private var doubtful: Set<Claim> = []
  /// Whether Updates on an interface leave for each neighbour by itself.
  var usesUnicast: [InterfaceID: Bool] = [:]
  private var seen = 0
  var up: Set<InterfaceID>
  var offered: Set<Key> = []

  init(_ setting: RandomSetting) {
    self.setting = setting
    up = Set(setting.interfaces)
  }

  private var bench: Bench { setting.bench }

  mutating func fault(_ text: String) {
    if faults.count < 5 { faults.append("\(bench.seconds) s: \(text)") }
  }

  /// A peer said something of a route.
  mutating func note(_ peer: Peer, _ key: Key, _ router: RouterID, isFinite: Bool) {
    let isTaken =
      isFinite && router != Example.ownRouterID && !setting.deniedRouters.contains(router)
    claims[Claim(key: key, neighbour: peer.address)] = isTaken
    doubtful.remove(Claim(key: key, neighbour: peer.address))
  }

  /// A peer retracted everything.
  mutating func noteRetraction(_ peer: Peer) {
    for key in setting.keys {
      claims[Claim(key: key, neighbour: peer.address)] = false
      doubtful.remove(Claim(key: key, neighbour: peer.address))
    }
  }

  /// A peer's Hello seqno jumped by more than 16. The node may have counted missed Hellos
  /// meanwhile. Then it expects a larger seqno, and need not conclude that the peer has restarted.
  mutating func noteJump(_ peer: Peer) {
    for key in setting.keys {
      let claim = Claim(key: key, neighbour: peer.address)
      if claims[claim] == true { doubtful.insert(claim) }
      claims[claim] = false
    }
  }

  // MARK: What was sent

  private mutating func readSent() {
    for packet in bench.sent[seen...] {
      for tlv in packet.tlvs {
        switch tlv {
        case .tlv(.wildcardRetraction): forget(packet.interface)
        case .tlv(.update(let update)): note(update, packet)
        default: break
        }
      }
    }
    seen = bench.sent.count
  }

  private mutating func forget(_ interface: InterfaceID) {
    for place in isTold.keys where place.interface == interface { isTold[place] = false }
  }

  private mutating func note(_ update: Update, _ packet: SentPacket) {
    let key = Key(destination: update.destination, source: update.source)
    let isFinite = !update.metric.isInfinite
    // What one neighbour alone was told it may have forgotten when it was flushed. A `unicast`
    // interface tells each by itself that something is gone.
    if packet.isMulticast || !isFinite {
      isTold[Place(key: key, interface: packet.interface)] = isFinite
    }
    guard isFinite, let router = update.routerID else { return }
    if router == setting.hiddenRouter { fault("\(key) announced against the out filter") }
    let source = Source(key: key, router: router)
    var new = (seqno: update.seqno, metric: update.metric, at: packet.time)
    if let old = distances[source], packet.time - old.at < 180_000_000 {
      let isBetter =
        new.seqno.isNewer(than: old.seqno) || (new.seqno == old.seqno && new.metric < old.metric)
      if !isBetter { (new.seqno, new.metric) = (old.seqno, old.metric) }
    }
    distances[source] = new
  }

  // MARK: Checking

  /// Checks everything. Nothing may be due in the node when this is called.
  mutating func check(_ what: String) {
    readSent()
    var selected: [Key: RouteStatus] = [:]
    for handle in bench.node.destinationOrder() {
      for route in bench.node.routes(ofDestination: handle, at: bench.clock) {
        let key = Key(destination: route.destination, source: route.source)
        if route.isInstalled { selected[key] = route }
      }
    }
    for key in setting.keys {
      if let route = selected[key] {
        checkSelected(route, key, what)
      } else {
        checkUnselected(key, what)
      }
      let mayBeTold = selected[key].map { $0.routerID != setting.hiddenRouter } ?? false
      checkTold(key, isThere: mayBeTold || offered.contains(key), what)
    }
  }

  private func target(_ key: Key) -> ForwardingTarget {
    guard !key.source.isDefault else { return bench.target(key.destination) }
    let key = ForwardingKey(destination: key.destination, source: key.source, table: 254)
    return bench.specific[key] ?? .absent
  }

  private mutating func checkSelected(_ route: RouteStatus, _ key: Key, _ what: String) {
    if route.metric.isInfinite { fault("\(what): \(key) selected with an infinite metric") }
    if offered.contains(key) { fault("\(what): \(key) selected though it is our own") }
    let claim = Claim(key: key, neighbour: route.neighbour)
    if claims[claim] != true, !doubtful.contains(claim) {
      fault("\(what): \(key) selected, but \(route.neighbour) does not have it")
    }
    if let distance = distances[Source(key: key, router: route.routerID)],
      bench.now - distance.at < 179_000_000
    {
      let isFeasible =
        route.seqno.isNewer(than: distance.seqno)
        || (route.seqno == distance.seqno && route.advertisedMetric < distance.metric)
      if !isFeasible { fault("\(what): \(key) selected, but not feasible") }
    }
    guard case .via(let path) = target(key), path.gateway == route.nextHop else {
      return fault("\(what): \(key) forwarded to \(target(key)), selected \(route.nextHop)")
    }
  }

  private mutating func checkUnselected(_ key: Key, _ what: String) {
    guard case .via = target(key), bench.adoptedCount == 0 else { return }
    fault("\(what): \(key) forwarded without a route")
  }

  /// A loss is told within a quarter of a second to everyone who may count on us.
  private mutating func checkTold(_ key: Key, isThere: Bool, _ what: String) {
    for interface in setting.interfaces {
      let place = Place(key: key, interface: interface)
      if !isAnyoneHeard(on: interface) { isTold[place] = false }
      guard up.contains(interface), !isThere, isTold[place] == true else {
        lostAt[place] = nil
        continue
      }
      let since = lostAt[place] ?? bench.now
      lostAt[place] = since
      guard bench.now - since > 250_000 else { continue }
      fault("\(what): \(key) lost and not retracted on interface \(interface.rawValue)")
      isTold[place] = false
    }
  }

  /// On a `unicast` interface only neighbours that the node hears get Updates. Others are told that
  /// the link cannot be used, so they do not route through us.
  private func isAnyoneHeard(on interface: InterfaceID) -> Bool {
    guard usesUnicast[interface] ?? setting.parameters.unicast else { return true }
    return bench.node.neighbours(at: bench.clock).contains {
      $0.interface.octets.elementsEqual("p\(interface.rawValue)".utf8) && !$0.rxcost.isInfinite
    }
  }

  /// An interface went down. When it is back, the node begins there with a retraction of
  /// everything, so nobody there routes through it.
  mutating func noteDown(_ interface: InterfaceID) {
    up.remove(interface)
    forget(interface)
    for peer in setting.peers where peer.interface == interface { noteRetraction(peer) }
  }
}
