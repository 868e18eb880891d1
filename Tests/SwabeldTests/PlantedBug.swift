/// A fault planted in what stands between the mirror, the kernel and the node. To each belongs what
/// it makes wrong.
enum PlantedBug: CaseIterable {
  /// That notifications were lost is not told.
  case lostNotification
  /// A reading shows the tables as they were some time before it began.
  case staleReading
  /// A link where another Babel daemon lives is taken for ours alone.
  case wrongOwner
  /// Some refusals of the kernel are not told.
  case forgottenRefusal
  /// Routes that went with their link are not added again.
  case missingReaddition
  /// A route is deleted and another one added where one request could replace it.
  case splitReplacement
  /// An interface that leaves is forgotten before its routes are taken back.
  case forgottenDeparture
  /// Routes that the kernel does not use are read as if it used them.
  case unusedRoute

  /// Whether only broad histories find it.
  var needsBreadth: Bool {
    switch self {
    case .forgottenDeparture, .unusedRoute: true
    case .lostNotification, .staleReading, .wrongOwner, .forgottenRefusal, .missingReaddition,
      .splitReplacement:
      false
    }
  }
}
