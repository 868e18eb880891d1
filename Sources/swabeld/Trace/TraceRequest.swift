import BabelWire

/// A request to look at packets: `trace` for words, `capture` for octets, both with
/// `[interface NAME] [neighbour ADDRESS] [for SECONDS] [packets N]`.
struct TraceRequest: Equatable {
  /// How packets are shown.
  enum Form: Equatable {
    /// A line for each packet and each of its TLVs.
    case words
    /// One line for each packet, with its octets.
    case octets
  }

  let form: Form
  /// Only packets on this interface are shown.
  private(set) var interface: InterfaceName?
  /// Only packets from and to this neighbour are shown.
  private(set) var neighbour: IPAddress?
  /// After so many seconds it ends.
  private(set) var seconds: Int?
  /// After so many packets it ends.
  private(set) var packets: Int?

  /// The longest time, and the most packets, that can be asked for.
  static let most = 1_000_000_000

  /// What a line comes to.
  enum Reading: Equatable {
    /// Something else.
    case other
    /// A request for packets.
    case request(TraceRequest)
    /// A request that is wrong.
    case mistake
  }

  /// What is said of a mistake.
  static let usage =
    "This takes: interface NAME, neighbour ADDRESS, for SECONDS, packets N"

  private init(_ form: Form) { self.form = form }

  /// Reads a line.
  static func read(_ line: [UInt8]) -> Reading {
    var words = RequestLines.words(line)[...]
    guard let first = words.popFirst() else { return .other }
    var request: TraceRequest
    if first.elementsEqual("trace".utf8) {
      request = TraceRequest(.words)
    } else if first.elementsEqual("capture".utf8) {
      request = TraceRequest(.octets)
    } else {
      return .other
    }
    while let word = words.popFirst() {
      guard let value = words.popFirst(), request.take(word, value) else { return .mistake }
    }
    return .request(request)
  }

  /// Takes a word with its value; false if that is wrong.
  private mutating func take(_ word: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Bool {
    if word.elementsEqual("interface".utf8) {
      guard interface == nil else { return false }
      interface = InterfaceName(octets: value)
      return interface != nil
    } else if word.elementsEqual("neighbour".utf8) || word.elementsEqual("neighbor".utf8) {
      guard neighbour == nil else { return false }
      neighbour = IPAddress(octets: Array(value))
      return neighbour != nil
    } else if word.elementsEqual("for".utf8) {
      guard seconds == nil else { return false }
      seconds = Self.number(value)
      return seconds != nil
    } else if word.elementsEqual("packets".utf8) {
      guard packets == nil else { return false }
      packets = Self.number(value)
      return packets != nil
    }
    return false
  }

  private static func number(_ word: ArraySlice<UInt8>) -> Int? {
    CommandLineOptions.integer(Array(word), 1...most)
  }
}
