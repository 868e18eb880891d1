import BabelCore
import BabelKernel
import BabelWire

/// The daemon: one thread, one loop. It feeds the node with what happens and does what the node
/// asks for; it decides nothing itself.
///
/// What it knows is kept by thirteen values, each in a folder of its own: ``PacketSockets``,
/// ``InterfaceTable``, ``KernelConnection``, ``ControlServer``, ``Reloading``, ``History``,
/// ``ProblemWatch``, ``WireGuardWatch``, ``WireGuardPeers``, ``GatewayWatch``, ``DaemonLife``,
/// ``MetricsServer`` and ``HookRunner``. They do not know the daemon, and not each other. The
/// extensions of the daemon, which are in the same folders, say in which order the values act
/// together.
final class Daemon {
  /// What the operator said; runtime requests change its configuration.
  var settings: Settings
  /// The log.
  let log: Log
  /// The Babel node.
  var node: BabelNode
  /// What the node wants done; emptied after each input.
  var actions = ActionBuffer()

  /// The sockets of the protocol.
  let packets: PacketSockets
  /// Our interfaces.
  var interfaces = InterfaceTable()
  /// The kernel's links and routes, as far as they are known, and the way to change them.
  let kernel: KernelConnection
  /// Those who read the metrics over HTTP.
  let metrics: MetricsServer
  /// Programs that are run on events.
  let hooks = HookRunner()
  /// What tunnels of WireGuard tell of their peers.
  let wireGuard = WireGuardWatch()
  /// Uplinks that are probed, and what is known of them.
  let gateways = GatewayWatch()
  /// Tunnels of WireGuard with several peers, and which addresses belong to whom.
  let peers = WireGuardPeers()
  /// What begins and ends with the process.
  let life: DaemonLife
  /// How often the configuration was read again, and what comes back if nobody confirms it.
  var reloading = Reloading()
  /// What happened lately.
  var history = History()
  /// What is wrong, and what operators were told of it.
  var problems = ProblemWatch()

  /// When this life began.
  let startedAt = Instant.now
  /// When the last table dump of `debug 1` was written.
  private var dumpedAt = Instant(microseconds: 0)
  /// When memory is released next.
  private var releaseDue = Instant.now + Daemon.startTime
  /// What makes the start quick.
  private let heldBlocks: HeldBlocks

  /// The control socket, if there is one.
  var server: ControlServer?

  /// Set by a signal or a fatal error: leave the loop.
  var isStopping = false
  /// Why the daemon ends, for the log.
  var endReason = ""
  /// The end leaves the kernel's routes to a next life.
  var keepsRoutes = false
  /// What the next life has, if this process itself is to begin it.
  var nextLife: NextLife?

  /// Microseconds after which the start is over, and what is to be told of it.
  private static let startTime: Int64 = 40_000_000
  /// Microseconds between two releases of memory.
  private static let releaseInterval: Int64 = 600_000_000
  /// At most so many rows are worked on in one call of the node.
  static let rowsPerTurn = 2000

  init(
    _ settings: Settings, log: Log, node: consuming BabelNode, parts: consuming DaemonParts
  ) {
    self.settings = settings
    self.log = log
    parts.server?.setBanner(Self.banner(node.routerID))
    self.node = node
    let configuration = settings.configuration
    packets = PacketSockets(
      parts.socket, group: configuration.protocolGroup, port: configuration.protocolPort)
    let mirror = KernelMirror(
      MirrorScope(settings), links: parts.links, sources: settings.sourceTables)
    kernel = KernelConnection(parts.monitor, parts.reader, parts.writer, mirror, log)
    kernel.setSharesNexthops(configuration.sharesNexthops ?? false, at: .now)
    life = DaemonLife(
      parts.signals, parts.lifeFile, parts.sysctls, isInBackground: configuration.daemonises)
    server = parts.server
    metrics = parts.metrics
    heldBlocks = parts.heldBlocks
  }

  /// The loop.
  func run() {
    var poll = PollSet()
    life.ready(statusLine, at: MonotonicClock.microseconds())
    while !isStopping {
      let now = Instant.now
      life.turn({ statusLine }, at: now.microseconds)
      tellTime(at: now)
      let hasMore = node.advance(to: now, budget: Self.rowsPerTurn, into: &actions)
      carryOut(at: now)
      let hasWork = work(at: now) || hasMore
      poll.removeAll()
      let signal = life.addSignals(to: &poll)
      let event = kernel.addNotifications(to: &poll)
      let datagram = packets.addDatagrams(of: .ipv6, to: &poll)
      let ipv4Datagram = packets.addDatagrams(of: .ipv4, to: &poll)
      let answer = kernel.addAnswers(to: &poll)
      server?.addInterests(to: &poll)
      metrics.addInterests(to: &poll)
      wireGuard.addInterests(to: &poll)
      gateways.addInterests(to: &poll)
      do throws(KernelError) {
        _ = try poll.wait(until: hasWork ? 0 : nextDeadline)
      } catch {
        log.write(.error, "\(error)")
        endReason = "waiting failed"
        return
      }
      if poll.isReadable(signal) { receiveSignals() }
      if poll.isReadable(event) || kernel.notificationCount > 0 { receiveEvents() }
      if packets.mustRead(.ipv6, datagram, in: poll) { receivePackets(over: .ipv6) }
      if packets.mustRead(.ipv4, ipv4Datagram, in: poll) { receivePackets(over: .ipv4) }
      if let answer, poll.isReadable(answer) { readKernelAnswers(at: .now) }
      serveClients(poll)
      serveMetrics(poll)
      wireGuard.serve(poll, at: MonotonicClock.microseconds())
      serveGateways(poll)
      if settings.configuration.debugLevel >= 1 { dumpForDebugging(at: .now) }
    }
  }

  /// Keys may count for a time only; the clock may be set at any moment.
  func tellTime(at now: Instant) {
    guard settings.configuration.keys.contains(where: { $0.hasPeriods }) else { return }
    node.setWallClock(WallClock.secondsIfSet(), at: now)
  }

  /// babeld's `debug 1` writes all tables after each turn of its loop; ours at most once a
  /// second.
  private func dumpForDebugging(at now: Instant) {
    guard now - dumpedAt >= 1_000_000 else { return }
    dumpedAt = now
    dumpTables(at: now)
  }

  /// When something is to be done without an event.
  private var nextDeadline: Int64 {
    var earliest = min(node.nextDeadline ?? .distantFuture, kernel.readingDue)
    if let retry = interfaces.retryDue { earliest = min(earliest, retry) }
    if let linksDue = kernel.linksDue { earliest = min(earliest, linksDue) }
    if let refusal = kernel.retryDeadline { earliest = min(earliest, refusal) }
    if let reversal = reloading.deadline { earliest = min(earliest, reversal) }
    if let end = settings.live.deadline { earliest = min(earliest, end) }
    earliest = min(earliest, problems.deadline)
    if let look = peers.deadline { earliest = min(earliest, Instant(microseconds: look)) }
    if let storm = packets.stormDeadline { earliest = min(earliest, storm) }
    if let reading = packets.readingDue { earliest = min(earliest, reading) }
    if let watchdog = life.watchdogDue {
      earliest = min(earliest, Instant(microseconds: watchdog))
    }
    let served = min(server?.deadline ?? .max, metrics.deadline ?? .max, hooks.deadline ?? .max)
    let told = min(log.deadline ?? .max, history.deadline ?? .max)
    let probed = min(wireGuard.deadline ?? .max, gateways.deadline ?? .max)
    return min(earliest.microseconds, served, told, probed)
  }

  /// Does what is due besides the node's own work; true if there is more.
  private func work(at now: Instant) -> Bool {
    if interfaces.takeRetry(at: now) { checkInterfaces(at: now) }
    if let look = peers.deadline, look <= now.microseconds { followPeers(at: now) }
    watchStorms(at: now)
    revertUnconfirmed(at: now)
    endLiveCosts(at: now)
    watchProblems(at: now)
    tellOfDenials()
    runHooks(at: now)
    log.settle(at: now.microseconds)
    settleHistory()
    life.keepReserve(node, at: now, log)
    releaseMemory(at: now)
    if let due = kernel.retryDeadline, due <= now { retryRefused(at: now) }
    if let due = kernel.linksDue, due <= now { readLinks(at: now) }
    if kernel.phase == nil, kernel.readingDue <= now { beginReading(at: now) }
    if kernel.phase != nil { continueReading(at: now) }
    return kernel.phase != nil || kernel.notificationCount > 0
  }

  /// Gives back what only the start needed, and later what an operator asked for and is not needed
  /// all the time. It is a matter of memory only, so nobody is woken for it.
  private func releaseMemory(at now: Instant) {
    guard releaseDue <= now else { return }
    releaseDue = now + Self.releaseInterval
    heldBlocks.release()
    ProgramImage.release()
  }

  /// Links and addresses.
  var links: LinkTable { kernel.links }

  /// Every change of an interface, a table, a neighbour.
  func report(_ notice: Notice) {
    log.write(notice)
    noteForHooks(notice)
    remember(notice)
    if case .neighbour(let event, let status) = notice {
      noteForStorms(event, status, at: .now)
    }
    server?.report(notice, log)
  }
}

/// What is opened before the daemon exists, because any of it may fail.
struct DaemonParts: ~Copyable {
  let socket: UDPSocket
  let signals: SignalDescriptor
  let monitor: NetlinkMonitor
  let reader: KernelReader
  let writer: RouteWriter
  let links: LinkTable
  let sysctls: SavedSysctls
  let server: ControlServer?
  var metrics = MetricsServer()
  let lifeFile: LifeFile
  var heldBlocks = HeldBlocks()
}
