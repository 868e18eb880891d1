import BabelCore
import BabelKernel
import BabelWire

// The configuration is read again and put into effect while everything goes on.
extension Daemon {
  /// How many actions of the node are kept for merging; each takes some 130 octets.
  private static let actionLimit = 50_000

  /// Executes a request; returns the lines of the answer.
  func answer(to request: ReloadRequest, at now: Instant) -> String {
    if request == .confirm {
      return reloading.confirm() ? "ok\n" : "no Nothing waits for a confirmation\n"
    }
    do throws(ReloadRefusal) {
      if request == .dryRun {
        let new = try readSettings()
        try checkSockets(of: new)
        let difference = SettingsDifference(from: settings, to: new)
        return text(difference, of: new, forecast(new, at: now))
      }
      let former = settings
      let (difference, effects) = try load(at: now)
      if case .provisional(let seconds) = request {
        reloading.plan(return: former, at: now + seconds * 1_000_000)
      } else {
        // Whoever loads without a condition means it to stay.
        _ = reloading.confirm()
      }
      log.write(.notice, .configuration, "The configuration was \(difference.summary).")
      return text(difference, of: settings, effects)
    } catch {
      if request != .dryRun { tell(error) }
      return "no \(error.reason)\n"
    }
  }

  /// Reloads because of a signal; returns how that went, for the log.
  func reloadForSignal(at now: Instant) -> String {
    do throws(ReloadRefusal) {
      // A script that rotates logs must not confirm what somebody is trying.
      return "the configuration was \(try load(at: now).difference.summary)"
    } catch {
      tell(error)
      return "the former configuration stays"
    }
  }

  private func tell(_ refusal: ReloadRefusal) {
    log.write(
      .warning, .configuration, "The configuration was not reloaded: \(refusal.reason)")
  }

  /// Reads the configuration again and puts it into effect; returns what is different and what that
  /// led to.
  private func load(
    at now: Instant
  ) throws(ReloadRefusal) -> (difference: SettingsDifference, effects: ReloadEffects) {
    let new = try readSettings()
    try moveSockets(to: new)
    let difference = SettingsDifference(from: settings, to: new)
    // Interfaces that were flushed over the socket come back: the files count.
    interfaces.forgetFlushed { _ in true }
    return (difference, takeOver(new, at: now))
  }

  /// The lines of an answer.
  private func text(
    _ difference: SettingsDifference, of new: Settings, _ effects: ReloadEffects
  ) -> String {
    var text = "generation \(reloading.generation)\ndigest \(new.configuration.digest)\n"
    difference.append(to: &text)
    effects.append(to: &text)
    return text + "ok\n"
  }

  /// Goes back to what was in effect before a change that nobody has confirmed.
  func revertUnconfirmed(at now: Instant) {
    guard var former = reloading.takeOverdue(at: now) else { return }
    former.live = settings.live
    former.linkPeers = settings.linkPeers
    log.write(
      .warning, .configuration,
      "Nobody confirmed the reloaded configuration: the former one comes back.")
    do throws(ReloadRefusal) {
      try moveSockets(to: former)
    } catch {
      log.write("The sockets stay as they are: \(error.reason)")
      former.configuration.copyLocalSocket(from: settings.configuration)
    }
    _ = takeOver(former, at: now)
  }

  /// Reads the configuration as at the start. Nothing is changed if that fails, or if something
  /// else is different in it that cannot change while we run.
  private func readSettings() throws(ReloadRefusal) -> Settings {
    var new: Settings
    do throws(ConfigurationError) {
      new = try Settings.read(settings.line, whileRunning: true)
    } catch {
      // What keeps us from reading a file is more than that its rights do.
      throw ReloadRefusal(settings.filesOutOfReach.first ?? error.description)
    }
    guard new.hasDefaultFile || !settings.hasDefaultFile else {
      throw ReloadRefusal("\(Settings.defaultFile) is gone")
    }
    new.kernel = settings.kernel
    new.live = settings.live
    new.linkPeers = settings.linkPeers
    // Whether we are in the background was settled at the start.
    new.configuration.daemonises = settings.configuration.daemonises
    if let obstacle = Check.obstacles(to: new).first { throw ReloadRefusal(obstacle) }
    let fixed = SettingsDifference.fixed(from: settings, to: new)
    guard fixed.isEmpty else {
      let words = fixed.joined(separator: ", ")
      throw ReloadRefusal("\(SettingsDifference.needsRestart): \(words)")
    }
    try checkLogFile(of: new)
    new.writeRemarks(to: log)
    do throws(KernelError) {
      var reader = try KernelReader()
      new.writeRemarks(to: log, try reader.links(), try reader.addresses(), &reader)
    } catch {
      // Whatever is wrong with netlink is told when it is needed.
      return new
    }
    return new
  }

  /// Tries the log file that settings name in place of the present one.
  func checkLogFile(of new: Settings) throws(ReloadRefusal) {
    let name = new.configuration.logFile
    guard let name, !name.isEmpty, name != settings.configuration.logFile else { return }
    let path = String(decoding: name, as: UTF8.self)
    let isNew = !FileSystem.exists(path)
    do throws(KernelError) {
      _ = try FileSystem.openForAppending(path)
      // It is made once nothing else stands in the way.
      if isNew { try FileSystem.remove(path) }
    } catch {
      throw ReloadRefusal("log-file: \(error)")
    }
  }

  /// Puts settings into effect; returns what that leads to at once.
  func takeOver(_ new: Settings, at now: Instant) -> ReloadEffects {
    carryOut(at: now)
    reloading.beginEffects()
    let mark = node.announcementMark
    let former = settings
    settings = new
    reloading.advance()
    changeProcess(from: former.configuration)
    changePlaces(from: former, at: now)
    removeUnwanted(at: now)
    changeControl(at: now)
    changeGateways(at: now)
    // Before and after that, readings of the tables let what was refused be tried once more.
    reloading.observeRefusals(true)
    reconfigureNode(at: now)
    reloading.observeRefusals(false)
    redistribute(from: former, at: now)
    addWanted(at: now)
    // What lost its interface goes now, so that the answer names it.
    while node.advance(to: now, budget: Self.rowsPerTurn, into: &actions) { carryOut(at: now) }
    carryOut(at: now)
    var effects = reloading.endEffects()
    effects.takeRest(of: node)
    effects.take(node.announcements(since: mark))
    return effects
  }

  /// What concerns the process: the log, and how clients are answered.
  private func changeProcess(from former: Configuration) {
    let configuration = settings.configuration
    log.setLevels(of: configuration)
    if configuration.logFile != former.logFile, let name = configuration.logFile, !name.isEmpty {
      _ = reopenLog(String(decoding: name, as: UTF8.self))
    }
    server?.setForm(LineForm(configuration))
    updateReporting()
    kernel.setSharesNexthops(configuration.sharesNexthops ?? false, at: .now)
    if configuration.kernelCheckInterval != former.kernelCheckInterval {
      // The time of the next reading was planned with the former interval.
      requestReading(at: .now)
    }
  }

  /// Our routes may be put elsewhere from now on. Before that is done, it is looked who is there.
  /// Other tables to redistribute from come later, since the node does not know the rules for them.
  private func changePlaces(from former: Settings, at now: Instant) {
    var scope = MirrorScope(settings)
    scope.importTables = former.importTables
    life.note(settings.exportTables)
    guard scope != MirrorScope(former) else { return }
    kernel.setScope(scope, at: now)
    readAtOnce(at: now)
  }

  /// Tells the node of all that is different for it. What it asks of the kernel on the way, when
  /// some of that counts already and some does not, is not done.
  private func reconfigureNode(at now: Instant) {
    let configuration = settings.configuration
    setParameters(at: now)
    node.reconfigure(
      configuration.nodeParameters(routerID: node.routerID, seqno: node.seqno, seed: 0),
      configuration.filters, at: now, into: &actions)
    while node.advance(to: now, budget: Self.rowsPerTurn, into: &actions) {
      guard actions.actions.count > Self.actionLimit else { continue }
      actions.mergeForwarding()
      carryOut(at: now)
    }
    actions.mergeForwarding()
    carryOut(at: now)
  }

  /// Offers the node what the new rules redistribute, from the tables that are wanted now.
  private func redistribute(from former: Settings, at now: Instant) {
    guard redistributesOtherwise(than: former) else { return }
    if settings.importTables != former.importTables {
      kernel.setScope(MirrorScope(settings), at: now)
    }
    // Routes that were denied so far are not known.
    requestReading(at: now)
    readAtOnce(at: now)
  }

  /// Whether routes of others may be redistributed now that were not before.
  func redistributesOtherwise(than former: Settings, in new: Settings? = nil) -> Bool {
    let settings = new ?? settings
    let chain = settings.configuration.filters.redistribute
    return !chain.saysTheSame(as: former.configuration.filters.redistribute)
      || settings.importTables != former.importTables
  }

  private func addWanted(at now: Instant) {
    for name in wanted(by: settings) where !addInterface(name, at: now) {
      log.write("Interface \(name): no room for another interface.")
    }
    for index in interfaces.indices
    where !makesLinkLocal(interfaces[index]) { takeBackLinkLocal(index) }
    checkInterfaces(at: now)
  }

  /// The interfaces that some settings ask for and that we do not run on: those that they name, and
  /// the links that match a pattern of theirs.
  func wanted(by settings: Settings) -> [InterfaceName] {
    var names: [InterfaceName] = []
    let matching = links.links().filter {
      !$0.isLoopback && settings.configuration.matchesPattern($0.name)
    }
    for name in settings.configuration.interfaces.map({ $0.name }) + settings.interfaces
      + matching.map({ $0.name })
    where !interfaces.contains(name) && !names.contains(name) { names.append(name) }
    return names
  }
}

/// Why a configuration is not put into effect.
struct ReloadRefusal: Error {
  /// One line for an operator.
  let reason: String

  init(_ text: String) {
    let line = text.utf8.map { $0 == 0x0A ? 0x20 : $0 }
    reason = String(decoding: line, as: UTF8.self)
  }
}
