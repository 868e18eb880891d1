import BabelCore
import BabelKernel
import BabelWire

/// Tables for source-specific routes that the kernel cannot hold in an ordinary one: those of
/// IPv4, and of IPv6 without subtrees (RFC 9079 §4).
///
/// Each source prefix has a table, and a rule sends packets from it there first; longer prefixes
/// have earlier rules. Looking the source up first is not what Babel means: the destination
/// decides before the source. So wherever a packet would find a way in a table although another
/// table further on has a longer destination for it, the table gets an entry of type `throw` for
/// that destination: the lookup goes on with the next rule. Such entries depend on which pairs
/// exist, never on where they lead.
///
/// To everyone else these routes look as if they were in the export table: `physical` and
/// `logical` translate.
struct SourcePrefixTables {
  /// Numbers of the tables, for us alone.
  let range: ClosedRange<UInt32>
  /// Priority of the rule for a full address; shorter prefixes follow.
  let rulePriority: UInt32
  /// The table that the routes seem to be in.
  let exportTable: UInt32
  /// IPv6 needs tables, too.
  let includesIPv6: Bool

  private struct Table {
    let number: UInt32
    /// Destinations with a route from this source.
    var routes: Set<Prefix> = []
    /// Destinations for which lookups go on.
    var exceptions: Set<Prefix> = []

    /// Whether a route leads to a destination, but not to it alone.
    func covers(_ destination: Prefix) -> Bool {
      guard !routes.isEmpty else { return false }
      for length in (0..<destination.length).reversed() {
        if let wider = Prefix(destination.address, length: length), routes.contains(wider) {
          return true
        }
      }
      return false
    }
  }

  /// By source prefix.
  private var tables: [Prefix: Table] = [:]
  private var sources: [UInt32: Prefix] = [:]
  /// Destinations of our routes from any source.
  private var plain: Set<Prefix> = []
  /// Destinations of others' routes that are looked up after the rules.
  private(set) var foreign: Set<Prefix> = []
  /// Whether the kernel's tables were compared: before, a table that seems empty may not be.
  private var isCompared = false
  /// The kernel's tables are being read. What is read may be older than what happens meanwhile:
  /// routes of others that come, and exceptions that we change, by table.
  private var isComparing = false
  private var heard: Set<Prefix> = []
  private var changed: [UInt32: Set<Prefix>] = [:]

  /// Less preferred than any route of ours, so that both may stand at one place.
  private static let exceptionMetric = UInt32.max
  private static let unreachableMetric = UInt32.max - 1

  init(
    range: ClosedRange<UInt32>, rulePriority: UInt32, exportTable: UInt32, includesIPv6: Bool
  ) {
    self.range = range
    self.rulePriority = rulePriority
    self.exportTable = exportTable
    self.includesIPv6 = includesIPv6
  }

  /// Whether routes of a family need tables when they are source-specific.
  func handles(_ family: AddressFamily) -> Bool { family == .ipv4 || includesIPv6 }

  /// Numbers of the tables in use.
  var numbers: [UInt32] { sources.keys.ordered() }

  // MARK: Tables

  /// The rule of a source prefix with a table.
  func rule(_ source: Prefix) -> KernelRule? {
    tables[source].map {
      KernelRule(
        source: source, table: $0.number,
        priority: rulePriority + UInt32(128 - source.mappedLength))
    }
  }

  /// All rules that should be there.
  var rules: [KernelRule] { tables.keys.ordered().compactMap { rule($0) } }

  /// Whether a source prefix has a table.
  func hasTable(_ source: Prefix) -> Bool { tables[source] != nil }

  /// Gives a source prefix a table. Returns its rule, nil if all tables are taken.
  mutating func open(_ source: Prefix) -> KernelRule? {
    guard let number = range.first(where: { sources[$0] == nil }) else { return nil }
    tables[source] = Table(number: number)
    sources[number] = source
    return rule(source)
  }

  /// Takes over a rule that a former process left. False if it is none that we would make, or
  /// stands in the way of another.
  mutating func adopt(_ found: KernelRule) -> Bool {
    if let known = rule(found.source) { return known == found }
    guard range.contains(found.table), sources[found.table] == nil,
      handles(found.source.family)
    else { return false }
    tables[found.source] = Table(number: found.table)
    guard rule(found.source) == found else {
      tables[found.source] = nil
      return false
    }
    sources[found.table] = found.source
    return true
  }

  /// Whether a rule is one of ours by its marks, wanted or not.
  func bearsOurMarks(_ rule: KernelRule) -> Bool {
    rule.kernelProtocol == KernelRoute.babelProtocol && range.contains(rule.table)
  }

  /// Forgets a source prefix.
  mutating func close(_ source: Prefix) {
    guard let table = tables.removeValue(forKey: source) else { return }
    sources[table.number] = nil
  }

  /// Sources whose tables hold nothing any more.
  var idleSources: [Prefix] {
    isCompared ? tables.keys.ordered().filter { tables[$0]?.routes.isEmpty ?? false } : []
  }

  // MARK: Translation

  /// The route as the kernel gets it; nil if its source has no table.
  func physical(_ route: KernelRoute) -> KernelRoute? {
    guard !route.source.isDefault, handles(route.destination.family) else { return route }
    guard let table = tables[route.source] else { return nil }
    var result = route
    result.source = Prefix.any(route.destination.family)
    result.table = table.number
    if route.type == .unreachable { result.metric = Self.unreachableMetric }
    return result
  }

  /// The route as everyone else knows it.
  func logical(_ route: KernelRoute) -> KernelRoute {
    guard let source = sources[route.table], source.family == route.destination.family,
      route.source.isDefault
    else { return route }
    var result = route
    result.source = source
    result.table = exportTable
    if route.type == .unreachable, route.metric == Self.unreachableMetric {
      result.metric = ForeignRoutes.Places.unreachableMetric
    }
    return result
  }

  /// Whether a route, as the kernel tells it, is one of our exceptions.
  func isException(_ route: KernelRoute) -> Bool {
    route.type == .throw && route.kernelProtocol == KernelRoute.babelProtocol
      && sources[route.table] != nil
  }

  // MARK: Exceptions

  /// Notes that an entry comes or goes. Returns what is to be done before and after.
  mutating func note(
    _ key: ForwardingKey, exists: Bool
  ) -> (before: [RouteStep], after: [RouteStep]) {
    let destination = key.destination
    guard handles(destination.family), key.table == exportTable else { return ([], []) }
    if key.source.isDefault {
      let isNew = exists ? plain.insert(destination).inserted : plain.remove(destination) != nil
      guard isNew else { return ([], []) }
      let steps = review(destination)
      return exists ? ([], steps) : (steps, [])
    }
    guard tables[key.source] != nil else { return ([], []) }
    let isNew =
      exists
      ? tables[key.source]?.routes.insert(destination).inserted ?? false
      : tables[key.source]?.routes.remove(destination) != nil
    guard isNew else { return ([], []) }
    // In its own table other destinations are concerned, in those of longer sources this one.
    let steps = review(inside: destination, from: key.source) + review(destination)
    return exists ? (steps, []) : ([], steps)
  }

  /// Somebody else's route to a destination came. Those that went are found by the next reading.
  /// See ``replaceAll(foreign:wanted:exceptions:)``.
  mutating func noteForeign(_ route: KernelRoute) -> [RouteStep] {
    guard handles(route.destination.family), isLookedUpLater(route) else { return [] }
    if isComparing { heard.insert(route.destination) }
    guard foreign.insert(route.destination).inserted else { return [] }
    return review(route.destination)
  }

  /// Whether packets that find nothing in our tables may use a route of somebody else.
  func isLookedUpLater(_ route: KernelRoute) -> Bool {
    route.source.isDefault && (route.table == KernelRoute.mainTable || route.table == exportTable)
  }

  /// Whether somebody else's route to a destination counts when exceptions are made. When it goes,
  /// a reading must tell whether another one is left.
  func knowsForeign(_ destination: Prefix) -> Bool { foreign.contains(destination) }

  /// The kernel's tables are read from now on, up to ``replaceAll(foreign:wanted:exceptions:)``.
  mutating func beginComparison() {
    isComparing = true
    heard = []
    changed = [:]
  }

  /// Begins anew with what is there: destinations of others, pairs of ours that are wanted, and
  /// exceptions that were found by table. Returns what makes the exceptions right.
  mutating func replaceAll(
    foreign others: Set<Prefix>, wanted: [ForwardingKey], exceptions found: [UInt32: Set<Prefix>]
  ) -> [RouteStep] {
    isCompared = true
    isComparing = false
    foreign = others.union(heard)
    plain = []
    for source in Array(tables.keys) {
      tables[source]?.routes = []
      guard let number = tables[source]?.number else { continue }
      var exceptions = found[number] ?? []
      for destination in changed[number] ?? [] {
        if tables[source]?.exceptions.contains(destination) == true {
          exceptions.insert(destination)
        } else {
          exceptions.remove(destination)
        }
      }
      tables[source]?.exceptions = exceptions
    }
    for key in wanted where key.table == exportTable {
      if key.source.isDefault {
        plain.insert(key.destination)
      } else {
        tables[key.source]?.routes.insert(key.destination)
      }
    }
    var steps: [RouteStep] = []
    for source in tables.keys.ordered() {
      for destination in candidates(source).ordered() { steps += review(destination, in: source) }
    }
    return steps
  }

  /// All exceptions go, and with them every table's routes: the end. Returns the steps.
  mutating func dissolve() -> [RouteStep] {
    var steps: [RouteStep] = []
    plain = []
    foreign = []
    for source in tables.keys.ordered() {
      tables[source]?.routes = []
      for destination in (tables[source]?.exceptions ?? []).ordered() {
        steps += review(destination, in: source)
      }
    }
    isCompared = true
    return steps
  }

  /// Everything that may need an exception in a table, or has one.
  private func candidates(_ source: Prefix) -> Set<Prefix> {
    var all = plain.union(foreign)
    for (other, table) in tables where other != source && other.contains(source) {
      all.formUnion(table.routes)
    }
    all = all.filter { $0.family == source.family }
    return all.union(tables[source]?.exceptions ?? [])
  }

  /// A destination came or went in some table: reviews the exception for it in all of them.
  private mutating func review(_ destination: Prefix) -> [RouteStep] {
    var steps: [RouteStep] = []
    for source in tables.keys.ordered() where source.family == destination.family {
      steps += review(destination, in: source)
    }
    return steps
  }

  /// A route of a table came or went: reviews the exceptions inside its destination.
  private mutating func review(inside destination: Prefix, from source: Prefix) -> [RouteStep] {
    var steps: [RouteStep] = []
    for other in candidates(source).ordered() where destination.contains(other) {
      steps += review(other, in: source)
    }
    return steps
  }

  /// Makes one exception right.
  private mutating func review(_ destination: Prefix, in source: Prefix) -> [RouteStep] {
    guard let table = tables[source] else { return [] }
    let isNeeded = isElsewhere(destination, than: source) && table.covers(destination)
    guard isNeeded != table.exceptions.contains(destination) else { return [] }
    if isComparing { changed[table.number, default: []].insert(destination) }
    if isNeeded {
      tables[source]?.exceptions.insert(destination)
    } else {
      tables[source]?.exceptions.remove(destination)
    }
    return [
      RouteStep(
        change: isNeeded ? .add : .delete,
        route: KernelRoute(
          destination: destination, table: table.number, metric: Self.exceptionMetric,
          type: .throw))
    ]
  }

  /// Whether a lookup that goes on behind a table may find a destination.
  private func isElsewhere(_ destination: Prefix, than source: Prefix) -> Bool {
    if plain.contains(destination) || foreign.contains(destination) { return true }
    return tables.contains {
      $0.key != source && $0.key.contains(source) && $0.value.routes.contains(destination)
    }
  }
}
