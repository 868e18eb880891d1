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

  /// Executes one request and queues the answer, which ends with one status line.
  func answer(
    _ request: [UInt8], on connection: ControlConnection, isReadWrite: Bool, at now: Instant
  ) {
    let form = server?.form ?? LineForm()
    if let dialectRequest = DialectRequest(request, in: form.dialect),
      dialectRequest.isReadOnly || isReadWrite
    {
      answer(dialectRequest, on: connection, in: form, at: now)
      return
    }
    let command = ConfigurationParser.parseRuntime(
      line: request, configuration: settings.configuration)
    guard command.isReadOnly || isReadWrite else {
      connection.output.append("bad\n")
      return
    }
    switch command {
    case .empty: connection.output.append("ok\n")
    case .dump: connection.beginDump(of: node, in: form, at: now, monitoring: false)
    case .monitor where connection.isMonitoring:
      // What is known already must not be added again: clients give up the connection then.
      connection.output.append("ok\n")
    case .monitor:
      connection.beginDump(of: node, in: form, at: now, monitoring: true)
      updateReporting()
    case .unmonitor:
      connection.stopMonitoring()
      updateReporting()
      connection.output.append("ok\n")
    case .counters:
      for line in node.counters.lines { connection.output.append(line + "\n") }
      connection.output.append("counter packets unsent \(unsentPackets)\n")
      connection.output.append("counter packets flooding \(floodingPackets)\nok\n")
    case .quit: connection.end(.polite)
    case .bad(let error):
      log.write(.client, subject: 5, "control socket: \(error.detail)")
      connection.output.append("bad\n")
    default:
      connection.output.append(change(command, at: now))
      connection.output.append("\n")
    }
  }

  /// Executes a request of another dialect than babeld's.
  private func answer(
    _ request: DialectRequest, on connection: ControlConnection, in form: LineForm,
    at now: Instant
  ) {
    switch request {
    case .dump(let scope):
      connection.beginDump(of: node, scope, in: form, at: now, monitoring: false)
    case .fee(let fee):
      settings.configuration.pricing.fee = fee
      pricingChanged(on: connection, at: now)
    case .metricFactor(let factor):
      settings.configuration.pricing.metricFactor = factor
      pricingChanged(on: connection, at: now)
    }
  }

  private func pricingChanged(on connection: ControlConnection, at now: Instant) {
    server?.form.pricing = settings.configuration.pricing
    node.setPricing(settings.configuration.pricing, at: now)
    connection.output.append("ok\n")
  }

  /// Executes a request that changes something; returns the status line.
  private func change(_ command: RuntimeCommand, at now: Instant) -> String {
    switch command {
    case .flushInterface(let name):
      guard let name, removeInterface(name, at: now) else { return "no No such interface" }
      settings.configuration.removeInterface(name)
      if settings.configuration.matchesPattern(name) { flushedNames.append(name) }
      // Its routes go now rather than in the next turn, so that monitors hear of them before the
      // answer; those of a large table follow.
      _ = node.advance(to: now, budget: Self.rowsPerTurn, into: &actions)
      apply(at: now)
    case .pattern(let pattern, let parameters):
      guard settings.configuration.merge(parameters, into: pattern) else {
        return "no Too many patterns"
      }
      applyParameters(at: now)
      checkInterfaces(at: now)
    case .flushPattern(let pattern):
      guard settings.configuration.removePattern(pattern) else { return "no No such interface" }
      flushedNames.removeAll { !settings.configuration.matchesPattern($0) }
      removeUnwanted(at: now)
    case .interface(let name, let parameters):
      flushedNames.removeAll { $0 == name }
      settings.configuration.merge(parameters, into: name)
      if interfaces.contains(where: { $0.name == name }) {
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
      guard settings.configuration.appendFromSocket(rule) else { return "no Too many rules" }
      let chain = settings.configuration.filters.redistribute
      node.setRedistribution(chain, at: now, into: &actions)
      apply(at: now)
      // Routes that were denied so far are not known.
      requestReading(at: now)
    case .linkDetect(let detects):
      settings.configuration.detectsLinks = detects
      checkInterfaces(at: now)
    case .smoothingHalfLife(let seconds):
      settings.configuration.smoothingHalfLife = seconds
      node.smoothingHalfLife = UInt32(clamping: UInt64(seconds) * 1000)
    case .logFile(let name):
      return reopenLog(String(decoding: name, as: UTF8.self)) ? "ok" : "no Cannot open log file"
    case .reopenLogFile: return reopenLog(nil) ? "ok" : "no Cannot open log file"
    default: return "bad"
    }
    return "ok"
  }

  /// Routes are reported only while somebody listens: it costs time when many change.
  func updateReporting() {
    let isWanted = server?.hasMonitors == true || log.level == .debug
    if node.reportsRoutes != isWanted { node.reportsRoutes = isWanted }
  }

  private func reopenLog(_ path: String?) -> Bool {
    do throws(KernelError) {
      try log.open(path)
      return true
    } catch {
      log.write(.error, "reopen_logfile(): \(error)")
      return false
    }
  }
}
