import BabelWire

/// The time after a crash without a source table, in which a new route might make a loop.
///
/// Along a Babel route each node has a smaller feasibility distance than the one before it
/// (RFC 8966 §2.4).
/// A node that forgot its own must not point anywhere new while anybody may point at it for what
/// it announced before. That neighbours acknowledge a retraction is not enough: one that died, or
/// whose link is down, does not hear it, goes on forwarding here, and others send to it until
/// they notice, which with a lossy link takes half a minute.
///
/// So for each source that it hears of the node presumes that it announced the newest seqno any
/// neighbour knows, with metric 0, the best there is. What it may use is
/// - an entry that the kernel has had all the time: it was part of the order before the crash,
///   and its next hop, which has not forgotten, still keeps it;
/// - a route of a newer seqno, which it asks for (§3.8.2.1): nobody can have learned that from
///   its former life.
///
/// Everything is used again when all routes through the former life have expired (§3.5.3).
struct Recovery {
  /// Marks our requests, so that an answer to an earlier life does not count.
  let opaque: UInt16
  /// When ``BabelNode/begin(_:at:)`` was called.
  let beganAt: Instant
  /// Until then neighbours are listened to for what seqnos there are; then newer ones are asked
  /// for.
  var listensUntil: Instant
  /// By then every route through us from before has expired with its owner (§3.5.3).
  var end: Instant
  /// When it is to be looked at again.
  var checkDue: Instant
  /// ``listensUntil`` has passed.
  var hasListened = false
  /// All neighbours that were heard have acknowledged the retraction.
  var isAcknowledged = false

  init(opaque: UInt16, at now: Instant) {
    self.opaque = opaque
    beganAt = now
    listensUntil = now
    end = now
    checkDue = .distantFuture
  }

  /// What neighbours are told: in this order, so that an answer covers the retraction.
  var retraction: ArraySlice<OutgoingTLV> {
    [.wildcardRetraction, .acknowledgmentRequest(opaque)]
  }

  /// An interface came up: its neighbours have to be heard, and their routes through us may live
  /// as long as our Updates promised.
  mutating func join(_ interface: Interface, at now: Instant) {
    let patience = interface.helloMicroseconds / 4 * ProtocolParameters.listeningQuarters
    listensUntil = max(listensUntil, now + min(patience, ProtocolParameters.longestListening))
    let hold = interface.updateMicroseconds * ProtocolParameters.routeHoldHalves / 2
    end = max(end, beganAt + hold)
    checkDue = min(hasListened ? checkDue : listensUntil, end)
  }
}
