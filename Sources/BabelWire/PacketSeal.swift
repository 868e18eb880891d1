// Before editing, read RFC 8967 §4.

/// Signs a finished packet and verifies a received one (RFC 8967 §4.2, §4.3).
public enum PacketSeal {
  /// Octets of a PC TLV with an index of `count` octets; the encoder's `bodyReserve`.
  public static func packetCounterCount(indexCount count: Int) -> Int { 6 + count }

  /// Octets of a MAC TLV with a MAC of `count` octets; their sum over the keys is the encoder's
  /// `trailerReserve`.
  public static func macCount(_ count: Int) -> Int { 2 + count }

  /// Appends a PC TLV to the body, corrects the body length in the header, and puts one MAC TLV per
  /// key into the trailer. The MACs stand in front of the padding, because babeld cannot read past
  /// every padding.
  ///
  /// `packet` is a header and a body, perhaps with padding. Returns false and changes nothing if
  /// `packet` is none, the index is longer than 32 octets, or the body would exceed 65535 octets.
  public static func seal(
    _ packet: inout [UInt8], counter: UInt32, index: [UInt8], keys: [MACKey],
    between addresses: PacketAddresses
  ) -> Bool {
    guard index.count <= PacketCounter.maximumIndexCount, packet.count >= PacketHeader.count
    else { return false }
    let length = Int(packet[2]) << 8 | Int(packet[3])
    let end = PacketHeader.count + length
    let newLength = length + packetCounterCount(indexCount: index.count)
    guard end <= packet.count, newLength <= 65535 else { return false }
    let padding = packet.count - end
    packet.removeLast(padding)
    packet.append(TLVType.packetCounter)
    packet.append(UInt8(4 + index.count))
    for i in 0..<4 { packet.append(UInt8(truncatingIfNeeded: counter >> UInt32(24 - 8 * i))) }
    packet.append(contentsOf: index)
    packet[2] = UInt8(truncatingIfNeeded: newLength >> 8)
    packet[3] = UInt8(truncatingIfNeeded: newLength)
    let signed = packet.count
    for key in keys {
      let mac = key.mac(of: packet.span.extracting(first: signed), between: addresses)
      packet.append(TLVType.mac)
      packet.append(UInt8(mac.count))
      for i in 0..<mac.count { packet.append(mac[i]) }
    }
    appendPadding(padding, to: &packet)
    return true
  }

  private static func appendPadding(_ count: Int, to packet: inout [UInt8]) {
    var left = count
    while left >= 2 {
      let payload = min(left - 2, 255)
      packet.append(TLVType.padN)
      packet.append(UInt8(payload))
      for _ in 0..<payload { packet.append(0) }
      left -= payload + 2
    }
    if left == 1 { packet.append(TLVType.pad1) }
  }

  // MARK: Verifying

  /// What the MACs of a packet say.
  public enum Verdict: UInt8, Equatable, Sendable {
    /// There is no MAC TLV in the trailer.
    case unsigned
    /// No MAC is one of ours.
    case wrong
    /// One of the keys made one of the MACs.
    case valid
  }

  /// The outcome of a verification.
  public struct Verification: Equatable, Sendable {
    /// Whether the packet is genuine.
    public let verdict: Verdict
    /// How many MACs were computed: at most one per key, whatever the packet holds.
    public let computed: Int
  }

  /// Compares the MAC TLVs in the trailer with what the keys make of the packet.
  ///
  /// `body` and `trailer` are those of the datagram's ``PacketDecoder``. Nothing is computed for
  /// a key whose MACs are longer or shorter than any in the packet.
  public static func verify(
    _ datagram: Span<UInt8>, body: OctetRange, trailer: OctetRange, keys: [MACKey],
    between addresses: PacketAddresses
  ) -> Verification {
    var computed = 0
    var isSigned = false
    for key in keys {
      var walk = TLVWalk(trailer)
      var mac: MAC?
      while let found = walk.next(in: datagram) {
        guard found.type == TLVType.mac else { continue }
        isSigned = true
        guard found.payload.count == key.macCount else { continue }
        let expected: MAC
        if let mac {
          expected = mac
        } else {
          let signed = datagram.extracting(first: body.offset + body.count)
          expected = key.mac(of: signed, between: addresses)
          mac = expected
          computed += 1
        }
        let start = found.payload.offset
        if expected.matches(datagram.extracting(start..<(start + found.payload.count))) {
          return Verification(verdict: .valid, computed: computed)
        }
      }
    }
    if keys.isEmpty {
      var walk = TLVWalk(trailer)
      while let found = walk.next(in: datagram) {
        if found.type == TLVType.mac { isSigned = true }
      }
    }
    return Verification(verdict: isSigned ? .wrong : .unsigned, computed: computed)
  }
}

/// Goes over the TLVs of a part of a packet without looking into them.
struct TLVWalk {
  private var position: Int
  private let end: Int

  init(_ range: OctetRange) {
    position = range.offset
    end = range.offset + range.count
  }

  /// The next TLV that is not Pad1. Nil at the end, and where a TLV reaches past the end.
  mutating func next(in datagram: Span<UInt8>) -> (type: UInt8, payload: OctetRange)? {
    while position < end, datagram[position] == TLVType.pad1 { position += 1 }
    let start = position + 2
    guard start <= end, start + Int(datagram[position + 1]) <= end else {
      position = end
      return nil
    }
    let type = datagram[position]
    let payload = OctetRange(offset: start, count: Int(datagram[position + 1]))
    position = start + payload.count
    return (type, payload)
  }
}
