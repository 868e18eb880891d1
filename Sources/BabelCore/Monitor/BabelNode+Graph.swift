import BabelWire

/// The network as this node knows it: its links to neighbours, and which routers can be reached
/// through which of them. Babel tells nobody more than that.
public struct NetworkSketch: Sendable {
  /// A neighbour.
  public struct Neighbour: Sendable {
    /// What its row of the table says.
    public let status: NeighbourStatus
    /// Its router-id; nil if it has announced nothing of its own. A metric of 0 says that it has.
    public fileprivate(set) var routerID: RouterID?
  }

  /// A router that originates prefixes.
  public struct Router: Sendable {
    /// Its router-id.
    public let id: RouterID
    /// Destinations that it is known to originate.
    public fileprivate(set) var destinations: [DestinationHandle] = []
  }

  /// A neighbour through which a router is reached.
  public struct Path: Sendable {
    /// The place of the neighbour in ``NetworkSketch/neighbours``.
    public let neighbour: Int
    /// The router.
    public let router: RouterID
    /// The best metric that the neighbour announced of a route that is selected.
    public fileprivate(set) var metric: Metric
  }

  /// In the order of interfaces, on each the oldest first.
  public fileprivate(set) var neighbours: [Neighbour] = []
  /// This node first, then the others by their ids.
  public fileprivate(set) var routers: [Router]
  /// By neighbours, then by routers. A path to what the neighbour itself originates is left out.
  public fileprivate(set) var paths: [Path] = []
}

extension BabelNode {
  /// Draws the network, in one walk through the table.
  public func networkSketch(at now: Instant) -> NetworkSketch {
    var sketch = NetworkSketch(routers: [NetworkSketch.Router(id: routerID)])
    var places: [NeighbourID: Int] = [:]
    for id in links.order {
      guard let interface = links[id] else { continue }
      for neighbour in interface.neighbours {
        guard let status = neighbourStatus(neighbour, now) else { continue }
        places[neighbour] = sketch.neighbours.count
        sketch.neighbours.append(NetworkSketch.Neighbour(status: status))
      }
    }
    var numbers: [RouterRow: Int] = [:]
    var paths: [SketchedPath: Metric] = [:]
    for row in table.destinations.indexes where table.isLive(row) {
      let handle = DestinationHandle(row: row)
      if table.destinations[row].flags.contains(.originated) {
        sketch.routers[0].destinations.append(handle)
      }
      let selected = table.destinations[row].selected
      var walk = table.routes(of: row)
      while let route = walk.next(in: table) {
        let router = table.routes[route].routerID
        let metric = table.routes[route].advertisedMetric
        guard !metric.isInfinite, !table.routes[route].isDenied,
          let place = places[table.nextHops[table.routes[route].nextHop].neighbour]
        else { continue }
        let number = numbers[router] ?? sketch.routers.count
        if number == sketch.routers.count {
          numbers[router] = number
          sketch.routers.append(NetworkSketch.Router(id: table.routerIDs[router]))
        }
        if sketch.routers[number].destinations.last != handle {
          sketch.routers[number].destinations.append(handle)
        }
        if metric == .zero { sketch.neighbours[place].routerID = table.routerIDs[router] }
        guard route == selected else { continue }
        let path = SketchedPath(neighbour: place, router: table.routerIDs[router])
        paths[path] = min(paths[path] ?? metric, metric)
      }
    }
    sketch.finish(paths)
    return sketch
  }

  /// What a destination of a sketch is, if the router still originates it.
  public func prefixes(
    of handle: DestinationHandle, originatedBy router: RouterID
  ) -> (destination: Prefix, source: Prefix)? {
    guard table.isLive(handle.row) else { return nil }
    let prefixes = (table.destinations[handle.row].prefix, table.sourcePrefix(handle.row))
    if router == routerID {
      return table.destinations[handle.row].flags.contains(.originated) ? prefixes : nil
    }
    var walk = table.routes(of: handle.row)
    while let route = walk.next(in: table) {
      if table.routerIDs[table.routes[route].routerID] == router { return prefixes }
    }
    return nil
  }
}

/// A path without its metric.
private struct SketchedPath: Hashable, Comparable {
  let neighbour: Int
  let router: RouterID

  static func < (a: SketchedPath, b: SketchedPath) -> Bool {
    a.neighbour != b.neighbour ? a.neighbour < b.neighbour : a.router < b.router
  }
}

extension NetworkSketch {
  /// Puts routers and paths in order.
  fileprivate mutating func finish(_ found: [SketchedPath: Metric]) {
    routers = routers.prefix(1) + routers.dropFirst().ordered { $0.id < $1.id }
    for path in found.keys.ordered() where neighbours[path.neighbour].routerID != path.router {
      paths.append(
        Path(
          neighbour: path.neighbour, router: path.router, metric: found[path] ?? .infinity))
    }
  }
}
