import BabelCore
import BabelWire

/// What a dump shows.
struct DumpScope: Equatable {
  var interfaces = false
  var neighbours = false
  /// Only neighbours that a selected route leads through.
  var onlyRoutable = false
  var originated = false
  var routes = false
  /// Only routes that are installed.
  var onlyInstalled = false

  /// `dump`.
  static let everything = DumpScope(
    interfaces: true, neighbours: true, originated: true, routes: true)
}

/// What is still to be written of a `dump`, or of the dump with which `monitor` begins.
///
/// Interfaces and neighbours are written at once. Redistributed prefixes and routes may be many, so
/// they are written piece by piece while the tables go on changing. A monitor gets an event that
/// happens meanwhile only if the row has been written already. Any other row is written later, as
/// it is then. So the first event of each row is `add`.
struct DumpCursor {
  /// Whether live events follow.
  let isForMonitor: Bool
  private let form: LineForm
  private let onlyInstalled: Bool
  /// Redistributed prefixes in order; nil when gone meanwhile.
  private var originated: [OriginatedStatus?]
  private var keys: [OriginatedKey]
  private var nextOriginated = 0
  private let destinations: [DestinationHandle]
  private var nextDestination = 0
  /// Routes written so far, for a monitor.
  private var written: Set<UInt64> = []

  /// Routes are written in groups of this many destinations.
  private static let group = 64

  /// Begins a dump, and writes interfaces and neighbours.
  init(
    of node: borrowing BabelNode, at now: Instant, _ scope: DumpScope = .everything,
    in form: LineForm = LineForm(), forMonitor: Bool, into output: inout OutputQueue
  ) {
    isForMonitor = forMonitor
    self.form = form
    onlyInstalled = scope.onlyInstalled
    if scope.interfaces {
      for status in node.interfaces() { output.append { form.append(.add, status, to: &$0) } }
    }
    if scope.neighbours {
      let inUse = scope.onlyRoutable ? node.neighboursInUse() : []
      for status in node.neighbours(at: now) where !scope.onlyRoutable || inUse.contains(status.id)
      {
        output.append { form.append(.add, status, to: &$0) }
      }
    }
    let prefixes = scope.originated ? node.originatedPrefixes() : []
    keys = forMonitor ? prefixes.map { OriginatedKey($0) } : []
    originated = prefixes.map { $0 }
    destinations = scope.routes ? node.destinationOrder() : []
  }

  /// Writes until `output` holds enough for now. Returns true when all is written.
  mutating func feed(
    _ output: inout OutputQueue, from node: borrowing BabelNode, at now: Instant
  ) -> Bool {
    while nextOriginated < originated.count {
      if output.count >= OutputQueue.comfortable { return false }
      if let status = originated[nextOriginated] {
        output.append { form.append(.add, status, to: &$0) }
      }
      nextOriginated += 1
    }
    while nextDestination < destinations.count {
      if output.count >= OutputQueue.comfortable { return false }
      let end = min(nextDestination + Self.group, destinations.count)
      for index in nextDestination..<end {
        for status in node.routes(ofDestination: destinations[index], at: now) {
          if onlyInstalled, !status.isInstalled { continue }
          if isForMonitor, !written.insert(status.id).inserted { continue }
          output.append { form.append(.add, status, to: &$0) }
        }
      }
      nextDestination = end
    }
    return true
  }

  /// Whether an event is to be written now. If not, the dump has not come to the row yet, or the
  /// row is gone and was never written.
  mutating func admits(_ notice: Notice) -> Bool {
    switch notice {
    case .route(.add, let status): return written.insert(status.id).inserted
    case .route(.change, let status): return written.contains(status.id)
    case .route(.flush, let status): return written.remove(status.id) != nil
    case .originated(let event, let status):
      guard let index = index(of: OriginatedKey(status)), index >= nextOriginated else {
        return true
      }
      originated[index] = event == .flush ? nil : status
      return false
    case .interface, .neighbour, .packetDropped, .packetUnverified, .senderAuthenticated,
      .tlvIgnored, .neighbourRestarted, .limitReached, .seqnoIncreased, .recovered, .starving,
      .neighbourChanged, .neighbourHealed, .routesChanged:
      return true
    }
  }

  private func index(of key: OriginatedKey) -> Int? {
    var low = 0
    var high = keys.count
    while low < high {
      let middle = (low + high) / 2
      if keys[middle] < key { low = middle + 1 } else { high = middle }
    }
    return low < keys.count && keys[low] == key ? low : nil
  }
}
