import BabelWire
import Foundation

/// One packet of Vectors/packets.json with what it means.
struct PacketVector: Decodable, CustomStringConvertible, Sendable {
  let name: String
  let hex: String
  let src: String
  let dst: String
  let srcPort: Int
  let expect: String
  let decode: [Item]?
  let dropReason: String?

  var description: String { name }

  /// One TLV as the vector has it; `ignored` is present exactly if it must be ignored.
  struct Item: Decodable, Sendable {
    let tlv: String
    let ignored: String?
    let `where`: String?
    let ae: UInt8?
    let plen: Int?
    let omitted: UInt8?
    let flags: String?
    let unicast: Bool?
    let scheduled: Bool?
    let wildcard: Bool?
    let seqno: UInt16?
    let metric: UInt16?
    let rxcost: UInt16?
    let intervalCs: UInt16?
    let hopCount: UInt8?
    let opaque: UInt16?
    let address: String?
    let prefix: String?
    let sourcePrefix: String?
    let routerId: String?
    let nextHop: String?
    let len: Int?
    let pc: UInt32?
    let indexHex: String?
    let nonceHex: String?
    let macHex: String?
    let type: UInt8?
    let bytesHex: String?
    let subtlvs: [Sub]?
  }

  struct Sub: Decodable, Sendable {
    let sub: String
    let ignored: String?
    let transmit: UInt32?
    let origin: UInt32?
    let receive: UInt32?
  }

  static let all: [PacketVector] = vectors("packets")

  var octets: [UInt8] { octetsFromHex(hex) }
  var toMulticast: Bool { IPAddress(dst)?.isMulticast == true }

  /// Everything the decoder finds in the packet; throws if it drops it.
  func decoded() throws(PacketFault) -> [DecodedTLV] {
    try decodeAll(octets, from: IPAddress(src) ?? .unspecified, toMulticast: toMulticast)
  }
}

/// What a file of vectors holds; nothing if it cannot be read.
func vectors<Vector: Decodable>(_ name: String) -> [Vector] {
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  guard
    let url = Bundle.module.url(
      forResource: name, withExtension: "json", subdirectory: "Vectors"),
    let data = try? Data(contentsOf: url),
    let vectors = try? decoder.decode([Vector].self, from: data)
  else { return [] }
  return vectors
}

func octetsFromHex(_ text: String) -> [UInt8] {
  let digits = Array(text.utf8).filter { $0 != 0x20 }.map { UInt8(hexDigit: $0) }
  return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

extension UInt8 {
  fileprivate init(hexDigit: UInt8) { self = hexDigit < 0x3A ? hexDigit - 0x30 : hexDigit - 0x57 }
}

/// Decodes a whole packet; `limit` guards against a decoder that does not get ahead.
func decodeAll(
  _ octets: [UInt8], from source: IPAddress = .neighbour, toMulticast: Bool = true
) throws(PacketFault) -> [DecodedTLV] {
  let span = octets.span
  var decoder = try PacketDecoder(span, from: source, toMulticast: toMulticast)
  var found: [DecodedTLV] = []
  while found.count <= octets.count, let next = decoder.next(in: span) { found.append(next) }
  return found
}

/// Decodes a body given in hexadecimal, in a packet from ``IPAddress/neighbour``.
func decodeBody(_ hex: String, toMulticast: Bool = true) -> [DecodedTLV] {
  let body = octetsFromHex(hex)
  let header = [42, 2, UInt8(body.count >> 8), UInt8(body.count & 255)]
  return (try? decodeAll(header + body, toMulticast: toMulticast)) ?? []
}

extension IPAddress {
  static let neighbour = IPAddress(high: 0xFE80_0000_0000_0000, low: 0xA1)
}
