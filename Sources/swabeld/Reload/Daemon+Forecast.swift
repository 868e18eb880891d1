import BabelCore
import BabelKernel
import BabelWire

// What a configuration would lead to is tried on a copy of the node.
extension Daemon {
  /// What settings would lead to at once.
  func forecast(_ new: Settings, at now: Instant) -> ReloadEffects {
    var copy = BabelNode(copying: node)
    var buffer = ActionBuffer()
    var effects = ReloadEffects()
    var foresight = KernelForesight(links, foreignRoutes(for: new))
    let mark = copy.announcementMark
    let gone = unwanted(by: new)
    for row in interfaces.all {
      let parameters = resolved(row, by: new).parameters
      if gone.contains(row.name) || parameters.control != row.parameters.control {
        copy.removeInterface(row.id, at: now, into: &buffer)
        if !gone.contains(row.name) { join(row.name, new, &copy, at: now, into: &buffer) }
      } else if parameters != row.parameters {
        copy.setParameters(parameters, of: row.id, at: now, into: &buffer)
      }
    }
    let configuration = new.configuration
    copy.setGateways(gateways.rules(of: configuration.gateways), at: now, into: &buffer)
    copy.reconfigure(
      configuration.nodeParameters(routerID: node.routerID, seqno: node.seqno, seed: 0),
      configuration.filters, at: now, into: &buffer)
    // What is sent at once is sent before other interfaces come, as in a reload.
    settle(&copy, new, &effects, at: now, &foresight, &buffer)
    if redistributesOtherwise(than: settings, in: new) {
      offer(new, to: &copy, at: now, into: &buffer)
      settle(&copy, new, &effects, at: now, &foresight, &buffer)
    }
    for name in wanted(by: new) { join(name, new, &copy, at: now, into: &buffer) }
    settle(&copy, new, &effects, at: now, &foresight, &buffer)
    effects.takeRest(of: copy)
    effects.take(copy.announcements(since: mark))
    return effects
  }

  /// Rounds of asking and being refused, as with the kernel itself.
  private static let roundLimit = 32

  /// Lets a copy of the node do what there is to do, and tells it what the kernel would refuse.
  private func settle(
    _ copy: inout BabelNode, _ new: Settings, _ effects: inout ReloadEffects, at now: Instant,
    _ foresight: inout KernelForesight, _ buffer: inout ActionBuffer
  ) {
    for _ in 0..<Self.roundLimit {
      while copy.advance(to: now, budget: Self.rowsPerTurn, into: &buffer) {}
      buffer.mergeForwarding()
      var refused: [ForwardingKey] = []
      for action in buffer.actions {
        effects.take(action)
        guard case .forward(let change) = action, change.new != .absent else { continue }
        let isTaken =
          foresight.takes(change.new)
          && kernel.mayTake(
            change, withSubtrees: new.hasIPv6Subtrees, beside: foresight.foreign)
        if !isTaken { refused.append(change.key) }
      }
      buffer.removeAll()
      guard !refused.isEmpty else { return }
      for key in refused {
        effects.takeRefusal(of: key)
        copy.forwardingFailed(key, at: now, into: &buffer)
      }
    }
  }

  /// The routes of others at the places that ours would have; nil if these are watched already.
  private func foreignRoutes(for new: Settings) -> ForeignRoutes? {
    let places = MirrorScope(new).places
    guard places != MirrorScope(settings).places else { return nil }
    var foreign = ForeignRoutes(places)
    do throws(KernelError) {
      var reader = try KernelReader()
      for route in try reader.routes(tables: places.tables)
      where route.kernelProtocol != KernelRoute.babelProtocol {
        foreign.insert(route)
      }
    } catch {
      log.write(.overflow, subject: .tablesNotRead, "netlink: \(error)")
      return nil
    }
    return foreign
  }

  /// Tells a copy of the node of an interface that we would run on. If its link is up, so is Babel.
  private func join(
    _ name: InterfaceName, _ new: Settings, _ copy: inout BabelNode, at now: Instant,
    into buffer: inout ActionBuffer
  ) {
    let parameters = new.parameters(for: name, linkType(name, by: new))
    guard
      let id = copy.addInterface(
        name, parameters, helloSeqno: Seqno(0), at: now, into: &buffer)
    else { return }
    let state = links.state(name, detectingCarrier: new.configuration.detectsLinks)
    copy.interfaceChanged(id, state, kernelRoutesLost: false, at: now, into: &buffer)
  }

  /// Tells a copy of the node what there would be to redistribute.
  private func offer(
    _ new: Settings, to copy: inout BabelNode, at now: Instant, into buffer: inout ActionBuffer
  ) {
    let links = links
    copy.kernelSnapshotBegins()
    for offer in links.offers() { copy.kernelOfferAdded(offer, at: now, into: &buffer) }
    do throws(KernelError) {
      var reader = try KernelReader()
      for route in try reader.routes(tables: new.importTables) where !route.isDead {
        guard let offer = route.offer(interfaceName: { links.name($0) }) else { continue }
        copy.kernelOfferAdded(offer, at: now, into: &buffer)
      }
    } catch {
      log.write(.overflow, subject: .tablesNotRead, "netlink: \(error)")
      return
    }
    for offer in copy.unconfirmedOffers() {
      _ = copy.kernelOfferRemoved(offer, at: now, into: &buffer)
    }
  }
}
