import BabelCore
import BabelKernel
import BabelWire

/// A packet that was received or sent, without its octets.
struct PacketSighting {
  /// What became of it.
  enum Fate: Equatable {
    /// It was received. The interface has no keys.
    case received
    /// It was received, and its MAC is one of ours.
    case verified
    /// The same, and its sender has just proved that it is no replay.
    case provedNew
    /// It was processed, although it fails verification.
    case unverified(DropReason)
    /// It was dropped.
    case dropped(DropReason)
    /// It was sent; perhaps signed.
    case sent(isSigned: Bool)
    /// It was to be sent, and there was no room.
    case noRoom
    /// It was to be sent, and the kernel refused.
    case refused(KernelError)
  }

  /// Microseconds since 1970.
  let time: Int64
  let interface: InterfaceName
  let source: IPAddress
  let sourcePort: UInt16
  let destination: IPAddress
  /// The port of the protocol.
  let port: UInt16
  /// How Updates are written on the link.
  let format: WireFormat
  let fate: Fate

  /// Whether it came from another host.
  var isReceived: Bool {
    switch fate {
    case .received, .verified, .provedNew, .unverified, .dropped: true
    case .sent, .noRoom, .refused: false
    }
  }
}

/// The lines about one packet: written once at most in each form, whoever wants them.
struct PacketLines {
  private var words: PacketText?
  private var wordsHead: [UInt8] = []
  private var hex: [UInt8] = []

  /// The lines in one form, and what they count against the limit of a second.
  mutating func lines(
    _ form: TraceRequest.Form, _ packet: PacketSighting, _ octets: borrowing Span<UInt8>
  ) -> (text: [UInt8], cost: Int) {
    switch form {
    case .words:
      let text: PacketText
      if let words {
        text = words
      } else {
        text = PacketText(
          octets, from: packet.source, toMulticast: packet.destination.isMulticast,
          format: packet.format)
        words = text
        wordsHead = packet.head(octets.count)
      }
      return (wordsHead + text.octets, 1 + text.lineCount)
    case .octets:
      if hex.isEmpty { hex = packet.hexLine(octets) }
      return (hex, 1 + octets.count / 256)
    }
  }
}

extension PacketSighting {
  /// The first line of a packet in words.
  fileprivate func head(_ count: Int) -> [UInt8] {
    var text = Array(WallClock.stamp(microseconds: time).utf8)
    text += (isReceived ? " recv " : " sent ").utf8
    text += interface.octets
    text.append(0x20)
    source.appendText(to: &text)
    if sourcePort != port { text += " port \(sourcePort)".utf8 }
    text += " > ".utf8
    destination.appendText(to: &text)
    text += " octets \(count)".utf8
    text += fate.words.utf8
    text.append(0x0A)
    return text
  }

  /// `packet SECONDS recv|sent NAME SOURCE PORT DESTINATION PORT OCTETS`.
  fileprivate func hexLine(_ octets: borrowing Span<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(128 + 2 * octets.count)
    text += "packet ".utf8
    text += MetricText.decimal(time, places: 6).utf8
    text += (isReceived ? " recv " : " sent ").utf8
    text += interface.octets
    text.append(0x20)
    source.appendText(to: &text)
    text += " \(sourcePort) ".utf8
    destination.appendText(to: &text)
    text += " \(port) ".utf8
    if octets.isEmpty { text.append(UInt8(ascii: "-")) }
    for index in 0..<octets.count { appendHex(octets[index], to: &text) }
    text.append(0x0A)
    return text
  }
}

extension PacketSighting.Fate {
  /// What stands at the end of the line.
  fileprivate var words: String {
    switch self {
    case .received: ""
    case .verified: ", MAC valid"
    case .provedNew: ", MAC valid, sender has proved to be no replay"
    case .unverified(let reason): ", taken although not verified: \(reason)"
    case .dropped(let reason): ", dropped: \(reason)"
    case .sent(let isSigned): isSigned ? ", signed" : ""
    case .noRoom: ", not sent: no room"
    case .refused(let error): ", not sent: \(error)"
    }
  }
}
