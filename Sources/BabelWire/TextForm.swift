// Text forms of addresses and prefixes, without Foundation and without String scanning.

extension IPAddress: CustomStringConvertible {
  /// Dotted quad, or the canonical form of RFC 5952 (lower case, longest run of at least two
  /// zero groups shortened).
  public var description: String {
    var text: [UInt8] = []
    appendText(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends ``description`` as ASCII octets. This makes no String, because a dump of 100,000 lines
  /// has several addresses in each.
  public func appendText(to text: inout [UInt8]) {
    if family == .ipv4 {
      for shift in [24, 16, 8, 0] as [UInt32] {
        appendDecimal(ipv4Bits >> shift & 255, to: &text)
        if shift > 0 { text.append(UInt8(ascii: ".")) }
      }
      return
    }
    let run = longestZeroRun()
    var i = 0
    while i < 8 {
      if i == run.lowerBound, !run.isEmpty {
        text.append(UInt8(ascii: ":"))
        text.append(UInt8(ascii: ":"))
        i = run.upperBound
        continue
      }
      if i > 0, i != run.upperBound || run.isEmpty { text.append(UInt8(ascii: ":")) }
      let group = group(i)
      if group >= 0x1000 { text.append(hexDigit(UInt8(group >> 12))) }
      if group >= 0x100 { text.append(hexDigit(UInt8(group >> 8 & 15))) }
      if group >= 0x10 { text.append(hexDigit(UInt8(group >> 4 & 15))) }
      text.append(hexDigit(UInt8(group & 15)))
      i += 1
    }
  }

  /// 16 bits, group 0 … 7 of the IPv6 form.
  private func group(_ index: Int) -> UInt16 {
    UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index & 3)))
  }

  /// The first of the longest runs of zero groups; empty if none has two groups.
  private func longestZeroRun() -> Range<Int> {
    var best = 0..<0
    var i = 0
    while i < 8 {
      var j = i
      while j < 8, group(j) == 0 { j += 1 }
      if j - i > max(best.count, 1) { best = i..<j }
      i = max(j, i + 1)
    }
    return best
  }

  /// Reads a dotted quad (no leading zeros) or an IPv6 literal, including one that ends in a
  /// dotted quad; nil for anything else, zones and brackets included.
  public init?(_ text: String) { self.init(octets: Array(text.utf8)) }

  /// Reads an address from ASCII octets, under the rules of ``init(_:)``.
  public init?(octets: [UInt8]) {
    guard octets.count <= 45 else { return nil }
    if let bits = Self.parseQuad(octets[...]) {
      self.init(ipv4: bits)
    } else if let address = Self.parseIPv6(octets) {
      self = address
    } else {
      return nil
    }
  }

  private static func parseQuad(_ octets: ArraySlice<UInt8>) -> UInt32? {
    var bits: UInt32 = 0
    var quads = 0
    var digits = 0
    var value: UInt32 = 0
    for octet in octets + [0x2e] {
      if octet == 0x2e {
        guard digits > 0, quads < 4 else { return nil }
        bits = bits << 8 | value
        (quads, digits, value) = (quads + 1, 0, 0)
      } else {
        guard octet >= 0x30, octet <= 0x39, !(digits > 0 && value == 0) else { return nil }
        value = value * 10 + UInt32(octet - 0x30)
        digits += 1
        guard value <= 255, digits <= 3 else { return nil }
      }
    }
    return quads == 4 ? bits : nil
  }

  private static func parseIPv6(_ octets: [UInt8]) -> IPAddress? {
    var groups: [UInt16] = []
    var gap: Int?
    var i = 0
    let end = octets.count
    if end >= 2, octets[0] == 0x3a {
      guard octets[1] == 0x3a else { return nil }
      gap = 0
      i = 2
    }
    while i < end {
      var value: UInt32 = 0
      let start = i
      while i < end, let digit = hexValue(octets[i]) {
        value = value << 4 | UInt32(digit)
        i += 1
        guard i - start <= 4 else { return nil }
      }
      if i < end, octets[i] == 0x2e {
        guard let quad = parseQuad(octets[start...]), groups.count <= 6 else { return nil }
        groups += [UInt16(quad >> 16), UInt16(quad & 0xFFFF)]
        i = end
        break
      }
      guard i > start, groups.count < 8 else { return nil }
      groups.append(UInt16(value))
      if i == end { break }
      guard octets[i] == 0x3a, i + 1 < end else { return nil }
      i += 1
      if octets[i] == 0x3a {
        guard gap == nil else { return nil }
        gap = groups.count
        i += 1
      }
    }
    guard let full = expand(groups, gap: gap) else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    for k in 0..<4 {
      words.0 = words.0 << 16 | UInt64(full[k])
      words.1 = words.1 << 16 | UInt64(full[k + 4])
    }
    return IPAddress(high: words.0, low: words.1)
  }

  private static func expand(_ groups: [UInt16], gap: Int?) -> [UInt16]? {
    guard let gap else { return groups.count == 8 ? groups : nil }
    guard groups.count < 8 else { return nil }
    let zeros = [UInt16](repeating: 0, count: 8 - groups.count)
    return Array(groups[..<gap]) + zeros + Array(groups[gap...])
  }
}

extension Prefix: CustomStringConvertible {
  /// `ADDRESS/LENGTH` in the family's own terms.
  public var description: String {
    var text: [UInt8] = []
    appendText(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends ``description`` as ASCII octets.
  public func appendText(to text: inout [UInt8]) {
    address.appendText(to: &text)
    text.append(UInt8(ascii: "/"))
    appendDecimal(UInt32(length), to: &text)
  }

  /// Reads `ADDRESS/LENGTH` with a decimal length, or a bare address as a host prefix; nil for
  /// anything else. Bits beyond the length are cleared.
  public init?(_ text: String) {
    let octets = Array(text.utf8)
    guard let slash = octets.firstIndex(of: 0x2f) else {
      guard let address = IPAddress(octets: octets) else { return nil }
      self.init(mapped: address, mappedLength: 128)
      return
    }
    guard let address = IPAddress(octets: Array(octets[..<slash])),
      slash + 1 < octets.count, octets.count - slash <= 4
    else { return nil }
    var length = 0
    for octet in octets[(slash + 1)...] {
      guard octet >= 0x30, octet <= 0x39 else { return nil }
      length = length * 10 + Int(octet - 0x30)
    }
    self.init(address, length: length)
  }
}

extension RouterID {
  /// Reads eight hexadecimal octets of one or two digits with colons or dashes; nil for
  /// anything else and for the forbidden values.
  public init?(_ text: String) {
    var bits: UInt64 = 0
    var octetCount = 0
    var value: UInt64 = 0
    var digits = 0
    for octet in Array(text.utf8) + [0x3a] {
      if octet == 0x3a || octet == 0x2d {
        guard digits > 0, octetCount < 8 else { return nil }
        bits = bits << 8 | value
        (octetCount, value, digits) = (octetCount + 1, 0, 0)
      } else {
        guard let digit = hexValue(octet), digits < 2 else { return nil }
        value = value << 4 | UInt64(digit)
        digits += 1
      }
    }
    let id = RouterID(bits)
    guard octetCount == 8, id.isValid else { return nil }
    self = id
  }
}

/// Appends decimal digits.
func appendDecimal(_ value: UInt32, to text: inout [UInt8]) {
  var divisor: UInt32 = 1
  while value / divisor >= 10 { divisor *= 10 }
  while divisor > 0 {
    text.append(UInt8(0x30 + value / divisor % 10))
    divisor /= 10
  }
}

/// The value of a hexadecimal ASCII digit, nil for any other octet.
public func hexValue(_ octet: UInt8) -> UInt8? {
  switch octet {
  case 0x30...0x39: octet - 0x30
  case 0x41...0x46: octet - 0x37
  case 0x61...0x66: octet - 0x57
  default: nil
  }
}

/// The octets that pairs of hexadecimal ASCII digits stand for; nil if there is anything else.
public func hexOctets(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
  guard digits.count.isMultiple(of: 2) else { return nil }
  var octets: [UInt8] = []
  octets.reserveCapacity(digits.count / 2)
  for index in stride(from: digits.startIndex, to: digits.endIndex, by: 2) {
    guard let high = hexValue(digits[index]), let low = hexValue(digits[index + 1]) else {
      return nil
    }
    octets.append(high << 4 | low)
  }
  return octets
}
