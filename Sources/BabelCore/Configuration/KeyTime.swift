/// Points in time in the configuration of keys: `2026-12-01` or `2026-12-01T12:30:00Z`, UTC.
enum KeyTime {
  /// The form the language takes.
  static let form = "a date or a time in UTC, as 2026-12-01 or 2026-12-01T12:30:00Z"

  /// Seconds since 1970; nil if this is no time in the years 1970 … 9999.
  static func seconds(_ octets: [UInt8]) -> Int64? {
    let pattern = Array("0000-00-00T00:00:00Z".utf8)
    guard octets.count == 10 || octets.count == pattern.count else { return nil }
    for (octet, form) in zip(octets, pattern) {
      let isDigit = octet >= 0x30 && octet <= 0x39
      guard form == 0x30 ? isDigit : octet == form else { return nil }
    }
    func number(_ range: Range<Int>) -> Int64 {
      octets[range].reduce(0) { $0 * 10 + Int64($1) - 0x30 }
    }
    let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
    guard year >= 1970, month >= 1, month <= 12, day >= 1, day <= days(month, year) else {
      return nil
    }
    let midnight = daysSince1970(year, month, day) * 86_400
    guard octets.count > 10 else { return midnight }
    let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
    guard hour < 24, minute < 60, second < 60 else { return nil }
    return midnight + hour * 3600 + minute * 60 + second
  }

  /// The time of a second since 1970, in the longer form.
  static func text(_ seconds: Int64) -> String {
    let (day, second) = (seconds / 86_400, seconds % 86_400)
    var year: Int64 = 1970 + day / 366
    while daysSince1970(year + 1, 1, 1) <= day { year += 1 }
    var month: Int64 = 1
    while month < 12, daysSince1970(year, month + 1, 1) <= day { month += 1 }
    let date = day - daysSince1970(year, month, 1) + 1
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(date, 2))T\(padded(second / 3600, 2)):"
      + "\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))Z"
  }

  private static func isLeap(_ year: Int64) -> Bool {
    year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
  }

  private static func days(_ month: Int64, _ year: Int64) -> Int64 {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let before = year - 1
    var result = (year - 1970) * 365 + (before / 4 - before / 100 + before / 400) - 477
    for earlier in 1..<max(month, 1) { result += days(earlier, year) }
    return result + day - 1
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = "\(value)"
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}
