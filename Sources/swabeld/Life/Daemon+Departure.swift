import BabelCore
import BabelKernel

// How clients of the control socket end this life.

extension Daemon {
  /// Executes a request that ends this life; returns the status line.
  func execute(_ request: ProcessRequest) -> String {
    guard !isStopping else { return "no The daemon is ending already" }
    switch request {
    case .stop(let keepsRoutes):
      if keepsRoutes, !life.canBeContinued { return "no \(Self.noStateFile)" }
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

  /// Reads what the next life is to be like. Returns why there would be none; nil if all is well.
  private func prepareRestart() -> String? {
    guard life.canBeContinued else { return Self.noStateFile }
    let next: Settings
    do throws(ConfigurationError) {
      next = try Settings.read(settings.line, whileRunning: true)
    } catch {
      return error.detail
    }
    if let obstacle = ProgramRestart.obstacle(settings, successors: next) { return obstacle }
    if let obstacle = openForNextLife(next) { return obstacle }
    endReason = "a client of the local socket asked for a restart"
    nextPIDFile = next.configuration.pidFile
    return nil
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
