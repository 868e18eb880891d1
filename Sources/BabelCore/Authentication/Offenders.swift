import BabelWire

/// Somebody whose packets fail verification.
public struct Offender: Equatable, Sendable {
  /// Where they come from.
  public let address: IPAddress
  /// Why they fail.
  public let reason: DropReason
  /// How many did.
  public internal(set) var count: UInt64
  /// When the last one came.
  public internal(set) var latest: Instant
}

/// Who sends packets that fail verification for lack of a key. Addresses can be forged, so only a
/// few are remembered: the latest ones.
struct Offenders {
  /// Most that are remembered.
  static let limit = 8

  /// Those that are remembered, in order of arrival.
  private(set) var all: [Offender] = []

  /// Notes a packet that failed.
  mutating func note(_ reason: DropReason, from address: IPAddress, at now: Instant) {
    guard reason == .unsigned || reason == .wrongMAC else { return }
    if let index = all.firstIndex(where: { $0.address == address && $0.reason == reason }) {
      all[index].count += 1
      all[index].latest = now
      return
    }
    if all.count >= Self.limit {
      let oldest = all.indices.min { all[$0].latest < all[$1].latest }
      if let oldest { all.remove(at: oldest) }
    }
    all.append(Offender(address: address, reason: reason, count: 1, latest: now))
  }
}
