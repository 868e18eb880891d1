/// A JSON object without objects or lists in it, as the daemon writes one a line.
struct FlatObject {
  /// A value.
  private enum Value {
    case text([UInt8])
    case number(Int64)
    case flag(Bool)
    case null
  }

  private var members: [(key: [UInt8], value: Value)] = []

  /// Reads a line; nil if it is no such object. Fractions are cut off.
  init?(_ line: [UInt8]) {
    var reader = Reader(line)
    guard reader.takes("{") else { return nil }
    if !reader.takes("}") {
      repeat {
        guard let key = reader.string(), reader.takes(":"), let value = reader.value() else {
          return nil
        }
        members.append((key, value))
      } while reader.takes(",")
      guard reader.takes("}") else { return nil }
    }
    guard reader.isAtEnd else { return nil }
  }

  @inline(never)
  private func value(_ key: String) -> Value? {
    members.first { $0.key.elementsEqual(key.utf8) }?.value
  }

  /// Whether there is a member of that name.
  func has(_ key: String) -> Bool { value(key) != nil }

  /// The octets of a text; empty if there is none.
  @inline(never)
  func text(_ key: String) -> [UInt8] {
    if case .text(let octets) = value(key) { octets } else { [] }
  }

  /// A number that may be large; 0 if there is none.
  func count(_ key: String) -> Int64 {
    if case .number(let number) = value(key) { number } else { 0 }
  }

  /// A number; nil if there is none.
  @inline(never)
  func number(_ key: String) -> Int? {
    if case .number(let number) = value(key) { Int(clamping: number) } else { nil }
  }

  /// A flag; false if there is none.
  func flag(_ key: String) -> Bool {
    if case .flag(let flag) = value(key) { flag } else { false }
  }

  private struct Reader {
    private let octets: [UInt8]
    private var position = 0

    init(_ octets: [UInt8]) { self.octets = octets }

    var isAtEnd: Bool {
      octets[position...].allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
    }

    private var next: UInt8? { position < octets.count ? octets[position] : nil }

    private mutating func skipBlanks() {
      while next == 0x20 || next == 0x09 { position += 1 }
    }

    /// Passes over a word, if it stands here.
    @inline(never)
    mutating func takes(_ word: String) -> Bool {
      skipBlanks()
      guard octets[position...].starts(with: word.utf8) else { return false }
      position += word.utf8.count
      return true
    }

    @inline(never)
    mutating func string() -> [UInt8]? {
      guard takes("\"") else { return nil }
      var text: [UInt8] = []
      while let octet = next {
        position += 1
        if octet == UInt8(ascii: "\"") { return text }
        guard octet == UInt8(ascii: "\\") else {
          text.append(octet)
          continue
        }
        guard let escaped = next else { return nil }
        position += 1
        // The daemon writes control characters so, which are shown as a question mark.
        if escaped == UInt8(ascii: "u") {
          guard position + 4 <= octets.count else { return nil }
          position += 4
          text.append(UInt8(ascii: "?"))
        } else {
          text.append(escaped)
        }
      }
      return nil
    }

    mutating func value() -> Value? {
      skipBlanks()
      if next == UInt8(ascii: "\"") { return string().map { .text($0) } }
      if takes("true") { return .flag(true) }
      if takes("false") { return .flag(false) }
      if takes("null") { return .null }
      return number().map { .number($0) }
    }

    private mutating func number() -> Int64? {
      let isNegative = takes("-")
      var number: Int64 = 0
      var digits = 0
      while let octet = next, octet >= 0x30, octet <= 0x39 {
        let (product, overflow) = number.multipliedReportingOverflow(by: 10)
        let (sum, more) = product.addingReportingOverflow(Int64(octet - 0x30))
        number = overflow || more ? .max : sum
        digits += 1
        position += 1
      }
      if next == UInt8(ascii: ".") {
        position += 1
        while let octet = next, octet >= 0x30, octet <= 0x39 { position += 1 }
      }
      return digits == 0 ? nil : isNegative ? -number : number
    }
  }
}
