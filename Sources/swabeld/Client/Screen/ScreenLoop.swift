import BabelKernel

/// What came of an attempt to reach a daemon.
enum ScreenReach {
  /// It answers.
  case session(ClientSession)
  /// It does not, in words for an operator.
  case failure(String)
}

/// How a screen ends.
enum ScreenEnd {
  /// Somebody ended it, or it was printed.
  case done
  /// No daemon is there, or it says too little, in words for an operator.
  case unreachable(String)
  /// Who is there is another program, which does not know what a screen asks for.
  case foreign(String)
  /// The screen could not be written.
  case output(KernelError)
}

/// Shows a screen and keeps it up to date until somebody ends it.
final class ScreenLoop {
  private let command: ScreenCommand
  private let reach: (Int64) -> ScreenReach
  private let patience: Int64
  private var page: ScreenCommand.Page
  private var feed: ScreenFeed?
  private var view = DaemonView()
  /// What the terminal shows; nil if that is not known.
  private var shown: ScreenFrame?
  private var size = Terminal.size ?? usualSize
  private var note = ""
  /// When the daemon is asked next, in microseconds.
  private var due: Int64 = 0
  /// When it was asked last for what it walks its tables.
  private var statusAt: Int64?
  private var isOver = false
  private var isToStop = false
  /// What answers instead of our daemon, if that is so.
  private var foreign: String?
  /// Whether the terminal had no room for the last frame.
  private var isBehind = false
  private let colour = ScreenCommand.mayColour

  /// If a terminal does not say its size, it has that of the oldest ones.
  private static let usualSize = Terminal.Size(columns: 80, rows: 24)
  /// Microseconds between two questions for which the daemon walks its tables, unless something
  /// happens.
  private static let statusInterval: Int64 = 5_000_000

  /// Microseconds that a daemon has to greet when it is tried again. Meanwhile no key is read.
  private static let shortPatience: Int64 = 1_000_000

  /// `reach` connects to the daemon in so many microseconds at most; `patience` is how many of them
  /// it has for a piece of an answer.
  init(_ command: ScreenCommand, patience: Int64, reach: @escaping (Int64) -> ScreenReach) {
    self.command = command
    self.reach = reach
    self.patience = patience
    page = command.page
  }

  // MARK: The daemon

  /// Connects if there is no connection. Returns why that is not possible.
  private func connect(_ patience: Int64) -> String? {
    guard feed == nil else { return nil }
    switch reach(patience) {
    case .session(let session):
      foreign = ForeignDaemon.description(of: session.version)
      if let foreign { return foreign }
      view.beginAgain()
      statusAt = nil
      let new = ScreenFeed(session, patience: self.patience)
      feed = new
      return attempt { () throws(ClientSession.Failure) in try new.ask([.follow, .events]) }
    case .failure(let reason): return reason
    }
  }

  /// Asks for what is to be shown, unless answers are still under way.
  private func ask(at now: Int64) {
    due = now + command.interval
    var reason = connect(min(patience, Self.shortPatience))
    if reason == nil, let feed, feed.isAnswered || statusAt == nil {
      var questions: [DaemonView.Question] = [.neighbours, .load]
      let isOld = statusAt.map { now - $0 >= Self.statusInterval } ?? true
      if isOld || view.hasNews {
        questions.insert(.status, at: 0)
        statusAt = now
      }
      reason = attempt { () throws(ClientSession.Failure) in try feed.ask(questions) }
    }
    if let reason { lose(reason) }
  }

  /// The daemon is gone, or does not answer.
  private func lose(_ reason: String) {
    feed = nil
    note = reason
    view.lose()
  }

  private func receive() {
    guard let feed else { return }
    let reason = attempt { () throws(ClientSession.Failure) in try feed.receive(into: &view) }
    if let reason { lose(reason) } else { note = keys }
  }

  private var keys: String {
    "q ends, w watch, t top, space asks at once; every \(command.interval / 1_000_000) s"
  }

  /// Tries something. If it fails the connection is given up, and the reason returned.
  private func attempt(_ body: () throws(ClientSession.Failure) -> Void) -> String? {
    do throws(ClientSession.Failure) {
      try body()
      return nil
    } catch {
      feed = nil
      switch error {
      case .system(let failure): return failure.description
      case .silence: return "the daemon does not answer"
      case .closed: return "the daemon has closed the connection; it is tried again"
      case .nonsense: return "who answers is not a Babel daemon"
      case .turnedAway(let reason): return reason
      case .output(let failure): return failure.description
      }
    }
  }

  // MARK: One screen

  /// Prints one screen, made from answers that are a second apart.
  func printOnce() -> ScreenEnd {
    if let reason = connect(patience) { return failure(reason) }
    let began = MonotonicClock.microseconds()
    for second: Int64 in 0..<2 {
      pause(until: began + second * 1_000_000)
      ask(at: MonotonicClock.microseconds())
      while let feed, !feed.isAnswered { receive() }
      if feed == nil { return .unreachable(note) }
    }
    guard view.head != nil else { return .unreachable("the daemon does not say how it is") }
    let isTerminal = Terminal.isTerminal(1)
    let frame = frame(
      Terminal.Size(
        columns: isTerminal ? size.columns : Self.usualSize.columns,
        rows: isTerminal ? max(size.rows, Self.usualSize.rows) : 60), note: "")
    do throws(KernelError) {
      try StandardOutput.write(frame.lines(colour: colour, styles: colour))
      return .done
    } catch {
      return .output(error)
    }
  }

  private func failure(_ reason: String) -> ScreenEnd {
    foreign == nil ? .unreachable(reason) : .foreign(reason)
  }

  private func pause(until deadline: Int64) {
    var poll = PollSet()
    while MonotonicClock.microseconds() < deadline {
      do throws(KernelError) {
        _ = try poll.wait(until: deadline)
      } catch {
        return  // then there is no pause
      }
    }
  }

  private func frame(_ size: Terminal.Size, note: String) -> ScreenFrame {
    var frame = ScreenFrame(columns: size.columns, rows: size.rows)
    switch page {
    case .watch: WatchPage.draw(view, into: &frame)
    case .top: TopPage.draw(view, into: &frame)
    }
    frame.put(note, row: size.rows - 1, column: 0)
    return frame
  }

  // MARK: A live screen

  private static let enter = "\u{1B}[?1049h\u{1B}[?25l"
  private static let leave = "\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l"

  /// Shows the screen until it is ended.
  func run() -> ScreenEnd {
    // Who is not there at the beginning is a mistake; later it is waited for.
    if let reason = connect(patience) { return failure(reason) }
    do throws(KernelError) {
      let signals = try TerminalSignals()
      let terminal = try Terminal()
      enter()
      defer {
        Log.write(Array(Self.leave.utf8), to: 1)
        terminal.giveBack()
      }
      while !isOver {
        try turn(signals, terminal)
        if isToStop { stop(terminal) }
      }
      return .done
    } catch {
      return .unreachable(error.description)
    }
  }

  private func enter() {
    shown = nil
    Log.write(Array(Self.enter.utf8), to: 1)
  }

  /// Stops as other programs do on ctrl-Z, and goes on when somebody continues the process.
  private func stop(_ terminal: borrowing Terminal) {
    isToStop = false
    Log.write(Array(Self.leave.utf8), to: 1)
    terminal.giveBack()
    Terminal.stopProcess()
    terminal.take()
    size = Terminal.size ?? size
    enter()
  }

  private func turn(
    _ signals: borrowing TerminalSignals, _ terminal: borrowing Terminal
  ) throws(KernelError) {
    let now = MonotonicClock.microseconds()
    if let given = feed?.due, given <= now {
      lose("the daemon does not answer; it is tried again")
    }
    if due <= now { ask(at: now) }
    // A screen of answers half old, half new would change twice.
    if feed?.isAnswered ?? true { draw(on: terminal) }
    var poll = PollSet()
    if isBehind { poll.add(terminal.output, .write) }
    let signal = poll.add(signals.descriptor, .read)
    let key = terminal.hasKeys ? poll.add(terminal.keys, .read) : nil
    let answer = feed?.addInterest(to: &poll)
    _ = try poll.wait(until: min(due, feed?.due ?? .max))
    if poll.isReadable(signal) {
      while let wish = try signals.next() { take(wish) }
    }
    if let key, poll.isReadable(key) { try takeKeys(of: terminal) }
    if let answer, poll.isReadable(answer) { receive() }
  }

  private func take(_ wish: TerminalSignals.Wish) {
    switch wish {
    case .end: isOver = true
    case .resize:
      size = Terminal.size ?? size
      shown = nil
    }
  }

  private func takeKeys(of terminal: borrowing Terminal) throws(KernelError) {
    var octets = [UInt8](repeating: 0, count: 64)
    guard let count = try terminal.keys.read(into: &octets) else { return }
    if count == 0 { isOver = true }  // the terminal is gone
    for octet in octets.prefix(count) {
      switch octet {
      case UInt8(ascii: "q"), UInt8(ascii: "Q"), 0x03, 0x04: isOver = true
      case UInt8(ascii: "w"): page = .watch
      case UInt8(ascii: "t"): page = .top
      case UInt8(ascii: " "): due = 0
      case 0x0C: shown = nil  // ctrl-L
      case 0x1A: isToStop = true  // ctrl-Z
      default: continue
      }
    }
  }

  /// Draws, if the terminal has room: a slow line gets fewer frames, and nobody waits for it.
  private func draw(on terminal: borrowing Terminal) {
    var poll = PollSet()
    let room = poll.add(terminal.output, .write)
    do throws(KernelError) {
      isBehind = try poll.wait(until: 0) == 0 || !poll.isWritable(room)
    } catch {
      isBehind = false  // writing will tell
    }
    guard !isBehind else { return }
    let frame = frame(size, note: note)
    let text = frame.changes(from: shown, colour: colour)
    shown = frame
    if !text.isEmpty { Log.write(text, to: 1) }
  }
}
