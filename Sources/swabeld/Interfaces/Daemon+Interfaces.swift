import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// Microseconds until an interface that could not be brought up is tried again.
  private static let retryDelay: Int64 = 5_000_000

  /// Adds an interface to run on, whether or not its link exists. False if the node has no room
  /// or the name is there already.
  @discardableResult
  func addInterface(_ name: InterfaceName, at now: Instant) -> Bool {
    let seqno = life.takeHelloSeqno(of: name)
    life.note(name)
    let type = linkType(name, by: settings)
    let parameters = settings.parameters(for: name, type)
    guard
      let id = node.addInterface(
        name, parameters, helloSeqno: seqno, at: now, into: &actions)
    else { return false }
    if let record = life.takeAuthentication(of: name) {
      node.restoreAuthentication(record, of: id, at: now)
    }
    kernel.forgetDeparture(of: id)
    let isConfigured = settings.configuration.settings(for: name).type != nil
    interfaces.append(
      BabelInterface(name, id, type, isConfigured: isConfigured, parameters))
    for remark in settings.configuration.remarks(about: name, type: type) {
      log.write(.warning, .interfaces, "Interface \(name): \(remark).")
    }
    carryOut(at: now)
    return true
  }

  /// Stops running on an interface. False if there is none of that name.
  func removeInterface(_ name: InterfaceName, at now: Instant) -> Bool {
    guard let index = interfaces.index(of: name) else { return false }
    bidFarewell(index, at: now)
    depart(index, at: now)
    node.removeInterface(interfaces[index].id, at: now, into: &actions)
    carryOut(at: now)
    if peers.contains(name) {
      finishLosses(at: now)
      releasePeers(of: name, at: now)
    }
    unprepare(index)
    takeBackLinkLocal(index)
    if let ifindex = interfaces[index].ifindex { packets.forgetStorms(on: ifindex, at: now) }
    kernel.leave(name)
    note(.removed, index, at: now)
    interfaces.remove(at: index)
    return true
  }

  /// Finds the links of all interfaces, before the first is brought up.
  func bindInterfaces(at now: Instant) {
    let others = interfacesOfOthers()
    kernel.setSharesKernel(!others.isEmpty)
    for index in interfaces.indices {
      bind(index, to: links.link(interfaces[index].name), others, at: now)
    }
  }

  /// Compares every interface with its link, and tells the node what changed.
  func checkInterfaces(at now: Instant) {
    tellOfFullLinks()
    followPatterns(at: now)
    followPeers(at: now)
    for index in interfaces.indices { check(index, at: now) }
    noteArrivalTimes()
  }

  /// Tells once of each link with more addresses than are remembered.
  private func tellOfFullLinks() {
    let links = links
    for ifindex in interfaces.takeNewFullLinks(links.fullLinks) {
      guard let name = links.name(ifindex) else { continue }
      log.write(
        "\(name) has more than \(LinkTable.addressLimit) addresses: further ones are ignored")
    }
  }

  private func check(_ index: Int, at now: Instant) {
    let name = interfaces[index].name
    let link = links.link(name)
    let isOtherLink =
      interfaces[index].hasLostLink || link?.ifindex != interfaces[index].ifindex
    if isOtherLink || interfaces[index].hasLosses {
      takeDown(index, forOtherLink: isOtherLink, at: now)
      if isOtherLink {
        peers.forget(name)
        bind(index, to: link, interfacesOfOthers(), at: now)
        if let link, link.isUp { adoptRoutes(through: link.ifindex, at: now) }
      }
    }
    let wanted = stateForPeers(
      links.state(name, detectingCarrier: settings.configuration.detectsLinks),
      of: interfaces[index])
    var state = wanted
    let lacksAddress = state.controlAddress(interfaces[index].parameters.control) == nil
    if state.isUp, lacksAddress {
      missAddress(index, at: now)
      if interfaces[index].parameters.control == .ipv6 { makeLinkLocal(index, at: now) }
      // With its last address an interface may lose its groups, too: join anew.
      unprepare(index)
    } else if state.isUp, !prepare(index, at: now) {
      state.isUp = false
      interfaces.retry(at: now + Self.retryDelay)
    }
    if !state.isUp { unprepare(index) }
    if !state.isUp || !lacksAddress {
      interfaces[index].findAddress()
    }
    let isNews = interfaces[index].report(state)
    note(condition(link, wanted, state, lacksAddress: lacksAddress), index, at: now)
    guard isNews else { return }
    node.interfaceChanged(
      interfaces[index].id, state, kernelRoutesLost: false, at: now, into: &actions)
    carryOut(at: now)
  }

  private func condition(
    _ link: KernelLink?, _ wanted: LinkState, _ state: LinkState, lacksAddress: Bool
  ) -> InterfaceCondition {
    guard let link else { return .noLink }
    guard wanted.isUp else { return link.isUp ? .noCarrier : .linkDown }
    return lacksAddress ? .noAddress : state.isUp ? .up : .refused
  }

  private func takeDown(_ index: Int, forOtherLink isOtherLink: Bool, at now: Instant) {
    // A link that only has another name now keeps its routes, unless we remove them; and so do
    // IPv4 routes if only IPv6 is gone.
    let isLinkDown = interfaces[index].ifindex.flatMap { links.link($0) }?.isUp != true
    let areRoutesLost =
      isLinkDown || interfaces[index].hasLostRoutes
      || interfaces[index].ifindex.map { kernel.outlet.hasLost($0) } ?? false
    if isOtherLink { bidFarewell(index, at: now) }
    interfaces[index].forgetLosses()
    unprepare(index)
    if isOtherLink { takeBackLinkLocal(index) }
    guard interfaces[index].reportDown() else { return }
    note(areRoutesLost ? .linkDown : .noAddress, index, at: now)
    node.interfaceChanged(
      interfaces[index].id, interfaces[index].reported, kernelRoutesLost: areRoutesLost, at: now,
      into: &actions)
    carryOut(at: now)
    guard isOtherLink, !areRoutesLost else { return }
    // The node works on its losses in slices; each must name the link it knew.
    while node.advance(to: now, budget: Self.rowsPerTurn, into: &actions) { carryOut(at: now) }
    carryOut(at: now)
    // What an earlier life left on the link is taken back one after another, by its old number.
    guard node.usesInterface(interfaces[index].id) else { return }
    replace(index, interfaces[index].type, interfaces[index].parameters, at: now)
  }

  /// Follows a name to another link. Parameters that depend on what the link is are resolved
  /// again; the node then gets the interface anew.
  private func bind(
    _ index: Int, to link: KernelLink?, _ others: [Int32], at now: Instant
  ) {
    if let former = interfaces[index].ifindex, former != link?.ifindex {
      packets.forgetStorms(on: former, at: now)
    }
    interfaces[index].bind(
      to: link?.ifindex, isShared: link.map { others.contains($0.ifindex) } ?? false)
    kernel.bind(interfaces[index])
    guard link != nil else { return }
    let name = interfaces[index].name
    let type = linkType(name, by: settings)
    let parameters = settings.parameters(for: name, type)
    if parameters != interfaces[index].parameters { replace(index, type, parameters, at: now) }
    recogniseLinkLocal(index)
  }

  /// Gives the node the interface anew, with other parameters.
  private func replace(
    _ index: Int, _ type: ResolvedLinkType, _ parameters: InterfaceParameters, at now: Instant
  ) {
    let seqno = node.nextHelloSeqno(of: interfaces[index].id)
    depart(index, at: now)
    node.removeInterface(interfaces[index].id, at: now, into: &actions)
    carryOut(at: now)
    _ = interfaces[index].reportDown()
    let name = interfaces[index].name
    guard
      let id = node.addInterface(
        name, parameters, helloSeqno: seqno, at: now, into: &actions)
    else { return }
    kernel.forgetDeparture(of: id)
    carryOut(at: now)
    interfaces[index].renew(id, type, parameters)
    kernel.bind(interfaces[index])
  }

  /// What an interface is to be by some settings. What the link was found to be is not asked again.
  func resolved(
    _ row: BabelInterface, by settings: Settings
  ) -> (type: ResolvedLinkType, isConfigured: Bool, parameters: InterfaceParameters) {
    let configured = settings.configuration.settings(for: row.name).type
    let type =
      configured.map { ResolvedLinkType($0) }
      ?? (row.hasConfiguredType ? linkType(row.name, by: settings) : row.type)
    return (type, configured != nil, settings.parameters(for: row.name, type))
  }

  /// Gives running interfaces the parameters that the configuration has for them now.
  func applyParameters(at now: Instant) {
    changeControl(at: now)
    setParameters(at: now)
    carryOut(at: now)
  }

  /// Gives those interfaces to the node anew whose packets are to go over the other family, or
  /// whose peers are no neighbours any more.
  func changeControl(at now: Instant) {
    for index in interfaces.indices {
      let row = interfaces[index]
      let (type, isConfigured, parameters) = resolved(row, by: settings)
      let isGivenUp = row.parameters.keepsWireGuardPeers && !parameters.keepsWireGuardPeers
      guard isGivenUp || parameters.control != row.parameters.control else { continue }
      interfaces[index].setType(type, isConfigured: isConfigured)
      // Nothing of what was known over the one family holds over the other.
      bidFarewell(index, at: now)
      unprepare(index)
      replace(index, type, parameters, at: now)
      if isGivenUp {
        finishLosses(at: now)
        releasePeers(of: row.name, at: now)
        takeBackLinkLocal(index)
      }
      if let ifindex = row.ifindex { packets.forgetStorms(on: ifindex, at: now) }
      check(index, at: now)
    }
  }

  /// Tells the node of the other parameters that interfaces have now. What it asks for is to be
  /// carried out.
  func setParameters(at now: Instant) {
    for index in interfaces.indices {
      let row = interfaces[index]
      let (type, isConfigured, parameters) = resolved(row, by: settings)
      interfaces[index].setType(type, isConfigured: isConfigured)
      guard parameters != row.parameters else { continue }
      interfaces[index].setParameters(parameters)
      node.setParameters(parameters, of: row.id, at: now, into: &actions)
      for remark in settings.configuration.remarks(about: row.name, type: type) {
        log.write(.warning, .interfaces, "Interface \(row.name): \(remark).")
      }
    }
    noteArrivalTimes()
    carryOut(at: now)
  }

  /// What an interface is: as configured, else as found out (babeld's rules).
  func linkType(
    _ name: InterfaceName, by settings: Settings
  ) -> ResolvedLinkType {
    if let type = settings.configuration.settings(for: name).type { return ResolvedLinkType(type) }
    if settings.assumesWireless { return .wireless }
    guard let link = links.link(name) else { return .unknown }
    if link.kind == .bridge || LinkMarks.isBridge(name) || link.kind == .batadv
      || LinkMarks.isBatmanMesh(name)
    {
      log.write("Warning: cannot tell whether \(name) is wired or wireless.")
      return .unknown
    }
    return WirelessProbe.isWireless(name) == true ? .wireless : .unknown
  }

  /// A link-local address is missing. That is normal for a second or two after a link came up
  /// (duplicate address detection), so the operator hears of it later.
  private func missAddress(_ index: Int, at now: Instant) {
    guard !interfaces[index].hasComplained else { return }
    let due = interfaces[index].missAddress(at: now) + Self.retryDelay
    if due <= now {
      interfaces[index].complain()
      let (name, family) = (interfaces[index].name, interfaces[index].parameters.control)
      let kind = family == .ipv4 ? "IPv4" : "link-local"
      let obstacle = links.link(name).map { addressObstacle(family, $0) } ?? .noAddress(family)
      let reason =
        switch obstacle {
        case .noAddress: ""
        default: " (\(obstacle.reason))"
        }
      log.write(
        .warning, .interfaces,
        "Interface \(name) is not used: it has no \(kind) address\(reason). "
          + obstacle.remedy(name))
    } else {
      interfaces.retry(notLaterThan: due)
    }
  }

  /// Joins the group and switches the reverse-path filter off. False if the interface cannot be
  /// used.
  private func prepare(_ index: Int, at now: Instant) -> Bool {
    guard !interfaces[index].isPrepared else { return true }
    guard let ifindex = interfaces[index].ifindex else { return false }
    let name = interfaces[index].name
    do throws(KernelError) {
      if !settings.configuration.skipsKernelSetup {
        try life.require(Sysctl.ipv4ReversePathFilter(name), 0)
      }
      try packets.join(interfaces[index].parameters.control, on: ifindex)
      expectNeighbours(of: name, on: ifindex, at: now)
      interfaces[index].setPrepared(true)
      return true
    } catch {
      log.write(.interface, subject: .link(ifindex), "Interface \(name): \(error)")
      interfaces[index].setPrepared(false, failure: "\(error)")
      return false
    }
  }

  /// Leaves the group and restores the reverse-path filter. Nothing is said about a link that is
  /// gone.
  private func unprepare(_ index: Int) {
    guard interfaces[index].isPrepared else { return }
    interfaces[index].setPrepared(false)
    guard let ifindex = interfaces[index].ifindex else { return }
    do throws(KernelError) {
      try packets.leave(interfaces[index].parameters.control, on: ifindex)
    } catch {
      tellOfRemainder(.groupNotLeft, of: interfaces[index].name, error)
    }
    let name = interfaces[index].name
    let newName = links.name(ifindex).flatMap { $0 == name ? nil : $0 }
    do throws(KernelError) {
      try life.restore(
        Sysctl.ipv4ReversePathFilter(name),
        renamed: newName.map { Sysctl.ipv4ReversePathFilter($0) })
    } catch {
      tellOfRemainder(.settingNotRestored, of: name, error)
    }
  }

  /// Tells of what could not be taken back from an interface, unless the kernel has taken it back
  /// itself, because the link or its last address is gone.
  func tellOfRemainder(_ subject: LogSubject, of name: InterfaceName, _ error: KernelError) {
    guard error.errno != ErrorNumber.noDevice, error.errno != ErrorNumber.addressNotAvailable
    else { return }
    log.write(.interface, subject: subject, "Interface \(name): \(error)")
  }

  /// At the end: every interface is left as it was found.
  func releaseInterfaces(at now: Instant) {
    for index in interfaces.indices {
      releasePeers(of: interfaces[index].name, at: now)
      unprepare(index)
      takeBackLinkLocal(index)
      guard interfaces[index].reportDown() else { continue }
      node.interfaceChanged(
        interfaces[index].id, interfaces[index].reported, kernelRoutesLost: false, at: now,
        into: &actions)
    }
    carryOut(at: now)
  }
}
