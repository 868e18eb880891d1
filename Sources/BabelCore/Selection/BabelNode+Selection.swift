import BabelWire

// Before editing, read RFC 8966 §3.5.1, §3.6 and Appendix A.3.

extension BabelNode {
  /// Why a route cannot be selected, nil if it can.
  private func obstacle(_ number: RouteRow, _ now: Instant) -> RouteReason? {
    let route = table.routes[number]
    let id = table.nextHops[route.nextHop].neighbour
    if route.flags.contains(.expired) { return .expired }
    if route.advertisedMetric.isInfinite || neighbours[id].routes.epoch != route.epoch {
      return .retracted
    }
    if route.isDenied { return .deniedByFilter }
    if neighbours[id].cost.isInfinite { return .linkUnusable }
    if metric(of: number).isInfinite { return .metricInfinite }
    if route.flags.contains(.notInstallable) { return .notInstallable }
    if let rule = installRule(ofRoute: number), filters.install.rules[rule].metric.isInfinite {
      return .notInstallable
    }
    if offers.isOwnAddress(table.destinations[route.destination].prefix) { return .ownAddress }
    if isAwaiting(number, now) { return .awaitingSeqno }
    return isFeasible(number, now) ? nil : .unfeasible
  }

  /// The best route to a destination, ``RowIndex/none`` if there is none (§3.6). Notes on every
  /// route why it is not chosen.
  private mutating func choose(_ row: DestinationRow, _ now: Instant) -> RouteRow {
    let destination = table.destinations[row]
    if destination.flags.contains(.originated), !allowsBesideOwn(row) {
      var walk = table.routes(of: row)
      while let number = walk.next(in: table) {
        table.routes[number].judge(.redistributedHere)
      }
      return .none
    }
    var current = destination.selected
    if destination.flags.contains(.prefersAdopted) {
      switch preference(row, obstacle: { obstacle($0, now) }) {
      case .confirmed(let number): current = number
      case .denied: table.destinations[row].endPreference()
      case .awaited:
        judgeAll(of: row, .awaitingFormer, now)
        return .none
      }
    }
    let keepsCurrent = current != .none && obstacle(current, now) == nil
    let standing = keepsCurrent ? standing(of: current, now) : nil
    var best = keepsCurrent ? current : RouteRow.none
    var bestRank = standing.map { rank(current, $0.metric) } ?? .max
    let betterSince = table.destinations[row].betterSince?.instant(near: now)
    var isSettling = false
    var walk = table.routes(of: row)
    while let number = walk.next(in: table) {
      if let obstacle = obstacle(number, now) {
        table.routes[number].judge(obstacle)
      } else if number != current || !keepsCurrent {
        table.routes[number].judge(.worse)
        let metric = metric(of: number)
        let rank = rank(number, metric)
        if rank < bestRank {
          let verdict =
            standing.map {
              self.verdict(on: number, over: current, $0, for: now - (betterSince ?? now), now)
            } ?? .wins
          switch verdict {
          case .wins: (best, bestRank) = (number, rank)
          case .settles:
            table.routes[number].judge(.settling)
            isSettling = true
          case .isTooClose: table.routes[number].judge(.withinMargin)
          }
        }
      }
    }
    if isSettling { watchSettling(row, now) }
    if !destination.flags.contains(.held) {
      let isWaiting = isSettling && best == current
      let since = isWaiting ? betterSince.map { Tick($0) } ?? Tick(now) : nil
      table.destinations[row].setBetterSince(since)
    }
    if best != .none { table.routes[best].judge(.selected) }
    if best != current, keepsCurrent { table.routes[current].judge(.worse) }
    return best
  }

  /// Notes the same reason on all routes of a destination that could be selected.
  private mutating func judgeAll(of row: DestinationRow, _ reason: RouteReason, _ now: Instant) {
    var walk = table.routes(of: row)
    while let number = walk.next(in: table) {
      table.routes[number].judge(obstacle(number, now) ?? reason)
    }
  }

  private func standing(of number: RouteRow, _ now: Instant) -> MetricStanding {
    let metric = metric(of: number)
    let smoothed = table.routes[number].smoothed.value(
      metric, timeConstant: timeConstant(number), at: now)
    let nextHop = table.nextHops[table.routes[number].nextHop]
    let awaitsRoundTripTime =
      isCostMeasured(number)
      && neighbours[nextHop.neighbour].roundTrip.awaitsSample(at: now)
    return MetricStanding(
      metric: metric, smoothed: smoothed, isFirst: table.routes[number].smoothed.isFirst(metric),
      unchangedTime: table.routes[number].smoothed.unchangedTime(at: now),
      awaitsRoundTripTime: awaitsRoundTripTime)
  }

  /// What is to become of a route that is better than the selected one at the moment. Prices have
  /// no margin: they do not jitter.
  private func verdict(
    on number: RouteRow, over selected: RouteRow, _ standing: MetricStanding, for time: Int64,
    _ now: Instant
  ) -> SwitchRule.Verdict {
    let own = self.standing(of: number, now)
    if usesPrices {
      return rank(number, own.smoothed) < rank(selected, standing.smoothed) ? .wins : .settles
    }
    return switchRule(number, selected).verdict(own, over: standing, for: time)
  }

  /// What a route has to do to replace another one.
  func switchRule(_ number: RouteRow, _ other: RouteRow) -> SwitchRule {
    SwitchRule(
      configuredMargin: parameters.switchMargin,
      configuredDwell: parameters.switchDwell.map { Int64($0) * 1000 },
      isMeasured: isCostMeasured(number) || isCostMeasured(other))
  }

  private func isCostMeasured(_ number: RouteRow) -> Bool {
    links.terms(table.nextHops[table.routes[number].nextHop].interface)?.isCostMeasured ?? false
  }

  /// Whether losses are part of the cost of a route's link.
  func countsLosses(_ number: RouteRow) -> Bool {
    links.terms(table.nextHops[table.routes[number].nextHop].interface)?.isLossMeasured ?? false
  }

  /// Whether packets are taken only from the peer that the route back leads to: then both ends have
  /// to come to the same way, however small the difference is.
  func bindsDirections(_ number: RouteRow) -> Bool {
    interface(table.nextHops[table.routes[number].nextHop].interface)?.parameters
      .keepsWireGuardPeers ?? false
  }

  /// babeld's `allow-duplicates`: a learned route may stand beside a redistributed one.
  private func allowsBesideOwn(_ row: DestinationRow) -> Bool {
    guard let limit = parameters.allowDuplicates else { return false }
    return table.originatedMetric(row).rawValue < limit
  }

  /// A better route has not been better for long enough; look again soon.
  private mutating func watchSettling(_ row: DestinationRow, _ now: Instant) {
    guard !table.destinations[row].flags.contains(.settling) else { return }
    table.destinations[row].setSettling(true)
    selection.settle(row, at: now)
  }

  /// A route has had its time to settle; false if nothing waits for that any more.
  mutating func endSettling(_ row: DestinationRow) -> Bool {
    guard table.isLive(row), table.destinations[row].flags.contains(.settling) else { return false }
    table.destinations[row].setSettling(false)
    return true
  }

  /// Selects the route of a destination anew. What follows from that is done by
  /// ``reselect(_:_:_:)``.
  mutating func select(_ row: DestinationRow, _ now: Instant) -> SelectionChange {
    #if DEBUG
      trace.enter()
    #endif
    let former = table.destinations[row].selected
    let selected = choose(row, now)
    selection.noteJudgement()
    if selected != former {
      table.destinations[row].select(selected)
      table.order.noteChange()
    }
    return SelectionChange(row: row, former: former, selected: selected)
  }
}
