import BabelCore
import BabelWire

/// One packet the node under test sent, with what it holds.
struct SentPacket {
  /// Virtual microseconds.
  let time: Int64
  let interface: InterfaceID
  let destination: DatagramDestination
  let bytes: [UInt8]
  let tlvs: [DecodedTLV]
  let timestampOffset: Int?

  var isMulticast: Bool { destination == .multicast }

  var updates: [Update] {
    tlvs.compactMap { if case .tlv(.update(let update)) = $0 { update } else { nil } }
  }

  var hellos: [Hello] {
    tlvs.compactMap { if case .tlv(.hello(let hello)) = $0 { hello } else { nil } }
  }

  var ihus: [IHU] {
    tlvs.compactMap { if case .tlv(.ihu(let ihu)) = $0 { ihu } else { nil } }
  }

  var seqnoRequests: [SeqnoRequest] {
    tlvs.compactMap { if case .tlv(.seqnoRequest(let request)) = $0 { request } else { nil } }
  }

  var routeRequests: [RouteRequest] {
    tlvs.compactMap { if case .tlv(.routeRequest(let request)) = $0 { request } else { nil } }
  }

  var pathRequests: [PathRequest] {
    tlvs.compactMap { if case .tlv(.pathRequest(let request)) = $0 { request } else { nil } }
  }

  var pathReplies: [PathReply] {
    tlvs.compactMap { if case .tlv(.pathReply(let reply)) = $0 { reply } else { nil } }
  }

  var acknowledgments: [Acknowledgment] {
    tlvs.compactMap { if case .tlv(.acknowledgment(let answer)) = $0 { answer } else { nil } }
  }

  var acknowledgmentRequests: [AcknowledgmentRequest] {
    tlvs.compactMap {
      if case .tlv(.acknowledgmentRequest(let request)) = $0 { request } else { nil }
    }
  }
}
