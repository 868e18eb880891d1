/// How a node's life begins. RFC 8966 knows only the first way.
public enum Beginning: UInt8, Equatable, Sendable {
  /// Nothing is left of an earlier life, or its end was orderly.
  case clean
  /// An earlier life ended without a goodbye and its source table is lost: neighbours may still
  /// route through us, and we cannot tell which of their routes lead back to us.
  case afterCrash
  /// An earlier life ended on purpose and kept its forwarding; its source table was restored by
  /// ``BabelNode/restoreSource(_:at:)`` and neighbours were told nothing.
  case resumed
}
