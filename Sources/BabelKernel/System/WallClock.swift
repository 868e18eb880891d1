import CLinux

/// The time of day, for people who read logs, and for keys that count for a time only.
public enum WallClock {
  /// 2024-01-01: long before this program was written. A clock that shows less is not set.
  private static let earliest: Int64 = 1_704_067_200

  /// Seconds since 1970; nil as long as the clock has not been set (boards without a battery
  /// start in the past).
  public static func secondsIfSet() -> Int64? {
    var time = timespec()
    guard clock_gettime(CLOCK_REALTIME, &time) == 0 else { return nil }
    let seconds = Int64(time.tv_sec)
    return seconds < earliest ? nil : seconds
  }

  /// `2026-11-21T12:34:56.789Z` for now: UTC, so that logs of several nodes can be compared and
  /// no time zone files are needed.
  public static func stamp() -> String {
    var time = timespec()
    _ = clock_gettime(CLOCK_REALTIME, &time)
    return stamp(seconds: Int64(time.tv_sec), milliseconds: Int64(time.tv_nsec) / 1_000_000)
  }

  /// The same for a time in microseconds since 1970.
  public static func stamp(microseconds: Int64) -> String {
    let milliseconds = (microseconds >= 0 ? microseconds : microseconds - 999) / 1000
    let seconds = (milliseconds >= 0 ? milliseconds : milliseconds - 999) / 1000
    return stamp(seconds: seconds, milliseconds: milliseconds - seconds * 1000)
  }

  /// The same for a time since 1970.
  package static func stamp(seconds: Int64, milliseconds: Int64) -> String {
    let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let second = seconds - day * 86_400
    // We count days from 1 March of the year 0, in eras of 400 years. A leap day is then the last
    // day of its year.
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    var text: [UInt8] = []
    text.reserveCapacity(24)
    append(year, 4, "-", to: &text)
    append(month, 2, "-", to: &text)
    append(dayOfMonth, 2, "T", to: &text)
    append(second / 3600, 2, ":", to: &text)
    append(second / 60 % 60, 2, ":", to: &text)
    append(second % 60, 2, ".", to: &text)
    append(milliseconds, 3, "Z", to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends a number, with at least so many digits, and what stands behind it.
  private static func append(
    _ value: Int64, _ width: Int, _ end: Unicode.Scalar, to text: inout [UInt8]
  ) {
    let start = text.count
    var rest = value
    while rest > 0 || text.count < start + width {
      text.insert(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10), at: start)
      rest /= 10
    }
    text.append(UInt8(ascii: end))
  }
}
