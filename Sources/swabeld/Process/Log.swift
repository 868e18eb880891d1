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
  /// The same for a service manager, which shows standard error to whoever asks why a start failed.
  private var starter: Starter?
  private var prefix: Prefix
  private var budget = LogBudget()
  /// Lines that could not be written.
  private var losses = LostLines()
  /// Where lines go to.
  private var descriptor: Int32

  /// A log on standard error, or on another descriptor.
  init(descriptor: Int32 = 2) {
    self.descriptor = descriptor
    prefix = OwnProcess.logsToJournal ? .priority : .stamp
  }

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

  /// Until ``endStart()`` errors also go where standard error leads now, even if a log file is
  /// opened.
  func keepStandardError() throws(KernelError) {
    starter = Starter(
      try FileDescriptor.copy(of: 2), priority: prefix == .priority ? Self.priority(.error) : nil)
  }

  /// The start is complete: errors go into the log only.
  func endStart() {
    startReport?.ready()
    startReport = nil
    starter = nil
  }

  /// Lines go to another descriptor from now on.
  func redirect(to number: Int32) { descriptor = number }

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

  /// Writes one line, if it matters enough; a final newline is added. Returns false if it could not
  /// be written.
  @discardableResult
  func write(_ level: NoticeLevel, _ topic: LogTopic, _ line: String) -> Bool {
    guard wants(level, topic) else { return true }
    let second = Self.second
    let isWritten = tellLosses(at: second) && put(level, line)
    if !isWritten { losses.add(at: second) }
    if level == .error, path != nil {
      startReport?.tell(line)
      starter?.tell(line)
    }
    return isWritten
  }

  /// Says how many lines were lost, once there is room again. Returns whether lines can be written.
  private func tellLosses(at second: Int64) -> Bool {
    guard let remark = losses.remark else { return true }
    guard put(.warning, remark) else { return false }
    losses = LostLines()
    return true
  }

  /// Writes a line; false if it could not be written whole.
  private func put(_ level: NoticeLevel, _ line: String) -> Bool {
    let start =
      switch prefix {
      case .stamp: WallClock.stamp() + " " + Self.word(level, before: line)
      case .priority: "<" + String(Self.priority(level)) + ">"
      }
    // What there was room for of an earlier line gets an end of its own.
    let octets = Array(((losses.isTorn ? "\n" : "") + start + line + "\n").utf8)
    let written = Self.write(octets, to: descriptor)
    guard written < octets.count else { return true }
    if written > 0 { losses.isTorn = true }
    return false
  }

  private static var second: Int64 { MonotonicClock.microseconds() / 1_000_000 }

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

  /// Writes a line unless there were too many of its kind and subject. If it tells the `state` of
  /// something and is left out, it is told later, unless something newer is told of it first.
  func write(
    _ kind: LogKind, subject: LogSubject, level: NoticeLevel = .warning, state: LogState? = nil,
    _ line: @autoclosure () -> String
  ) {
    guard wants(level, kind.topic) else {
      if let state { budget.forget(state.subject) }
      return
    }
    guard state != nil || budget.isOpen(kind, subject, at: Self.second) else { return }
    write(LogLine(kind: kind, subject: subject, level: level, state: state, text: line()))
  }

  /// This is a function of its own, because the compiler copies its caller for each line that is
  /// logged.
  @inline(never)
  private func write(_ line: LogLine) {
    let second = Self.second
    guard let text = budget.take(line, at: second) else { return }
    if !write(line.level, line.kind.topic, text) { budget.hold(line, at: second) }
  }

  /// Forgets what was left out of something, because it is not true any more.
  func forget(_ subject: LogState.Subject) { budget.forget(subject) }

  /// When ``settle(at:)`` is to be called, in microseconds of the monotonic clock; nil if never.
  var deadline: Int64? {
    let due = min(budget.deadline ?? .max, losses.retry ?? .max)
    return due == .max ? nil : due * 1_000_000
  }

  /// Tells the last state of what lines were left out about, when there is room again, and how many
  /// lines were lost.
  func settle(at now: Int64) {
    guard let due = deadline, due <= now else { return }
    let second = now / 1_000_000
    if let retry = losses.retry, retry <= second, !tellLosses(at: second) {
      losses.wait(at: second)
      return
    }
    for line in budget.settle(at: second) { write(line.level, line.kind.topic, line.text) }
  }

  /// The same at the end, when there is no later time.
  func settleAll() {
    for line in budget.settle(at: Self.second, isLast: true) {
      write(line.level, line.kind.topic, line.text)
    }
  }

  /// Writes a notice of the core if it matters enough.
  func write(_ notice: Notice) {
    let noticeLevel = notice.level
    let state = LogState(notice)
    guard wants(noticeLevel, notice.topic) else {
      if let state { budget.forget(state.subject) }
      return
    }
    let (kind, subject) = LogKind.of(notice)
    if noticeLevel < .notice, kind != .packetDropped {
      write(noticeLevel, notice.topic, notice.description)
    } else {
      write(kind, subject: subject, level: noticeLevel, state: state, notice.description)
    }
  }

  /// Writes octets to a descriptor. Returns how many were written; if that fails it gives up,
  /// because there is no other place for an error.
  @discardableResult
  static func write(_ octets: [UInt8], to descriptor: Int32) -> Int {
    var start = 0
    while start < octets.count {
      do throws(KernelError) {
        guard let count = try FileDescriptor.write(octets, from: start, to: descriptor), count > 0
        else { return start }
        start += count
      } catch {
        return start
      }
    }
    return start
  }
}

/// Standard error as it was before a log file took its place.
private final class Starter {
  private let descriptor: FileDescriptor
  /// The number of the level, which the journal takes before each line.
  private let priority: Int?

  init(_ descriptor: consuming FileDescriptor, priority: Int?) {
    self.descriptor = descriptor
    self.priority = priority
  }

  func tell(_ line: String) {
    let start = if let priority { "<" + String(priority) + ">" } else { "" }
    Log.write(Array((start + line + "\n").utf8), to: descriptor.rawValue)
  }
}

/// Lines of the log that could not be written, because the disk is full for example.
struct LostLines {
  /// Seconds between two attempts to say so.
  static let spacing: Int64 = 10

  private var count = 0
  /// The last of them was written in part.
  var isTorn = false
  /// The second in which to try again to say so; nil if there is nothing to say.
  private(set) var retry: Int64?

  /// One more.
  mutating func add(at second: Int64) {
    count += 1
    if retry == nil { wait(at: second) }
  }

  /// They cannot be told of yet.
  mutating func wait(at second: Int64) { retry = second + Self.spacing }

  /// What is said of them.
  var remark: String? {
    guard count > 0 else { return nil }
    return count == 1
      ? "1 line of the log is lost: it could not be written"
      : "\(count) lines of the log are lost: they could not be written"
  }
}
