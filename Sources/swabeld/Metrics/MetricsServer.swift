import BabelKernel

/// Serves the metrics to scrapers of this machine, over HTTP/1.0: one page, and nothing else.
///
/// It never waits for a client. Clients are few and have little time. If all places are taken a
/// newcomer gets that of who came first, so that nobody can keep others away by being slow.
final class MetricsServer {
  /// How many clients are served at the same time. A scraper is one.
  static let connectionLimit = 16
  /// Newcomers of one turn of the loop.
  private static let newcomersPerTurn = 8
  /// For so many microseconds a page is handed out again, so that those who ask all the time cost
  /// no more than ten pages a second.
  private static let freshTime: Int64 = 100_000
  /// Microseconds that a client has its place for certain.
  private static let graceTime: Int64 = 250_000
  /// Microseconds that nobody is accepted after that has failed: the reason stays for a while.
  private static let pauseTime: Int64 = 1_000_000

  private var listener: LocalListener?
  private var connections: [MetricsConnection] = []
  /// Poll indices of this turn: the listener, then the connections in order.
  private var listenerIndex: Int?
  private var indices: [Int] = []
  private var buffer = [UInt8](repeating: 0, count: HTTPRequest.limit)
  /// The page that was made last, and when.
  private var page: (text: [UInt8], made: Int64)?
  /// Nobody is accepted before that, because it has failed or because there is no place.
  private var pausedUntil: Int64?
  private var start = StartTime()

  /// Serves nobody as long as it does not listen.
  init() {}

  /// Seconds since 1970 when the daemon began; nil as long as the clock is not set.
  func startSecond() -> Int64? { start.second() }

  // MARK: Where it listens

  /// Whether clients can connect.
  var isListening: Bool { listener != nil }

  /// Those who come from now on connect to this socket, or to none (nil). Who is being served is
  /// served to the end.
  func listen(at listener: consuming LocalListener?) {
    self.listener = listener
    pausedUntil = nil
  }

  /// Changes who may connect to a Unix socket.
  func setAccess(
    mode: UInt32, userID: UInt32?, groupID: UInt32?
  ) throws(KernelError) {
    try listener?.setAccess(mode: mode, userID: userID, groupID: groupID)
  }

  // MARK: The loop

  /// When somebody must be looked at without an event, in microseconds; nil if nobody is there.
  var deadline: Int64? {
    var earliest = pausedUntil
    for connection in connections {
      earliest = min(earliest ?? connection.deadline, connection.deadline)
    }
    return earliest
  }

  /// When a newcomer finds a place, in microseconds; nil for at once.
  private var placeDue: Int64? {
    guard connections.count >= Self.connectionLimit, let first = connections.first else {
      return nil
    }
    return first.began + Self.graceTime
  }

  /// Adds what is to be waited for.
  func addInterests(to poll: inout PollSet) {
    if isListening, pausedUntil == nil, let due = placeDue, due > MonotonicClock.microseconds() {
      pausedUntil = due
    }
    listenerIndex = pausedUntil == nil ? listener?.addInterest(to: &poll) : nil
    indices.removeAll(keepingCapacity: true)
    for connection in connections {
      indices.append(poll.add(connection.connection.descriptor, connection.interest))
    }
  }

  /// Reads, answers and writes. `makePage` is called when somebody wants the page and the one made
  /// last is old. Returns why nobody can be accepted, if so.
  func serve(
    _ poll: borrowing PollSet, at now: Int64, _ makePage: () -> [UInt8]
  ) -> KernelError? {
    if let until = pausedUntil, until <= now { pausedUntil = nil }
    for (connection, index) in zip(connections, indices) {
      if connection.interest == .write {
        if poll.isWritable(index) || poll.isHungUp(index) { connection.write() }
      } else if poll.isReadable(index) {
        connection.read(&buffer)
        answer(connection, at: now, makePage)
      }
      if connection.deadline <= now { connection.end() }
    }
    indices.removeAll(keepingCapacity: true)
    connections.removeAll { $0.isOver }
    if connections.isEmpty { page = nil }
    guard let listenerIndex, poll.isReadable(listenerIndex) else { return nil }
    self.listenerIndex = nil
    return accept(at: now)
  }

  private func answer(
    _ connection: MetricsConnection, at now: Int64, _ makePage: () -> [UInt8]
  ) {
    guard let request = connection.request, !connection.isOver, !connection.isAnswered else {
      return
    }
    guard case .metrics = request else { return connection.answer([]) }
    if page.map({ now - $0.made >= Self.freshTime }) ?? true { page = (makePage(), now) }
    connection.answer(page?.text ?? [])
  }

  /// Accepts at most a few newcomers. The others wait in the kernel.
  private func accept(at now: Int64) -> KernelError? {
    for _ in 0..<Self.newcomersPerTurn {
      if let due = placeDue, due > now { return nil }
      do throws(KernelError) {
        guard let socket = try listener?.accept() else { return nil }
        if connections.count >= Self.connectionLimit { connections.removeFirst() }
        connections.append(MetricsConnection(socket, at: now))
      } catch {
        pausedUntil = now + Self.pauseTime
        return error
      }
    }
    return nil
  }
}

/// When the daemon began, by the clock on the wall. The clock may be set later than that, so the
/// time is computed from how long ago it was; but as two clocks are never read in the same
/// moment, it stays what it was unless it is wrong by seconds.
struct StartTime {
  private let began = MonotonicClock.bootMicroseconds()
  private var known: Int64?

  /// Seconds since 1970; nil as long as the clock is not set.
  mutating func second() -> Int64? {
    guard let now = WallClock.secondsIfSet() else { return nil }
    let second = now - (MonotonicClock.bootMicroseconds() - began) / 1_000_000
    if known.map({ abs($0 - second) > 2 }) ?? true { known = second }
    return known
  }
}
