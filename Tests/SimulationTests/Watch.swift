import BabelCore
import BabelWire

/// Prints what happens to one prefix, and every fault, while a storm is replayed.
struct Watch {
  let prefix: Prefix

  init(prefix: Prefix) { self.prefix = prefix }

  /// From `ADDRESS/LENGTH`; nil if it is none.
  init?(_ text: String) {
    let parts = text.split(separator: "/")
    guard parts.count == 2, let address = IPAddress(String(parts[0])), let length = Int(parts[1]),
      let prefix = Prefix(address, length: length)
    else { return nil }
    self.prefix = prefix
  }

  /// The one that the environment asks for.
  static var wanted: Watch? { Storms.environment["SWABELD_SIM_WATCH"].flatMap { Watch($0) } }

  /// Looks at a network from now on.
  func attach(to network: Network) {
    network.parameters = { $1.reportsRoutes = true }
    network.onFault = { [unowned network] in print("\(network.stamp) \($0)") }
    network.onForward = { [prefix, unowned network] host, change in
      guard change.key.destination.contains(prefix) else { return }
      print(
        "\(network.stamp) host \(host): \(change.key.destination.text) "
          + "\(network.name(change.old, of: host)) -> \(network.name(change.new, of: host))")
    }
    network.onNotice = { [prefix, unowned network] host, notice in
      guard let line = network.line(notice, of: host, about: prefix) else { return }
      print("\(network.stamp) host \(host): \(line)")
    }
  }
}

extension Network {
  fileprivate var stamp: String { "t=\(Instant(microseconds: now))" }

  fileprivate func name(_ target: ForwardingTarget, of host: Int) -> String {
    guard case .via(let path) = target else { return target.text }
    return nextHop(hosts[host], path).map { "via \($0)" } ?? target.text
  }

  /// The host that has an address, as far as a log line needs it.
  private func owner(_ address: IPAddress) -> String { "\(Int(address.low >> 16) - 1)" }

  fileprivate func line(_ notice: Notice, of host: Int, about prefix: Prefix) -> String? {
    switch notice {
    case .route(let event, let route) where route.destination.contains(prefix):
      "\(event) \(route.destination.text) from \(owner(route.neighbour)) "
        + "seqno \(route.seqno.rawValue) metric \(route.advertisedMetric) -> \(route.metric): "
        + "\(route.reason)"
    case .neighbour(.flush, let neighbour): "flush \(owner(neighbour.address))"
    case .neighbour(.add, let neighbour): "hear \(owner(neighbour.address))"
    case .neighbour(.change, let neighbour):
      "neighbour \(owner(neighbour.address)): rxcost \(neighbour.rxcost), "
        + "txcost \(neighbour.txcost), cost \(neighbour.cost)"
    case .neighbourRestarted(let address, _): "restarted \(owner(address))"
    case .recovered(let milliseconds, let answers, let unanswered):
      "recovered after \(milliseconds) ms, \(answers) answers, \(unanswered) missing"
    case .starving(let destination, _) where destination.contains(prefix):
      "starving \(destination.text)"
    default: nil
    }
  }
}
