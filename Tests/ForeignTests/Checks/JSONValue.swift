/// A value of a JSON text, as far as the vectors need it: numbers are whole.
enum JSONValue {
  case null
  case flag(Bool)
  case number(Int64)
  case text([UInt8])
  case list([JSONValue])
  case object([Member])

  /// A member of an object.
  struct Member {
    let key: [UInt8]
    let value: JSONValue
  }

  /// Reads a text; nil if it is malformed.
  init?(_ octets: [UInt8]) {
    var reader = JSONReader(octets)
    guard let value = reader.value(), reader.isAtEnd else { return nil }
    self = value
  }

  /// The member of a name; null if there is none.
  subscript(_ key: String) -> JSONValue {
    guard case .object(let members) = self else { return .null }
    return members.first { $0.key.elementsEqual(key.utf8) }?.value ?? .null
  }

  /// The elements of a list.
  var elements: [JSONValue] { if case .list(let all) = self { all } else { [] } }
  /// The members of an object.
  var members: [Member] { if case .object(let all) = self { all } else { [] } }

  /// Numbers in decimal digits, flags and texts as they are; nil for anything else.
  var word: String? {
    switch self {
    case .flag(let flag): flag ? "true" : "false"
    case .number(let number): "\(number)"
    case .text(let octets): String(decoding: octets, as: UTF8.self)
    case .null, .list, .object: nil
    }
  }

  /// The octets that hexadecimal digits stand for.
  var octets: [UInt8] {
    guard case .text(let digits) = self else { return [] }
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
    }
  }
}

/// Reads JSON, octet by octet.
private struct JSONReader {
  private let octets: [UInt8]
  private var position = 0

  init(_ octets: [UInt8]) { self.octets = octets }

  /// Whether nothing but blanks is left.
  var isAtEnd: Bool { octets[position...].allSatisfy { $0 <= 0x20 } }

  private mutating func next() -> UInt8? {
    while position < octets.count, octets[position] <= 0x20 { position += 1 }
    return position < octets.count ? octets[position] : nil
  }

  private mutating func take(_ sign: Unicode.Scalar) -> Bool {
    guard next() == UInt8(ascii: sign) else { return false }
    position += 1
    return true
  }

  mutating func value() -> JSONValue? {
    switch next() {
    case UInt8(ascii: "{"): object()
    case UInt8(ascii: "["): list()
    case UInt8(ascii: "\""): text().map { .text($0) }
    case UInt8(ascii: "t"): word("true", .flag(true))
    case UInt8(ascii: "f"): word("false", .flag(false))
    case UInt8(ascii: "n"): word("null", .null)
    default: number()
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) -> JSONValue? {
    guard octets[position...].starts(with: word.utf8) else { return nil }
    position += word.utf8.count
    return value
  }

  private mutating func number() -> JSONValue? {
    let start = position
    if take("-") {}
    while position < octets.count, octets[position] >= 0x30, octets[position] <= 0x39 {
      position += 1
    }
    return Int64(String(decoding: octets[start..<position], as: UTF8.self)).map { .number($0) }
  }

  /// What is outside of ASCII only stands in remarks, so it is not read exactly.
  private mutating func text() -> [UInt8]? {
    guard take("\"") else { return nil }
    var text: [UInt8] = []
    while position < octets.count {
      let octet = octets[position]
      position += 1
      if octet == UInt8(ascii: "\"") { return text }
      guard octet == UInt8(ascii: "\\") else {
        text.append(octet)
        continue
      }
      guard position < octets.count else { return nil }
      let sign = octets[position]
      position += sign == UInt8(ascii: "u") ? 5 : 1
      text.append(sign == UInt8(ascii: "u") ? UInt8(ascii: "?") : sign)
    }
    return nil
  }

  private mutating func list() -> JSONValue? {
    guard take("[") else { return nil }
    var all: [JSONValue] = []
    if take("]") { return .list(all) }
    repeat {
      guard let value = value() else { return nil }
      all.append(value)
    } while take(",")
    return take("]") ? .list(all) : nil
  }

  private mutating func object() -> JSONValue? {
    guard take("{") else { return nil }
    var all: [JSONValue.Member] = []
    if take("}") { return .object(all) }
    repeat {
      guard next() != nil, let key = text(), take(":"), let value = value() else { return nil }
      all.append(JSONValue.Member(key: key, value: value))
    } while take(",")
    return take("}") ? .object(all) : nil
  }
}
