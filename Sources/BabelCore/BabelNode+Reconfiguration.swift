import BabelWire

// What follows when the operator changes filters or parameters of a running node.

extension BabelNode {
  /// Takes over filters, and the parameters that may change while the node runs. Neighbours are
  /// told only what becomes different for them, and the kernel is asked only for what changes.
  ///
  /// Router-id, seqno, seed, port and what the kernel can do stay as they are, whatever `new`
  /// says. A lower limit removes nothing that is there. Kernel routes that the former
  /// `redistribute` chain denied are not known here: the caller reads the tables again.
  public mutating func reconfigure(
    _ new: NodeParameters, _ filters: FilterSet, at now: Instant, into buffer: inout ActionBuffer
  ) {
    guard !hasShutDown else { return }
    let filters = filters.prepared()
    // The chain of what is redistributed is replaced last.
    var others = filters
    others.redistribute = self.filters.redistribute
    ruleCounts = ruleCounts.continued(self.filters, others)
    changeForwarding(new, filters.install, now, &buffer)
    changeSelection(new)
    let isRaised = raisesLimits(new)
    takeLimits(of: new)
    setPricing(new.pricing, at: now)
    judgeRoutes(by: filters.input, now, &buffer)
    if isRaised { askNeighboursForEverything(now) }
    setOutputFilter(filters.output, now)
    setRedistribution(filters.redistribute, at: now, into: &buffer)
  }

  /// Entries of the kernel get another table, metric or source address. Each change names what was
  /// asked for by the former rules, so what they say of all rows is noted first.
  private mutating func changeForwarding(
    _ new: NodeParameters, _ install: FilterChain, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard
      !install.saysTheSame(as: filters.install) || new.exportTable != parameters.exportTable
        || new.kernelPriority != parameters.kernelPriority
        || new.reflectsKernelMetric != parameters.reflectsKernelMetric
    else {
      // Its rules may have moved in the file.
      filters.install = install
      return
    }
    let formers = formerForwarding()
    let refused = refusedRoutes()
    parameters.exportTable = new.exportTable
    parameters.kernelPriority = new.kernelPriority
    parameters.reflectsKernelMetric = new.reflectsKernelMetric
    setInstallFilter(install)
    allowInstallation(ofThoseThatDiffer: refused)
    var next = 0
    for row in table.destinations.indexes where table.isLive(row) {
      while next < formers.count, formers[next].row < row { next += 1 }
      if next < formers.count, formers[next].row == row {
        reselect(row, replacing: formers[next], now, &buffer)
      } else {
        // What was denied may be allowed now.
        reselect(row, now, &buffer)
      }
    }
  }

  private mutating func changeSelection(_ new: NodeParameters) {
    parameters.smoothingHalfLife = new.smoothingHalfLife
    parameters.copyLimit = new.copyLimit
    parameters.neighbourLoss = new.neighbourLoss
    guard
      new.switchMargin != parameters.switchMargin || new.switchDwell != parameters.switchDwell
        || new.allowDuplicates != parameters.allowDuplicates
    else { return }
    parameters.switchMargin = new.switchMargin
    parameters.switchDwell = new.switchDwell
    parameters.allowDuplicates = new.allowDuplicates
    judgeAllRoutes()
  }

  /// Whether something may be taken over now for which there was no room.
  private func raisesLimits(_ new: NodeParameters) -> Bool {
    new.routeLimit > parameters.routeLimit
      || new.neighbourRouteLimit > parameters.neighbourRouteLimit
      || new.sourceLimit > parameters.sourceLimit
  }

  private mutating func takeLimits(of new: NodeParameters) {
    parameters.interfaceLimit = new.interfaceLimit
    parameters.neighbourLimit = new.neighbourLimit
    parameters.routeLimit = new.routeLimit
    parameters.neighbourRouteLimit = new.neighbourRouteLimit
    parameters.deniedRouteLimit = new.deniedRouteLimit
    parameters.sourceLimit = new.sourceLimit
    parameters.originatedLimit = new.originatedLimit
    parameters.requestLimit = new.requestLimit
  }

  /// Replaces the `in` chain and judges all routes by it, also those that it denied so far. If
  /// some were not kept, neighbours are asked for all they have.
  private mutating func judgeRoutes(
    by chain: FilterChain, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let former = filters.input
    filters.input = chain
    guard !chain.saysTheSame(as: former) else { return }
    for number in routesByDestination() {
      if let change = refilter(number, by: chain, now) { follow(change, now, &buffer) }
    }
    if table.takeLack() { askNeighboursForEverything(now) }
  }

  private func routesByDestination() -> [RouteRow] {
    var numbers: [RouteRow] = []
    numbers.reserveCapacity(table.routes.count)
    for row in table.destinations.indexes where table.isLive(row) {
      var walk = table.routes(of: row)
      while let number = walk.next(in: table) { numbers.append(number) }
    }
    return numbers
  }

  private mutating func askNeighboursForEverything(_ now: Instant) {
    for interface in links.order {
      for id in self.interface(interface)?.neighbours ?? [] {
        let due = now + urgentDelay(on: interface)
        neighbours.enqueue(.wildcardRequest, to: id, by: due)
        neighbours.schedule(id)
      }
    }
  }
}

extension BabelNode {
  /// A node in the same state: for finding out what a change would lead to. Both may be used on.
  public init(copying other: borrowing BabelNode) {
    parameters = other.parameters
    usesPrices = other.usesPrices
    filters = other.filters
    ruleCounts = other.ruleCounts
    jitter = other.jitter
    ownRouter = other.ownRouter
    reportsRoutes = other.reportsRoutes
    authentication = other.authentication
    links = other.links
    neighbours = other.neighbours
    counters = other.counters
    table = other.table
    offers = other.offers
    claims = other.claims
    ownSeqno = other.ownSeqno
    requests = other.requests
    announcing = other.announcing
    jobs = other.jobs
    selection = other.selection
    restart = other.restart
    news = other.news
    questions = other.questions
    hasShutDown = other.hasShutDown
  }
}

extension BabelNode {
  /// The rules of a chain in order, each with how often it has decided something: Updates received
  /// (`in`), sent or kept back (`out`), routes and addresses that appeared (`redistribute`),
  /// requests to the kernel (`install`).
  public func rules(of chain: FilterChainName) -> [(rule: FilterRule, count: UInt64)] {
    let counts = ruleCounts[chain]
    return filters[chain].rules.enumerated().map { number, rule in
      (rule, number < counts.count ? counts[number] : 0)
    }
  }

  /// What rules of `in` and `out` denied for the first time, since this was asked last.
  public mutating func takeRuleDenials() -> [RuleDenial] { ruleCounts.takeDenials() }

  /// How often each rule of a chain has decided something, in order: see ``rules(of:)``.
  public func ruleMatches(of chain: FilterChainName) -> [UInt64] {
    let counts = ruleCounts[chain]
    return filters[chain].rules.indices.map { $0 < counts.count ? counts[$0] : 0 }
  }
}

// MARK: - What neighbours are told of it

/// A place in the sequence of what is to be announced, see ``BabelNode/announcements(since:)``.
public struct AnnouncementMark: Sendable {
  let position: LogPosition
}

extension BabelNode {
  /// The place where the next change of an announcement will stand.
  public var announcementMark: AnnouncementMark { AnnouncementMark(position: announcing.end) }

  /// The destinations of which neighbours are told something new since a place, each once, with
  /// source prefix and metric; infinity is a retraction. To be asked before it has been sent.
  public func announcements(
    since mark: AnnouncementMark
  ) -> [(destination: Prefix, source: Prefix, metric: Metric)] {
    var result: [(destination: Prefix, source: Prefix, metric: Metric)] = []
    var position = announcing.firstKnown(from: mark.position)
    while let row = announcing.change(at: position) {
      if table.isLive(row), table.destinations[row].logPosition == position {
        let announcement = announcement(row)
        let isTold = announcement.map { isTellable(row, $0) } ?? false
        result.append(
          (
            table.destinations[row].prefix, table.sourcePrefix(row),
            isTold ? announcement?.metric ?? .infinity : .infinity
          ))
      }
      position = position.advanced(by: 1)
    }
    return result
  }
}
