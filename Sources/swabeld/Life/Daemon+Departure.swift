import BabelCore
import BabelKernel

// How clients of the control socket end this life.

extension Daemon {
  /// Executes a request that ends this life; returns the status line.
  func execute(_ request: ProcessRequest) -> String {
    guard !isStopping else { return "no The daemon is ending already" }
    switch request {
    case .stop(let keepsRoutes):
      if keepsRoutes, let obstacle = obstacleToKeeping { return "no \(obstacle)" }
      self.keepsRoutes = keepsRoutes
      endReason = "a client of the local socket asked for it"
    case .restart:
      if reloading.isProvisional { return "no A reloaded configuration waits for its confirmation" }
      if let reason = prepareRestart() { return "no \(reason)" }
      keepsRoutes = true
    }
    isStopping = true
    return "ok"
  }

  private static let noStateFile = "Without a state file (state-file, -S) routes cannot stay"

  /// Why no next life could go on where this one ends; nil if one could.
  private var obstacleToKeeping: String? {
    life.canBeContinued ? life.obstacle(to: nil, node, at: .now) : Self.noStateFile
  }

  /// Reads what the next life is to be like, and tries what it needs. Returns why there would be
  /// none, or one that loses something; nil if all is well.
  private func prepareRestart() -> String? {
    guard life.canBeContinued else { return Self.noStateFile }
    if let obstacle = ProgramRestart.obstacle(settings) { return obstacle }
    let next: Settings
    do throws(ConfigurationError) {
      next = try Settings.read(settings.line, whileRunning: true)
    } catch {
      return error.detail
    }
    if let obstacle = ProgramRestart.obstacle(settings, successors: next) { return obstacle }
    if let obstacle = obstacleAtPort(of: next) { return obstacle }
    let stateFile = StateFile.usable(next.configuration.stateFile, log)
    let lifeFile = LifeFile(beside: stateFile)
    guard lifeFile.path != nil else {
      return stateFile.fault.map { "\($0): routes cannot stay" } ?? Self.noStateFile
    }
    if let obstacle = life.obstacle(to: lifeFile, node, at: .now) { return obstacle }
    if let obstacle = ProgramRestart.obstacleOfProgram() { return obstacle }
    if let obstacle = openForNextLife(next) { return obstacle }
    endReason = "a client of the local socket asked for a restart"
    life.move(to: lifeFile)
    nextLife = NextLife(pidFile: next.configuration.pidFile, stateFile: stateFile)
    return nil
  }

  /// Why the next life could not have its port to itself, as every start demands; nil if it could.
  private func obstacleAtPort(of next: Settings) -> String? {
    let port = next.configuration.protocolPort
    let cure = "end who has it, or set protocol-port"
    guard port != settings.configuration.protocolPort else {
      // Of the holders one is ourselves.
      let isShared = UDPSocket.holderCount(ofPort: port).map { $0 > 1 } ?? false
      return isShared ? "UDP port \(port) is in use by another process, too: \(cure)" : nil
    }
    do throws(KernelError) {
      let isTaken = try UDPSocket.isPortTaken(port)
      return isTaken ? "UDP port \(port) is in use by another process: \(cure)" : nil
    } catch {
      return "protocol-port: \(error)"
    }
  }

  /// Opens what the next life has and this one has not, so that it cannot fail there. Returns why
  /// something cannot be opened; then all is as before. Sockets that can be opened are used by this
  /// life until its end.
  private func openForNextLife(_ next: Settings) -> String? {
    let path = String(decoding: next.configuration.pidFile, as: UTF8.self)
    let pidFile = PIDFile(path: path)
    let isOther = next.configuration.pidFile != settings.configuration.pidFile
    do throws(KernelError) {
      if isOther { try pidFile.create() }
    } catch {
      return error.description
    }
    do throws(ReloadRefusal) {
      try checkLogFile(of: next)
      try moveSockets(to: next)
      return nil
    } catch {
      if isOther { pidFile.remove(log) }
      return error.reason
    }
  }
}

/// The life that this process itself is to begin.
struct NextLife {
  /// The path of its pid file; empty if it has none.
  let pidFile: [UInt8]
  /// Where it looks for our seqno.
  let stateFile: StateFile
}
