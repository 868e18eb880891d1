import BabelWire

/// The time after a crash without a source table, in which a new route might make a loop.
///
/// Forwarding tables along a Babel route have ever smaller feasibility distances (RFC 8966 §2.4).
/// A node that forgot its own must not point anywhere new while anybody may point at it for what
/// it announced before. So every neighbour is told a wildcard retraction together with an
/// Acknowledgment Request, and until all have answered only those entries are used that the
/// kernel has had all the time: they were part of the order before the crash, and their next
/// hops, which have not forgotten, still keep it.
///
/// It is not enough that the neighbour a route leads to has answered: its way may lead on to
/// another one that has not.
struct Recovery {
  /// Marks our requests, so that an answer to an earlier life does not count.
  let opaque: UInt16
  /// When ``BabelNode/begin(_:at:)`` was called.
  let beganAt: Instant
  /// Neighbours that were not heard yet are waited for until then.
  var listensUntil: Instant
  /// By then every route through us from before has expired with its owner (§3.5.3).
  var end: Instant
  /// When it is to be looked at again.
  var checkDue: Instant
  /// Routes are selected again, but for those of neighbours that have yet to answer.
  var isOpen = false

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

  /// An interface came up, with or without adopted entries that forward during the wait: its
  /// neighbours have to be heard, and their routes may live as long as our Updates promised.
  mutating func join(_ interface: Interface, forwardsMeanwhile: Bool, at now: Instant) {
    let quarters =
      forwardsMeanwhile
      ? ProtocolParameters.patientListeningQuarters : ProtocolParameters.listeningQuarters
    let longest =
      forwardsMeanwhile
      ? ProtocolParameters.longestPatientListening : ProtocolParameters.longestListening
    let patience = interface.helloMicroseconds / 4 * quarters
    listensUntil = max(listensUntil, now + min(patience, longest))
    let hold = interface.updateMicroseconds * ProtocolParameters.routeHoldHalves / 2
    end = max(end, beganAt + hold)
    checkDue = isOpen ? end : min(listensUntil, end)
  }
}
