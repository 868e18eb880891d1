import BabelCore
import BabelKernel

extension MetricsServer {
  /// Opens a socket for those who read the metrics; nil if none is asked for.
  static func open(
    _ endpoint: LocalServer.Endpoint?, _ access: SocketRights
  ) throws(KernelError) -> LocalListener? {
    guard let endpoint else { return nil }
    return try SocketPlace(metrics: endpoint, access).open()
  }
}

extension Daemon {
  /// Serves those who read the metrics over HTTP.
  func serveMetrics(_ poll: borrowing PollSet) {
    let now = Instant.now
    let failure = metrics.serve(poll, at: now.microseconds) { metricsText(at: now) }
    if let failure { log.write(.client, subject: .clientRefused, "metrics: \(failure)") }
  }

  /// Opens the sockets that settings ask for in place of the present ones: the local socket and
  /// that for metrics. If one of them fails both stay as they are.
  func moveSockets(to new: Settings) throws(ReloadRefusal) {
    let (before, after) = (settings.configuration, new.configuration)
    guard !before.hasMetrics(like: after) else { return try moveLocalSocket(to: new) }
    let access = try SocketRights(of: after)
    if before.metricsServer == after.metricsServer {
      try moveLocalSocket(to: new)
      do throws(KernelError) {
        try metrics.setAccess(
          mode: access.effectiveMode, userID: access.user, groupID: access.group)
      } catch {
        throw ReloadRefusal(error.description)
      }
      return
    }
    let listener: LocalListener?
    do throws(KernelError) {
      listener = try MetricsServer.open(after.metricsServer, access)
    } catch {
      throw ReloadRefusal(error.description)
    }
    try moveLocalSocket(to: new)
    metrics.listen(at: listener)
  }

  /// Throws what ``moveSockets(to:)`` would throw because a socket cannot be opened, and leaves
  /// everything as it is.
  func checkSockets(of new: Settings) throws(ReloadRefusal) {
    let (before, after) = (settings.configuration, new.configuration)
    let access = try SocketRights(of: after)
    do throws(KernelError) {
      if let endpoint = after.metricsServer, endpoint != before.metricsServer {
        try SocketPlace(metrics: endpoint, access).check()
      }
      if let local = after.localServer, local.endpoint != before.localServer?.endpoint {
        try SocketPlace(local, access).check()
      }
    } catch {
      throw ReloadRefusal(error.description)
    }
  }
}

extension SocketRights {
  /// Those that a configuration to be loaded asks for.
  init(of configuration: Configuration) throws(ReloadRefusal) {
    do throws(Accounts.Failure) {
      self = try Accounts(configuration).rights
    } catch {
      throw ReloadRefusal(error.description)
    }
  }
}
