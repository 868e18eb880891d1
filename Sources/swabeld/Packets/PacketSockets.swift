import BabelCore
import BabelKernel
import BabelWire

/// The sockets that packets go through, one for each family, and what guards them: against floods
/// that would drown out our neighbours, and against a full send buffer that would stop the loop.
final class PacketSockets {
  /// Unicast leaves so many percent of the send buffer to multicast: addresses that somebody made
  /// up must not keep our Hellos from leaving.
  private static let unicastRoomPercent = 50
  /// The Babel group of IPv4 (RFC 8966 §4).
  private static let ipv4Group = IPAddress(ipv4: 0xE000_006F)

  /// A socket and what guards it.
  private final class Guarded {
    let socket: UDPSocket
    let storms = StormGuard()
    var pace = ReadingPace()
    init(_ socket: consuming UDPSocket) { self.socket = socket }
  }

  private let ipv6: Guarded
  /// Opened when the first interface needs it.
  private var ipv4: Guarded?
  private let ipv6Group: IPAddress
  private let port: UInt16
  private var batch: ReceiveBatch?
  private var patience = RoomPatience()
  /// The kernel was asked to note when packets arrive.
  private(set) var notesArrivalTimes = false
  /// The kernel cannot note that, though somebody measures by it: then nothing may wait.
  private var lacksArrivalTimes = false
  /// Packets that were sent.
  private(set) var sentCount: UInt64 = 0
  /// Packets that could not be sent.
  private(set) var unsentCount: UInt64 = 0

  /// Takes the socket of IPv6, which is open already, and the group and port of the protocol.
  init(_ socket: consuming UDPSocket, group: IPAddress, port: UInt16) {
    ipv6 = Guarded(socket)
    ipv6Group = group
    self.port = port
  }

  private func guarded(_ family: AddressFamily) -> Guarded? { family == .ipv4 ? ipv4 : ipv6 }

  /// Lets the loop wait for datagrams; returns the place in the poll set, nil if there is no socket
  /// of the family, or if its datagrams wait until ``readingDue``.
  func addDatagrams(of family: AddressFamily, to poll: inout PollSet) -> Int? {
    guard let guarded = guarded(family), guarded.pace.resumesAt == nil else { return nil }
    return poll.add(guarded.socket.descriptor, .read)
  }

  /// When datagrams that wait are to be read; nil if none do.
  var readingDue: Instant? {
    guard let second = ipv4?.pace.resumesAt else { return ipv6.pace.resumesAt }
    return min(second, ipv6.pace.resumesAt ?? .distantFuture)
  }

  /// Whether datagrams of a family are to be read now: there are some, or those that waited have
  /// waited long enough. `place` is what ``addDatagrams(of:to:)`` returned.
  func mustRead(_ family: AddressFamily, _ place: Int?, in poll: borrowing PollSet) -> Bool {
    if let place { return poll.isReadable(place) }
    return guarded(family)?.pace.resumesAt.map { $0 <= .now } ?? false
  }

  /// Notes how many datagrams were read before the loop does something else; see `ReadingPace`.
  func noteReading(
    of count: Int, over family: AddressFamily, at now: Instant, shortest: () -> Int64
  ) {
    guard let guarded = guarded(family) else { return }
    if lacksArrivalTimes {
      guarded.pace = ReadingPace()
    } else {
      guarded.pace.read(count, at: now, shortest: shortest)
    }
  }

  /// Notes that a route changed: nothing waits while more of that may come.
  func routeChanged(at now: Instant) {
    ipv6.pace.routeChanged(at: now)
    ipv4?.pace.routeChanged(at: now)
  }

  /// Where multicast goes.
  func group(of family: AddressFamily) -> IPAddress {
    family == .ipv4 ? Self.ipv4Group : ipv6Group
  }

  // MARK: Links

  /// Joins the group on a link. The first link that speaks over IPv4 makes its socket open.
  func join(_ family: AddressFamily, on ifindex: Int32) throws(KernelError) {
    if family == .ipv4, ipv4 == nil {
      let opened = Guarded(try UDPSocket(port: port, family: .ipv4))
      if notesArrivalTimes { _ = opened.socket.enableArrivalTimes() }
      ipv4 = opened
    }
    try guarded(family)?.socket.join(group(of: family), on: ifindex)
  }

  /// Leaves the group on a link.
  func leave(_ family: AddressFamily, on ifindex: Int32) throws(KernelError) {
    try guarded(family)?.socket.leave(group(of: family), on: ifindex)
  }

  /// Lets the kernel note arrivals. Without it (Linux before 5.1) the time until we read counts as
  /// time on the way.
  func noteArrivalTimes() {
    notesArrivalTimes = true
    lacksArrivalTimes = !ipv6.socket.enableArrivalTimes()
    _ = ipv4?.socket.enableArrivalTimes()
  }

  // MARK: Receiving

  /// Makes sure that datagrams of so many octets can be received.
  func makeRoom(_ octets: Int) {
    if batch?.room ?? 0 < octets { batch = ReceiveBatch(room: octets) }
  }

  /// Reads some datagrams, ``ReceiveBatch/size`` at most; returns how many.
  func receive(over family: AddressFamily) throws(KernelError) -> Int {
    guard let batch, let guarded = guarded(family) else { return 0 }
    return try batch.receive(from: guarded.socket)
  }

  /// Calls `body` with a datagram that was read last, unless a flood forbids to look at it.
  func withDatagram(
    _ index: Int, over family: AddressFamily, at now: Instant,
    _ body: (ReceivedDatagram, borrowing Span<UInt8>) -> Void
  ) {
    guard let batch, let storms = guarded(family)?.storms else { return }
    batch.withDatagram(index) { datagram, bytes in
      guard storms.admits(datagram.source, on: datagram.ifindex, at: now) else { return }
      body(datagram, bytes)
    }
  }

  // MARK: Sending

  /// Whether a packet to one neighbour finds room that is not reserved for multicast.
  func hasUnicastRoom(_ family: AddressFamily) -> Bool {
    (guarded(family)?.socket.sendFillPercent ?? 0) < Self.unicastRoomPercent
  }

  /// Sends a packet. False if there is no room now.
  func send(
    _ bytes: borrowing Span<UInt8>, to destination: IPAddress, _ ifindex: Int32,
    from source: IPAddress, dontFragment: Bool
  ) throws(KernelError) -> Bool {
    guard let guarded = guarded(source.family) else { return true }
    let isSent = try guarded.socket.send(
      bytes, to: destination, ifindex: ifindex, sourceAddress: source, dontFragment: dontFragment)
    if isSent { sentCount &+= 1 }
    return isSent
  }

  /// Waits until at least half of the send buffer is free. Returns false if that takes longer than
  /// we are willing to wait.
  func waitForRoom(in family: AddressFamily) -> Bool {
    let began = Instant.now
    let allowance = patience.allowance(at: began)
    guard allowance > 0 else { return false }
    defer { patience.note(Instant.now - began) }
    return guarded(family)?.socket.waitForRoom(until: began.microseconds + allowance) ?? false
  }

  /// Counts a packet that could not be sent.
  func countUnsent() { unsentCount &+= 1 }

  // MARK: Floods

  /// When a guard wants to look again though nothing arrives.
  var stormDeadline: Instant? {
    guard let second = ipv4?.storms.deadline else { return ipv6.storms.deadline }
    return min(second, ipv6.storms.deadline ?? .distantFuture)
  }

  /// Datagrams that were dropped unread because there were too many from strangers.
  var floodingCount: UInt64 { ipv6.storms.refusedInAll &+ (ipv4?.storms.refusedInAll ?? 0) }

  /// What guards the socket of a family; nil if there is no such socket.
  func storms(of family: AddressFamily) -> StormGuard? { guarded(family)?.storms }

  /// How full the queue of arrived datagrams is, in percent.
  func fillPercent(of family: AddressFamily) -> Int { guarded(family)?.socket.fillPercent ?? 0 }

  /// Tells the guards that a link is not ours any more, or not by this number.
  func forgetStorms(on ifindex: Int32, at now: Instant) {
    ipv6.storms.forget(ifindex: ifindex, at: now)
    ipv4?.storms.forget(ifindex: ifindex, at: now)
  }

  /// Looks whether a socket is flooded, and changes what the kernel lets through. Nil if there was
  /// no reason to look.
  ///
  /// - Parameter seal: What a packet of a neighbour must carry if somebody forges its address.
  func reviewStorms(
    of family: AddressFamily, at now: Instant, seal: (StormGuard.Source) -> StormFilter.Seal?
  ) -> StormGuard.Outcome? {
    guard let guarded = guarded(family) else { return nil }
    // Asked for each time: that fewer datagrams came than there was room for does not prove that
    // none are left, and before a review that is due by its time nothing was read at all.
    let fill = guarded.socket.fillPercent
    guard guarded.storms.needsReview(at: now, fillPercent: fill) else { return nil }
    let outcome = guarded.storms.review(at: now, fillPercent: fill, seal: seal)
    if outcome.needsFilter { install(guarded.storms, in: guarded.socket) }
    return outcome
  }

  private func install(_ storms: StormGuard, in socket: borrowing UDPSocket) {
    var limit = StormGuard.senderLimit
    while let filter = storms.filter(port: port, senders: limit) {
      if socket.filter(filter) { return }
      // The old program counts as long as the new one is not there.
      _ = socket.filter(nil)
      if socket.filter(filter) || limit == 0 { return }
      limit /= 2
    }
    _ = socket.filter(nil)
  }
}
