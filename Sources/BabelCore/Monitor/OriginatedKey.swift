import BabelWire

/// The place of a redistributed prefix in babeld's order: by 16-octet length, address, source
/// length, source address.
public struct OriginatedKey: Hashable, Comparable {
  private let destination: Prefix
  private let source: Prefix

  /// The place of a prefix.
  public init(_ status: OriginatedStatus) {
    destination = status.destination
    source = status.source
  }

  /// Whether `a` comes before `b`.
  public static func < (a: OriginatedKey, b: OriginatedKey) -> Bool {
    if a.destination.mappedLength != b.destination.mappedLength {
      return a.destination.mappedLength < b.destination.mappedLength
    }
    if a.destination.address != b.destination.address {
      return a.destination.address < b.destination.address
    }
    if a.source.mappedLength != b.source.mappedLength {
      return a.source.mappedLength < b.source.mappedLength
    }
    return a.source.address < b.source.address
  }
}
