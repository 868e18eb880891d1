import BabelWire

/// How often was asked and answered, and how long that took.
struct PingTally {
  private(set) var sent = 0
  private(set) var answered = 0
  private var least = Int64.max
  private var most: Int64 = 0
  private var sum: Int64 = 0
  /// Requests without an answer, the latest sixty at most.
  private var open: [UInt16] = []

  /// Whether the answer to the latest request is still to come.
  var isWaiting: Bool { open.last.map { $0 == UInt16(truncatingIfNeeded: sent) } ?? false }

  /// A request leaves; returns its number, from 1.
  mutating func send() -> UInt16 {
    sent += 1
    if open.count >= 60 { open.removeFirst() }
    open.append(UInt16(truncatingIfNeeded: sent))
    return UInt16(truncatingIfNeeded: sent)
  }

  /// An answer came. False if it is a second one, or none to what was asked.
  mutating func take(_ number: UInt16, after time: Int64) -> Bool {
    guard let index = open.firstIndex(of: number) else { return false }
    open.remove(at: index)
    answered += 1
    least = min(least, time)
    most = max(most, time)
    sum += time
    return true
  }

  /// The last lines.
  var summary: String {
    let lost = Self.percentLost(of: sent, answered)
    let counts = "\(sent) sent, \(answered) answered, \(lost)% lost\n"
    guard answered > 0 else { return counts }
    let times = [least, sum / Int64(answered), most].map(Self.milliseconds)
    return counts + "round trip min/avg/max \(times.joined(separator: "/")) ms\n"
  }

  /// How many of a hundred requests had no answer; a product of 32 bits would not hold those of a
  /// year.
  static func percentLost(of sent: Int, _ answered: Int) -> Int64 {
    sent == 0 ? 0 : Int64(sent - answered) * 100 / Int64(sent)
  }

  /// Microseconds in milliseconds.
  static func milliseconds(_ time: Int64) -> String {
    HumanTime.milliseconds(UInt32(clamping: time))
  }
}

/// The way of the packets, as the daemon tells it, and when it is asked for again.
struct WayWatch {
  /// Least time between two questions, and the longest one: far from here a way may change without
  /// an event, in microseconds.
  private static let spacing: Int64 = 1_000_000
  private static let period: Int64 = 10_000_000

  private var lines: [[UInt8]] = []
  private var shown: [[UInt8]]?
  private var askedAt = Int64.min / 2
  /// Whether the answer is under way.
  private(set) var isAsking = false
  /// When it is asked for; nil while the answer is under way.
  private var due: Int64 = 0

  /// When it is to be asked for again.
  var askDue: Int64 { isAsking ? .max : due }

  /// Something may have changed: it is asked for soon.
  mutating func hurry(at now: Int64) { due = min(due, max(now, askedAt + Self.spacing)) }

  /// It is asked for now.
  mutating func ask(at now: Int64) {
    isAsking = true
    askedAt = now
    due = now + Self.period
    lines = []
  }

  /// Takes a line of the answer. At the end it returns what is to be printed: nothing if the way is
  /// the one that was shown.
  mutating func take(_ line: [UInt8]) -> [UInt8] {
    guard let status = StatusWord(line) else {
      lines.append(line)
      return []
    }
    isAsking = false
    if case .no(let reason) = status { lines = [Array("The way is not known: ".utf8) + reason] }
    if status == .bad { lines = [Array("The way is not known: the daemon cannot name it".utf8)] }
    let way = lines.map(Self.essence)
    guard shown != way else { return [] }
    let isFirst = shown == nil
    shown = way
    var text = isFirst ? [] : Array("The way is another one:\n".utf8)
    for line in lines { text += line + [0x0A] }
    return text
  }

  /// What of a line belongs to the way: number, node and next hop of a hop; costs vary.
  private static func essence(_ line: [UInt8]) -> [UInt8] {
    let words = RequestLines.words(line)
    guard let first = words.first, first.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
      return line
    }
    return Array(words.prefix(3).joined(separator: [0x20]))
  }
}
