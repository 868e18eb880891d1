import BabelWire

// Before editing, read RFC 8966 §3.2.4 and §3.4.

/// The neighbour table (§3.2.4): a row for each address heard on each interface, and when
/// something is due for it.
///
/// Three parts of a row are written by other rooms, each by one: its routes, the full update that
/// it is sent, and what is left of an earlier life of ours.
struct Neighbours {
  private struct Key: Hashable {
    let interface: InterfaceID
    let address: IPAddress
  }

  private var table = ChunkedTable<Neighbour>()
  private var ids: [Key: NeighbourID] = [:]
  /// Hello and IHU expiry.
  private var timers = DeadlineHeap()
  /// Unicast queues and full updates.
  private var unicastTimers = DeadlineHeap()
  private var nextObjectID: UInt64 = 1
  /// When a step to heal a link may be taken on an interface that no neighbour there waits for yet.
  private var healingFree: [InterfaceID: Instant] = [:]

  /// The row of a neighbour.
  subscript(_ id: NeighbourID) -> Neighbour {
    _read { yield table[id] }
  }

  /// The routes learned from it, for the rooms of routes.
  subscript(routes id: NeighbourID) -> Neighbour.Routes {
    _read { yield table[id].routes }
    _modify { yield &table[id].routes }
  }

  /// The full update that it is sent, for announcing.
  subscript(fullUpdate id: NeighbourID) -> Neighbour.FullUpdate {
    _read { yield table[id].fullUpdate }
    _modify { yield &table[id].fullUpdate }
  }

  /// What it may still believe of an earlier life of ours, for starting again.
  subscript(restart id: NeighbourID) -> Neighbour.Restart {
    _read { yield table[id].restart }
    _modify { yield &table[id].restart }
  }

  /// What is measured of losses, for the file beside this one.
  subscript(measuring id: NeighbourID) -> Neighbour.Measuring {
    _read { yield table[id].measuring }
    _modify { yield &table[id].measuring }
  }

  /// What is done about a link that works in one direction, for the file beside this one.
  subscript(healing id: NeighbourID) -> Neighbour.Healing {
    _read { yield table[id].healing }
    _modify { yield &table[id].healing }
  }

  /// The neighbour of an address; nil if there is none, or it is leaving.
  func id(of address: IPAddress, on interface: InterfaceID) -> NeighbourID? {
    ids[Key(interface: interface, address: address)]
  }

  /// The shorter of the intervals of its two kinds of Hellos, in microseconds.
  func shortestHelloInterval(of id: NeighbourID) -> Int64 {
    let (group, own) = (table[id].multicast.interval, table[id].unicast.interval)
    return min(
      group.centiseconds == 0 ? .max : group.microseconds,
      own.centiseconds == 0 ? .max : own.microseconds)
  }

  // MARK: Coming and going

  /// Enters a neighbour.
  mutating func insert(
    _ address: IPAddress, on interface: InterfaceID, named name: InterfaceName, at now: Instant
  ) -> NeighbourID {
    let id = table.insert(
      Neighbour(
        objectID: nextObjectID, interface: interface, named: name, address: address, at: now))
    nextObjectID += 1
    ids[Key(interface: interface, address: address)] = id
    return id
  }

  /// A neighbour is gone: it is found by no address any more, sent nothing and has no deadline.
  /// Its row stays for its routes, until ``remove(_:)``.
  mutating func leave(_ id: NeighbourID) {
    ids[Key(interface: table[id].interface, address: table[id].address)] = nil
    timers.set(id.rawValue, nil)
    unicastTimers.set(id.rawValue, nil)
    table[id].queue = OutgoingQueue()
    table[id].cost = .infinity
    table[id].isLeaving = true
  }

  /// Frees the row of a neighbour without routes that has left.
  mutating func remove(_ id: NeighbourID) { table.remove(id) }

  // MARK: Time

  /// When something is due for a neighbour; nil if never.
  var firstDeadline: Instant? {
    guard let one = timers.first, let other = unicastTimers.first else {
      return timers.first ?? unicastTimers.first
    }
    return min(one, other)
  }

  /// A neighbour whose Hellos or IHUs are overdue. It has no deadline until ``schedule(_:)``.
  mutating func due(at now: Instant) -> NeighbourID? {
    timers.dueID(at: now).map { NeighbourID($0) }
  }

  /// A neighbour for which something is to be sent. It has no deadline until
  /// ``scheduleUnicast(_:)``.
  mutating func unicastDue(at now: Instant) -> NeighbourID? {
    unicastTimers.dueID(at: now).map { NeighbourID($0) }
  }

  /// Sets the timer for what is expected of a neighbour to the earliest of its deadlines.
  mutating func schedule(_ id: NeighbourID) {
    timers.set(id.rawValue, table[id].timerDeadline)
  }

  /// Sets the timer for what a neighbour is sent to the earlier of its deadlines.
  mutating func scheduleUnicast(_ id: NeighbourID) {
    var deadline = table[id].queue.deadline
    if let due = table[id].fullUpdate.due { deadline = min(deadline ?? due, due) }
    if let due = table[id].measuring.probeDue { deadline = min(deadline ?? due, due) }
    unicastTimers.set(id.rawValue, deadline)
  }

  // MARK: What it is sent

  /// Queues a TLV for one neighbour.
  mutating func enqueue(_ tlv: OutgoingTLV, to id: NeighbourID, by deadline: Instant) {
    guard !table[id].isLeaving else { return }
    _ = table[id].queue.append(tlv, by: deadline)
    scheduleUnicast(id)
  }

  /// Queues TLVs in front of all others. The caller calls ``scheduleUnicast(_:)`` at the end.
  mutating func enqueueInFront(
    _ tlvs: ArraySlice<OutgoingTLV>, to id: NeighbourID, by deadline: Instant
  ) {
    table[id].queue.putBack(tlvs, by: deadline)
  }

  /// Takes everything that waits for a neighbour.
  mutating func takeQueue(of id: NeighbourID) -> [OutgoingTLV] { table[id].queue.takeAll() }

  // MARK: What it says

  /// Enters a Hello in its history (§3.4.1, A.1).
  mutating func heard(
    _ hello: Hello, from id: NeighbourID, at now: Instant
  ) -> HelloHistory.Outcome {
    guard hello.isUnicast else {
      return table[id].multicast.heard(hello.seqno, interval: hello.interval, at: now)
    }
    let mayBeginAnew = table[id].isProbe(hello) && table[id].multicast.twoOfThree
    return table[id].unicast.heard(
      hello.seqno, interval: hello.interval, mayBeginAnew: mayBeginAnew, at: now)
  }

  /// Goes on with what an earlier life of ours heard of its Hellos.
  mutating func resume(_ history: HelloHistory, isUnicast: Bool, of id: NeighbourID) {
    if isUnicast { table[id].unicast = history } else { table[id].multicast = history }
  }

  /// Goes on with a round-trip time, and how much it varies, measured until then.
  mutating func resume(_ roundTrip: [UInt32], since: Instant, of id: NeighbourID) {
    table[id].roundTrip.resume(roundTrip, sampledAt: since)
  }

  /// Notes when a packet of any kind came.
  mutating func notePacket(from id: NeighbourID, at now: Instant) { table[id].lastPacket = now }

  /// Notes that the packet that came last is signed, though no key is needed here.
  mutating func noteSignature(from id: NeighbourID) { table[id].signedAt = table[id].lastPacket }

  /// Notes when a Hello of any kind came.
  mutating func noteHello(from id: NeighbourID, at now: Instant) { table[id].lastHello = now }

  /// Takes over what an IHU says (§3.4.2).
  mutating func heard(_ ihu: IHU, from id: NeighbourID, at now: Instant) {
    table[id].txcost = ihu.rxcost
    if !ihu.rxcost.isInfinite { table[id].heardUs = true }
    table[id].ihuExpiry =
      now + ihu.interval.microseconds * ProtocolParameters.ihuHoldHalves / 2
  }

  /// Notes that a neighbour retracts everything.
  mutating func noteRetraction(from id: NeighbourID, at now: Instant) {
    table[id].standing.retracts(at: now)
  }

  /// Notes the stamp of a Hello; false if it is of no use, see ``RoundTripTime``.
  mutating func heardStamp(
    _ transmit: UInt32, of hello: Hello, from id: NeighbourID, at now: Instant
  ) -> Bool {
    table[id].roundTrip.heardHello(hello, transmit: transmit, at: now)
  }

  /// Takes a sample of the round-trip time into its average, with a weight in 1/256. Returns
  /// whether what was known before says nothing any more.
  mutating func take(
    _ sample: UInt32, from id: NeighbourID, decay: UInt16, at now: Instant
  ) -> Bool {
    table[id].roundTrip.take(sample, decay: decay, at: now)
  }

  /// Enters the Hellos that are missing. Returns whether the last IHU does not count any more.
  mutating func expire(_ id: NeighbourID, at now: Instant) -> Bool {
    _ = table[id].multicast.expire(at: now)
    _ = table[id].unicast.expire(at: now)
    guard let expiry = table[id].ihuExpiry, expiry <= now else { return false }
    table[id].txcost = .infinity
    table[id].ihuExpiry = nil
    return true
  }

  // MARK: Cost

  /// Computes rxcost and cost anew (§3.4.1, §3.4.2).
  mutating func computeCost(
    _ id: NeighbourID, _ parameters: InterfaceParameters, at now: Instant
  ) -> CostChange {
    let old = table[id]
    let rxcost = LinkCost.rxcost(
      multicast: old.multicast, unicast: old.unicast, nominal: parameters.rxcost,
      sensing: parameters.linkSensing,
      isListed: parameters.unicastNeighbours.contains(old.address))
    let surcharge = parameters.surcharge(of: old.address)
    let rttCost = old.roundTrip.penalty(parameters, at: now)
    let jitterCost = old.roundTrip.jitterPenalty(parameters, at: now)
    let lossCost = old.measuring.penalty(parameters)
    let cost = LinkCost.cost(
      rxcost: rxcost, txcost: old.txcost, nominal: parameters.rxcost,
      sensing: parameters.linkSensing
    ).adding(rttCost).adding(jitterCost).adding(lossCost).adding(surcharge)
    // A surcharge alone does not say that we do not hear the neighbour.
    let greatest = Metric(Metric.infinity.rawValue - 1)
    table[id].rxcost =
      rxcost.isInfinite ? rxcost : min(rxcost.adding(surcharge).adding(lossCost), greatest)
    table[id].measuring.setCost(lossCost)
    table[id].rttCost = rttCost
    table[id].jitterCost = jitterCost
    table[id].cost = cost
    let formerState = judgeState(of: id, at: now)
    judgeHealing(of: id, at: now)
    return CostChange(
      former: old.cost, isChanged: cost != old.cost,
      changesHearing: rxcost.isInfinite != old.rxcost.isInfinite
        || lossCost != old.measuring.cost,
      formerState: formerState)
  }

  /// Judges anew what a neighbour is good for. Returns what was told of it before, if it is to be
  /// told that this is different.
  private mutating func judgeState(of id: NeighbourID, at now: Instant) -> NeighbourUse? {
    let neighbour = table[id]
    var state = NeighbourUse(rxcost: neighbour.rxcost, txcost: neighbour.txcost)
    if state == .usable, neighbour.cost.isInfinite { state = neighbour.standing.told }
    // A newcomer is not missed.
    if state == .unheard, neighbour.standing.told == .new, neighbour.txcost.isInfinite {
      state = .new
    }
    let patience = max(
      ProtocolParameters.oneWayPatience, 4 * neighbour.multicast.interval.microseconds)
    return table[id].standing.take(state, patience: patience, at: now)
  }

  // MARK: Healing

  /// Begins or ends what is done about a link that works towards us only.
  private mutating func judgeHealing(of id: NeighbourID, at now: Instant) {
    let isOneWay = table[id].standing.told == .deaf && !table[id].rxcost.isInfinite
    guard isOneWay != (table[id].healing.due != nil) else { return }
    if isOneWay {
      let wait = max(table[id].helloInterval, ProtocolParameters.healingWait.lowerBound)
      table[id].healing.begin(at: now + wait)
    } else {
      table[id].healing.end()
    }
    schedule(id)
  }

  /// Whether the next step for a neighbour may be taken now. If others come first, it is due later.
  mutating func mayHeal(_ id: NeighbourID, at now: Instant) -> Bool {
    let interface = table[id].interface
    let free = max(healingFree[interface] ?? now, now)
    let waits = free > now && table[id].healing.giveWay(until: free)
    let spacing = ProtocolParameters.healingSpacing
    healingFree[interface] = waits ? free + spacing : max(free, now + spacing)
    return !waits
  }

  /// A new row takes over the Hellos of a former one, what was told of it and what was done about
  /// it.
  mutating func inherit(_ former: Neighbour, as id: NeighbourID) {
    table[id].createdAt = former.createdAt
    table[id].multicast = former.multicast
    table[id].unicast = former.unicast
    table[id].lastHello = former.lastHello
    table[id].heardUs = former.heardUs
    table[id].standing = former.standing
    table[id].healing = former.healing
    table[id].measuring = former.measuring
  }

  // MARK: Monitors

  /// Notes what monitors are told. False if they would see no difference to what they were told
  /// last.
  mutating func noteReport(_ status: NeighbourStatus, isChange: Bool, of id: NeighbourID) -> Bool {
    if isChange, let told = table[id].reported?.value, told.looksLike(status) { return false }
    table[id].reported = Shared(status)
    return true
  }
}

/// One row of the neighbour table, keyed by interface and address.
struct Neighbour {
  let objectID: UInt64
  let interface: InterfaceID
  /// The name of the interface: its routes are told of after the interface itself is gone.
  let interfaceName: InterfaceName
  let address: IPAddress
  fileprivate(set) var createdAt: Instant
  fileprivate(set) var multicast = HelloHistory()
  fileprivate(set) var unicast = HelloHistory()
  /// Cost of sending to the neighbour, as its last IHU said.
  fileprivate(set) var txcost = Metric.infinity
  /// Whether it ever said that it hears us.
  fileprivate(set) var heardUs = false
  /// When the last IHU stops to count.
  fileprivate(set) var ihuExpiry: Instant?
  fileprivate(set) var roundTrip = RoundTripTime()
  /// What is measured of losses, and the Hellos sent for that.
  fileprivate(set) var measuring = Measuring()
  /// Cost of receiving, as computed last.
  fileprivate(set) var rxcost = Metric.infinity
  /// Part of ``cost`` that comes from the round-trip time.
  fileprivate(set) var rttCost = Metric.zero
  /// Part of ``cost`` that comes from the variation of the round-trip time.
  fileprivate(set) var jitterCost = Metric.zero
  /// Cost of the link, as computed last.
  fileprivate(set) var cost = Metric.infinity
  /// What operators were told of it.
  fileprivate(set) var standing = Standing()
  /// What was done because it does not hear us.
  fileprivate(set) var healing = Healing()
  /// Being flushed: it is in no lookup any more, its routes are being removed.
  fileprivate(set) var isLeaving = false
  /// Unicast TLVs.
  fileprivate(set) var queue = OutgoingQueue()
  /// When the last Hello of any kind arrived.
  fileprivate(set) var lastHello: Instant?
  /// When the last packet arrived, whatever was in it.
  fileprivate(set) var lastPacket: Instant
  /// When the last packet arrived that was signed, though no key is needed here.
  fileprivate(set) var signedAt: Instant?
  /// The values last told to monitors.
  fileprivate(set) var reported: Shared<NeighbourStatus>?

  fileprivate(set) var routes = Routes()
  fileprivate(set) var fullUpdate = FullUpdate()
  fileprivate(set) var restart = Restart()

  init(
    objectID: UInt64, interface: InterfaceID, named name: InterfaceName, address: IPAddress,
    at now: Instant
  ) {
    self.objectID = objectID
    self.interface = interface
    interfaceName = name
    self.address = address
    createdAt = now
    lastPacket = now
  }
}
