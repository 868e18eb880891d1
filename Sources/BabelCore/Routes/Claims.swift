import BabelWire

/// Somebody announces what should be ours alone: an address of ours, or our router-id.
public struct Claim: Equatable, Sendable {
  /// The destination prefix that is announced; for an address, that address.
  public let destination: Prefix
  /// Its source prefix, zero length if none.
  public let source: Prefix
  /// The router that announces it.
  public let routerID: RouterID
  /// The neighbour that we heard it from.
  public let neighbour: IPAddress
  /// The interface it is heard on.
  public let interface: InterfaceName
  /// Until when it counts unless it is repeated.
  let end: Instant
}

/// Who announces addresses of ours, or has our router-id, for operators; a few of each, since one
/// is enough to look for it.
struct Claims {
  /// Most addresses that are remembered, with who announces them.
  static let limit = 16
  /// Most prefixes that are remembered of those that are announced with our router-id.
  static let twinLimit = 64

  private var claims: [Claim] = []
  /// What is announced with our router-id and is not from us.
  private var twins: [Claim] = []
  /// When this life began; what is heard of an earlier one soon after that is no news.
  private var begun: Instant?

  /// Those that count now, in order of arrival.
  func current(at now: Instant) -> [Claim] { claims.filter { $0.end > now } }

  /// Notes a claim. One that is repeated keeps its place.
  mutating func note(_ claim: Claim, at now: Instant) {
    Self.note(claim, in: &claims, limit: Self.limit, at: now)
  }

  private static func note(
    _ claim: Claim, in list: inout [Claim], limit: Int, at now: Instant
  ) {
    let same = list.firstIndex {
      $0.destination == claim.destination && $0.source == claim.source
        && $0.neighbour == claim.neighbour && $0.interface == claim.interface
    }
    if let same {
      list[same] = claim
      return
    }
    if list.count >= limit { list.removeAll { $0.end <= now } }
    if list.count < limit { list.append(claim) }
  }

  /// A neighbour does not announce an address as somebody else's any more.
  mutating func withdraw(_ destination: Prefix, by neighbour: IPAddress) {
    guard !claims.isEmpty else { return }
    claims.removeAll { $0.destination == destination && $0.neighbour == neighbour }
  }

  // MARK: Twins

  /// A life begins.
  mutating func begin(at now: Instant) { begun = now }

  /// Whether somebody has announced something with our router-id lately.
  var hasTwins: Bool { !twins.isEmpty }

  /// What is announced with our router-id and is not from us, in order of arrival.
  func currentTwins(at now: Instant) -> [Claim] { twins.filter { $0.end > now } }

  /// Notes what is announced with our router-id. Soon after our start that may be what we announced
  /// in an earlier life, which neighbours keep for as long as `lifetime`.
  mutating func noteTwin(_ claim: Claim, lifetime: Int64, at now: Instant) {
    if let begun, now - begun < lifetime { return }
    Self.note(claim, in: &twins, limit: Self.twinLimit, at: now)
  }

  /// A neighbour does not announce a prefix with our router-id any more. What was not repeated is
  /// forgotten, too.
  mutating func withdrawTwin(
    _ destination: Prefix, _ source: Prefix, by neighbour: IPAddress, on interface: InterfaceName,
    at now: Instant
  ) {
    twins.removeAll {
      $0.end <= now
        || $0.destination == destination && $0.source == source
          && $0.neighbour == neighbour && $0.interface == interface
    }
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
    claims.note(
      claim(update, of: router, from: id, until: now + Self.lifetime(of: update)), at: now)
  }

  /// What is announced to us with our own router-id although it is not from us: another machine has
  /// the same router-id. It may be that of the neighbour or of a router behind it.
  public func routerIDTwins(at now: Instant) -> [Claim] {
    claims.currentTwins(at: now).filter { !isOurs($0.destination, $0.source, at: now) }
  }

  /// Notes whether an Update is from a machine that has our router-id.
  mutating func noteTwin(
    _ update: Update, isRefused: Bool, from id: NeighbourID, _ now: Instant
  ) {
    guard isRefused || claims.hasTwins else { return }
    guard isRefused, !isOurs(update.destination, update.source, at: now) else {
      return claims.withdrawTwin(
        update.destination, update.source, by: neighbours[id].address,
        on: neighbours[id].interfaceName, at: now)
    }
    let lifetime = Self.lifetime(of: update)
    claims.noteTwin(
      claim(update, of: parameters.routerID, from: id, until: now + lifetime),
      lifetime: lifetime, at: now)
  }

  /// Whether we announce a prefix as our own, or have done so lately: then others may say it after
  /// us. They do so for less time than we keep the feasibility distance.
  private func isOurs(_ destination: Prefix, _ source: Prefix, at now: Instant) -> Bool {
    guard let row = table.find(destination, source) else { return false }
    return table.destinations[row].flags.contains(.originated)
      || table.distance(row, router: ownRouter, at: now) != nil
  }

  private static func lifetime(of update: Update) -> Int64 {
    update.interval.microseconds * ProtocolParameters.routeHoldHalves / 2
  }

  private func claim(
    _ update: Update, of router: RouterID, from id: NeighbourID, until end: Instant
  ) -> Claim {
    let neighbour = neighbours[id]
    return Claim(
      destination: update.destination, source: update.source, routerID: router,
      neighbour: neighbour.address, interface: neighbour.interfaceName, end: end)
  }
}
