/// Decides which lines are written when many come: a few of each kind and subject, and a limited
/// number of each kind.
struct LogLimiter {
  /// The answer.
  enum Admission: Equatable {
    /// Write it; so many of its kind and subject were suppressed before.
    case admitted(suppressed: Int)
    /// Do not write it; if it still counts then, try again in that second.
    case suppressed(until: Int64)
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
  /// Seconds after which many subjects that got no line are told of in one.
  static let pause: Int64 = 10
  /// How many subjects are remembered. Further ones are limited only by their kind.
  static let subjectLimit = 256

  private var windows: [Key: Window] = [:]
  private var kinds: [LogKind: Window] = [:]

  /// Asks whether one line may be written. `second` must never go backwards. Lines of good news
  /// leave half of the lines of their kind to those of bad news.
  mutating func admit(
    _ kind: LogKind, subject: LogSubject, isGood: Bool = false, at second: Int64
  ) -> Admission {
    let key = Key(kind: kind, subject: subject)
    if windows[key] == nil, windows.count >= Self.subjectLimit {
      windows = windows.filter { second - $0.value.start < Self.window }
    }
    var suppressed = 0
    if windows[key] != nil || windows.count < Self.subjectLimit {
      var window = windows[key] ?? Window(start: second)
      defer { windows[key] = window }
      guard Self.admit(&window, Self.linesPerSubject, second, &suppressed) else {
        return .suppressed(until: window.start + Self.window)
      }
    }
    var window = kinds[kind] ?? Window(start: second)
    defer { kinds[kind] = window }
    let limit = isGood ? Self.linesPerKind / 2 : Self.linesPerKind
    return Self.admit(&window, limit, second, &suppressed)
      ? .admitted(suppressed: suppressed)
      : .suppressed(until: min(window.start + Self.window, second + Self.pause))
  }

  /// Whether a line would be written. If not, it is counted as suppressed.
  mutating func isOpen(_ kind: LogKind, subject: LogSubject, at second: Int64) -> Bool {
    let key = Key(kind: kind, subject: subject)
    func isFull(_ window: Window?, _ limit: Int) -> Bool {
      guard let window, second - window.start < Self.window else { return false }
      return window.written >= limit
    }
    if isFull(windows[key], Self.linesPerSubject) {
      windows[key]?.suppressed += 1
      return false
    }
    if isFull(kinds[kind], Self.linesPerKind) {
      kinds[kind]?.suppressed += 1
      return false
    }
    return true
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
