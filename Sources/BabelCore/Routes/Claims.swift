import BabelWire

/// Another router announces an address of ours.
public struct Claim: Equatable, Sendable {
  /// The address, as a prefix.
  public let destination: Prefix
  /// The router that announces it.
  public let routerID: RouterID
  /// The neighbour that we heard it from.
  public let neighbour: IPAddress
  /// The interface it is heard on.
  public let interface: InterfaceName
  /// Until when it counts unless it is repeated.
  let end: Instant
}

/// Who announces addresses of ours, for operators; a few, since one is enough to look for it.
struct Claims {
  /// Most that are remembered.
  static let limit = 16

  private var claims: [Claim] = []

  /// Those that count now, in order of arrival.
  func current(at now: Instant) -> [Claim] { claims.filter { $0.end > now } }

  /// Notes a claim. One that is repeated keeps its place.
  mutating func note(_ claim: Claim, at now: Instant) {
    claims.removeAll { $0.end <= now }
    let same = claims.firstIndex {
      $0.destination == claim.destination && $0.neighbour == claim.neighbour
        && $0.interface == claim.interface
    }
    if let same {
      claims[same] = claim
    } else if claims.count < Self.limit {
      claims.append(claim)
    }
  }

  /// A neighbour does not announce an address as somebody else's any more.
  mutating func withdraw(_ destination: Prefix, by neighbour: IPAddress) {
    guard !claims.isEmpty else { return }
    claims.removeAll { $0.destination == destination && $0.neighbour == neighbour }
  }
}

extension BabelNode {
  /// Who announces addresses of ours now.
  public func ownAddressClaims(at now: Instant) -> [Claim] { claims.current(at: now) }

  /// Notes what an Update says of an address of ours: that somebody else has it, or nobody.
  mutating func noteClaim(_ update: Update, from id: NeighbourID, _ now: Instant) {
    let neighbour = neighbours[id]
    guard !update.isRetraction, let router = update.routerID, router != parameters.routerID else {
      return claims.withdraw(update.destination, by: neighbour.address)
    }
    let lifetime =
      update.interval.microseconds * ProtocolParameters.routeHoldHalves / 2
    claims.note(
      Claim(
        destination: update.destination, routerID: router, neighbour: neighbour.address,
        interface: neighbour.interfaceName, end: now + lifetime), at: now)
  }
}
