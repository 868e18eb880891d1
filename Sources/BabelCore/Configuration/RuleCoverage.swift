import BabelWire

// What can be said about filter rules without a packet: which can never match.

extension FilterRule {
  /// Lengths of prefixes this rule can match, in the terms of ``Prefix/mappedLength``.
  var matchedLengths: LengthRange {
    Self.lengths(destinationLength, inside: destination, of: family)
  }

  /// Lengths of source prefixes this rule can match, likewise. The source of an IPv4 route has
  /// mapped length 96 at least.
  var matchedSourceLengths: LengthRange {
    Self.lengths(sourceLength, inside: source, of: family)
  }

  private static func lengths(
    _ range: LengthRange, inside prefix: Prefix?, of family: AddressFamily?
  ) -> LengthRange {
    let least = family == .ipv4 ? 96 : 0
    return LengthRange(
      atLeast: max(range.atLeast, Int(prefix?.mappedLength ?? 0), least),
      atMost: min(range.atMost, 128))
  }

  /// Why no prefix can match; nil if one can. `hasIPv4Sources`: source-specific IPv4 routes are not
  /// ignored.
  func contradiction(hasIPv4Sources: Bool) -> String? {
    if matchedLengths.isEmpty {
      return destination == nil
        ? "no prefix has such a length"
        : "no prefix inside \"ip\" has such a length"
    }
    if matchedSourceLengths.isEmpty {
      return "no source prefix has such a length"
    }
    switch origin {
    case .local:
      if matchedLengths.atMost < 128 {
        return "local addresses are announced as /32 and /128"
      }
    case .kernelProtocol(42): return "routes of protocol 42, Babel's own, are not redistributed"
    case .kernelProtocol, .unspecified, .any, nil: break
    }
    if family == .ipv4, matchedSourceLengths.atLeast > 96 {
      if origin != nil { return "the kernel has no source-specific IPv4 routes" }
      if !hasIPv4Sources { return "there are no source-specific IPv4 routes without source-tables" }
    }
    if let destination, destination.isMartian {
      return "\(destination) is never routed: link-local, multicast or loopback"
    }
    return nil
  }

  /// Whether every subject that `other` matches is matched by this rule, too.
  func covers(_ other: FilterRule) -> Bool {
    if let family, family != other.family { return false }
    guard
      Self.covers(destination, destinationSet, other.destination, other.destinationSet),
      Self.covers(source, sourceSet, other.source, other.sourceSet)
    else { return false }
    guard destinationLength == .any || destinationLength.includes(other.matchedLengths),
      sourceLength == .any || sourceLength.includes(other.matchedSourceLengths)
    else { return false }
    if let neighbour, neighbour != other.neighbour { return false }
    if let routerID, routerID != other.routerID { return false }
    if let interface, interface != other.interface { return false }
    if let interfacePattern, interfacePattern != other.interfacePattern {
      guard let name = other.interface, interfacePattern.matches(name) else { return false }
    }
    switch (origin, other.origin) {
    case (nil, _), (.any, _): return true
    case (.unspecified, .kernelProtocol(let number)): return number != 3
    case (let own, let others): return own == others
    }
  }
}

extension FilterRule {
  /// Whether a prefix or a set leaves out nothing that others take.
  private static func covers(
    _ prefix: Prefix?, _ set: PrefixSet?, _ others: Prefix?, _ othersSet: PrefixSet?
  ) -> Bool {
    if let set { return set == othersSet }
    guard let prefix else { return true }
    if let othersSet { return othersSet.isInside(prefix) }
    return others.map { prefix.contains($0) } ?? false
  }
}

extension LengthRange {
  fileprivate func includes(_ other: LengthRange) -> Bool {
    atLeast <= other.atLeast && atMost >= other.atMost
  }
}
