import BabelCore
import BabelWire

/// A scripted sender of signed packets.
final class Signer {
  unowned let bench: Bench
  let address: IPAddress
  var index: [UInt8]
  var keys: [MACKey]
  private var helloSeqno: UInt16 = 1

  /// The result of one packet.
  struct Result {
    /// It had an effect.
    var isAccepted: Bool
    /// The nonce of a challenge that was sent for it.
    var challenge: [UInt8]?
    /// Nonces sent back.
    var replies: [[UInt8]]
    /// The packets that the node sent at once.
    var sent: [SentPacket]
    var notices: [Notice]

    /// Whether the packet was dropped and nothing was sent.
    var isDropped: Bool { !isAccepted && sent.isEmpty }
    /// Whether the packet was dropped and a challenge was sent.
    var isChallenged: Bool { !isAccepted && challenge != nil }
  }

  init(
    _ bench: Bench, _ number: UInt64 = 0xB1, index: [UInt8] = [0xA],
    keys: [MACKey] = [MACKey(hmacSHA256: Signer.secret)]
  ) {
    self.bench = bench
    address = IPAddress(high: 0xFE80_0000_0000_0000, low: number)
    self.index = index
    self.keys = keys
  }

  static let secret = [UInt8](repeating: 7, count: 32)

  /// Parameters with one key, the one signers use.
  static func parameters(
    _ adjust: (inout InterfaceAuthentication) -> Void = { _ in }
  ) -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.authentication.keys = [InterfaceKey(key: key())]
    adjust(&parameters.authentication)
    return parameters
  }

  static func key(
    _ id: String = "k", _ octets: [UInt8] = secret, _ algorithm: MACAlgorithm = .hmacSHA256
  ) -> AuthenticationKey {
    AuthenticationKey(id: Array(id.utf8), algorithm: algorithm, value: SecretOctets(octets))
  }

  /// A signed packet with a Hello and whatever `fill` appends.
  func packet(
    _ counter: UInt32, toMulticast: Bool, _ fill: (inout PacketEncoder) -> Void = { _ in }
  ) -> [UInt8] {
    var encoder = PacketEncoder(limit: 1400)
    _ = encoder.append(
      Hello(
        isUnicast: false, seqno: Seqno(helloSeqno), interval: Interval(centiseconds: 400),
        transmitTimestamp: nil))
    helloSeqno += 1
    fill(&encoder)
    var packet = encoder.bytes
    _ = PacketSeal.seal(
      &packet, counter: counter, index: index, keys: keys, between: addresses(toMulticast))
    return packet
  }

  func addresses(_ toMulticast: Bool) -> PacketAddresses {
    PacketAddresses(
      source: address, sourcePort: 6696,
      destination: toMulticast ? Example.group : Example.ownAddress, destinationPort: 6696)
  }

  /// The index and counter that a packet carries.
  static func counter(of packet: SentPacket) -> (index: [UInt8], counter: UInt32)? {
    let bytes = packet.bytes
    var at = 4
    while at + 1 < bytes.count {
      let end = bytes[at] == 0 ? at + 1 : at + 2 + Int(bytes[at + 1])
      if bytes[at] == 17, end <= bytes.count, end > at + 6 {
        let counter = bytes[at + 2..<at + 6].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return (Array(bytes[at + 6..<end]), counter)
      }
      at = end
    }
    return nil
  }

  /// Signs octets as they are.
  func sign(_ packet: [UInt8], toMulticast: Bool) -> [UInt8] {
    let mac = keys[0].mac(of: packet.span, between: addresses(toMulticast))
    return packet + [16, UInt8(mac.count)] + (0..<mac.count).map { mac[$0] }
  }

  @discardableResult func multicast(
    _ counter: UInt32, reply: [UInt8]? = nil, challenge: [UInt8]? = nil
  ) -> Result { send(counter, toMulticast: true, reply: reply, challenge: challenge) }

  @discardableResult func unicast(
    _ counter: UInt32, reply: [UInt8]? = nil, challenge: [UInt8]? = nil
  ) -> Result { send(counter, toMulticast: false, reply: reply, challenge: challenge) }

  private func send(
    _ counter: UInt32, toMulticast: Bool, reply: [UInt8]?, challenge: [UInt8]?
  ) -> Result {
    deliver(
      packet(counter, toMulticast: toMulticast) {
        if let challenge { _ = $0.appendChallengeRequest(nonce: challenge) }
        if let reply { _ = $0.appendChallengeReply(nonce: reply) }
      }, toMulticast: toMulticast)
  }

  @discardableResult func deliver(
    _ packet: [UInt8], toMulticast: Bool, from source: IPAddress? = nil
  ) -> Result {
    let sent = bench.sent.count
    let notices = bench.notices.count
    bench.deliver(packet, from: source ?? address, toMulticast: toMulticast)
    let news = Array(bench.notices[notices...])
    let packets = Array(bench.sent[sent...])
    let isDropped = news.contains {
      if case .packetDropped = $0 { true } else { false }
    }
    var result = Result(isAccepted: !isDropped, replies: [], sent: packets, notices: news)
    for packet in packets {
      for tlv in packet.tlvs {
        if case .tlv(.challengeRequest(let nonce)) = tlv {
          result.challenge = nonce.octets(in: packet.bytes.span)
        }
        if case .tlv(.challengeReply(let nonce)) = tlv {
          result.replies.append(nonce.octets(in: packet.bytes.span))
        }
      }
    }
    return result
  }

  /// Goes through the exchange of challenges; the counter is `counter` + 1 afterwards.
  func join(_ counter: UInt32 = 1) {
    let nonce = multicast(counter).challenge
    unicast(counter + 1, reply: nonce)
  }
}
