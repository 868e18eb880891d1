import BabelWire

// Before editing, read RFC 8966 §3.2.3 and §3.1.

/// The interface table (§3.2.3): one row for each link that Babel runs on, and when something is
/// due there.
struct Links {
  private var rows: [Interface?] = []
  /// What Updates ask of each row.
  private var terms: [UpdateTerms?] = []
  /// Interfaces in the order they were added.
  private(set) var order: [InterfaceID] = []
  private var timers = DeadlineHeap()

  /// The interface of a number; nil if there is none.
  subscript(_ id: InterfaceID) -> Interface? {
    Int(id.rawValue) < rows.count ? rows[Int(id.rawValue)] : nil
  }

  /// What Updates ask of an interface; nil if there is none.
  func terms(_ id: InterfaceID) -> UpdateTerms? {
    Int(id.rawValue) < terms.count ? terms[Int(id.rawValue)] : nil
  }

  /// The row again, for announcing, which keeps there how far each interface has come.
  subscript(announcing id: InterfaceID) -> Interface? {
    _read { yield rows[Int(id.rawValue)] }
    _modify { yield &rows[Int(id.rawValue)] }
  }

  /// The interface of a name; nil if there is none.
  func id(named name: InterfaceName) -> InterfaceID? {
    order.first { rows[Int($0.rawValue)]?.name == name }
  }

  // MARK: Coming and going

  /// The first number that no interface has and that fulfils a condition.
  func firstHole(where condition: (InterfaceID) -> Bool) -> InterfaceID? {
    for i in rows.indices where rows[i] == nil {
      let id = InterfaceID(UInt16(i))
      if condition(id) { return id }
    }
    return nil
  }

  /// Enters an interface, at a number that is free or, with nil, at the next one. Nil if there are
  /// no more numbers.
  mutating func insert(_ interface: Interface, at hole: InterfaceID?) -> InterfaceID? {
    guard let id = hole ?? nextID else { return nil }
    if let hole {
      rows[Int(hole.rawValue)] = interface
      terms[Int(hole.rawValue)] = UpdateTerms(interface)
    } else {
      rows.append(interface)
      terms.append(UpdateTerms(interface))
    }
    order.append(id)
    return id
  }

  private var nextID: InterfaceID? {
    rows.count > Int(UInt16.max) ? nil : InterfaceID(UInt16(rows.count))
  }

  /// Removes an interface.
  mutating func remove(_ id: InterfaceID) {
    timers.set(UInt32(id.rawValue), nil)
    order.removeAll { $0 == id }
    rows[Int(id.rawValue)] = nil
    terms[Int(id.rawValue)] = nil
  }

  /// Takes over other parameters.
  mutating func setParameters(_ parameters: InterfaceParameters, of id: InterfaceID) {
    rows[Int(id.rawValue)]?.parameters = parameters
    renewTerms(of: id)
  }

  /// Takes over what the kernel says of the link.
  mutating func setState(_ state: LinkState, of id: InterfaceID) {
    rows[Int(id.rawValue)]?.state = state
    renewTerms(of: id)
  }

  private mutating func renewTerms(of id: InterfaceID) {
    terms[Int(id.rawValue)] = self[id].map { UpdateTerms($0) }
  }

  /// Notes how many octets the MACs of packets take; nil when they are not signed.
  mutating func setSealReserve(_ count: Int?, of id: InterfaceID) {
    rows[Int(id.rawValue)]?.sealReserve = count
  }

  /// Babel runs on an interface from now on, and begins with quick Hellos.
  mutating func bringUp(_ id: InterfaceID, at now: Instant) {
    rows[Int(id.rawValue)]?.isUp = true
    rows[Int(id.rawValue)]?.pacer = PacketPacer()
    beginHellos(on: id, at: now)
  }

  /// Babel does not run on an interface any more.
  mutating func takeDown(_ id: InterfaceID) {
    rows[Int(id.rawValue)] = self[id]?.withoutLink
    schedule(id)
  }

  // MARK: Time

  /// When something is due on an interface; nil if never.
  var firstDeadline: Instant? { timers.first }

  /// An interface on which something is due. It has no deadline until ``schedule(_:)`` is called.
  mutating func due(at now: Instant) -> InterfaceID? {
    timers.dueID(at: now).map { InterfaceID(UInt16($0)) }
  }

  /// Sets an interface's timer to the earliest of its deadlines.
  mutating func schedule(_ id: InterfaceID) {
    guard let interface = self[id], interface.isUp else {
      timers.set(UInt32(id.rawValue), nil)
      return
    }
    var first = Instant.distantFuture
    for deadline in [
      interface.helloDue, interface.greetingDue, interface.queue.deadline,
      interface.announcing.firstDeadline,
    ] {
      if let deadline { first = min(first, deadline) }
    }
    timers.set(UInt32(id.rawValue), first)
  }

  // MARK: Packets

  /// Queues a TLV for everyone on an interface; without effect where Babel does not run.
  mutating func enqueue(_ tlv: OutgoingTLV, on id: InterfaceID, by deadline: Instant) {
    guard self[id]?.isUp == true else { return }
    _ = rows[Int(id.rawValue)]?.queue.append(tlv, by: deadline)
    schedule(id)
  }

  /// Queues TLVs in front of all others. The caller is working on the interface and calls
  /// ``schedule(_:)`` at the end.
  mutating func enqueueInFront(
    _ tlvs: ArraySlice<OutgoingTLV>, on id: InterfaceID, by deadline: Instant
  ) {
    rows[Int(id.rawValue)]?.queue.putBack(tlvs, by: deadline)
  }

  /// Takes everything that waits for everyone on an interface.
  mutating func takeQueue(of id: InterfaceID) -> [OutgoingTLV] {
    rows[Int(id.rawValue)]?.queue.takeAll() ?? []
  }

  /// Takes permission for one packet of Updates; false when it is too early.
  mutating func takeTurn(on id: InterfaceID, at now: Instant) -> Bool {
    guard let burst = self[id]?.packetBurst else { return false }
    return rows[Int(id.rawValue)]?.pacer.take(at: now, burst: burst) == true
  }

  /// When the next packets of Updates may leave; nil if there is no such interface.
  func nextTurn(on id: InterfaceID) -> Instant? {
    self[id].map { $0.pacer.nextTurn(burst: $0.packetBurst) }
  }

  // MARK: Hellos

  /// Quick Hellos begin at `now`.
  mutating func beginHellos(on id: InterfaceID, at now: Instant) {
    rows[Int(id.rawValue)]?.helloBurst = ProtocolParameters.helloBurst
    rows[Int(id.rawValue)]?.helloDue = now
  }

  /// Quick Hellos for new neighbours begin at a time.
  mutating func planGreeting(on id: InterfaceID, at due: Instant) {
    rows[Int(id.rawValue)]?.greetingDue = due
    schedule(id)
  }

  /// The time for quick Hellos has come: the first of two leaves now.
  mutating func beginGreeting(on id: InterfaceID, at now: Instant) {
    guard let interface = self[id] else { return }
    rows[Int(id.rawValue)]?.greetingDue = nil
    rows[Int(id.rawValue)]?.greetedAt = now
    rows[Int(id.rawValue)]?.helloBurst = max(
      interface.helloBurst, ProtocolParameters.helloBurst - 1)
  }

  /// Lets the next Hello leave at a time at the latest.
  mutating func limitHello(on id: InterfaceID, to latest: Instant) {
    if let due = self[id]?.helloDue, due > latest { rows[Int(id.rawValue)]?.helloDue = latest }
  }

  /// Brings the next Hello forward for an IHU that cannot wait.
  mutating func hurryHello(on id: InterfaceID, to due: Instant, at now: Instant) {
    rows[Int(id.rawValue)]?.helloHurriedAt = now
    rows[Int(id.rawValue)]?.helloDue = due
    schedule(id)
  }

  /// A Hello leaves: the next one has another seqno and is due at another time.
  mutating func countHello(on id: InterfaceID, nextDue due: Instant) {
    countFarewell(on: id)
    guard let burst = self[id]?.helloBurst else { return }
    rows[Int(id.rawValue)]?.helloBurst = burst > 1 ? burst - 1 : 0
    rows[Int(id.rawValue)]?.helloDue = due
  }

  /// The last Hello leaves. Its seqno is used up: another life, or this one when the link is up
  /// again, goes on after it.
  mutating func countFarewell(on id: InterfaceID) {
    guard let seqno = self[id]?.helloSeqno else { return }
    rows[Int(id.rawValue)]?.helloSeqno = seqno.next
  }

  // MARK: Retracting after a crash

  /// The next Hellos carry a retraction of everything.
  mutating func beginRetracting(on id: InterfaceID) {
    rows[Int(id.rawValue)]?.retractionsLeft = ProtocolParameters.helloBurst
  }

  /// One of them leaves.
  mutating func countRetraction(on id: InterfaceID, at now: Instant) {
    guard let left = self[id]?.retractionsLeft, left > 0 else { return }
    rows[Int(id.rawValue)]?.retractionsLeft = left - 1
    rows[Int(id.rawValue)]?.retractedAt = now
  }

  /// None follows.
  mutating func endRetracting(on id: InterfaceID) {
    rows[Int(id.rawValue)]?.retractionsLeft = 0
  }

  // MARK: Neighbours

  /// A neighbour was heard for the first time.
  mutating func add(_ neighbour: NeighbourID, on id: InterfaceID) {
    rows[Int(id.rawValue)]?.neighbours.append(neighbour)
  }

  /// A neighbour is gone.
  mutating func remove(_ neighbour: NeighbourID, from id: InterfaceID) {
    rows[Int(id.rawValue)]?.neighbours.removeAll { $0 == neighbour }
  }

  /// A neighbour has a place among the others, which stand in order of arrival.
  mutating func move(_ neighbour: NeighbourID, to place: Int, on id: InterfaceID) {
    remove(neighbour, from: id)
    guard let count = self[id]?.neighbours.count else { return }
    rows[Int(id.rawValue)]?.neighbours.insert(neighbour, at: min(place, count))
  }

  /// All places for neighbours are taken, and one that can go is looked for.
  mutating func noteSearch(on id: InterfaceID, at now: Instant) {
    rows[Int(id.rawValue)]?.placeSoughtAt = now
  }

  /// A packet came from an address that is ours on the interface.
  mutating func noteOwnPacket(on id: InterfaceID, at now: Instant) {
    rows[Int(id.rawValue)]?.ownPacketAt = now
  }

  /// Enters who is greeted by unicast as configured, in front. True if somebody is new.
  mutating func configureUnicastPeers(of id: InterfaceID) -> Bool {
    guard let interface = self[id] else { return false }
    let wanted = interface.parameters.unicastNeighbours.filter {
      $0.family == interface.parameters.control
    }
    guard !wanted.isEmpty || !interface.unicastPeers.isEmpty else { return false }
    let others = interface.unicastPeers.filter {
      $0.standing != .configured && !wanted.contains($0.address)
    }
    rows[Int(id.rawValue)]?.unicastPeers =
      wanted.map { UnicastPeer(address: $0, standing: .configured) } + others
    return wanted.contains { address in
      !interface.unicastPeers.contains { $0.address == address && $0.isGreeted }
    }
  }

  /// A neighbour that was configured is not any more.
  mutating func dismissUnicastPeer(at position: Int, on id: InterfaceID) {
    rows[Int(id.rawValue)]?.unicastPeers[position].standing = .dismissed
  }

  /// Somebody who is not configured is greeted by unicast from now on.
  mutating func greetByUnicast(
    _ address: IPAddress, because standing: UnicastPeer.Standing, on id: InterfaceID
  ) {
    rows[Int(id.rawValue)]?.unicastPeers.append(UnicastPeer(address: address, standing: standing))
  }

  /// Forgets those greeted by unicast that fulfil a condition.
  mutating func removeUnicastPeers(
    of id: InterfaceID, where condition: (UnicastPeer) -> Bool
  ) {
    guard self[id]?.unicastPeers.isEmpty == false else { return }
    rows[Int(id.rawValue)]?.unicastPeers.removeAll(where: condition)
  }
}

/// One row of the interface table.
struct Interface {
  let name: InterfaceName
  private var sharedParameters: Shared<InterfaceParameters>
  private var sharedState = Shared(LinkState(isUp: false, mtu: 1280, linkLocals: [], ipv4: nil))
  /// Octets of the MACs of its packets; nil when they are not signed.
  fileprivate(set) var sealReserve: Int?
  /// Babel runs: the link is up and has an address to speak from.
  fileprivate(set) var isUp = false
  /// Seqno of the next multicast Hello (§3.2.3).
  fileprivate(set) var helloSeqno: Seqno
  /// When the next multicast Hello is due.
  fileprivate(set) var helloDue: Instant?
  /// Hellos still to be sent in quick succession.
  fileprivate(set) var helloBurst: UInt8 = 0
  /// When quick Hellos for new neighbours begin; nil when there are none to be greeted.
  fileprivate(set) var greetingDue: Instant?
  /// When the last ones began.
  fileprivate(set) var greetedAt: Instant?
  /// When a Hello was last brought forward for an IHU that could not wait.
  fileprivate(set) var helloHurriedAt: Instant?
  /// Hellos still to be sent with a retraction of everything, after a crash.
  fileprivate(set) var retractionsLeft: UInt8 = 0
  /// When the last of them was sent.
  fileprivate(set) var retractedAt: Instant?
  /// Multicast TLVs.
  fileprivate(set) var queue = OutgoingQueue()
  fileprivate var pacer = PacketPacer()
  /// Neighbours heard on this interface, oldest first.
  fileprivate(set) var neighbours: [NeighbourID] = []
  /// When all places for neighbours were taken and a neighbour that can go was last looked for.
  fileprivate(set) var placeSoughtAt: Instant?
  /// When a packet last came from an address of our own there.
  fileprivate(set) var ownPacketAt: Instant?
  /// How far announcing has come here.
  var announcing = LinkAnnouncing()
  /// Who is greeted by unicast: first those configured, in their order.
  fileprivate(set) var unicastPeers: [UnicastPeer] = []

  init(name: InterfaceName, parameters: InterfaceParameters, helloSeqno: Seqno) {
    self.name = name
    sharedParameters = Shared(parameters)
    self.helloSeqno = helloSeqno
  }

  /// What the operator wants of it.
  fileprivate(set) var parameters: InterfaceParameters {
    _read { yield sharedParameters.value }
    set { sharedParameters = Shared(newValue) }
  }

  /// What the kernel says of the link.
  fileprivate(set) var state: LinkState {
    _read { yield sharedState.value }
    set { sharedState = Shared(newValue) }
  }

  /// The interface without what was sent, promised or heard on its link: none of that holds when
  /// the link comes back.
  fileprivate var withoutLink: Interface {
    var interface = Interface(name: name, parameters: parameters, helloSeqno: helloSeqno)
    interface.sealReserve = sealReserve
    interface.state = state
    interface.unicastPeers = unicastPeers
    return interface
  }
}
