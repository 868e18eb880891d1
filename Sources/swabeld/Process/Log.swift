import BabelCore
import BabelKernel
import BabelWire

/// The log. Its lines go to standard error or, if there is a log file, into that file. Table dumps,
/// which go to standard output, then go there too.
///
/// A line begins with time and level. For the journal of systemd, which notes the time itself, it
/// begins with a number for the level.
final class Log {
  /// What a line begins with.
  enum Prefix {
    /// Time and level.
    case stamp
    /// The level in angle brackets, as the journal takes it.
    case priority
  }

  /// Lines below this level are not written, unless their topic has another.
  var level = NoticeLevel.notice
  /// The levels of topics, where they have some.
  var topics = LogLevels()
  /// The log file, if there is one.
  private(set) var path: String?
  /// While the daemon starts in the background, errors also go here, because nobody may look at the
  /// log file then.
  var startReport: StartReport?
  private var prefix: Prefix
  private var limiter = LogLimiter()

  /// A log on standard error.
  init() { prefix = OwnProcess.logsToJournal ? .priority : .stamp }

  /// Opens a log file, or opens the current one again (after a rotation).
  func open(_ newPath: String?) throws(KernelError) {
    guard let newPath = newPath ?? path else { return }
    let file: FileDescriptor
    do throws(KernelError) {
      file = try FileSystem.openForAppending(newPath)
    } catch {
      throw error.withCure(for: newPath, in: nil)
    }
    try OwnProcess.redirect(1, to: file)
    try OwnProcess.redirect(2, to: file)
    path = newPath
    prefix = .stamp
  }

  /// Whether lines of a level are written about a topic.
  func wants(_ level: NoticeLevel, _ topic: LogTopic) -> Bool {
    level >= topics[topic] ?? self.level
  }

  /// Takes the levels that a configuration asks for.
  func setLevels(of configuration: Configuration) {
    level = NoticeLevel(debugLevel: configuration.debugLevel)
    topics = configuration.logLevels
  }

  /// Writes one line of a warning.
  func write(_ line: String) { write(.warning, line) }

  /// Writes one line about the process.
  func write(_ level: NoticeLevel, _ line: String) { write(level, .process, line) }

  /// Writes one line, if it matters enough; a final newline is added.
  func write(_ level: NoticeLevel, _ topic: LogTopic, _ line: String) {
    guard wants(level, topic) else { return }
    let start =
      switch prefix {
      case .stamp: WallClock.stamp() + " " + Self.word(level, before: line)
      case .priority: "<" + String(Self.priority(level)) + ">"
      }
    Self.write(Array((start + line + "\n").utf8), to: 2)
    if level == .error, path != nil { startReport?.tell(line) }
  }

  /// The word for a level. Some of babeld's messages begin with "Warning" themselves and get no
  /// other word.
  private static func word(_ level: NoticeLevel, before line: String) -> String {
    switch level {
    case .error: "error: "
    case .warning: line.utf8.starts(with: "Warning: ".utf8) ? "" : "warning: "
    case .notice: "notice: "
    case .info: "info: "
    case .debug: "debug: "
    }
  }

  /// syslog's number of a level.
  private static func priority(_ level: NoticeLevel) -> Int {
    switch level {
    case .error: 3
    case .warning: 4
    case .notice: 5
    case .info: 6
    case .debug: 7
    }
  }

  /// Writes a line unless there were too many of its kind and subject.
  func write(
    _ kind: LogKind, subject: LogSubject, level: NoticeLevel = .warning,
    _ line: @autoclosure () -> String
  ) {
    guard wants(level, kind.topic), let remark = admit(kind, subject) else { return }
    write(level, kind.topic, line() + remark)
  }

  /// The text that follows a line that may be written; nil if it may not. This is a function of its
  /// own, because the compiler copies its caller for each line that is logged.
  @inline(never)
  private func admit(_ kind: LogKind, _ subject: LogSubject) -> String? {
    let second = MonotonicClock.microseconds() / 1_000_000
    switch limiter.admit(kind, subject: subject, at: second) {
    case .suppressed: return nil
    case .admitted(let suppressed):
      return suppressed == 0 ? "" : " (\(suppressed) similar lines suppressed)"
    }
  }

  /// Writes a notice of the core if it matters enough.
  func write(_ notice: Notice) {
    let noticeLevel = notice.level
    guard wants(noticeLevel, notice.topic) else { return }
    let (kind, subject) = LogKind.of(notice)
    if noticeLevel < .notice, kind != .packetDropped {
      write(noticeLevel, notice.topic, notice.description)
    } else {
      write(kind, subject: subject, level: noticeLevel, notice.description)
    }
  }

  /// Writes all octets to a descriptor. If that fails it gives up, because there is no other place
  /// for an error.
  static func write(_ octets: [UInt8], to descriptor: Int32) {
    var start = 0
    while start < octets.count {
      do throws(KernelError) {
        guard let count = try FileDescriptor.write(octets, from: start, to: descriptor), count > 0
        else { return }
        start += count
      } catch {
        return
      }
    }
  }
}

/// Kinds of lines that may come in floods.
enum LogKind {
  case packetDropped, tlvIgnored, limitReached, otherNotice, receiveFailed, sendFailed
  case routeRefused, overflow, kernelDifference, client, interface, flood
  case interfaceNews, neighbourNews, routeNews, ruleNews
  case interfaceProblem, neighbourProblem, routeProblem, kernelProblem, configurationProblem

  /// What the lines are about.
  var topic: LogTopic {
    switch self {
    case .packetDropped, .tlvIgnored, .receiveFailed, .sendFailed, .flood: .packets
    case .limitReached, .routeNews, .ruleNews, .routeProblem: .routes
    case .routeRefused, .overflow, .kernelDifference, .kernelProblem: .kernel
    case .client: .socket
    case .interface, .interfaceNews, .interfaceProblem: .interfaces
    case .neighbourNews, .neighbourProblem: .neighbours
    case .configurationProblem: .configuration
    case .otherNotice: .process
    }
  }

  /// Kind and subject of a notice.
  static func of(_ notice: Notice) -> (LogKind, LogSubject) {
    switch notice {
    case .packetDropped(let reason, let source, _), .packetUnverified(let reason, let source, _):
      (.packetDropped, .drop(reason, from: source))
    case .tlvIgnored(let type, let reason, let source, _):
      (.tlvIgnored, .tlv(type, reason, from: source))
    case .limitReached(let table, _): (.limitReached, .table(table))
    case .neighbourChanged(let change):
      (.neighbourNews, .neighbour(change.address, on: change.interface))
    case .neighbourHealed(_, let address, let interface):
      (.neighbourNews, .neighbour(address, on: interface))
    case .routesChanged: (.routeNews, .any)
    case .interface, .neighbour, .originated, .route, .senderAuthenticated, .neighbourRestarted,
      .seqnoIncreased, .recovered, .starving:
      (.otherNotice, .any)
    }
  }
}

/// What a line of the log is about. Lines of one kind and subject are counted together, so that
/// a flood about one thing does not hide lines about another.
enum LogSubject: Hashable {
  /// The kind says it all.
  case any
  /// Packets of a sender that are dropped for one reason.
  case drop(DropReason, from: IPAddress)
  /// TLVs of a type and a sender that are ignored for one reason.
  case tlv(UInt8, TLVFault, from: IPAddress)
  /// A table that is full.
  case table(Limit)
  /// Problems of a kind.
  case problem(ProblemKind)
  /// A neighbour.
  case neighbour(IPAddress, on: InterfaceName)
  /// An interface.
  case named(InterfaceName)
  /// A client of the control socket sent a line without end.
  case requestTooLong
  /// A client did not read its answers in time.
  case clientStalled
  /// The connection to a client failed.
  case clientLost
  /// No more clients are served at a time.
  case tooManyClients
  /// A client could not be accepted.
  case clientRefused
  /// A client that monitors did not read the events in time.
  case monitorBehind
  /// The wait for clients failed when the daemon ended.
  case clientsNotAwaited
  /// A client asked for something that cannot be done.
  case badRequest
  /// Notifications of the kernel were lost.
  case notificationsLost
  /// The kernel could not be listened to.
  case monitorFailed
  /// Links and addresses could not be read.
  case linksNotRead
  /// The kernel's tables could not be read.
  case tablesNotRead
  /// What an earlier life left in the kernel could not be read.
  case earlierLifeNotRead
  /// Changes could not be sent to the kernel, or its answers were lost.
  case answersLost
  /// A single route could not be asked for.
  case routeNotLookedUp
  /// Somebody else's route is where one of ours would be.
  case placeTaken
  /// What one reason prevented: a number of errno(3).
  case error(number: Int32)
  /// A link, by its index.
  case link(Int32)
  /// A send buffer is full.
  case noRoom
  /// A multicast group could not be left.
  case groupNotLeft
  /// A setting of the kernel could not be put back.
  case settingNotRestored
  /// An address that we made could not be removed.
  case addressNotRemoved
  /// The pause before the end could not be kept.
  case pauseFailed
}

/// Decides which lines are written when many come: a few of each kind and subject, and a limited
/// number of each kind.
struct LogLimiter {
  /// The answer.
  enum Admission: Equatable {
    /// Write it; so many of its kind and subject were suppressed before.
    case admitted(suppressed: Int)
    /// Do not write it.
    case suppressed
  }

  private struct Key: Hashable {
    let kind: LogKind
    let subject: LogSubject
  }

  private struct Window {
    var start: Int64
    var written = 0
    var suppressed = 0
  }

  /// Seconds after which counting starts anew.
  static let window: Int64 = 60
  /// Lines of one kind and subject in a window.
  static let linesPerSubject = 5
  /// Lines of one kind in a window.
  static let linesPerKind = 30
  /// How many subjects are remembered. Further ones are limited only by their kind.
  static let subjectLimit = 256

  private var windows: [Key: Window] = [:]
  private var kinds: [LogKind: Window] = [:]

  /// Asks whether one line may be written. `second` must never go backwards.
  mutating func admit(_ kind: LogKind, subject: LogSubject, at second: Int64) -> Admission {
    let key = Key(kind: kind, subject: subject)
    if windows[key] == nil, windows.count >= Self.subjectLimit {
      windows = windows.filter { second - $0.value.start < Self.window }
    }
    var suppressed = 0
    if windows[key] != nil || windows.count < Self.subjectLimit {
      var window = windows[key] ?? Window(start: second)
      defer { windows[key] = window }
      guard Self.admit(&window, Self.linesPerSubject, second, &suppressed) else {
        return .suppressed
      }
    }
    var window = kinds[kind] ?? Window(start: second)
    defer { kinds[kind] = window }
    return Self.admit(&window, Self.linesPerKind, second, &suppressed)
      ? .admitted(suppressed: suppressed) : .suppressed
  }

  private static func admit(
    _ window: inout Window, _ limit: Int, _ second: Int64, _ suppressed: inout Int
  ) -> Bool {
    if second - window.start >= Self.window {
      suppressed += window.suppressed
      window = Window(start: second)
    }
    guard window.written < limit else {
      window.suppressed += 1
      return false
    }
    window.written += 1
    return true
  }
}
