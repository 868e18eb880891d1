import BabelWire

// Before editing, read RFC 8966 §3.2.3 and §3.1.

// Interfaces come, change and go: what is told to the rooms, and in which order.

extension BabelNode {
  /// Adds an interface that Babel shall run on; it is down until told otherwise. Nil when the
  /// name is there already or the table is full. `helloSeqno` is that of its first Hello, if an
  /// earlier life is continued; neighbours flush one whose seqno jumps.
  public mutating func addInterface(
    _ name: InterfaceName, _ parameters: InterfaceParameters, helloSeqno: Seqno? = nil,
    at now: Instant, into buffer: inout ActionBuffer
  ) -> InterfaceID? {
    guard links.id(named: name) == nil else { return nil }
    guard links.order.count < min(self.parameters.interfaceLimit, Int(UInt16.max)) else {
      counters.countFull(.interfaces)
      return nil
    }
    let interface = Interface(
      name: name, parameters: parameters,
      helloSeqno: helloSeqno ?? Seqno(UInt16(truncatingIfNeeded: jitter.next())))
    guard let id = links.insert(interface, at: reusableID()) else {
      // All numbers are taken by interfaces that went, until the work they left is done.
      counters.countFull(.interfaces)
      return nil
    }
    updateUseOfPrices()
    updateSourceLifetime(now)
    configureUnicastPeers(id, at: now)
    setAuthentication(parameters.authentication, of: id)
    reportInterface(.add, id, &buffer)
    return id
  }

  /// A number that no interface has and no forwarding entry names any more.
  private func reusableID() -> InterfaceID? {
    guard jobs.isEmpty else { return nil }
    return links.firstHole { !table.nextHops.uses($0) && !restart.adoption.uses($0) }
  }

  /// Changes the parameters of an interface while it runs. Costs are computed anew; intervals
  /// are announced with the next Hello, IHU and Update.
  public mutating func setParameters(
    _ parameters: InterfaceParameters, of id: InterfaceID, at now: Instant,
    into buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id), interface.parameters != parameters else { return }
    links.setParameters(parameters, of: id)
    updateUseOfPrices()
    updateSourceLifetime(now)
    dismissUnicastPeers(id, interface, &buffer)
    configureUnicastPeers(id, at: now)
    if interface.parameters.authentication != parameters.authentication {
      setAuthentication(parameters.authentication, of: id)
    }
    guard interface.isUp else { return }
    // A shorter interval takes effect at once, a longer one with the next Hello (§3.4.1): what is
    // due later than in half an interval is brought forward. 500 is half of it in microseconds.
    links.limitHello(on: id, to: now + Int64(parameters.helloInterval) * 500)
    let update = now + Int64(parameters.updateInterval) * 500
    if let due = interface.announcing.periodicUpdateDue, due > update {
      links[announcing: id]?.announcing.planPeriodicUpdate(at: update)
    }
    for neighbour in interface.neighbours {
      computeCost(neighbour, now, &buffer)
      // A longer IHU interval becomes known before the old promise is broken (§3.4.2).
      sendIHU(to: neighbour, now)
    }
    formOfUpdatesChanged(id, from: interface, now)
    links.schedule(id)
  }

  /// Removes an interface with its neighbours and their routes.
  public mutating func removeInterface(
    _ id: InterfaceID, at now: Instant, into buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id) else { return }
    if interface.isUp { takeDown(id, because: .interfaceRemoved, now, &buffer) }
    revokeAdopted(through: id, isLost: false)
    reportInterface(.flush, id, &buffer)
    authentication.remove(id)
    links.remove(id)
    updateUseOfPrices()
    updateSourceLifetime(now)
  }

  /// The link of an interface came, went or changed. When `kernelRoutesLost` is set the kernel
  /// has dropped all routes through it (the link went down or was deleted).
  public mutating func interfaceChanged(
    _ id: InterfaceID, _ state: LinkState, kernelRoutesLost: Bool, at now: Instant,
    into buffer: inout ActionBuffer
  ) {
    guard let old = interface(id) else { return }
    if kernelRoutesLost {
      table.nextHops.lose(id)
      revokeAdopted(through: id, isLost: true)
    }
    links.setState(state, of: id)
    let isUp = interface(id)?.canSpeak == true
    if old.isUp, !isUp {
      takeDown(id, because: .linkDown, now, &buffer)
    } else if !old.isUp, isUp {
      bringUp(id, now, &buffer)
    } else if kernelRoutesLost, isUp {
      // It went down and came back before we heard of it: start over.
      takeDown(id, because: .linkDown, now, &buffer)
      bringUp(id, now, &buffer)
    } else if isUp {
      if interface(id)?.controlAddress != old.controlAddress {
        // Neighbours will see another one of us; let it become known quickly.
        links.beginHellos(on: id, at: now)
        requestFullUpdate(id, now)
      }
      formOfUpdatesChanged(id, from: old, now)
    }
    let shown = interfaceStatus(id, old)
    if let new = interface(id), interfaceStatus(id, new) != shown {
      reportInterface(.change, id, &buffer)
    }
  }

  /// The seqno of an interface's next multicast Hello; nil if there is no such interface.
  public func nextHelloSeqno(of id: InterfaceID) -> Seqno? { interface(id)?.helloSeqno }

  private mutating func bringUp(
    _ id: InterfaceID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id) else { return }
    links.bringUp(id, at: now)
    let position = announcing.addReader()
    restart.noteInterfaces(areUp: true)
    let fullUpdateDue = now + urgentDelay(on: id)
    links[announcing: id]?.announcing.begin(at: position, fullUpdateDue: fullUpdateDue)
    let untilNext = jitter.fraction(
      of: interface.updateMicroseconds, within: ProtocolParameters.updateJitter)
    links[announcing: id]?.announcing.planPeriodicUpdate(at: now + untilNext)
    // Neighbours shall forget an earlier life of ours, and tell us what they know (§3.7).
    // If they did not notice its end, what is not resumed of it is retracted later.
    if !restart.isRecovering, !restart.isUnnoticed(at: now) {
      links.enqueue(.wildcardRetraction, on: id, by: now)
    }
    links.enqueue(.wildcardRequest, on: id, by: now)
    restart.join(id, interface, at: now)
    if restart.isRecovering { beginRetracting(id, now) }
    links.schedule(id)
  }

  private mutating func takeDown(
    _ id: InterfaceID, because cause: NeighbourCause, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id) else { return }
    for neighbour in interface.neighbours { flush(neighbour, because: cause, now, &buffer) }
    endFullUpdate(id)
    announcing.removeReader()
    restart.noteInterfaces(areUp: announcing.readers > 0)
    links.takeDown(id)
  }
}

// MARK: - The form of Updates

extension BabelNode {
  /// Something that Updates are written with may have changed: our IPv4 next hop, or a parameter.
  /// What neighbours know of us is then out of date and told again.
  private mutating func formOfUpdatesChanged(
    _ id: InterfaceID, from old: Interface, _ now: Instant
  ) {
    guard let new = interface(id) else { return }
    let isSame =
      old.ipv4NextHop == new.ipv4NextHop && old.ipv6NextHop == new.ipv6NextHop
      && old.carriesSourcePrefixes == new.carriesSourcePrefixes
      && old.parameters.wireFormat == new.parameters.wireFormat
      && old.parameters.pathAttributes == new.parameters.pathAttributes
    guard !isSame else { return }
    links[announcing: id]?.announcing.setRetractsIPv4(
      old.ipv4NextHop != nil && new.ipv4NextHop == nil)
    requestFullUpdate(id, now)
  }
}
