import BabelWire
import Testing

/// Octets of a body with one TLV that must be ignored, and why.
struct FaultRow: Sendable, CustomTestStringConvertible {
  let hex: String
  let fault: TLVFault
  let why: String

  init(_ hex: String, _ fault: TLVFault, _ why: String) {
    self.hex = hex
    self.fault = fault
    self.why = why
  }

  var testDescription: String { why }

  /// A Hello with number 50, put behind each bad TLV: it must not be hidden.
  static let helloHex = "0406000000320190"
  static let hello = Hello(
    isUnicast: false, seqno: Seqno(50), interval: Interval(centiseconds: 400),
    transmitTimestamp: nil)

  /// Expects the TLV to be ignored for the reason given, and the one behind it to be read.
  func check() {
    let type = octetsFromHex(hex)[0]
    let expected: [DecodedTLV] = [.ignored(type: type, fault), .tlv(.hello(Self.hello))]
    #expect(decodeBody(hex + Self.helloHex) == expected, "\(why)")
  }
}

/// What the encoder makes of one TLV, without the packet header, as hexadecimal.
func encodedBody(_ write: (inout PacketEncoder) -> Bool) -> String {
  var encoder = PacketEncoder(limit: 1452)
  guard write(&encoder) else { return "does not fit" }
  return hexOfBody(encoder)
}

func hexOfBody(_ encoder: PacketEncoder) -> String { hex(encoder.bytes.dropFirst(4)) }

func hex(_ octets: some Sequence<UInt8>) -> String {
  octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

extension Prefix {
  /// For literals in tests.
  static func of(_ text: String) -> Prefix {
    guard let prefix = Prefix(text) else { preconditionFailure("not a prefix: \(text)") }
    return prefix
  }
}

extension IPAddress {
  /// For literals in tests.
  static func of(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("not an address: \(text)") }
    return address
  }
}

extension Interval {
  static func cs(_ value: UInt16) -> Interval { Interval(centiseconds: value) }
}

/// `#expect` for calls that change what they are called on, which the macro does not take.
func expectTrue(_ value: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(value, sourceLocation: sourceLocation)
}
