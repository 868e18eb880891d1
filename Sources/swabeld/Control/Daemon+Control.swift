import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// What a client is greeted with, after the name of the protocol.
  static func banner(_ routerID: RouterID) -> String {
    // babeld's buffer holds 63 octets of the name.
    let host = String(decoding: OwnProcess.hostname.utf8.prefix(63), as: UTF8.self)
    return "\nversion \(Usage.version)\nhost \(host)\nmy-id \(routerID)\nok\n"
  }

  /// Executes what clients have asked for, and lets the server read and write.
  func serveClients(_ poll: borrowing PollSet) {
    guard let server else { return }
    let now = Instant.now
    server.beginTurn(poll, log)
    while let request = server.nextRequest(poll, from: node, at: now, log) {
      let answer = answer(
        to: request, in: server.form.dialect, at: now)
      server.answer(request, with: answer, from: node, at: now)
      switch answer {
      case .monitor, .unmonitor: updateReporting()
      case .path: carryOut(at: now)
      case .lines, .dump, .table, .graph, .follow, .tap, .quit: break
      }
    }
    forgetPaths()
  }

  /// Executes one request; what the client is told ends with one status line.
  private func answer(
    to request: ControlRequest, in dialect: SocketDialect, at now: Instant
  ) -> ControlAnswer {
    switch request.rights.verdict(on: request.line, in: settings.configuration) {
    case .granted: break
    case .refused: return .lines(ClientRights.refusal)
    case .unknown: return .lines(malformed(request.line))
    }
    let isReadWrite = request.rights.isReadWrite
    if let dialectRequest = DialectRequest(request.line, in: dialect),
      dialectRequest.isReadOnly || isReadWrite
    {
      return answer(to: dialectRequest, at: now)
    }
    if let form = GraphForm(request: request.line) { return .graph(form) }
    if let lines = ownAnswer(to: request, at: now) { return .lines(lines) }
    switch PathQuery.read(request.line) {
    case .query(let query):
      return isReadWrite ? answer(to: query, at: now) : .lines(PathQuery.refusal)
    case .mistake(let reason): return .lines("no \(reason)\n")
    case .other: break
    }
    if let events = EventsRequest(request.line) { return answer(to: events) }
    let trace = TraceRequest.read(request.line)
    if trace != .other { return answer(to: trace, request.rights, at: now) }
    if let shown = shownAnswer(to: request.line, at: now) { return shown }
    let command = ConfigurationParser.parseRuntime(
      line: request.line, configuration: settings.configuration)
    guard command.isReadOnly || isReadWrite else { return .lines("bad\n") }
    switch command {
    case .empty: return .lines("ok\n")
    case .dump: return .dump(.everything)
    case .monitor:
      // What is known already must not be added again: clients give up the connection then.
      return request.isMonitoring ? .lines("ok\n") : .monitor
    case .unmonitor: return .unmonitor
    case .counters:
      var text = ""
      for line in node.counters.lines { text += line + "\n" }
      text += "counter packets unsent \(packets.unsentCount)\n"
      return .lines(text + "counter packets flooding \(packets.floodingCount)\nok\n")
    case .quit: return .quit
    case .bad: return .lines(malformed(request.line))
    case .flushInterface, .interface, .pattern, .flushPattern, .defaults, .key, .redistribute,
      .linkDetect, .smoothingHalfLife, .logFile, .reopenLogFile:
      return .lines(change(command, at: now) + "\n")
    case .configuration(let configuration):
      return .lines(change(to: configuration, at: now))
    }
  }

  /// Logs what is wrong with a line; returns the status line. What the client wrote is quoted in
  /// printable characters, and shortened.
  private func malformed(_ line: [UInt8]) -> String {
    if let usage = RequestWord.usage(line) {
      log.write(.client, subject: .badRequest, "control socket: \(usage)")
    } else if case .bad(let error) = ConfigurationParser.parseRuntime(
      line: line, configuration: settings.configuration)
    {
      log.write(.client, subject: .badRequest, "control socket: \(error.detail)")
    }
    return "bad\n"
  }

  /// Executes a request that shows or explains something, which every client may ask for. Nil if it
  /// is not one of those.
  private func shownAnswer(to line: [UInt8], at now: Instant) -> ControlAnswer? {
    if let status = StatusQuery(line) { return .lines(answer(to: status, at: now)) }
    switch ShowQuery.read(line) {
    case .query(let query): return answer(to: query, at: now)
    case .mistake(let reason): return .lines("no \(reason)\n")
    case .other: break
    }
    switch ExplainQuery.read(line) {
    case .query(let query): return .lines(answer(to: query, at: now))
    case .mistake(let reason): return .lines("no \(reason)\n")
    case .other: return nil
    }
  }

  /// Executes a request that neither babeld nor a fork of it has. Nil if it is not one of those, or
  /// may not be asked for on a read-only socket.
  private func ownAnswer(to request: ControlRequest, at now: Instant) -> String? {
    let (line, rights) = (request.line, request.rights)
    if let metrics = metricsAnswer(to: line, at: now) { return metrics }
    if let processRequest = ProcessRequest(line) {
      return rights.isReadWrite ? execute(processRequest) + "\n" : "bad\n"
    }
    if let reload = ReloadRequest(line), rights.isReadWrite { return answer(to: reload, at: now) }
    if let live = LiveRequest(line), rights.isReadWrite { return answer(to: live, at: now) }
    if let rule = FilterRuleRequest(line), rule.isReadOnly || rights.isReadWrite {
      return answer(to: rule, at: now)
    }
    if let show = ShowRequest(line), show.isReadOnly || rights.isReadWrite {
      return answer(to: show, at: now)
    }
    return nil
  }

  /// Executes a request of another dialect than babeld's.
  private func answer(to request: DialectRequest, at now: Instant) -> ControlAnswer {
    switch request {
    case .dump(let scope): return .dump(scope)
    case .fee(let fee):
      settings.configuration.pricing.fee = fee
    case .metricFactor(let factor):
      settings.configuration.pricing.metricFactor = factor
    }
    server?.setPricing(settings.configuration.pricing)
    node.setPricing(settings.configuration.pricing, at: now)
    return .lines("ok\n")
  }

  /// Executes a request that changes something; returns the status line.
  private func change(_ command: RuntimeCommand, at now: Instant) -> String {
    switch command {
    case .flushInterface(let name):
      guard let name, removeInterface(name, at: now) else { return "no No such interface" }
      settings.configuration.removeInterface(name)
      settings.interfaces.removeAll { $0 == name }
      if settings.configuration.matchesPattern(name) { interfaces.flush(name) }
      // Its routes go now rather than in the next turn, so that monitors hear of them before the
      // answer; those of a large table follow.
      _ = node.advance(to: now, budget: Self.rowsPerTurn, into: &actions)
      carryOut(at: now)
    case .pattern(let pattern, let parameters):
      guard settings.configuration.merge(parameters, into: pattern) else {
        return "no Too many patterns"
      }
      applyParameters(at: now)
      checkInterfaces(at: now)
    case .flushPattern(let pattern):
      guard settings.configuration.removePattern(pattern) else { return "no No such interface" }
      let configuration = settings.configuration
      interfaces.forgetFlushed { !configuration.matchesPattern($0) }
      removeUnwanted(at: now)
    case .interface(let name, let parameters):
      interfaces.forgetFlushed { $0 == name }
      settings.configuration.merge(parameters, into: name)
      if interfaces.contains(name) {
        applyParameters(at: now)
      } else {
        guard addInterface(name, at: now) else { return "no Too many interfaces" }
        checkInterfaces(at: now)
      }
    case .defaults(let parameters):
      settings.configuration.mergeDefaults(parameters)
      applyParameters(at: now)
    case .key(let key):
      settings.configuration.define(key)
      applyParameters(at: now)
    case .redistribute(let rule):
      let former = settings.configuration
      guard settings.configuration.appendFromSocket(rule) else { return "no Too many rules" }
      tellOfDeadRules(since: former)
      let chain = settings.configuration.filters.redistribute
      node.setRedistribution(chain, at: now, into: &actions)
      carryOut(at: now)
      // Routes that were denied so far are not known.
      requestReading(at: now)
    case .linkDetect(let detects):
      settings.configuration.detectsLinks = detects
      checkInterfaces(at: now)
    case .smoothingHalfLife(let seconds):
      settings.configuration.smoothingHalfLife = seconds
      node.smoothingHalfLife = UInt32(clamping: UInt64(seconds) * 1000)
    case .logFile(let name):
      guard reopenLog(String(decoding: name, as: UTF8.self)) else {
        return "no Cannot open log file"
      }
      // What a reload finds in the files is compared with this.
      settings.configuration.logFile = name
    case .reopenLogFile: return reopenLog(nil) ? "ok" : "no Cannot open log file"
    case .empty, .dump, .monitor, .unmonitor, .counters, .quit, .bad, .configuration:
      // These change nothing, so nobody asks for them here.
      return "bad"
    }
    return "ok"
  }

  /// Routes are reported only while somebody listens: it costs time when many change.
  func updateReporting() {
    let isWanted = server?.hasMonitors == true || log.wants(.debug, .routes)
    if node.reportsRoutes != isWanted { node.reportsRoutes = isWanted }
  }

  func reopenLog(_ path: String?) -> Bool {
    do throws(KernelError) {
      try log.open(path)
      return true
    } catch {
      // The name may come from a client.
      let text = TerminalText.safe(Array("reopen_logfile(): \(error)".utf8))
      log.write(.error, String(decoding: text, as: UTF8.self))
      return false
    }
  }
}
