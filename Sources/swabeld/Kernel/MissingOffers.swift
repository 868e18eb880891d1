import BabelCore
import BabelWire

/// Decides which of the routes that others have in the kernel, and that a reading of its tables did
/// not show, are gone.
///
/// Usually the monitor tells of each removal. What it did not tell (notifications were lost; a link
/// took its IPv4 routes along) is found by reading. But a reading may leave out what nobody
/// touched, see ``BabelKernel/KernelReader/startRoutes(tables:_:)``, and then thousands of prefixes
/// would be withdrawn that exist.
struct MissingOffers {
  /// Missing in the last reading, not found when asked for alone, and kept all the same.
  private(set) var suspects: Set<KernelOffer> = []

  /// Judges one that a reading did not show, which is asked for alone if that can tell more.
  /// True if it is gone.
  ///
  /// - Parameters:
  ///   - isProof: Nothing disturbed the reading: what it did not show is not there.
  ///   - earlier: The suspects of the reading before.
  ///   - isPresent: Asks the kernel; false also if it cannot tell.
  mutating func isGone(
    _ offer: KernelOffer, isProof: Bool, after earlier: MissingOffers, isPresent: () -> Bool
  ) -> Bool {
    // Addresses are known from a list of their own.
    if isProof || offer.kernelProtocol == nil { return true }
    if isPresent() { return false }
    if earlier.suspects.contains(offer) { return true }
    suspects.insert(offer)
    return false
  }

  /// An address inside a prefix to ask for: any may have a longer prefix of its own, so it is a
  /// different one each time.
  static func address(in prefix: Prefix, random: (UInt64, UInt64)) -> IPAddress {
    let length = prefix.mappedLength
    let high = length >= 64 ? 0 : UInt64.max >> UInt64(length)
    let low = length >= 128 ? 0 : length <= 64 ? UInt64.max : UInt64.max >> UInt64(length - 64)
    return IPAddress(
      high: prefix.address.high | (random.0 & high), low: prefix.address.low | (random.1 & low))
  }
}
