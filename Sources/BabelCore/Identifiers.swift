/// An interface of the node: a small dense number, valid from ``BabelNode/addInterface`` to
/// ``BabelNode/removeInterface``, then reused.
public struct InterfaceID: Hashable, Comparable, Sendable {
  /// Index into the interface table.
  public let rawValue: UInt16

  /// Makes an identifier from an index.
  public init(_ rawValue: UInt16) { self.rawValue = rawValue }

  /// By index.
  public static func < (a: InterfaceID, b: InterfaceID) -> Bool { a.rawValue < b.rawValue }
}
