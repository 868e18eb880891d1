import BabelWire

// Before editing, read RFC 8966 §3.7 and Appendix C.

extension BabelNode {
  /// A kernel route or local address appeared.
  public mutating func kernelOfferAdded(
    _ offer: KernelOffer, at now: Instant, into buffer: inout ActionBuffer
  ) {
    guard !hasShutDown, !offers.confirm(offer) else { return }
    if let number = filters.redistribute.firstMatch(offer.subject) {
      ruleCounts.count(number, of: .redistribute)
    }
    guard let (metric, source) = accepted(offer) else { return }
    guard offers.count < parameters.originatedLimit else {
      counters.countFull(.originatedPrefixes)
      return
    }
    guard let row = table.findOrInsert(offer.destination, source) else { return }
    let wasOwnAddress = offers.isOwnAddress(offer.destination)
    offers.insert(offer, destination: row, metric: metric)
    originationChanged(row, now, &buffer)
    reselectAddress(offer.destination, ifNot: wasOwnAddress, now, &buffer)
  }

  /// A kernel route or local address went away. Returns false if it is not known while others
  /// are offered for the same prefix: then one of those may be meant.
  @discardableResult
  public mutating func kernelOfferRemoved(
    _ offer: KernelOffer, at now: Instant, into buffer: inout ActionBuffer
  ) -> Bool {
    guard !hasShutDown else { return true }
    let wasOwnAddress = offers.isOwnAddress(offer.destination)
    guard let row = offers.remove(offer) else {
      return table.find(offer.destination, offer.source).map { !offers.hasOffers($0) } ?? true
    }
    originationChanged(row, now, &buffer)
    reselectAddress(offer.destination, ifNot: wasOwnAddress, now, &buffer)
    return true
  }

  /// An address became our own, or is no longer: routes to it are judged anew, whatever their
  /// source prefixes are.
  private mutating func reselectAddress(
    _ address: Prefix, ifNot wasOwn: Bool, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard offers.isOwnAddress(address) != wasOwn else { return }
    for row in table.rows(of: address) { reselect(row, now, &buffer) }
  }

  /// A list of all offers follows. Those that are not named in it are to be found in
  /// ``unconfirmedOffers()`` at its end: whoever made the list knows whether they are gone, and
  /// tells with ``kernelOfferRemoved(_:at:into:)``.
  public mutating func kernelSnapshotBegins() { offers.beginSnapshot() }

  /// The offers that were not named since ``kernelSnapshotBegins()``.
  public func unconfirmedOffers() -> [KernelOffer] { offers.unconfirmed() }

  /// Whether an offer is known but was not named since ``kernelSnapshotBegins()``.
  public func isUnconfirmed(_ offer: KernelOffer) -> Bool { offers.isUnconfirmed(offer) }

  /// Runs a `redistribute` chain; the metric is infinity when the offer is denied. A `src-prefix`
  /// action changes the source prefix.
  private func redistributed(
    _ offer: KernelOffer, by chain: FilterChain
  ) -> (metric: Metric, source: Prefix) {
    guard let number = chain.firstMatch(offer.subject) else { return (.infinity, offer.source) }
    let rule = chain.rules[number]
    return (rule.metric, rule.sourcePrefix ?? offer.source)
  }

  /// The metric and source prefix that the `redistribute` chain gives an offer; nil if it is not
  /// stored.
  private func accepted(_ offer: KernelOffer) -> (metric: Metric, source: Prefix)? {
    if offer.destination.isMartian { return nil }
    let (metric, source) = redistributed(offer, by: filters.redistribute)
    // Denied routes are not stored; addresses are, because routes to them are refused.
    guard !metric.isInfinite || offer.kernelProtocol == nil else { return nil }
    // A source prefix of the other family cannot be announced.
    guard source.isDefault || source.family == offer.destination.family else { return nil }
    guard !metric.isInfinite else { return (metric, source) }
    return (offers.metric(metric, throughGatewaysOf: offer), source)
  }

  /// Replaces the gateways that redistributed routes depend on, or what is known of them.
  public mutating func setGateways(
    _ rules: [GatewayRule], at now: Instant, into buffer: inout ActionBuffer
  ) {
    guard !hasShutDown else { return }
    var changed: [DestinationRow] = []
    for offer in offers.setGateways(rules) { changed += judgeAgain(offer) }
    for row in changed where table.isLive(row) { originationChanged(row, now, &buffer) }
  }

  /// How many kernel routes that the rules redistribute depend on a gateway.
  public func routeCount(of rule: GatewayRule) -> Int {
    offers.all.filter { rule.matches($0) }.count
  }

  /// Replaces the `redistribute` chain and judges again what is offered: all of it, before anything
  /// is told, as several offers may stand behind one prefix. Kernel routes that the
  /// former chain denied are not known here: the caller reads the tables again.
  public mutating func setRedistribution(
    _ chain: FilterChain, at now: Instant, into buffer: inout ActionBuffer
  ) {
    guard !hasShutDown, chain != filters.redistribute else { return }
    var chain = chain
    chain.prepare()
    var after = filters
    after.redistribute = chain
    ruleCounts = ruleCounts.continued(filters, after)
    let before = filters.redistribute
    filters.redistribute = chain
    guard !chain.saysTheSame(as: before) else { return }
    var changed: [DestinationRow] = []
    for offer in offers.all
    where redistributed(offer, by: before) != redistributed(offer, by: chain) {
      changed += judgeAgain(offer)
    }
    for row in changed where table.isLive(row) { originationChanged(row, now, &buffer) }
  }

  /// Gives a known offer the metric that it has now. Returns the destinations that this concerns,
  /// which may be gone already.
  private mutating func judgeAgain(_ offer: KernelOffer) -> [DestinationRow] {
    var changed = offers.destination(of: offer).map { [$0] } ?? []
    // The row of a destination that nobody announces may have been forgotten.
    if let (metric, source) = accepted(offer),
      let row = table.findOrInsert(offer.destination, source)
    {
      offers.change(offer, destination: row, metric: metric)
      changed.append(row)
    } else {
      _ = offers.remove(offer)
    }
    return changed
  }

  @inline(never)
  private mutating func originationChanged(
    _ row: DestinationRow, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let was = table.destinations[row].flags.contains(.originated)
    if let metric = offers.metric(row) {
      let former = table.originatedMetric(row)
      table.originate(row, metric)
      if !was {
        reportOriginated(.add, row, &buffer)
      } else if metric != former {
        reportOriginated(.change, row, &buffer)
      }
    } else if was {
      reportOriginated(.flush, row, &buffer)
      table.originate(row, nil)
    }
    reselect(row, now, &buffer)
  }

  // MARK: Reading

  /// Redistributed prefixes in babeld's order, see ``OriginatedKey``.
  public func originatedPrefixes() -> [OriginatedStatus] {
    var result: [OriginatedStatus] = []
    for row in table.destinations.indexes
    where table.isLive(row) && table.destinations[row].flags.contains(.originated) {
      result.append(originatedStatus(row))
    }
    return result.ordered { OriginatedKey($0) < OriginatedKey($1) }
  }

  private func originatedStatus(_ row: DestinationRow) -> OriginatedStatus {
    OriginatedStatus(
      destination: table.destinations[row].prefix, source: table.sourcePrefix(row),
      metric: table.originatedMetric(row))
  }

  private func reportOriginated(
    _ event: TableEvent, _ row: DestinationRow, _ buffer: inout ActionBuffer
  ) {
    buffer.actions.append(.notify(.originated(event, originatedStatus(row))))
  }
}
