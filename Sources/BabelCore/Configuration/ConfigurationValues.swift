import BabelWire

/// Words of booleans.
enum BooleanKeyword: KeywordText, ConfigurationKeyword {
  case `true`, yes, `false`, no, `default`, auto
}

// Values as babeld writes them. All readers report the word they stumble over.
extension StatementParser {
  /// A word; quotation marks are not allowed.
  mutating func word(_ expected: String) throws(ConfigurationError) -> ConfigurationToken {
    guard let token = try reader.next() else { throw reader.missing(expected) }
    guard !token.isQuoted else {
      var error = reader.error(at: token, expected: expected)
      error = error.adding(
        hint: "quotation marks are allowed around names of files and interfaces only")
      throw error
    }
    return token
  }

  /// A word or a quoted string.
  mutating func string(_ expected: String) throws(ConfigurationError) -> ConfigurationToken {
    guard let token = try reader.next() else { throw reader.missing(expected) }
    return token
  }

  /// The name of a file; may be empty.
  mutating func path() throws(ConfigurationError) -> [UInt8] {
    let token = try string("the name of a file")
    guard !token.octets.contains(0) else {
      throw reader.error(at: token, expected: "the name of a file without a zero octet")
    }
    return token.octets
  }

  /// The name of an interface to run on.
  func interfaceName(
    _ token: ConfigurationToken
  ) throws(ConfigurationError) -> InterfaceName {
    guard let name = InterfaceName(octets: token.octets) else {
      throw reader.error(
        at: token,
        expected: "the name of an interface, at most \(InterfaceName.maximumLength) octets")
    }
    return name
  }

  /// An integer in C's syntax: decimal, `0x…`, or octal with a leading zero.
  mutating func number(_ range: ClosedRange<Int64>) throws(ConfigurationError) -> Int64 {
    let expected =
      range == .min ... .max
      ? "a number" : "a number from \(range.lowerBound) to \(range.upperBound)"
    let token = try word(expected)
    guard let value = integer(token.octets[...]), range.contains(value) else {
      var error = reader.error(at: token, expected: expected)
      if token.octets.first == 0x30, token.octets.count > 1, integer(token.octets[...]) == nil {
        error = error.adding(hint: "numbers that begin with 0 are octal, with 0x hexadecimal")
      }
      throw error
    }
    return value
  }

  /// A decimal number with an optional fraction, in thousandths; digits after the third are
  /// cut off. `unit` is what a whole one is called.
  mutating func thousandths(
    _ range: ClosedRange<UInt32>, unit: String
  ) throws(ConfigurationError) -> UInt32 {
    let expected =
      "\(unit) from \(decimal(range.lowerBound)) to \(decimal(range.upperBound))"
    let token = try word(expected)
    guard let value = thousands(token.octets), range.contains(value) else {
      throw reader.error(at: token, expected: expected)
    }
    return value
  }

  /// A boolean; nil for `default` and `auto`.
  mutating func boolean() throws(ConfigurationError) -> Bool? {
    let token = try word("true or false")
    switch BooleanKeyword(octets: token.octets) {
    case .true, .yes: return true
    case .false, .no: return false
    case .default, .auto: return nil
    case nil:
      var error = reader.error(at: token, expected: "true or false")
      error = error.adding(suggestion: nearestWord(to: token.octets, among: BooleanKeyword.words))
      throw error
    }
  }

  /// An address and the family it is written in, which for `::ffff:1.2.3.4` is IPv6.
  mutating func address() throws(ConfigurationError) -> (IPAddress, AddressFamily) {
    let token = try word("an IPv4 or IPv6 address")
    guard let address = IPAddress(octets: token.octets) else {
      throw reader.error(at: token, expected: "an IPv4 or IPv6 address")
    }
    return (address, token.octets.contains(0x3a) ? .ipv6 : .ipv4)
  }

  /// A prefix: `default` (::/0), `ADDRESS/LENGTH`, or an address.
  mutating func prefix() throws(ConfigurationError) -> (Prefix, AddressFamily) {
    try prefix(try word(Self.prefixForm))
  }

  private static var prefixForm: String { "a prefix, as 10.0.0.0/8, 2001:db8::/32 or default" }

  /// The same for a word.
  func prefix(
    _ token: ConfigurationToken
  ) throws(ConfigurationError) -> (Prefix, AddressFamily) {
    if token.octets.elementsEqual("default".utf8) { return (.ipv6Default, .ipv6) }
    let slash = token.octets.firstIndex(of: 0x2f) ?? token.octets.count
    guard let address = IPAddress(octets: Array(token.octets[..<slash])) else {
      throw reader.error(at: token, expected: Self.prefixForm)
    }
    // Only text with a colon is IPv6; ::ffff:1.2.3.4/120 makes a rule for IPv6, as in babeld.
    let family: AddressFamily = token.octets.contains(0x3a) ? .ipv6 : .ipv4
    let longest: Int64 = family == .ipv4 ? 32 : 128
    guard slash < token.octets.count else {
      return (Prefix(mapped: address, mappedLength: 128), family)
    }
    guard let length = integer(token.octets[(slash + 1)...]), length >= 0, length <= longest
    else {
      throw reader.error(at: token, expected: "a prefix with a length from 0 to \(longest)")
    }
    let mapped = UInt8(length + (family == .ipv4 ? 96 : 0))
    return (Prefix(mapped: address, mappedLength: mapped), family)
  }

  /// A router-id: eight hexadecimal octets with colons or dashes, or a 48-bit MAC address with
  /// colons. What follows the last octet is ignored, as in babeld. The dotted form is BIRD's, which
  /// puts four zero octets in front.
  mutating func routerID() throws(ConfigurationError) -> RouterID {
    let expected = "eight hexadecimal octets, as 02:00:00:00:00:00:00:01"
    let token = try word(expected)
    if let address = IPAddress(octets: token.octets), address.family == .ipv4,
      !token.octets.contains(0x3a)
    {
      warn(.unknownToBabeld, at: token, "babeld takes no dotted router-id")
      return RouterID(UInt64(address.ipv4Bits))
    }
    if let (bits, used) = groups(token.octets, count: 8, separator: 0x3a)
      ?? groups(token.octets, count: 8, separator: 0x2d)
    {
      if used < token.octets.count { warnTrailing(token) }
      return RouterID(bits)
    }
    guard let (bits, used) = groups(token.octets, count: 6, separator: 0x3a) else {
      throw reader.error(at: token, expected: expected)
    }
    if used < token.octets.count { warnTrailing(token) }
    return RouterID((bits >> 24) << 40 | 0xFF_FE00_0000 | bits & 0xFF_FFFF)
  }

  private mutating func warnTrailing(_ token: ConfigurationToken) {
    warn(.withoutEffect, at: token, "what follows the last octet of the id is ignored")
  }
}

/// The value of an integer in C's syntax with an optional sign; nil if it is none. What is beyond
/// 2^40 becomes 2^40, which is out of every range that there is.
func integer(_ octets: ArraySlice<UInt8>) -> Int64? {
  var digits = octets
  var isNegative = false
  if let sign = digits.first, sign == 0x2b || sign == 0x2d {
    isNegative = sign == 0x2d
    digits.removeFirst()
  }
  var radix: Int64 = 10
  if digits.first == 0x30, digits.count > 1 {
    digits.removeFirst()
    radix = 8
    if digits.first == 0x78 || digits.first == 0x58 {
      digits.removeFirst()
      radix = 16
    }
  }
  guard !digits.isEmpty else { return nil }
  var value: Int64 = 0
  for octet in digits {
    guard let digit = hexValue(octet), Int64(digit) < radix else { return nil }
    value = min(value * radix + Int64(digit), 1 << 40)
  }
  return isNegative ? -value : value
}

/// A decimal number with an optional fraction in thousandths; nil if it is none or does not fit.
func thousands(_ octets: [UInt8]) -> UInt32? {
  var value: UInt64 = 0
  var decimals: Int?
  for octet in octets {
    if octet == 0x2e, decimals == nil {
      decimals = 0
      continue
    }
    guard octet >= 0x30, octet <= 0x39 else { return nil }
    if let known = decimals {
      guard known < 3 else { continue }
      decimals = known + 1
    }
    value = value * 10 + UInt64(octet - 0x30)
    guard value <= UInt64(UInt32.max) else { return nil }
  }
  for _ in (decimals ?? 0)..<3 { value *= 10 }
  return UInt32(exactly: value)
}

/// Thousandths as a decimal number without needless zeros.
func decimal(_ thousandths: UInt32) -> String {
  var fraction = thousandths % 1000
  guard fraction > 0 else { return "\(thousandths / 1000)" }
  var digits = 3
  while fraction % 10 == 0 { (fraction, digits) = (fraction / 10, digits - 1) }
  var text = "\(fraction)"
  while text.utf8.count < digits { text = "0" + text }
  return "\(thousandths / 1000).\(text)"
}

/// Reads `count` groups of one or two hexadecimal digits; gives the bits and how many octets of
/// text they take.
private func groups(
  _ text: [UInt8], count: Int, separator: UInt8
) -> (bits: UInt64, used: Int)? {
  var bits: UInt64 = 0
  var offset = 0
  for index in 0..<count {
    if index > 0 {
      guard offset < text.count, text[offset] == separator else { return nil }
      offset += 1
    }
    guard offset < text.count, let high = hexValue(text[offset]) else { return nil }
    var value = high
    offset += 1
    if offset < text.count, let low = hexValue(text[offset]) {
      value = value << 4 | low
      offset += 1
    }
    bits = bits << 8 | UInt64(value)
  }
  return (bits, offset)
}
