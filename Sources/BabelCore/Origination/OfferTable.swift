import BabelWire

/// What the kernel offers for redistribution (RFC 8966 §3.7): several offers may stand behind
/// one announced prefix, which goes away with the last of them.
struct OfferTable {
  struct Row {
    let offer: KernelOffer
    let destination: DestinationRow
    /// Metric the redistribute filter gave; infinity for a local address that is not announced.
    var metric: Metric
    var generation: UInt32
    var next: RowIndex<Row>
  }

  private(set) var rows = ChunkedTable<Row>()
  private var numbers: [KernelOffer: RowIndex<Row>] = [:]
  private var heads: [DestinationRow: RowIndex<Row>] = [:]
  private var localAddresses: [IPAddress: Int] = [:]
  private var generation: UInt32 = 0
  /// The gateways that routes depend on.
  private(set) var gateways: [GatewayRule] = []

  var count: Int { rows.count }

  /// Marks a known offer as still there; false if it is not known.
  mutating func confirm(_ offer: KernelOffer) -> Bool {
    guard let number = numbers[offer] else { return false }
    rows[number].generation = generation
    return true
  }

  mutating func insert(_ offer: KernelOffer, destination: DestinationRow, metric: Metric) {
    let number = rows.insert(
      Row(
        offer: offer, destination: destination, metric: metric, generation: generation,
        next: heads[destination] ?? .none))
    heads[destination] = number
    numbers[offer] = number
    if let address = Self.localAddress(offer) { localAddresses[address, default: 0] += 1 }
  }

  /// Removes an offer; returns its destination, nil if it is not known.
  mutating func remove(_ offer: KernelOffer) -> DestinationRow? {
    guard let number = numbers.removeValue(forKey: offer) else { return nil }
    let row = rows[number]
    if heads[row.destination] == number {
      heads[row.destination] = row.next == .none ? nil : row.next
    } else {
      var other = heads[row.destination] ?? .none
      while other != .none, rows[other].next != number { other = rows[other].next }
      if other != .none { rows[other].next = row.next }
    }
    if let address = Self.localAddress(offer), let references = localAddresses[address] {
      localAddresses[address] = references > 1 ? references - 1 : nil
    }
    rows.remove(number)
    return row.destination
  }

  /// The destination that an offer was entered for; nil if it is not known.
  func destination(of offer: KernelOffer) -> DestinationRow? {
    numbers[offer].map { rows[$0].destination }
  }

  /// Gives a known offer another metric, or enters it for another destination. Whether it was
  /// confirmed stays as it was.
  mutating func change(_ offer: KernelOffer, destination: DestinationRow, metric: Metric) {
    guard let former = numbers[offer] else { return }
    guard rows[former].destination != destination else {
      rows[former].metric = metric
      return
    }
    let generation = rows[former].generation
    _ = remove(offer)
    insert(offer, destination: destination, metric: metric)
    if let number = numbers[offer] { rows[number].generation = generation }
  }

  /// The metric of a known offer.
  func metric(of offer: KernelOffer) -> Metric? { numbers[offer].map { rows[$0].metric } }

  /// Replaces the gateways. Returns the known offers that depend on them otherwise than before.
  mutating func setGateways(_ rules: [GatewayRule]) -> [KernelOffer] {
    guard rules != gateways else { return [] }
    let before = gateways
    gateways = rules
    return all.filter { offer in
      let former = before.filter { $0.matches(offer) }.map { $0.effect }
      return former != rules.filter { $0.matches(offer) }.map { $0.effect }
    }
  }

  /// The metric of an offer that has one by the rules, as the gateways have it. Those that are not
  /// known to work leave what is announced already as it is.
  func metric(_ metric: Metric, throughGatewaysOf offer: KernelOffer) -> Metric {
    var sum = metric
    var isPending = false
    for rule in gateways where rule.matches(offer) {
      switch rule.effect {
      case .none: break
      case .pending: isPending = true
      case .penalty(let penalty):
        // A penalty alone never withdraws.
        let most = UInt32(Metric.infinity.rawValue) - 1
        sum = Metric(UInt16(min(UInt32(sum.rawValue) + UInt32(penalty.rawValue), most)))
      case .withdrawn: return .infinity
      }
    }
    return isPending ? self.metric(of: offer) ?? .infinity : sum
  }

  /// The least metric offered for a destination; nil when nothing is announced.
  func metric(_ destination: DestinationRow) -> Metric? {
    var best = Metric.infinity
    var row = heads[destination] ?? .none
    while row != .none {
      best = min(best, rows[row].metric)
      row = rows[row].next
    }
    return best.isInfinite ? nil : best
  }

  /// Whether any offer, announced or not, hangs on the destination.
  func hasOffers(_ destination: DestinationRow) -> Bool { heads[destination] != nil }

  /// Whether the prefix is one of our own addresses.
  func isOwnAddress(_ prefix: Prefix) -> Bool {
    prefix.mappedLength == 128 && localAddresses[prefix.address] != nil
  }

  mutating func beginSnapshot() { generation &+= 1 }

  /// Whether an offer is known and was not confirmed since ``beginSnapshot()``.
  func isUnconfirmed(_ offer: KernelOffer) -> Bool {
    numbers[offer].map { rows[$0].generation != generation } ?? false
  }

  /// All offers.
  var all: [KernelOffer] {
    var result: [KernelOffer] = []
    for number in rows.indexes where numbers[rows[number].offer] == number {
      result.append(rows[number].offer)
    }
    return result
  }

  /// Offers that were not confirmed since ``beginSnapshot()``.
  func unconfirmed() -> [KernelOffer] {
    var result: [KernelOffer] = []
    for number in rows.indexes
    where rows[number].generation != generation && numbers[rows[number].offer] == number {
      result.append(rows[number].offer)
    }
    return result
  }

  private static func localAddress(_ offer: KernelOffer) -> IPAddress? {
    offer.kernelProtocol == nil && offer.destination.mappedLength == 128
      ? offer.destination.address : nil
  }
}
