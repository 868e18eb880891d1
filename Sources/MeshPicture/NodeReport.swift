/// What one node says of itself, from whatever of it was read: neighbours by where they are, and
/// routes. It becomes a ``Sighting`` when all is read.
struct NodeReport {
  /// Where a neighbour is.
  struct Place: Hashable, Comparable {
    let address: String
    let interface: String

    static func < (a: Place, b: Place) -> Bool {
      (a.interface, a.address) < (b.interface, b.address)
    }
  }

  /// The node's own router-id.
  var own: String?
  /// What it calls itself.
  var host = ""
  /// Its neighbours. What is said of one twice is put together.
  private(set) var neighbours: [Place: Sighting.End] = [:]
  private var known: [Place: String] = [:]
  private var routes: [(place: Place, route: Sighting.Route)] = []
  private var ownPrefixes: [String] = []
  private var addresses: Set<Place> = []
  private var graph = Sighting()

  /// Whether nothing was said at all.
  var isEmpty: Bool {
    own == nil && neighbours.isEmpty && routes.isEmpty && ownPrefixes.isEmpty
  }

  /// Takes note of a neighbour.
  mutating func add(_ place: Place, _ change: (inout Sighting.End) -> Void) {
    change(
      &neighbours[
        place,
        default: Sighting.End(
          from: "", to: "", interface: place.interface, address: place.address)])
  }

  /// Takes note of who a neighbour is.
  mutating func identify(_ place: Place, as router: String) { known[place] = router }

  /// Takes note of a route; its ``Sighting/Route/at`` and ``Sighting/Route/via`` do not count.
  mutating func add(_ route: Sighting.Route, from address: String) {
    let place = Place(address: address, interface: route.interface)
    // A metric of 0 says that the neighbour originates the prefix itself.
    if route.announced == 0 { known[place] = route.router }
    routes.append((place, route))
  }

  /// Takes note of a prefix that the node originates.
  mutating func addOwn(_ prefix: String) { ownPrefixes.append(prefix) }

  /// Takes note of where the node itself is.
  mutating func addOwn(_ place: Place) { addresses.insert(place) }

  /// Takes note of a prefix that another router originates.
  mutating func add(_ prefix: String?, of router: String) { graph.note(router, prefix: prefix) }

  /// Takes note of a path.
  mutating func add(_ path: Sighting.Path) { graph.paths.insert(path) }

  /// All of it under the names of nodes.
  func sighting() throws(PictureError) -> Sighting {
    guard let own else {
      throw PictureError("nothing says whose this is; add what \"swabelctl status --json\" prints")
    }
    var result = graph
    result.asked[own] = host
    result.note(own)
    for prefix in ownPrefixes { result.note(own, prefix: prefix) }
    for place in addresses {
      result.addresses.insert(
        Sighting.Address(node: own, interface: place.interface, address: place.address))
    }
    func name(_ place: Place) -> String {
      known[place] ?? "\(place.address)%\(place.interface)@\(own)"
    }
    for (place, end) in neighbours.sorted(by: { $0.key < $1.key }) {
      var end = end
      (end.from, end.to) = (own, name(place))
      result.note(end.to)
      result.ends.append(end)
    }
    for (place, found) in routes {
      var route = found
      (route.at, route.via) = (own, name(place))
      result.routes.append(route)
      result.note(route.router, prefix: route.prefix)
      result.note(route.via)
      guard route.via != route.router, route.isSelected, route.announced < Sighting.infinity
      else { continue }
      result.paths.insert(
        Sighting.Path(viewer: own, via: route.via, to: route.router, metric: route.announced))
    }
    return result
  }
}
