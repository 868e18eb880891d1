import BabelCore
import BabelKernel

/// One request of one client.
struct ControlRequest {
  /// What the client wrote, without the end of the line.
  let line: [UInt8]
  fileprivate let connection: ControlConnection

  /// What the client may do.
  var rights: ClientRights { connection.rights }
  /// Whether the client hears live events already.
  var isMonitoring: Bool { connection.isMonitoring }
}

/// What a client is told in answer to a request.
enum ControlAnswer {
  /// These lines; the last one says how the request went.
  case lines(String)
  /// A part of the tables, then `ok`.
  case dump(DumpScope)
  /// A table that may have many rows, then `ok`.
  case table(ShowQuery)
  /// A drawing of the network, then `ok`.
  case graph(GraphForm)
  /// What is heard of a way, then `ok`.
  case path(PathID, PathText)
  /// All tables, then `ok`, then live events.
  case monitor
  /// `ok`, then a line for whatever happens.
  case follow
  /// `ok`, then lines for the packets that come and go.
  case tap(PacketTap)
  /// `ok`, and no live events any more.
  case unmonitor
  /// Nothing: the connection ends.
  case quit
}

/// babeld's local configuration socket with its clients.
///
/// The server returns requests and takes answers. It knows nothing of who executes them.
final class ControlServer {
  /// How many clients are served at the same time. More are turned away at once. babeld serves
  /// four, Althea's fork 128.
  static let connectionLimit = 128
  /// How many requests of one client are answered in one turn of the loop.
  private static let requestsPerTurn = 32
  /// Microseconds that one turn of the loop spends on clients at most; then packets get their turn.
  private static let turnTime: Int64 = 10_000
  /// How many octets may wait for all clients together: those of four clients that are as far
  /// behind as one may be.
  private static let backlogLimit = 4 * OutputQueue.limit

  /// What those may do who connect from now on.
  private var rights: ClientRights
  /// How lines are written.
  private(set) var form: LineForm
  /// What clients are greeted with, after the name of the protocol.
  private var banner = ""
  /// Where clients connect; nil if they cannot any more.
  private var listener: LocalListener?
  private var connections: [ControlConnection] = []
  /// Whether somebody looks at packets. It is still true at the first packet after the last one
  /// went.
  private(set) var isTapped = false
  /// Poll indices of this turn: the listener, then the connections in order.
  private var listenerIndex: Int?
  private var indices: [Int] = []
  private var buffer = [UInt8](repeating: 0, count: 4096)
  /// The connection that comes first in the next turn, and whether the last turn ended before all
  /// had theirs.
  private var first = 0
  private var isBehind = false
  /// The turn under way: which of how many connections is served, how many more requests it may
  /// make, and the microsecond when the turn began.
  private struct Turn {
    var step = 0
    let count: Int
    var requestsLeft = ControlServer.requestsPerTurn
    let began: Int64

    /// Whether it has taken all of its time.
    var isLong: Bool { MonotonicClock.microseconds() - began >= ControlServer.turnTime }
  }
  private var turn: Turn?

  /// Serves those who connect to a socket that was opened.
  init(
    _ listener: consuming LocalListener, _ rights: ClientRights, _ form: LineForm
  ) {
    self.listener = .some(listener)
    self.rights = rights
    self.form = form
  }

  /// Those who come from now on connect to another socket, or to none (nil). Those who are
  /// connected stay, and keep their rights.
  func listen(at listener: consuming LocalListener?, _ rights: ClientRights) {
    self.listener = listener
    self.rights = rights
  }

  /// Changes who may connect, and what those may do who come from now on.
  func setAccess(_ access: SocketRights, _ rights: ClientRights) throws(KernelError) {
    try listener?.setAccess(
      mode: access.effectiveMode, userID: access.user, groupID: access.group)
    self.rights = rights
  }

  /// Greets clients with other words, after the name of the protocol.
  func setBanner(_ text: String) { banner = text }

  /// Writes lines in another way, to those who ask from now on.
  func setForm(_ form: LineForm) { self.form = form }

  /// Writes lines with another pricing.
  func setPricing(_ pricing: Pricing) { form.pricing = pricing }

  /// Whether somebody wants events.
  var hasMonitors: Bool { connections.contains { $0.isMonitoring } }

  /// How many clients are connected.
  var clientCount: Int { connections.count }

  /// How many of them want events.
  var monitorCount: Int { connections.reduce(0) { $0 + ($1.isMonitoring ? 1 : 0) } }

  /// How many of them look at packets.
  var tapCount: Int { connections.reduce(0) { $0 + ($1.isTapping ? 1 : 0) } }

  /// When a client must be looked at without an event, in microseconds. 0 if there is work now.
  var deadline: Int64? {
    if isBehind { return 0 }
    var earliest: Int64?
    for connection in connections {
      if connection.hasRequest { return 0 }
      if let deadline = connection.deadline { earliest = min(earliest ?? deadline, deadline) }
    }
    return earliest
  }

  /// Adds what is to be waited for.
  func addInterests(to poll: inout PollSet) {
    listenerIndex = listener?.addInterest(to: &poll)
    indices.removeAll(keepingCapacity: true)
    for connection in connections {
      var interest = PollSet.Interest()
      if connection.wantsToRead { interest.insert(.read) }
      if connection.wantsToWrite { interest.insert(.write) }
      indices.append(poll.add(connection.connection.descriptor, interest))
    }
  }

  /// Begins a turn after a wait: clients are served one after another, and one that had to wait
  /// comes first the next time.
  func beginTurn(_ poll: borrowing PollSet, _ log: Log) {
    isBehind = false
    let turn = Turn(
      count: min(connections.count, indices.count), began: MonotonicClock.microseconds())
    self.turn = turn
    if turn.count > 0 {
      read(connections[first % turn.count], poll, indices[first % turn.count], log)
    }
  }

  /// The next request of this turn, which is to be answered (``answer(_:with:from:at:)``) before
  /// the next one is asked for. Nil at the end of the turn; newcomers are accepted then.
  func nextRequest(
    _ poll: borrowing PollSet, from node: borrowing BabelNode, at now: Instant, _ log: Log
  ) -> ControlRequest? {
    while var turn, turn.step < turn.count {
      let position = (first + turn.step) % turn.count
      let connection = connections[position]
      // A single request may concern all routes, so time is looked at after each of them.
      if turn.requestsLeft < Self.requestsPerTurn, turn.isLong { turn.requestsLeft = 0 }
      if turn.requestsLeft > 0, let line = connection.nextRequest() {
        turn.requestsLeft -= 1
        self.turn = turn
        return ControlRequest(line: line, connection: connection)
      }
      let isAnswered = turn.requestsLeft < Self.requestsPerTurn
      finish(connection, isAnswered, poll, indices[position], from: node, at: now, log)
      turn.step += 1
      turn.requestsLeft = Self.requestsPerTurn
      self.turn = turn
      guard turn.step < turn.count else { break }
      let next = (first + turn.step) % turn.count
      if turn.isLong {
        first = next
        isBehind = true
        break
      }
      read(connections[next], poll, indices[next], log)
    }
    guard turn != nil else { return nil }
    turn = nil
    indices.removeAll(keepingCapacity: true)
    connections.removeAll { $0.isOver }
    if let listenerIndex, poll.isReadable(listenerIndex) { accept(from: node, at: now, log) }
    return nil
  }

  /// Tells the client of a request what came of it.
  func answer(
    _ request: ControlRequest, with answer: ControlAnswer, from node: borrowing BabelNode,
    at now: Instant
  ) {
    let connection = request.connection
    switch answer {
    case .lines(let text): connection.output.append(text)
    case .graph(let form): connection.beginGraph(of: node, form, at: now)
    case .dump(let scope):
      connection.beginDump(of: node, scope, in: form, at: now, monitoring: false)
    case .table(let query): connection.beginTable(query, of: node, at: now)
    case .path(let id, let text): connection.beginPath(id, text)
    case .monitor: connection.beginDump(of: node, in: form, at: now, monitoring: true)
    case .follow:
      connection.output.append("ok\n")
      connection.follow()
    case .tap(let tap):
      connection.output.append("ok\n")
      connection.begin(tap)
      isTapped = true
    case .unmonitor:
      connection.stopMonitoring()
      connection.output.append("ok\n")
    case .quit: connection.end(.polite)
    }
  }

  private func read(
    _ connection: ControlConnection, _ poll: borrowing PollSet, _ index: Int, _ log: Log
  ) {
    guard connection.wantsToRead, poll.isReadable(index) || poll.isHungUp(index) else { return }
    connection.read(&buffer, log)
  }

  /// Writes to a client after its requests of this turn.
  private func finish(
    _ connection: ControlConnection, _ isAnswered: Bool, _ poll: borrowing PollSet, _ index: Int,
    from node: borrowing BabelNode, at now: Instant, _ log: Log
  ) {
    if poll.isHungUp(index) { connection.abandonPath() }
    if isAnswered || poll.isHungUp(index) || poll.isWritable(index) || connection.ending != nil {
      connection.write(from: node, at: now, log)
    }
    if !connection.checkDeadline(at: now) {
      log.write(.client, subject: .clientStalled, "control socket: a client does not read, cut off")
    }
  }

  /// Accepts at most a few newcomers in a turn. The others wait in the kernel.
  private func accept(from node: borrowing BabelNode, at now: Instant, _ log: Log) {
    for _ in 0..<8 {
      do throws(KernelError) {
        guard let socket = try listener?.accept() else { return }
        guard connections.count < Self.connectionLimit else {
          log.write(.client, subject: .tooManyClients, "control socket: too many clients")
          try turnAway(socket)
          continue
        }
        let connection = ControlConnection(socket, rights)
        connection.output.append(form.protocolName)
        connection.output.append(banner)
        connections.append(connection)
        connection.write(from: node, at: now, log)
      } catch {
        log.write(.client, subject: .clientRefused, error.description)
        return
      }
    }
  }

  /// Tells a newcomer why it is not served, and closes its connection. An empty socket takes a
  /// line.
  private func turnAway(_ socket: consuming LocalConnection) throws(KernelError) {
    let reason = "no \(Self.connectionLimit) clients are connected, which is the most: try later\n"
    _ = try socket.write(Array(reason.utf8), from: 0)
    socket.finish()
  }

  /// Tells everybody who monitors about a change of a table row.
  func report(_ notice: Notice, _ log: Log) {
    guard hasMonitors else { return }
    let line = form.line(notice)
    guard !line.isEmpty else { return }
    for connection in connections { connection.report(notice, line) }
    cutOffSlowest(log)
  }

  /// Tells those who follow events of some, a line each.
  func tellFollowers(_ lines: [UInt8], _ log: Log) {
    for connection in connections { connection.tell(lines) }
    cutOffSlowest(log)
  }

  /// Shows a packet to those who look, each what it wants and has room for.
  func show(_ packet: PacketSighting, _ octets: borrowing Span<UInt8>, at now: Int64) {
    var lines = PacketLines()
    isTapped = false
    for connection in connections where connection.isTapping {
      isTapped = true
      connection.show(packet, octets, &lines, at: now)
    }
  }

  /// Tells who asked for a way what is heard of it.
  func tell(_ news: PathNews, of id: PathID) {
    for connection in connections { connection.tell(news, of: id) }
  }

  /// Whether somebody waits for what is heard of a way.
  func awaits(_ id: PathID) -> Bool { connections.contains { $0.awaits(id) } }

  private func cutOffSlowest(_ log: Log) {
    var backlog = 0
    var slowest: ControlConnection?
    for connection in connections {
      backlog += connection.output.count
      if connection.output.count > slowest?.output.count ?? 0 { slowest = connection }
    }
    guard let slowest, slowest.output.isOverfull || backlog > Self.backlogLimit else { return }
    slowest.end(.now)
    log.write(
      .client, subject: .monitorBehind, "control socket: a monitor is too far behind, cut off")
  }

  /// Octets that wait for clients.
  private var backlog: Int {
    connections.reduce(0) { $0 + ($1.isOver ? 0 : $1.output.count) }
  }

  /// Writes what waits for clients until it is less than `octets` or `deadline` (microseconds)
  /// has come: at the end of the daemon.
  func drain(
    to octets: Int, from node: borrowing BabelNode, until deadline: Int64, _ log: Log
  ) {
    repeat {
      for connection in connections where !connection.isOver && connection.wantsToWrite {
        connection.write(from: node, at: .now, log)
      }
      guard backlog > octets else { return }
      var poll = PollSet()
      for connection in connections where !connection.isOver && connection.wantsToWrite {
        poll.add(connection.connection.descriptor, .write)
      }
      do throws(KernelError) {
        _ = try poll.wait(until: deadline)
      } catch {
        log.write(.client, subject: .clientsNotAwaited, error.description)
        return
      }
    } while MonotonicClock.microseconds() < deadline
  }
}
