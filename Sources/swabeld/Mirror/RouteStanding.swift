import BabelKernel

/// How a route that the kernel has, or had, stands to what the node wants. This is the one place
/// where the two are compared.
enum RouteStanding: Equatable {
  /// It is the route that the node wants.
  case wanted(KernelRoute)
  /// The node wants a route at this place that leads elsewhere, or was made by us and not by
  /// somebody else.
  case otherWanted(KernelRoute)
  /// The node wants nothing at this place. It may want a route for the same prefix at another one.
  case unwanted

  /// Compares a route with the one that the node wants for the same prefix; nil if it wants none.
  init(_ route: KernelRoute, wanted: KernelRoute?) {
    guard let wanted, wanted.key == route.key else {
      self = .unwanted
      return
    }
    self = wanted.forwardsLike(route) ? .wanted(wanted) : .otherWanted(wanted)
  }

  /// What the node wants at this place; nil if it wants nothing there.
  var wantedHere: KernelRoute? {
    switch self {
    case .wanted(let route), .otherWanted(let route): route
    case .unwanted: nil
    }
  }
}

extension ForwardingLedger {
  /// What somebody else did at a place.
  enum PlaceChange {
    /// Added a route, beside those that may be there.
    case added
    /// Put a route where another one was, perhaps one of ours.
    case replaced
    /// Removed a route.
    case removed
  }

  /// What a refusal calls for.
  enum Sequel: Equatable {
    /// Nothing besides the orders.
    case nothing
    /// The tables are to be read at once.
    case reading
    /// They are to be read in a while: a route of ours may be left that should not be there.
    case laterReading
  }
}
