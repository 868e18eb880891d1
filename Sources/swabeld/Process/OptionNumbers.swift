// Numbers on the command line, read under the rules of C that babeld's users know.

extension CommandLineOptions {
  /// An integer in C syntax with its base detected (0x… hexadecimal, 0… octal), blanks around
  /// it and a sign allowed; nil for anything else and outside of `range`.
  static func integer(_ octets: [UInt8], _ range: ClosedRange<Int>) -> Int? {
    var text = octets[...]
    while let first = text.first, isBlank(first) { text = text.dropFirst() }
    while let last = text.last, last == 0x20 || last == 0x09 { text = text.dropLast() }
    var isNegative = false
    if text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+") {
      isNegative = text.first == UInt8(ascii: "-")
      text = text.dropFirst()
    }
    var base = 10
    if text.first == UInt8(ascii: "0"), text.count > 1 {
      text = text.dropFirst()
      base = 8
      if text.first == UInt8(ascii: "x") || text.first == UInt8(ascii: "X") {
        text = text.dropFirst()
        base = 16
      }
    }
    guard !text.isEmpty, text.count <= 15 else { return nil }
    // Fifteen digits have room in 64 bits, and no number of an option has more than 32.
    var value: Int64 = 0
    for octet in text {
      guard let digit = digitValue(octet), digit < base else { return nil }
      value = value * Int64(base) + Int64(digit)
    }
    guard let number = Int(exactly: isNegative ? -value : value) else { return nil }
    return range.contains(number) ? number : nil
  }

  /// Decimal seconds with an optional fraction, 0.001 … 655.350, in milliseconds; digits after
  /// the third decimal are cut off.
  static func milliseconds(_ octets: [UInt8]) -> UInt32? {
    var value: UInt32 = 0
    var digits = 0
    var decimals: Int?
    var text = octets[...]
    while let first = text.first, first == 0x20 || first == 0x09 { text = text.dropFirst() }
    while let last = text.last, last == 0x20 || last == 0x09 { text = text.dropLast() }
    for octet in text {
      if octet == UInt8(ascii: "."), decimals == nil {
        decimals = 0
        continue
      }
      guard let digit = digitValue(octet), digit < 10 else { return nil }
      digits += 1
      if let count = decimals {
        if count == 3 { continue }
        decimals = count + 1
      }
      value = value * 10 + UInt32(digit)
      guard value <= 655_350 else { return nil }
    }
    guard digits > 0 else { return nil }
    for _ in (decimals ?? 0)..<3 {
      value *= 10
      guard value <= 655_350 else { return nil }
    }
    return value >= 1 ? value : nil
  }

  private static func isBlank(_ octet: UInt8) -> Bool {
    octet == 0x20 || (octet >= 0x09 && octet <= 0x0d)
  }

  private static func digitValue(_ octet: UInt8) -> Int? {
    switch octet {
    case 0x30...0x39: Int(octet) - 0x30
    case 0x41...0x46: Int(octet) - 0x37
    case 0x61...0x66: Int(octet) - 0x57
    default: nil
    }
  }
}
