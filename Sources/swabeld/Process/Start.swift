import BabelCore
import BabelKernel
import BabelWire

/// Leads from the command line to the daemon's loop and to the end, with babeld's order, messages
/// and exit codes.
enum Start {
  /// The log file of a daemon in the background, unless another is named.
  private static let backgroundLog = "/var/log/babeld.log"

  /// Runs the program; returns its exit code.
  static func run(_ arguments: [[UInt8]]) -> CInt {
    if let code = Keygen.run(arguments) ?? ControlClient.run(arguments) { return code }
    let heldBlocks = HeldBlocks()
    let former = ProgramRestart.own()
    let line = CommandLineOptions(arguments)
    var settings: Settings
    do throws(ConfigurationError) {
      settings = try Settings.read(line)
    } catch {
      complain(error.description)
      return 1
    }
    switch line.ending {
    case .complete: break
    case .version:
      complain(Usage.version)
      return 0
    case .help:
      Log.write(Array((Usage.version + "\n" + Usage.syntax + Usage.help).utf8), to: 1)
      return 0
    case .failure(let text, let reason):
      if let text { complain(text) }
      complain(Usage.version)
      Log.write(Array(Usage.syntax.utf8), to: 2)
      complain("swabeld: \(reason)")
      return 1
    case .refusal(let reason):
      complain("swabeld: \(reason)")
      return 1
    }
    if line.checks || line.explains {
      return Check.run(line, settings) ? 0 : 1
    }
    let log = Log()
    let asksToLeave = settings.configuration.daemonises
    if let former {
      settings.configuration.daemonises = former.isInBackground
    } else if NotifySocket.isMainProcess {
      settings.configuration.daemonises = false
    }
    let configuration = settings.configuration
    log.setLevels(of: configuration)
    guard detach(configuration, log, isThereAlready: former != nil) else { return 1 }
    if asksToLeave, !configuration.daemonises, former == nil {
      log.write(
        .notice,
        "Staying in the foreground (-D, daemonise): the service manager waits for this process.")
    }
    settings.writeRemarks(to: log)
    switch serve(settings, log, heldBlocks) {
    case .stopped: return 0
    case .failed: return 1
    case .restarts:
      ProgramRestart(isInBackground: configuration.daemonises).execute(settings, log)
      return 1
    }
  }

  /// How a life of the daemon ended.
  private enum Ending {
    /// It did what it should.
    case stopped
    /// It could not start or go on.
    case failed
    /// This process is to begin the next life.
    case restarts
  }

  private static func complain(_ text: String) { Log.write(Array((text + "\n").utf8), to: 2) }

  /// Goes into the background if asked to and not there already, opens the log, and lets go of
  /// standard input. An error before the log is open goes to whoever started us.
  private static func detach(
    _ configuration: Configuration, _ log: Log, isThereAlready: Bool
  ) -> Bool {
    if configuration.daemonises, !isThereAlready {
      do throws(KernelError) {
        log.startReport = try StartReport.daemonise()
      } catch {
        complain("\(error)")
        return false
      }
    }
    var path = configuration.logFile.map { String(decoding: $0, as: UTF8.self) }
    if path == nil, configuration.daemonises { path = backgroundLog }
    if let path, !path.utf8.isEmpty {
      do throws(KernelError) {
        if NotifySocket.isMainProcess, !isThereAlready { try log.keepStandardError() }
        try log.open(path)
      } catch {
        complain("reopen_logfile(): \(error)")
        return false
      }
    }
    do throws(KernelError) {
      let null = try FileSystem.openForUpdating("/dev/null")
      try OwnProcess.redirect(0, to: null)
      return true
    } catch {
      log.write(.error, "\(error)")
      return false
    }
  }

  /// Runs the daemon while there is a pid file. It stays if this process begins the next life with
  /// the same one.
  private static func serve(_ settings: Settings, _ log: Log, _ heldBlocks: HeldBlocks) -> Ending {
    let name = settings.configuration.pidFile
    let pidFile = PIDFile(path: String(decoding: name, as: UTF8.self))
    do throws(KernelError) {
      // Signals are set up before the pid file, because whoever reads that file may send one at
      // once.
      let signals = try SignalDescriptor()
      try pidFile.create()
      var next: [UInt8]?
      defer { if next != name { pidFile.remove(log) } }
      guard try serve(settings, log, heldBlocks, signals, &next) else { return .failed }
      return next == nil ? .stopped : .restarts
    } catch {
      log.write(.error, "\(error)")
      return .failed
    }
  }

  /// Starts the daemon and runs it to its end. Returns false if it could not run, and sets
  /// `next` to the pid file of the next life if this process is to begin that.
  private static func serve(
    _ settings: Settings, _ log: Log, _ heldBlocks: HeldBlocks,
    _ signals: consuming SignalDescriptor, _ next: inout [UInt8]?
  ) throws(KernelError) -> Bool {
    let configuration = settings.configuration
    guard check(settings, log), let accounts = accounts(configuration, log) else { return false }
    let port = configuration.protocolPort
    if try UDPSocket.isPortTaken(port) {
      log.write(.error, "UDP port \(port) is in use: another Babel daemon runs here.")
      return false
    }
    var sysctls = SavedSysctls()
    var isStarted = false
    defer { if !isStarted { sysctls.giveBack(log) } }
    guard configuration.skipsKernelSetup || setUpKernel(&sysctls, log) else { return false }
    let writer = try RouteWriter()
    let buffer = configuration.limits.kernelBuffer ?? NetlinkMonitor.usualBuffer
    let monitor = try NetlinkMonitor(
      ignoring: [writer.portID], receiveBuffer: Int32(clamping: buffer))
    var reader = try KernelReader()
    var links = LinkTable()
    let (known, addresses) = (try reader.links(), try reader.addresses())
    for link in known { links.update(link) }
    for address in addresses { links.update(address) }
    settings.writeRemarks(to: log, known, addresses, &reader)
    let socket = try UDPSocket(port: port)
    if socket.lacksTrafficClass { log.write("Couldn't set traffic class.") }
    let server: ControlServer? =
      if let local = configuration.localServer {
        ControlServer(
          try SocketPlace(local, accounts.rights).open(), ClientRights(local, configuration),
          LineForm(configuration))
      } else {
        nil
      }
    let metrics = MetricsServer()
    metrics.listen(at: try MetricsServer.open(configuration.metricsServer, accounts.rights))
    let stateFile = StateFile.usable(configuration.stateFile, log)
    let lifeFile = LifeFile(beside: stateFile)
    if let fault = stateFile.fault {
      log.write(
        "\(fault): nothing is known of an earlier process, and nothing is left for a next one, so "
          + "that restart is refused; name another state-file.")
    }
    let former = lifeFile.read(log)
    let node = makeNode(settings, links, stateFile, former, log)
    let parts = DaemonParts(
      socket: socket, signals: signals, monitor: monitor, reader: reader, writer: writer,
      links: links, sysctls: sysctls, server: server, metrics: metrics,
      lifeFile: lifeFile, heldBlocks: heldBlocks)
    let daemon = Daemon(settings, log: log, node: node, parts: parts)
    isStarted = true
    guard daemon.start(after: former) else {
      daemon.stop()
      return false
    }
    // This must come before the first packet, and while we still have the rights to write anywhere.
    daemon.life.begin(daemon.node, log)
    stateFile.consume(log)
    let hasBecome = become(accounts.user, stateFile, daemon.life, log)
    if hasBecome { run(daemon, log) }
    daemon.end()
    do throws(KernelError) {
      try (daemon.nextLife?.stateFile ?? stateFile).write(daemon.node.seqno)
    } catch {
      log.write(.error, "Couldn't write babel-state: \(error)")
    }
    next = daemon.nextLife?.pidFile
    return hasBecome
  }

  /// Switches forwarding on, and off what would disturb it.
  private static func setUpKernel(_ sysctls: inout SavedSysctls, _ log: Log) -> Bool {
    do throws(KernelError) {
      try sysctls.require(Sysctl.ipv6Forwarding, 1)
      try sysctls.require(Sysctl.ipv4Forwarding, 1)
      try sysctls.require(Sysctl.ipv6AcceptRedirects, 0)
      try sysctls.require(Sysctl.ipv4ReversePathFilter, 0)
      return true
    } catch {
      let lacksRights =
        error.errno == ErrorNumber.notPermitted || error.errno == ErrorNumber.accessDenied
      let hint = lacksRights ? " (root or CAP_NET_ADMIN is needed)" : ""
      log.write(.error, "Couldn't write sysctl: \(error)\(hint)")
      log.write(.error, "kernel_setup failed.")
      return false
    }
  }

  /// Tells whoever waits for the start that it is complete, and runs the loop.
  private static func run(_ daemon: Daemon, _ log: Log) {
    log.endStart()
    daemon.run()
  }

  private static func accounts(_ configuration: Configuration, _ log: Log) -> Accounts? {
    do throws(Accounts.Failure) {
      return try Accounts(configuration)
    } catch {
      log.write(.error, error.description)
      return nil
    }
  }

  /// Gives up root's powers. The log file gets the same owner, so that it can be opened again.
  private static func become(
    _ account: (user: UInt32, group: UInt32)?, _ stateFile: StateFile, _ life: DaemonLife,
    _ log: Log
  ) -> Bool {
    guard let account else {
      do throws(KernelError) {
        try Privileges.reduce()
      } catch {
        // The daemon goes on with more powers than it needs. That is no reason not to route.
        log.write("Couldn't give up capabilities: \(error)")
      }
      return true
    }
    do throws(KernelError) {
      if let path = log.path, FileSystem.kind(of: path) == .file {
        try FileSystem.setOwner(path, userID: account.user, groupID: account.group)
      }
      try life.giveFile(to: account)
      try Privileges.drop(toUser: account.user, group: account.group)
    } catch {
      let hint =
        error.errno == ErrorNumber.notPermitted ? " (CAP_SETUID and CAP_SETGID are needed)" : ""
      log.write(.error, "user: \(error)\(hint)")
      return false
    }
    if !stateFile.path.utf8.isEmpty, !FileSystem.canCreate(beside: stateFile.path) {
      log.write("The state file \(stateFile.path) cannot be written by the user we run as.")
    }
    return true
  }

  /// Whether the daemon can start, as far as that is known before it changes anything.
  private static func check(_ settings: Settings, _ log: Log) -> Bool {
    let configuration = settings.configuration
    guard configuration.namesInterfaces || !settings.interfaces.isEmpty else {
      log.write(.error, "Eek... asked to run on no interfaces!")
      return false
    }
    if let table = settings.tableOfBothKinds {
      log.write(
        .error, "source-tables: table \(table) is used otherwise, but these are for us alone.")
      return false
    }
    return true
  }

  private static func makeNode(
    _ settings: Settings, _ links: LinkTable, _ stateFile: StateFile, _ former: SavedLife?,
    _ log: Log
  ) -> BabelNode {
    let configuration = settings.configuration
    var routerID = configuration.routerID
    // Neighbours route through the one that they know.
    if routerID == nil, let former, former.canBeResumed(boot: LifeFile.boot) {
      routerID = former.routerID
    }
    if routerID == nil, !configuration.usesRandomID {
      routerID = RouterIDChoice.fromHardware(links.links())
      if routerID == nil {
        log.write(
          "Warning: couldn't find router id -- using random value. "
            + "Neighbours know this router by it: set router-id to keep one.")
      }
    }
    let id = routerID ?? RouterIDChoice.random(Entropy.uint64())
    var last = former.flatMap { $0.routerID == id ? $0.seqno : nil }
    // What follows from a state file that cannot be read.
    let effect =
      last == nil
      ? "neighbours are asked for our last sequence number" : "our notes have the sequence number"
    switch stateFile.read() {
    case .missing: break
    // Another daemon may have used the state file since our own file was written.
    case .seqno(let seqno): last = last.map { $0.isNewer(than: seqno) ? $0 : seqno } ?? seqno
    case .unreadable: log.write("Couldn't parse babel-state. \(stateFile.path): \(effect).")
    case .failed(let error): log.write("Couldn't read babel-state: \(error); \(effect).")
    }
    // A first seqno is taken from the lower half of the circle. BIRD 2.0 takes a seqno behind 65535
    // for an older one, and would never ask for one that counts as newer.
    let random = Seqno(UInt16(truncatingIfNeeded: Entropy.uint64()) & 0x7FFF)
    var parameters = configuration.nodeParameters(
      routerID: id, seqno: last?.next ?? random, seed: Entropy.uint64())
    parameters.hasLostSeqno = last == nil || former?.ending == .running
    parameters.entropy = [UInt8](repeating: 0, count: 32)
    Entropy.fill(&parameters.entropy)
    parameters.supportsV4ViaV6 = settings.kernel.hasV4ViaV6
    return BabelNode(parameters, filters: configuration.filters)
  }
}

extension SavedSysctls {
  /// Restores what we changed; what cannot be restored is logged.
  mutating func giveBack(_ log: Log) {
    for error in restoreAll() { log.write("\(error)") }
  }
}

extension NoticeLevel {
  /// The least important notices that the log has at a `debug` level.
  init(debugLevel: Int) { self = debugLevel >= 2 ? .debug : debugLevel == 1 ? .info : .notice }
}
