import BabelWire

// Before editing, read RFC 8966 §3.4.3 and Appendix A.2.

/// Link cost computation; pure functions.
enum LinkCost {
  /// Hellos the expected transmission count looks at.
  static let etxWindow: UInt32 = 6

  /// The cost of receiving from a neighbour.
  static func rxcost(
    multicast: HelloHistory, unicast: HelloHistory, nominal: Metric, sensing: LinkSensing
  ) -> Metric {
    switch sensing {
    case .twoOutOfThree:
      return multicast.twoOfThree || unicast.twoOfThree ? nominal : .infinity
    case .etx:
      // beta = received / window; rxcost = nominal / beta.
      let received = UInt32((multicast.bits >> UInt16(16 - etxWindow)).nonzeroBitCount)
      guard received > 0, !nominal.isInfinite else { return .infinity }
      return Metric(saturating: UInt32(nominal.rawValue) * etxWindow / received)
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
