import BabelWire

extension Configuration {
  /// Update intervals in milliseconds above which a check speaks of what they cost.
  private static var rareUpdates: UInt32 { 300_000 }
  /// Hello intervals in milliseconds above which round-trip times cannot be measured: stamps that
  /// are older say nothing (RFC 9616 §3.3).
  private static var rareHellos: UInt32 { UInt32(ProtocolParameters.rttValidity / 1000) }

  /// Remarks on intervals that are allowed, but so long that something does not work as usual.
  func reviewIntervals(into warnings: inout [ConfigurationWarning]) {
    for entry in interfaces {
      reviewIntervals(entry.settings.completed(with: defaults), entry.position, into: &warnings)
    }
    for entry in patterns {
      reviewIntervals(entry.settings.completed(with: defaults), entry.position, into: &warnings)
    }
  }

  private func reviewIntervals(
    _ settings: InterfaceSettings, _ position: ConfigurationPosition?,
    into warnings: inout [ConfigurationWarning]
  ) {
    let hello = settings.helloInterval
    let update =
      settings.updateInterval
      ?? hello.map { UInt32(min(UInt64($0) * 4, UInt64(InterfaceParameters.greatestInterval))) }
    if let update, update > Self.rareUpdates {
      let hold = update / 1000 * 7 / 2
      warnings.append(
        ConfigurationWarning(
          .suspicious, position, in: self,
          "update-interval is \(update / 1000) s: after a crash a route whose origin does not "
            + "answer requests is refused for \(hold) s"))
    }
    if let hello, hello > Self.rareHellos, settings.timestamps == true {
      warnings.append(
        ConfigurationWarning(
          .withoutEffect, position, in: self,
          "hello-interval is \(hello / 1000) s: round-trip times are not measured above "
            + "\(Self.rareHellos / 1000) s"))
    }
  }
}
