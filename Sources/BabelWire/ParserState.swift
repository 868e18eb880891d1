// Before editing, read RFC 8966 §4.5.

/// What earlier TLVs of a packet mean for later ones (RFC 8966 §4.5). Each packet starts with a new
/// state.
///
/// The decoder keeps one state; the encoder keeps another, which tells what the receiver will know.
struct ParserState: Equatable, Sendable {
  /// Set by Router-Id TLVs and by the R flag.
  var routerID: RouterID?
  /// Set by Next Hop TLVs with AE 1; at first the packet's source if that is IPv4.
  var nextHopIPv4: IPAddress?
  /// Set by Next Hop TLVs with AE 2 or 3; at first the packet's source if that is IPv6.
  var nextHopIPv6: IPAddress?
  // The default prefixes as full addresses in 16-octet form, bits beyond Plen cleared.
  private var defaultIPv4: IPAddress?
  private var defaultIPv6: IPAddress?
  private var defaultIPv4ViaIPv6: IPAddress?

  /// The state at the start of a packet from `source`; nil if the source is not known.
  init(source: IPAddress?) {
    if let source {
      if source.family == .ipv4 { nextHopIPv4 = source } else { nextHopIPv6 = source }
    }
  }

  /// The default prefix: one per encoding, because RFC 9229 depends on AE 1 and AE 4 being
  /// apart (RFC 8966 §4.5 says "per family" in one sentence and "per encoding" in another).
  func defaultPrefix(_ encoding: AddressEncoding) -> IPAddress? {
    switch encoding {
    case .ipv4: defaultIPv4
    case .ipv6: defaultIPv6
    case .ipv4ViaIPv6: defaultIPv4ViaIPv6
    case .wildcard, .linkLocal: nil
    }
  }

  /// Replaces the default prefix of an encoding that has one.
  mutating func setDefaultPrefix(_ encoding: AddressEncoding, _ address: IPAddress?) {
    switch encoding {
    case .ipv4: defaultIPv4 = address
    case .ipv6: defaultIPv6 = address
    case .ipv4ViaIPv6: defaultIPv4ViaIPv6 = address
    case .wildcard, .linkLocal: break
    }
  }

  /// The next hop for prefixes of an encoding.
  func nextHop(_ encoding: AddressEncoding) -> IPAddress? {
    encoding == .ipv4 ? nextHopIPv4 : nextHopIPv6
  }

  /// Replaces the next hop of the encoding's family (AE 1, 2 and 3 have one).
  mutating func setNextHop(_ encoding: AddressEncoding, _ address: IPAddress?) {
    switch encoding {
    case .ipv4: nextHopIPv4 = address
    case .ipv6, .linkLocal: nextHopIPv6 = address
    case .wildcard, .ipv4ViaIPv6: break
    }
  }
}
