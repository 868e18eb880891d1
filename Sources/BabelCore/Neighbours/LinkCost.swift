import BabelWire

// Before editing, read RFC 8966 §3.4.3 and Appendix A.2.

/// Link cost computation; pure functions.
enum LinkCost {
  /// The cost of receiving from a neighbour. The expected transmission count looks at multicast
  /// Hellos only (A.2.2), unless the neighbour `isListed` as one that multicast does not reach.
  static func rxcost(
    multicast: HelloHistory, unicast: HelloHistory, nominal: Metric, sensing: LinkSensing,
    isListed: Bool = false
  ) -> Metric {
    switch sensing {
    case .twoOutOfThree:
      // Unscheduled Hellos beside scheduled ones say nothing: their history never times out.
      let isScheduled = multicast.isScheduled || unicast.isScheduled
      // Where quick Hellos pass and no multicast does, Updates are missed.
      let unicastSuffices =
        unicast.isQuick(beside: multicast)
        ? unicast.fourOfSixteen && multicast.oneOfEight : unicast.twoOfThree
      return multicast.twoOfThree && (multicast.isScheduled || !isScheduled)
        || unicastSuffices && (unicast.isScheduled || !isScheduled) ? nominal : .infinity
    case .etx:
      // beta = received / window; rxcost = nominal / beta.
      let history = isListed && multicast.bits == 0 ? unicast : multicast
      let window = ProtocolParameters.etxWindow
      let received = UInt32((history.bits >> UInt16(16 - window)).nonzeroBitCount)
      guard received > 0, !nominal.isInfinite else { return .infinity }
      return Metric(saturating: UInt32(nominal.rawValue) * window / received)
    }
  }

  /// The cost of a link, without penalties; never zero. `nominal` is what receiving without loss
  /// costs here, 256 in A.2.2.
  static func cost(
    rxcost: Metric, txcost: Metric, nominal: Metric, sensing: LinkSensing
  ) -> Metric {
    guard !rxcost.isInfinite, !txcost.isInfinite else { return .infinity }
    switch sensing {
    case .twoOutOfThree:
      return max(txcost, Metric(1))
    case .etx:
      // alpha = min(1, nominal / txcost), cost = nominal / (alpha · beta).
      let unit = max(UInt64(nominal.rawValue), 1)
      let product = max(UInt64(txcost.rawValue), unit) * UInt64(rxcost.rawValue)
      return max(Metric(saturating: UInt32(min(product / unit, 65535))), Metric(1))
    }
  }
}

extension Metric {
  /// A metric from a wider number; whatever reaches 65535 is infinity.
  init(saturating value: UInt32) { self.init(UInt16(min(value, 65535))) }
}

extension Neighbours {
  /// What a new computation of a cost changed.
  struct CostChange {
    /// The cost before.
    let former: Metric
    /// The cost is another one now.
    let isChanged: Bool
    /// We began or ceased to hear the neighbour well enough, or more or less of it is lost.
    let changesHearing: Bool
    /// What was told of the neighbour before, if it is to be told that it is of another use now.
    let formerState: NeighbourUse?
  }
}
