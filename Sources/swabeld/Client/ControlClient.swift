import BabelCore
import BabelKernel

/// `swabelctl` and `swabeld ctl`: sends one request to the socket of a running daemon, and prints
/// the answer.
struct ControlClient {
  /// How the program ends.
  enum Exit: CInt {
    /// The daemon said `ok`.
    case done = 0
    /// The daemon said `no`, or it did not do what it had said.
    case refused = 1
    /// The daemon said `bad`, or the command line is wrong.
    case wrong = 2
    /// No daemon can be reached.
    case unreachable = 3
  }

  let line: ClientCommandLine

  /// Runs if the program's name or the first word asks for it; returns the exit code, nil if not.
  static func run(_ arguments: [[UInt8]]) -> CInt? {
    guard let words = words(arguments) else { return nil }
    switch ClientCommandLine.read(words) {
    case .help:
      return StandardOutput.print(ClientUsage.syntax + ClientUsage.help).rawValue
    case .version:
      return StandardOutput.print(Usage.version + "\n").rawValue
    case .mistake(let reason):
      complain(reason)
      Log.write(Array(ClientUsage.syntax.utf8), to: 2)
      return Exit.wrong.rawValue
    case .request(let line): return ControlClient(line: line).run().rawValue
    }
  }

  /// The words for the client; nil if this is to be a daemon.
  static func words(_ arguments: [[UInt8]]) -> [[UInt8]]? {
    guard let name = arguments.first else { return nil }
    let rest = Array(arguments.dropFirst())
    if name.suffix(9).elementsEqual("swabelctl".utf8) { return rest }
    guard let first = rest.first else { return nil }
    if first[...].elementsEqual("ctl".utf8) { return Array(rest.dropFirst()) }
    return CommandWord.isRequest(first) ? rest : nil
  }

  private func run() -> Exit {
    switch ScreenCommand.read(line.words) {
    case .screen(let command): return show(command)
    case .mistake(let reason):
      Self.complain(reason)
      return .wrong
    case .other: break
    }
    if line.isFirst("capture") { return capture() }
    guard let session = reach() else { return .unreachable }
    if line.isFirst("ping") { return ping(by: session, reach()) }
    let began = MonotonicClock.microseconds()
    do throws(ClientSession.Failure) {
      try session.send(line.request, until: deadline)
      let exit = try printAnswer(of: session)
      guard exit == .done else { return exit }
      if line.isFirst("stop") { return try awaitEnd(of: session) }
      if line.isFirst("restart") { return try awaitRestart(of: session, since: began) }
      return exit
    } catch {
      if case .output(let failure) = error { return StandardOutput.exit(after: failure) }
      Self.complain(describe(error))
      return .unreachable
    }
  }

  /// Connects to the daemon, or says why that is not possible.
  func reach() -> ClientSession? {
    switch reached(until: deadline) {
    case .session(let session): return session
    case .failure(let reason):
      Self.complain(reason)
      return nil
    }
  }

  /// Connects to the first place where a daemon answers.
  func reached(until deadline: Int64) -> ScreenReach {
    let search: SocketSearch
    do throws(SocketSearch.Failure) {
      search = try find()
    } catch {
      return .failure(error.reason)
    }
    var reasons = UnreachedPlaces(search)
    for place in search.places {
      do throws(ClientSession.Failure) {
        return .session(try ClientSession(to: place, until: deadline))
      } catch {
        switch error {
        case .system(let failure): reasons.add(place, failure)
        case .silence, .closed, .nonsense, .turnedAway, .output:
          reasons.add(place, describe(error))
        }
      }
    }
    return .failure(reasons.description)
  }

  private func find() throws(SocketSearch.Failure) -> SocketSearch {
    try SocketSearch(line, variable: OwnProcess.environment(SocketSearch.variable))
  }

  /// When a daemon that says nothing is given up.
  var deadline: Int64 {
    MonotonicClock.microseconds() + Int64(line.timeout) * 1_000_000
  }

  /// Whether lines come behind the status line, until the daemon ends or says that it is all.
  private var isStream: Bool {
    line.isFirst("monitor") || line.isFirst("events") || line.isFirst("trace")
  }

  /// Prints what comes before the status line, and all that follows it if the request is for a
  /// stream.
  private func printAnswer(of session: ClientSession) throws(ClientSession.Failure) -> Exit {
    var text: [UInt8] = []
    var isMonitoring = false
    var paint = AnswerPaint(line)
    while true {
      while let received = session.receivedLine() {
        if !isMonitoring, let status = StatusWord(received) {
          try Self.print(text)
          text.removeAll()
          guard status == .ok, isStream else {
            return exit(after: status, to: line.request, of: session)
          }
          isMonitoring = true
        } else {
          text += paint.painted(received) + [0x0A]
        }
      }
      try Self.print(text)
      text.removeAll()
      guard try session.receive(until: isMonitoring ? nil : deadline) else {
        if isMonitoring || line.isFirst("quit") { return .done }
        throw .closed
      }
    }
  }

  private static func print(_ text: [UInt8]) throws(ClientSession.Failure) {
    do throws(KernelError) {
      try StandardOutput.write(text)
    } catch {
      throw .output(error)
    }
  }

  /// How the program ends after the answer to a request.
  func exit(
    after status: StatusWord, to request: [UInt8], of session: ClientSession
  ) -> Exit {
    switch status {
    case .ok: return .done
    case .no(let reason):
      Self.complain(String(decoding: reason, as: UTF8.self))
      return ForeignDaemon.isMistake(request) ? .wrong : .refused
    case .bad:
      if let foreign = ForeignDaemon.description(of: session.version) {
        Self.complain(foreign)
      } else if Self.changesSomething(request) {
        Self.complain(
          "the socket is read-only: for this the configuration has to name it by "
            + "local-path-readwrite or local-port-readwrite")
      } else {
        let usage = RequestWord.usage(request)
        Self.complain(
          "the daemon does not take this: "
            + (usage.map { "\($0); or the socket is read-only" }
              ?? "it is unknown or malformed, or the socket is read-only"))
      }
      return .wrong
    }
  }

  /// Whether a request is in order, and only a read-write socket takes it.
  private static func changesSomething(_ request: [UInt8]) -> Bool {
    if let rule = FilterRuleRequest(request) { return !rule.isReadOnly }
    return ReloadRequest(request) != nil || ProcessRequest(request) != nil
      || LiveRequest(request) != nil
  }

  /// Waits until the daemon is gone. It closes its socket shortly before.
  private func awaitEnd(of session: ClientSession) throws(ClientSession.Failure) -> Exit {
    let deadline = deadline
    guard try isClosed(session, before: deadline) else { return late("ended") }
    while let process = session.process, OwnProcess.isRunning(process) {
      guard MonotonicClock.microseconds() < deadline else { return late("ended") }
      pause()
    }
    return .done
  }

  /// Waits until the same process serves a socket again, perhaps at another path, and says how long
  /// that took.
  private func awaitRestart(
    of session: ClientSession, since began: Int64
  ) throws(ClientSession.Failure) -> Exit {
    let deadline = deadline
    guard try isClosed(session, before: deadline) else { return late("ended") }
    while MonotonicClock.microseconds() < deadline {
      if let process = session.process, !OwnProcess.isRunning(process) {
        Self.complain("the daemon ended when it was to start again: its log says why")
        return .refused
      }
      if let next = tryAgain(until: deadline) {
        let milliseconds = (MonotonicClock.microseconds() - began) / 1000
        return StandardOutput.print("\(next.version) runs, after \(milliseconds) milliseconds\n")
      }
      pause()
    }
    return late("come back")
  }

  /// Waits until the daemon closes the connection; false if it does not.
  private func isClosed(
    _ session: ClientSession, before deadline: Int64
  ) throws(ClientSession.Failure) -> Bool {
    do throws(ClientSession.Failure) {
      while try session.nextLine(until: deadline) != nil {}
      return true
    } catch {
      if case .silence = error { return false }
      throw error
    }
  }

  private func late(_ deed: String) -> Exit {
    Self.complain(
      "the daemon agreed, but has not \(deed) within \(line.timeout) seconds (--timeout)")
    return .refused
  }

  /// A session with whoever answers now.
  private func tryAgain(until deadline: Int64) -> ClientSession? {
    do throws(SocketSearch.Failure) {
      for place in try find().places {
        do throws(ClientSession.Failure) {
          return try ClientSession(to: place, until: deadline)
        } catch {
          continue  // nobody listens there yet
        }
      }
    } catch {
      // A configuration that cannot be read now may be read the next time.
      return nil
    }
    return nil
  }

  /// Microseconds between two looks at a daemon that starts or ends.
  private static let pauseTime: Int64 = 10_000

  private func pause() {
    var poll = PollSet()
    do throws(KernelError) {
      _ = try poll.wait(until: MonotonicClock.microseconds() + Self.pauseTime)
    } catch {
      return  // then there is no pause
    }
  }

  func describe(_ failure: ClientSession.Failure) -> String {
    switch failure {
    case .system(let error), .output(let error): error.description
    case .silence: "the daemon has not answered within \(line.timeout) seconds (--timeout)"
    case .closed: "the daemon closed the connection before it answered"
    case .nonsense: "who answers is not a Babel daemon"
    case .turnedAway(let reason): reason
    }
  }

  static func complain(_ text: String) {
    Log.write(TerminalText.safe(Array(("swabelctl: " + text + "\n").utf8)), to: 2)
  }
}
