/// What the kernel does with packets to a destination when the neighbour of its route falls silent
/// and no other route can be used yet.
///
/// Only a neighbour that falls silent counts. One that retracts a route says that it has none, and
/// may want to send such packets to us: then the destination is always unreachable.
public enum NeighbourLoss: Equatable, Sendable {
  /// It refuses them, as long as neighbours may believe that we have the route (RFC 8966 §3.5.4).
  case unreachable
  /// It sends them to the silent neighbour for so many milliseconds, then refuses them: the
  /// neighbour may still hear us.
  case keep(milliseconds: UInt32)
  /// It has no entry, so that they follow a route to a shorter prefix, if there is one. If that one
  /// leads back here they go round in circles until their hop limit ends.
  case covering
}
