import BabelCore
import BabelKernel
import BabelWire

/// The daemon: one thread, one loop. It feeds the node with what happens and does what the node
/// asks for; it decides nothing itself.
///
/// The extensions are, by topic: `+Packets`, `+Storms`, `+Interfaces`, `+Departures`, `+Patterns`,
/// `+KernelEvents`, `+Reading` (of the kernel's tables), `+Forwarding`, `+Rules`, `+Control`,
/// `+Lifecycle`, `+EarlierLife`. What the kernel holds is decided by ``KernelMirror``.
final class Daemon {
  /// What the operator said; runtime requests change its configuration.
  var settings: Settings
  /// The log.
  let log: Log
  /// The Babel node.
  var node: BabelNode
  /// What the node wants done; emptied after each input.
  var actions = ActionBuffer()

  /// The socket all packets go through.
  let socket: UDPSocket
  /// The one for interfaces that exchange packets over IPv4; nil until there is one.
  var ipv4Socket: ControlSocket?
  /// Keeps floods from drowning out our neighbours.
  let storms = StormGuard()
  /// Room for packets; see `receivePackets`.
  var batch: ReceiveBatch?
  /// Packets that could not be sent.
  var unsentPackets: UInt64 = 0
  /// How long they may still be waited for.
  var roomPatience = RoomPatience()
  /// The kernel was asked to note when packets arrive.
  var notesArrivalTimes = false

  /// Signals.
  let signals: SignalDescriptor
  /// Changes in the kernel.
  var monitor: NetlinkMonitor
  /// The kernel's tables.
  var reader: KernelReader
  /// What is known of the kernel, and what follows from it.
  var mirror: KernelMirror
  /// What the mirror wants done; emptied after each input.
  var orders: [MirrorOrder] = []
  /// Changes the kernel's routes.
  var writer: RouteWriter
  /// Our interfaces, in order.
  var interfaces: [BabelInterface] = []
  /// Interfaces that match a pattern but were flushed, until their link is gone.
  var flushedNames: [InterfaceName] = []
  /// Links of which the log has said that they have too many addresses.
  var toldFullLinks: Set<Int32> = []
  /// When an interface that could not be brought up is tried again.
  var interfaceRetry: Instant?
  /// For routes of others asked for alone; opened when it is needed.
  var query: RouteQueryBox?
  /// Hello seqnos of an earlier life; each is taken once.
  var formerHellos: [SavedLife.Hello] = []
  /// Where a next life finds what it needs to know of this one.
  var lifeFile: LifeFile
  /// Kernel settings we changed.
  var sysctls: SavedSysctls

  /// When the last table dump of `debug 1` was written.
  private var dumpedAt = Instant(microseconds: 0)

  /// The control socket, if there is one.
  var server: ControlServer?

  /// What a service manager is told.
  var supervision: Supervision

  /// Set by a signal or a fatal error: leave the loop.
  var isStopping = false

  /// At most so many rows are worked on in one call of the node.
  static let rowsPerTurn = 2000

  init(
    _ settings: Settings, log: Log, node: consuming BabelNode, parts: consuming DaemonParts
  ) {
    self.settings = settings
    self.log = log
    supervision = Supervision(isInBackground: settings.configuration.daemonises)
    parts.server?.banner = Self.banner(node.routerID)
    self.node = node
    socket = parts.socket
    signals = parts.signals
    monitor = parts.monitor
    reader = parts.reader
    writer = parts.writer
    mirror = KernelMirror(
      MirrorScope(settings), links: parts.links, sources: settings.sourceTables)
    lifeFile = parts.lifeFile
    sysctls = parts.sysctls
    server = parts.server
  }

  /// The loop.
  func run() {
    var poll = PollSet()
    supervision.ready(statusLine, at: MonotonicClock.microseconds())
    while !isStopping {
      let now = Instant.now
      supervision.turn({ statusLine }, at: now.microseconds)
      tellTime(at: now)
      let hasMore = node.advance(to: now, budget: Self.rowsPerTurn, into: &actions)
      carryOut(at: now)
      let hasWork = work(at: now) || hasMore
      poll.removeAll()
      let signal = poll.add(signals.descriptor, .read)
      let event = poll.add(monitor.descriptor, .read)
      let datagram = poll.add(socket.descriptor, .read)
      let ipv4Datagram = ipv4Socket.map { poll.add($0.socket.descriptor, .read) }
      let answer =
        writer.unansweredCount > 0 ? poll.add(writer.descriptor, .read) : nil
      server?.addInterests(to: &poll)
      do throws(KernelError) {
        _ = try poll.wait(until: hasWork ? 0 : nextDeadline)
      } catch {
        log.write("\(error)")
        return
      }
      if poll.isReadable(signal) { receiveSignals() }
      if poll.isReadable(event) || mirror.notificationCount > 0 { receiveEvents() }
      if poll.isReadable(datagram) { receivePackets() }
      if let ipv4Datagram, poll.isReadable(ipv4Datagram) { receiveIPv4Packets() }
      if let answer, poll.isReadable(answer) { readKernelAnswers(at: .now) }
      serveClients(poll)
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
    var earliest = min(node.nextDeadline ?? .distantFuture, mirror.readingDue)
    if let interfaceRetry { earliest = min(earliest, interfaceRetry) }
    if let linksDue = mirror.linksDue { earliest = min(earliest, linksDue) }
    if let refusal = mirror.retryDeadline() { earliest = min(earliest, refusal) }
    if let stormDeadline { earliest = min(earliest, stormDeadline) }
    if let watchdog = supervision.deadline {
      earliest = min(earliest, Instant(microseconds: watchdog))
    }
    return min(earliest.microseconds, server?.deadline ?? .max)
  }

  /// Does what is due besides the node's own work; true if there is more.
  private func work(at now: Instant) -> Bool {
    if let due = interfaceRetry, due <= now {
      interfaceRetry = nil
      checkInterfaces(at: now)
    }
    watchStorms(at: now)
    lifeFile.keepReserve(node, at: now, log)
    if let due = mirror.retryDeadline(), due <= now { retryRefused(at: now) }
    if let due = mirror.linksDue, due <= now { readLinks(at: now) }
    if mirror.phase == nil, mirror.readingDue <= now { beginReading(at: now) }
    if mirror.phase != nil { continueReading(at: now) }
    return mirror.phase != nil || mirror.notificationCount > 0
  }

  /// Links and addresses.
  var links: LinkTable { mirror.links }

  /// Every change of an interface, a table, a neighbour.
  func report(_ notice: Notice) {
    log.write(notice)
    if case .neighbour(let event, let status) = notice {
      noteForStorms(event, status, at: .now)
    }
    server?.report(notice, log)
  }
}

/// A socket that is opened when it is needed.
final class ControlSocket {
  let socket: UDPSocket
  let storms = StormGuard()

  init(_ socket: consuming UDPSocket) { self.socket = socket }
}

/// A socket for questions, opened when there is one.
final class RouteQueryBox {
  var query: RouteQuery

  init(_ query: consuming RouteQuery) { self.query = query }
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
  let lifeFile: LifeFile
}
