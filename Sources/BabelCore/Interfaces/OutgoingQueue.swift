import BabelWire

/// A TLV waiting to leave, by value or by reference to a row whose state is read at the moment of
/// sending.
enum OutgoingTLV: Equatable {
  /// An IHU to a neighbour.
  case ihu(NeighbourID)
  /// An answer to an acknowledgment request.
  case acknowledgment(UInt16)
  /// A request to acknowledge what goes before it.
  case acknowledgmentRequest(UInt16)
  /// A seqno request.
  case seqnoRequest(SeqnoRequest)
  /// A request for one destination.
  case routeRequest(RouteRequest)
  /// A request for everything.
  case wildcardRequest
  /// A retraction of everything.
  case wildcardRetraction
  /// The current state of a destination, also where split horizon would suppress it.
  case update(DestinationRow)
  /// A retraction of a destination we have no row for.
  case retraction(RouteRequest)
  /// A question for a way.
  case pathRequest(PathRequest)
  /// One hop of a way that a neighbour asked for.
  case pathReply(PathReply)
}

/// TLVs waiting for one destination address, and when they leave (RFC 8966 §3.1).
struct OutgoingQueue {
  /// In the order they were queued.
  private(set) var waiting: [OutgoingTLV] = []
  /// When the queue is flushed; nil when it is empty.
  private(set) var deadline: Instant?

  var isEmpty: Bool { waiting.isEmpty }

  /// Appends a TLV that leaves at `deadline` at the latest. An equal TLV that waits already is
  /// not queued again. Returns false when the queue is full.
  mutating func append(_ tlv: OutgoingTLV, by deadline: Instant) -> Bool {
    self.deadline = min(deadline, self.deadline ?? deadline)
    if waiting.count < 64, waiting.contains(tlv) { return true }
    guard waiting.count < ProtocolParameters.queueLimit else { return false }
    waiting.append(tlv)
    return true
  }

  /// Takes everything that waits.
  mutating func takeAll() -> [OutgoingTLV] {
    deadline = nil
    let all = waiting
    waiting = []
    return all
  }

  /// Puts back what did not go, in front.
  mutating func putBack(_ tlvs: ArraySlice<OutgoingTLV>, by deadline: Instant) {
    guard !tlvs.isEmpty else { return }
    waiting.insert(contentsOf: tlvs, at: 0)
    self.deadline = min(deadline, self.deadline ?? deadline)
  }
}
