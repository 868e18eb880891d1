import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// Microseconds the kernel gets to take back all our routes at the end.
  private static let farewellPatience: Int64 = 10_000_000

  /// Microseconds that clients get to read the last events.
  private static let clientPatience: Int64 = 1_000_000

  /// Brings up interfaces and tables before the loop begins, with what an earlier life left.
  /// False if there is nothing to run on.
  func start(after former: SavedLife?) -> Bool {
    let now = Instant.now
    updateReporting()
    tellTime(at: now)
    var names = settings.configuration.interfaces.map { $0.name }
    for name in settings.interfaces where !names.contains(name) { names.append(name) }
    guard !names.isEmpty || settings.configuration.namesInterfaces else {
      log.write(.error, "Eek... asked to run on no interfaces!")
      return false
    }
    tellOfStart()
    life.inherit(former)
    startGateways(after: former, at: now)
    life.note(settings.exportTables)
    for name in names where !addInterface(name, at: now) {
      log.write("Interface \(name): no room for another interface.")
    }
    tellOfMissingLinks()
    followPatterns(at: now)
    bindInterfaces(at: now)
    kernel.adoptRules()
    takeOver(former, at: now)
    readAtOnce(at: now)
    checkInterfaces(at: .now)
    return true
  }

  /// Whoever named an interface on the command line may have meant something else by the word.
  private func tellOfMissingLinks() {
    for name in settings.interfaces where links.link(name) == nil {
      log.startReport?.tell("Interface \(name) does not exist yet: waiting for it.")
    }
  }

  /// A line for the service manager about how we are.
  var statusLine: String {
    let up = interfaces.all.filter { $0.isUp }.count
    let neighbours = node.neighbours(at: .now).filter { !$0.cost.isInfinite }.count
    return "\(up) of \(interfaces.count) interfaces up, \(neighbours) usable neighbours"
  }

  /// Works on pending signals.
  func receiveSignals() {
    do throws(KernelError) {
      while let signal = try life.nextSignal() { received(signal) }
    } catch {
      log.write(.error, "\(error)")
      endReason = "signals cannot be read"
      isStopping = true
    }
  }

  private func received(_ signal: Signal) {
    switch signal {
    case .terminate: end(because: "SIGTERM")
    case .interrupt: end(because: "SIGINT")
    case .hangup:
      if settings.configuration.reloadsOnHangup {
        log.write(.notice, .configuration, "SIGHUP: \(reloadForSignal(at: .now))")
      } else {
        end(because: "SIGHUP ends the daemon, as with babeld: reload-on-sighup true changes that")
      }
    case .quit:
      keepsRoutes = true
      end(because: "SIGQUIT")
    case .child: reapHooks()
    case .user1: dumpTables(at: .now)
    case .user2:
      do throws(KernelError) {
        try log.open(nil)
        requestReading(at: .now)
      } catch {
        log.write(.error, "reopen_logfile(): \(error)")
        end(because: "the log file cannot be opened")
      }
    }
  }

  private func end(because reason: String) {
    endReason = reason
    isStopping = true
  }

  /// Writes all tables to standard output, in babeld's format.
  func dumpTables(at now: Instant) {
    var text: [UInt8] = []
    TableDump.appendHeader(routerID: node.routerID, seqno: node.seqno, to: &text)
    for status in node.neighbours(at: now) { TableDump.append(status, to: &text) }
    for status in node.originatedPrefixes() { TableDump.append(status, to: &text) }
    for handle in node.destinationOrder() {
      for status in node.routes(ofDestination: handle, at: now) {
        TableDump.append(status, to: &text)
      }
      if text.count > 1 << 16 {
        Log.write(text, to: 1)
        text.removeAll(keepingCapacity: true)
      }
    }
    for status in node.authenticationStatus() { TableDump.append(status, to: &text) }
    Log.write(text, to: 1)
  }

  /// Ends this life: for good, or so that the next one goes on where it ended.
  func end() {
    log.settleAll()
    if nextLife == nil {
      life.stopping()
    } else {
      life.restarting(at: MonotonicClock.microseconds())
    }
    if keepsRoutes, leave(at: .now) { return }
    stop()
    life.end(node, at: .now, log)
    log.write(.notice, "Stopped (\(endReason)). Neighbours were told, our routes are gone.")
  }

  /// Leaves routes, settings and neighbours as they are, for a next life. False if that would not
  /// be able to go on.
  private func leave(at now: Instant) -> Bool {
    carryOut(at: now)
    finishChanges(at: now)
    life.note(gateways.records)
    guard life.endKeepingRoutes(node, at: .now, log) else {
      log.write("The next process could not go on from here, so the routes are taken back.")
      return false
    }
    server?.drain(
      to: 0, from: node, until: MonotonicClock.microseconds() + Self.clientPatience, log)
    server = nil
    metrics.listen(at: nil)
    log.write(
      .notice, "Stopped (\(endReason)). The routes stay in the kernel for the next process.")
    return true
  }

  /// Says goodbye, takes routes back, and leaves everything as it was found.
  func stop() {
    let now = Instant.now
    updateReporting()
    node.shutDown(keepingForwarding: false, at: now, into: &actions)
    // Packets first: neighbours shall stop sending here before the routes are gone.
    for action in actions.actions {
      if case .transmit(let datagram) = action { transmit(datagram) }
    }
    let delay = Int64(settings.configuration.shutdownDelay)
    if delay > 0 {
      sleep(milliseconds: delay - delay / 4 + Int64(Entropy.uint64() % UInt64(delay / 2 + 1)))
    }
    withdraw(at: now)
    reportFlushedRoutes(at: now)
    releaseInterfaces(at: now)
    life.restoreAll(log)
    server?.drain(
      to: 0, from: node, until: MonotonicClock.microseconds() + Self.clientPatience, log)
    server = nil
    metrics.listen(at: nil)
  }

  /// Tells monitors that all routes are gone, as babeld does at its end.
  private func reportFlushedRoutes(at now: Instant) {
    guard server?.hasMonitors == true else { return }
    let deadline = MonotonicClock.microseconds() + Self.clientPatience
    for handle in node.destinationOrder() {
      for status in node.routes(ofDestination: handle, at: now) {
        server?.report(.route(.flush, status), log)
      }
      // Kept short of the limit beyond which a monitor is cut off.
      server?.drain(to: OutputQueue.limit / 2, from: node, until: deadline, log)
    }
  }

  private func withdraw(at now: Instant) {
    for action in actions.actions {
      switch action {
      case .transmit: break
      case .forward(let change):
        kernel.take(change)
        followOrders(at: now)
      case .notify(let notice): report(notice)
      case .tellPath: break
      }
    }
    actions.removeAll()
    kernel.dissolveSources()
    followOrders(at: now)
    let failures = finishChanges(at: now)
    closeIdleSources(at: .now)
    kernel.outlet.removeObjects()
    for failure in failures where failure.error.errno != ErrorNumber.noSuchProcess {
      log.write("kernel_route(\(failure.change)): \(failure.error)")
    }
  }

  /// Waits until the kernel has answered all changes; returns what it refused.
  @discardableResult
  private func finishChanges(at now: Instant) -> [RouteFailure] {
    var failures: [RouteFailure] = []
    let deadline = MonotonicClock.microseconds() + Self.farewellPatience
    repeat {
      var refused: [RouteFailure] = []
      kernel.flush(into: &refused, at: now)
      for var failure in refused {
        if !kernel.retries(&failure, node, at: now) { failures.append(failure) }
      }
      if kernel.isDone { break }
      sleep(milliseconds: 1)
    } while MonotonicClock.microseconds() < deadline
    return failures
  }

  private func sleep(milliseconds: Int64) {
    var poll = PollSet()
    do throws(KernelError) {
      _ = try poll.wait(until: MonotonicClock.microseconds() + milliseconds * 1000)
    } catch {
      log.write(.otherNotice, subject: .pauseFailed, "\(error)")
    }
  }
}
