import BabelWire

/// What became of a route. Who changed it returns this, and ``BabelNode`` does what follows.
enum RouteChange {
  /// Nothing that anybody has to hear of.
  case none
  /// The neighbour has no route to a destination, and had none that we know of.
  case unknown
  /// It was entered.
  case arrived(RouteRow)
  /// An Update said the same again.
  case repeated(RouteRow)
  /// An Update of the selected route is not feasible, so the route stays as it is.
  case unfeasible(RouteRow)
  /// An Update changed it; with what monitors saw of it, the price that was told, and whether it
  /// could not be used before.
  case changed(RouteRow, from: VisibleRoute?, formerPrice: UInt32?, isNewWay: Bool)
  /// It was retracted, or expired.
  case lost(RouteRow, from: VisibleRoute?)
  /// The cost of the link to its neighbour changed, and with it the metric.
  case costChanged(RouteRow, from: VisibleRoute?, isNewWay: Bool)
  /// It is selected, and expires soon if its neighbour does not repeat it.
  case refreshDue(RouteRow)
  /// Nothing holds it any more: it is to be removed.
  case leaving(RouteRow)
  /// None in particular: all of a neighbour have been looked at.
  case jobDone(NeighbourID)
}

/// What a monitor sees of a route that keeps its place.
struct VisibleRoute: Equatable {
  var metric: Metric
  var advertisedMetric: Metric
  var routerID: RouterRow
  var isSelected: Bool
  var price: UInt32?
}

extension BabelNode {
  /// What a monitor sees of a route now; nil if there is no monitor, or the route is one that the
  /// `in` filter denies: babeld's clients know nothing of such.
  func visible(_ number: RouteRow) -> VisibleRoute? {
    let route = table.routes[number]
    guard reportsRoutes, !route.isDenied else { return nil }
    return VisibleRoute(
      metric: metric(of: number), advertisedMetric: route.advertisedMetric,
      routerID: route.routerID,
      isSelected: table.destinations[route.destination].selected == number,
      price: table.attributes[number]?.price)
  }
}
