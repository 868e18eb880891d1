/// A text in the exposition format of Prometheus, version 0.0.4: families of samples, each with its
/// meaning and its type in front.
struct MetricText {
  /// What a family is.
  enum Kind: UInt8 {
    /// It only grows, until the process starts anew.
    case counter
    /// It goes up and down.
    case gauge

    fileprivate var word: String { self == .counter ? "counter" : "gauge" }
  }

  /// The text as far as it is written.
  private(set) var octets: [UInt8] = []
  private var name: [UInt8] = []

  /// Begins a family. Its samples follow at once, because the format wants them together. The
  /// compiler would copy this and what follows into each of a hundred callers.
  @inline(never)
  mutating func begin(_ name: String, _ kind: Kind, _ meaning: String) {
    self.name = Array(name.utf8)
    octets += "# HELP ".utf8
    octets += self.name
    octets.append(0x20)
    octets += meaning.utf8
    octets += "\n# TYPE ".utf8
    octets += self.name
    octets.append(0x20)
    octets += kind.word.utf8
    octets.append(0x0A)
  }

  /// Adds a sample whose value is written already.
  @inline(never)
  mutating func add(_ labels: MetricLabels = .none, text: String) {
    octets += name
    octets += labels.octets
    octets.append(0x20)
    octets += text.utf8
    octets.append(0x0A)
  }

  /// Adds a sample.
  mutating func add(_ labels: MetricLabels, _ value: Int) { add(labels, text: String(value)) }

  /// Adds a sample without labels.
  mutating func add(_ value: Int) { add(.none, value) }

  /// Adds a sample of a counter.
  mutating func add(_ labels: MetricLabels = .none, count: UInt64) {
    add(labels, text: String(count))
  }

  /// Adds a sample in seconds.
  mutating func add(_ labels: MetricLabels = .none, microseconds: Int64) {
    add(labels, text: Self.decimal(microseconds, places: 6))
  }

  /// A whole number of a unit's parts, such as millionths, as a decimal number.
  static func decimal(_ parts: Int64, places: Int) -> String {
    let digits = String(parts.magnitude)
    let missing = max(0, places + 1 - digits.utf8.count)
    let padded = Array(String(repeating: "0", count: missing).utf8) + Array(digits.utf8)
    let sign = parts < 0 ? "-" : ""
    return sign + String(decoding: padded.dropLast(places), as: UTF8.self) + "."
      + String(decoding: padded.suffix(places), as: UTF8.self)
  }
}

/// The labels of a sample as they are written. Those of a row are made once for all its families.
struct MetricLabels {
  /// Braces and what is between them; nothing if there are no labels.
  let octets: [UInt8]

  /// No labels.
  static let none = MetricLabels(octets: [])

  private init(octets: [UInt8]) { self.octets = octets }

  /// Labels with their values, in order.
  @inline(never)
  init(_ labels: (name: String, value: String)...) {
    var text: [UInt8] = []
    for (name, value) in labels {
      text.append(text.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
      text += name.utf8
      text += "=\"".utf8
      Self.append(value, to: &text)
      text.append(UInt8(ascii: "\""))
    }
    if !text.isEmpty { text.append(UInt8(ascii: "}")) }
    octets = text
  }

  /// Names of interfaces may hold anything, so that what would end a value is escaped.
  private static func append(_ value: String, to text: inout [UInt8]) {
    for octet in value.utf8 {
      switch octet {
      case UInt8(ascii: "\\"): text += "\\\\".utf8
      case UInt8(ascii: "\""): text += "\\\"".utf8
      case 0x0A: text += "\\n".utf8
      default: text.append(octet)
      }
    }
  }
}
