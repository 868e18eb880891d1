import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// What a client is greeted with (babeld's protocol version 1.0).
  static func banner(_ routerID: RouterID) -> String {
    "BABEL 1.0\nversion \(Usage.version)\nhost \(OwnProcess.hostname)\nmy-id \(routerID)\nok\n"
  }

  /// Executes one request and queues the answer, which ends with one status line.
  func answer(
    _ request: [UInt8], on connection: ControlConnection, isReadWrite: Bool, at now: Instant
  ) {
    let command = ConfigurationParser.parseRuntime(
      line: request, configuration: settings.configuration)
    guard command.isReadOnly || isReadWrite else {
      connection.output.append("bad\n")
      return
    }
    switch command {
    case .empty: connection.output.append("ok\n")
    case .dump: connection.beginDump(of: node, at: now, monitoring: false)
    case .monitor:
      connection.beginDump(of: node, at: now, monitoring: true)
      updateReporting()
    case .unmonitor:
      connection.stopMonitoring()
      updateReporting()
      connection.output.append("ok\n")
    case .quit: connection.end(.polite)
    case .bad(let error):
      log.write(.client, subject: 5, "control socket: \(error.detail)")
      connection.output.append("bad\n")
    default:
      connection.output.append(change(command, at: now))
      connection.output.append("\n")
    }
  }

  /// Executes a request that changes something; returns the status line.
  private func change(_ command: RuntimeCommand, at now: Instant) -> String {
    switch command {
    case .flushInterface(let name):
      guard let name, removeInterface(name, at: now) else { return "no No such interface" }
      settings.configuration.removeInterface(name)
    case .interface(let name, let parameters):
      var merged = settings.configuration
      merged.merge(parameters, into: name)
      guard merged.authentication(for: name).keys.isEmpty else {
        return "no Packet authentication is not available"
      }
      settings.configuration = merged
      if !interfaces.contains(where: { $0.name == name }) {
        guard addInterface(name, at: now) else { return "no Too many interfaces" }
        checkInterfaces(at: now)
      }
    case .defaults(let parameters): settings.configuration.mergeDefaults(parameters)
    case .key(let key): settings.configuration.define(key)
    case .linkDetect(let isOn):
      settings.configuration.detectsLinks = isOn
      checkInterfaces(at: now)
    case .smoothingHalfLife(let seconds):
      settings.configuration.smoothingHalfLife = seconds
      node.smoothingHalfLife = UInt32(clamping: UInt64(seconds) * 1000)
    case .logFile(let name):
      return reopenLog(String(decoding: name, as: UTF8.self)) ? "ok" : "no Cannot open log file"
    case .reopenLogFile:
      return reopenLog(nil) ? "ok" : "no Cannot open log file"
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
      log.write("reopen_logfile(): \(error)")
      return false
    }
  }
}
