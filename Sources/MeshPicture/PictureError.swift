/// Why something cannot be drawn, in words for an operator.
public struct PictureError: Error, Equatable, CustomStringConvertible {
  /// The reason.
  public let description: String

  /// An error with a reason.
  public init(_ description: String) { self.description = description }
}
