import BabelCore
import BabelWire

/// What operators have added to the cost of links while the daemon runs: interfaces that are
/// drained, and neighbours that cost more. Each lasts until it is taken back or its time is over; a
/// reload of the configuration does not end it.
struct LiveCosts {
  /// Most entries.
  static let limit = 1000

  private struct Entry<Subject: Sendable>: Sendable {
    let subject: Subject
    let cost: Metric
    let until: Instant?
  }

  /// Interfaces that are drained; nil stands for all.
  private var drained: [Entry<InterfaceName?>] = []
  private var neighbours: [Entry<IPAddress>] = []

  /// When something is over; nil if never.
  var deadline: Instant? {
    (drained.compactMap { $0.until } + neighbours.compactMap { $0.until }).min()
  }

  /// Drains an interface, or all (nil), until a time or for good. False if there is no room.
  mutating func drain(_ name: InterfaceName?, until end: Instant?) -> Bool {
    drained.removeAll { $0.subject == name }
    guard drained.count < Self.limit else { return false }
    drained.append(Entry(subject: name, cost: Surcharge.drained, until: end))
    return true
  }

  /// Ends that; for nil everywhere. False if the interface was not drained by that name.
  mutating func undrain(_ name: InterfaceName?) -> Bool {
    let count = drained.count
    drained.removeAll { name == nil || $0.subject == name }
    return drained.count < count
  }

  /// Adds to the cost of a neighbour, until a time or for good; zero takes that back. False if
  /// there is no room.
  mutating func add(_ cost: Metric, to address: IPAddress, until end: Instant?) -> Bool {
    neighbours.removeAll { $0.subject == address }
    guard cost > .zero else { return true }
    guard neighbours.count < Self.limit else { return false }
    neighbours.append(Entry(subject: address, cost: cost, until: end))
    return true
  }

  /// Forgets what is over. Returns nil if there was nothing, else the interfaces that were drained;
  /// nil among them stands for all.
  mutating func expire(at now: Instant) -> [InterfaceName?]? {
    func isOver(_ end: Instant?) -> Bool { end.map { $0 <= now } ?? false }
    let count = drained.count + neighbours.count
    let ended = drained.filter { isOver($0.until) }.map { $0.subject }
    drained.removeAll { isOver($0.until) }
    neighbours.removeAll { isOver($0.until) }
    return drained.count + neighbours.count < count ? ended : nil
  }

  /// Whether an interface is drained.
  func isDrained(_ name: InterfaceName) -> Bool {
    drained.contains { $0.subject == nil || $0.subject == name }
  }

  /// What is drained and for how many seconds more, in words; nil if nothing is.
  func drainText(at now: Instant) -> String? {
    guard !drained.isEmpty else { return nil }
    return drained.map { entry in
      let name = entry.subject.map { "\($0)" } ?? "all"
      let rest = entry.until.map {
        HumanTime.text(UInt32(clamping: ($0 - now + 999_999) / 1_000_000))
      }
      return name + (rest.map { " for \($0) more" } ?? " until undrain \(name)")
    }.joined(separator: ", ")
  }

  /// What is added on an interface.
  func surcharge(on name: InterfaceName) -> Surcharge {
    var surcharge = Surcharge()
    if isDrained(name) {
      surcharge.ofInterface = Surcharge.drained
    }
    surcharge.ofNeighbours = neighbours.map { ($0.subject, $0.cost) }
    return surcharge
  }

  /// A line for each entry, as it would be asked for.
  func lines(at now: Instant) -> [String] {
    func rest(_ end: Instant?) -> String {
      end.map { " for \((($0 - now) + 999_999) / 1_000_000)" } ?? ""
    }
    return drained.map { "drain \($0.subject.map { "\($0)" } ?? "all")\(rest($0.until))" }
      + neighbours.map { "neighbour-cost \($0.subject) \($0.cost.rawValue)\(rest($0.until))" }
  }
}
