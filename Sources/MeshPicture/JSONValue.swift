/// A value of JSON (RFC 8259).
public enum JSONValue: Equatable, Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number.
  case number(Double)
  /// A string.
  case string(String)
  /// Values in their order.
  case array([JSONValue])
  /// Members by their names; of two with the same name the last one counts.
  case object([String: JSONValue])

  /// The member of an object; nil if there is none or this is no object.
  public subscript(name: String) -> JSONValue? {
    if case .object(let members) = self { return members[name] }
    return nil
  }

  /// The text of a string; nil for anything else.
  public var text: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  /// A whole number; nil for anything else, and beyond 2⁵³.
  public var whole: Int? {
    if case .number(let number) = self, number.magnitude < 9e15 { return Int(number) }
    return nil
  }

  /// A number; nil for anything else.
  public var number: Double? {
    if case .number(let number) = self { return number }
    return nil
  }

  /// The values of an array; none for anything else.
  public var values: [JSONValue] {
    if case .array(let values) = self { return values }
    return []
  }

  /// Whether this is `true`.
  public var isTrue: Bool { self == .bool(true) }
}

/// Reads a sequence of JSON values, as programs write them that print one object a line.
struct JSONReader {
  private let octets: [UInt8]
  private var place = 0

  /// Values may lie in one another this deep.
  private static let depthLimit = 64

  private init(_ octets: [UInt8]) { self.octets = octets }

  /// All values of a text, with blanks or nothing between them.
  static func values(in octets: [UInt8]) throws(PictureError) -> [JSONValue] {
    var reader = JSONReader(octets)
    var values: [JSONValue] = []
    reader.skipBlanks()
    while reader.place < octets.count {
      values.append(try reader.value(depth: 0))
      reader.skipBlanks()
    }
    return values
  }

  private func fault(_ reason: String) -> PictureError {
    let line = octets.prefix(place).reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
    return PictureError("line \(line): \(reason)")
  }

  private var next: UInt8? { place < octets.count ? octets[place] : nil }

  private mutating func skipBlanks() {
    while let octet = next, octet == 0x20 || (0x09...0x0D).contains(octet) { place += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func value(depth: Int) throws(PictureError) -> JSONValue {
    guard depth < Self.depthLimit else { throw fault("values lie too deep in one another") }
    if take("{") { return try object(depth: depth) }
    if take("[") { return try array(depth: depth) }
    if take("\"") { return .string(try string()) }
    let start = place
    while let octet = next, isWordOctet(octet) { place += 1 }
    let word = String(decoding: octets[start..<place], as: UTF8.self)
    switch word {
    case "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    default:
      let begin = octets[start..<place].first
      guard let begin, begin == UInt8(ascii: "-") || (0x30...0x39).contains(begin),
        let number = Double(word), number.isFinite
      else {
        place = start
        throw fault("this is no JSON")
      }
      return .number(number)
    }
  }

  private func isWordOctet(_ octet: UInt8) -> Bool {
    (0x30...0x39).contains(octet) || (0x61...0x7A).contains(octet) || octet == UInt8(ascii: "E")
      || octet == UInt8(ascii: "-") || octet == UInt8(ascii: "+") || octet == UInt8(ascii: ".")
  }

  private mutating func object(depth: Int) throws(PictureError) -> JSONValue {
    var members: [String: JSONValue] = [:]
    skipBlanks()
    if take("}") { return .object(members) }
    repeat {
      skipBlanks()
      guard take("\"") else { throw fault("the name of a member is missing") }
      let name = try string()
      skipBlanks()
      guard take(":") else { throw fault("a colon is missing") }
      skipBlanks()
      members[name] = try value(depth: depth + 1)
      skipBlanks()
    } while take(",")
    guard take("}") else { throw fault("a closing brace is missing") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(PictureError) -> JSONValue {
    var values: [JSONValue] = []
    skipBlanks()
    if take("]") { return .array(values) }
    repeat {
      skipBlanks()
      values.append(try value(depth: depth + 1))
      skipBlanks()
    } while take(",")
    guard take("]") else { throw fault("a closing bracket is missing") }
    return .array(values)
  }

  /// The rest of a string whose quotation mark is read.
  private mutating func string() throws(PictureError) -> String {
    var found: [UInt8] = []
    while let octet = next {
      place += 1
      switch octet {
      case UInt8(ascii: "\""): return String(decoding: found, as: UTF8.self)
      case UInt8(ascii: "\\"): found += String(try escaped()).utf8
      case 0..<0x20: throw fault("a string has a control character")
      default: found.append(octet)
      }
    }
    throw fault("a string has no end")
  }

  private mutating func escaped() throws(PictureError) -> Character {
    guard let octet = next else { throw fault("a string has no end") }
    place += 1
    switch octet {
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      return Character(Unicode.Scalar(octet))
    case UInt8(ascii: "u"):
      var code = try hex()
      if (0xD800..<0xDC00).contains(code), take("\\"), take("u") {
        let low = try hex()
        if (0xDC00..<0xE000).contains(low) { code = 0x10000 + (code - 0xD800) << 10 + low - 0xDC00 }
      }
      return Character(Unicode.Scalar(code) ?? "\u{FFFD}")
    default: throw fault("a string has an unknown escape")
    }
  }

  private mutating func hex() throws(PictureError) -> UInt32 {
    let digits = octets[place..<min(place + 4, octets.count)]
    guard digits.count == 4,
      let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw fault("\\u takes four digits") }
    place += 4
    return code
  }
}
