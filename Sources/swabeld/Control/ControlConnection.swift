import BabelCore
import BabelKernel

/// One client of the control socket.
///
/// Requests are answered one after the other. While a dump is being written, or while the client
/// does not read its answers, its further requests wait in the socket.
final class ControlConnection {
  /// How a connection ends.
  enum Ending {
    /// The client said `quit` or closed its side. What is queued is still written.
    case polite
    /// Nothing more is written.
    case now
  }

  /// The socket.
  let connection: LocalConnection
  /// What the client may do.
  let rights: ClientRights
  /// Octets to be written.
  var output = OutputQueue()
  /// Whether the client wants live events.
  private(set) var isMonitoring = false
  /// Whether the client wants a line for whatever happens.
  private var isFollowing = false
  /// What the client is shown of packets; nil if it does not look.
  private var tap: PacketTap?
  /// Set when the connection is to be closed.
  private(set) var ending: Ending?
  private var lines = RequestLines()
  private var cursor: AnswerCursor?
  /// The way that was asked for last, until it is known.
  private var awaited: (id: PathID, text: PathText)?
  /// When the client last took octets that waited for it, or when they began to wait; nil if none
  /// wait.
  private var waitingSince: Int64?
  /// When we wrote our last octet and waited for the client to close its side; nil before.
  private var finishedAt: Int64?

  /// Microseconds a client may leave its answers unread.
  private static let patience: Int64 = 10_000_000
  /// Microseconds a client has to close its side after the last answer. If we closed the connection
  /// first, the kernel would throw away what the client has not read yet.
  private static let farewell: Int64 = 1_000_000

  /// Takes over a connection.
  init(_ connection: consuming LocalConnection, _ rights: ClientRights) {
    self.connection = connection
    self.rights = rights
  }

  /// Whether a request may be worked on.
  private var wantsRequest: Bool {
    ending == nil && cursor == nil && awaited == nil && output.count < OutputQueue.comfortable
  }

  /// Whether the socket is worth reading.
  var wantsToRead: Bool {
    finishedAt != nil || ((wantsRequest || (awaited != nil && ending == nil)) && !lines.hasLine)
  }

  /// Whether there is a request to be worked on now.
  var hasRequest: Bool { wantsRequest && lines.hasLine }

  /// Whether the socket is worth writing.
  var wantsToWrite: Bool { !output.isEmpty || cursor != nil }

  /// Whether the connection can be dropped.
  private(set) var isOver = false

  /// When we end the connection because the client does not read or does not close its side; nil if
  /// it need do neither.
  var deadline: Int64? {
    if let finishedAt { return finishedAt + Self.farewell }
    let patience = waitingSince.map { $0 + Self.patience }
    guard let tap else { return patience }
    // What waits for one who looks at packets is bounded, so it may read as slowly as it likes; but
    // one that reads nothing must not keep its place from others.
    let isStuck = output.count >= PacketTap.backlogLimit
    return isStuck ? min(patience ?? .max, tap.end ?? .max) : tap.end
  }

  /// Reads what is there. A connection that fails, or whose request is too long, ends.
  func read(_ buffer: inout [UInt8], _ log: Log) {
    do throws(KernelError) {
      switch try connection.read(into: &buffer) {
      case .octets(let count):
        // After the last answer everything is ignored.
        if finishedAt == nil { lines.append(buffer[..<count]) }
      case .nothingYet: break
      case .closed:
        if finishedAt != nil { isOver = true } else { end(.polite) }
      }
    } catch {
      lost(error, log)
    }
    if ending == nil, lines.isTooLong {
      end(.polite)
      log.write(
        .client, subject: .requestTooLong,
        "control socket: a request is longer than \(RequestLines.limit) octets")
    }
  }

  /// The next request, if it may be worked on.
  func nextRequest() -> [UInt8]? { wantsRequest ? lines.next() : nil }

  /// Begins a dump; with `monitoring`, live events follow.
  func beginDump(
    of node: borrowing BabelNode, _ scope: DumpScope = .everything, in form: LineForm,
    at now: Instant, monitoring: Bool
  ) {
    if monitoring { isMonitoring = true }
    if scope == .everything { output.append(form.preamble) }
    cursor = .dump(
      DumpCursor(of: node, at: now, scope, in: form, forMonitor: monitoring, into: &output))
  }

  /// Begins a table that may have many rows.
  func beginTable(_ query: ShowQuery, of node: borrowing BabelNode, at now: Instant) {
    cursor = TableCursor(query, of: node, at: now, into: &output).map { .table($0) }
  }

  /// Begins to draw the network.
  func beginGraph(of node: borrowing BabelNode, _ form: GraphForm, at now: Instant) {
    let cursor = GraphCursor(of: node, at: now, form, host: OwnProcess.hostname)
    cursor.begin(&output, version: Usage.version)
    self.cursor = .graph(cursor)
  }

  /// Lines follow as they are heard of a way.
  func beginPath(_ id: PathID, _ text: PathText) { awaited = (id, text) }

  /// Whether the client waits for what is heard of a way.
  func awaits(_ id: PathID) -> Bool { !isOver && awaited?.id == id }

  /// Queues what was heard of a way, if the client waits for it.
  func tell(_ news: PathNews, of id: PathID) {
    guard awaits(id) else { return }
    output.append { awaited?.text.append(news, to: &$0) }
    guard news.isEnd else { return }
    awaited = nil
    output.append("ok\n")
  }

  /// The client is gone and waits for no way any more.
  func abandonPath() {
    if awaited != nil { end(.now) }
  }

  /// Begins with lines for whatever happens.
  func follow() { isFollowing = true }

  /// Queues lines of what happened, if the client wants them.
  func tell(_ lines: [UInt8]) {
    if isFollowing { output.append(lines) }
  }

  /// Whether the client looks at packets.
  var isTapping: Bool { tap != nil }

  /// Begins to show packets.
  func begin(_ tap: PacketTap) { self.tap = tap }

  /// Shows a packet, if the client wants it and has room for it.
  func show(
    _ packet: PacketSighting, _ octets: borrowing Span<UInt8>, _ lines: inout PacketLines,
    at now: Int64
  ) {
    guard tap?.wants(packet) == true, tap?.admits(waiting: output.count, at: now) == true,
      let form = tap?.form
    else { return }
    let (text, cost) = lines.lines(form, packet, octets)
    if let missing = tap?.show(cost: cost) { output.append(missing) }
    output.append(text)
    if tap?.isComplete == true { endTap(at: now) }
  }

  /// Shows no packets any more, and says how many there were.
  private func endTap(at now: Int64) {
    guard let tap else { return }
    output.append(tap.farewell)
    end(.polite)
    waitingSince = now
  }

  /// Stops live events.
  func stopMonitoring() {
    isMonitoring = false
    isFollowing = false
    tap = nil
  }

  /// Ends the connection. A client that closed its side is still sent what it asked for.
  func end(_ how: Ending) {
    stopMonitoring()
    switch how {
    case .polite:
      if ending == nil { ending = .polite }
    case .now:
      ending = .now
      isOver = true
    }
  }

  /// Ends a connection that failed. Clients may go at any time, so only who asked for more than
  /// warnings is told.
  private func lost(_ error: KernelError, _ log: Log) {
    end(.now)
    log.write(.client, subject: .clientLost, level: .info, "control socket: \(error)")
  }

  /// Queues an event line if the client is to have it now.
  func report(_ notice: Notice, _ line: [UInt8]) {
    guard isMonitoring else { return }
    if cursor?.admits(notice) == false { return }
    output.append(line)
  }

  /// Writes a piece of a dump, and what the socket takes. A connection that fails ends.
  func write(from node: borrowing BabelNode, at now: Instant, _ log: Log) {
    if wantsToWrite, waitingSince == nil { waitingSince = now.microseconds }
    if cursor?.feed(&output, from: node, at: now) == true {
      cursor = nil
      output.append("ok\n")
    }
    do throws(KernelError) {
      guard let count = try output.drain(into: connection) else {
        end(.now)
        return
      }
      if count > 0 { waitingSince = now.microseconds }
    } catch {
      lost(error, log)
      return
    }
    if !wantsToWrite { waitingSince = nil }
    if case .polite = ending, !wantsToWrite, awaited == nil, finishedAt == nil {
      connection.finish()
      finishedAt = now.microseconds
    }
  }

  /// Ends the connection if its time is over. Returns false if that is because the client does not
  /// read.
  func checkDeadline(at now: Instant) -> Bool {
    guard let deadline, deadline <= now.microseconds else { return true }
    if let end = tap?.end, end <= now.microseconds {
      endTap(at: now.microseconds)
      return true
    }
    end(.now)
    return finishedAt != nil
  }
}
