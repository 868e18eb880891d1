import BabelKernel

/// What it means that the kernel refused a change of an entry which the node still wants.
enum RefusalVerdict: Equatable {
  /// What is wanted is there all the same.
  case fulfilled
  /// There was nothing to replace: the route is to be added.
  case addInstead
  /// Nobody is known to be at the place, and the tables were not read lately: they will tell.
  case readTables
  /// The route cannot be used. `mayPass`: the reason is one that goes away by itself, so the
  /// kernel is asked again after a while.
  case unusable(mayPass: Bool)

  /// Judges a refusal.
  ///
  /// - Parameters:
  ///   - change: What was asked for.
  ///   - errno: The kernel's error number.
  ///   - occupancy: Who is known to be at the place.
  ///   - isFirst: Whether nothing was looked up since the wish came up. False after the tables
  ///     were read: then a place that is taken, but not by somebody else, is taken by us. A dump
  ///     of IPv6 routes leaves entries out when others are removed while it goes on. So that an
  ///     entry was not seen proves nothing, but that the kernel refuses a second one proves that
  ///     it is there.
  static func judge(
    _ change: RouteChange, _ errno: Int32, _ occupancy: PlaceOccupancy, isFirst: Bool
  ) -> RefusalVerdict {
    if change == .replace, errno == ErrorNumber.noEntry || errno == ErrorNumber.noSuchProcess {
      return .addInstead
    }
    guard change != .replace, errno == ErrorNumber.exists else {
      return .unusable(mayPass: mayPass(errno))
    }
    switch occupancy {
    case .free: return isFirst ? .readTables : .fulfilled
    case .serving: return .fulfilled
    case .blocked: return .unusable(mayPass: false)
    }
  }

  /// Whether a reason goes away without our hearing of it: memory comes back, a link or an
  /// address is just coming. What the kernel cannot do at all, or what we may not do, stays.
  static func mayPass(_ errno: Int32) -> Bool {
    switch errno {
    case ErrorNumber.notPermitted, ErrorNumber.accessDenied, ErrorNumber.notSupported,
      ErrorNumber.functionNotImplemented, ErrorNumber.exists:
      false
    default: true
    }
  }
}
