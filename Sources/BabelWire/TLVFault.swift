/// Why a TLV was ignored (RFC 8966 §4.3–4.6; the numbers of the cases mean nothing).
public enum TLVFault: UInt8, Error, Equatable, Sendable, CaseIterable, CustomStringConvertible {
  case tooShort, overrunsBody, unknownType, unknownAE, forbiddenAE, prefixLength, prefixTruncated
  case addressTruncated, omittedTooLarge, omittedWithoutDefault, noRouterID, noNextHop
  case forbiddenRouterID, intervalZero, hopCountZero, finiteWildcard, wildcardLength
  case subTLVOverrun, mandatorySubTLV, sourcePrefixLength, sourcePrefixTruncated
  case sourcePrefixTwice, sourcePrefixOnWildcard, martian, misplaced, duplicate, notUnicast, tooLong

  /// A few words for an operator.
  public var description: String {
    switch self {
    case .tooShort: "too short"
    case .overrunsBody: "overruns the body"
    case .unknownType: "unknown TLV type"
    case .unknownAE: "unknown address encoding"
    case .forbiddenAE: "address encoding not allowed here"
    case .prefixLength: "prefix length out of range"
    case .prefixTruncated: "prefix truncated"
    case .addressTruncated: "address truncated"
    case .omittedTooLarge: "omits more octets than the prefix has"
    case .omittedWithoutDefault: "omits octets without a default prefix"
    case .noRouterID: "no router-id known"
    case .noNextHop: "no next hop of its family"
    case .forbiddenRouterID: "forbidden router-id"
    case .intervalZero: "interval is zero"
    case .hopCountZero: "hop count is zero"
    case .finiteWildcard: "finite metric with a wildcard"
    case .wildcardLength: "wildcard with a length"
    case .subTLVOverrun: "sub-TLV overruns the TLV"
    case .mandatorySubTLV: "unknown mandatory sub-TLV"
    case .sourcePrefixLength: "source prefix length out of range"
    case .sourcePrefixTruncated: "source prefix truncated"
    case .sourcePrefixTwice: "two source prefixes"
    case .sourcePrefixOnWildcard: "source prefix on a wildcard"
    case .martian: "martian prefix"
    case .misplaced: "not allowed in this part of the packet"
    case .duplicate: "only the first one counts"
    case .tooLong: "too long"
    case .notUnicast: "only valid in a unicast packet"
    }
  }
}
