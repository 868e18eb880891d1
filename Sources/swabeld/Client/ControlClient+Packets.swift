import BabelKernel

// Commands for which the client does more than to print an answer.
extension ControlClient {
  // MARK: Screens

  /// `watch` and `top`.
  func show(_ command: ScreenCommand) -> Exit {
    if !command.isOnce {
      guard Terminal.isTerminal(1) else {
        Self.complain("standard output is no terminal; --once prints one screen")
        return .wrong
      }
      guard ScreenCommand.canMove else {
        Self.complain("TERM names no terminal that can be redrawn; --once prints one screen")
        return .wrong
      }
    }
    let loop = ScreenLoop(command, patience: Int64(line.timeout) * 1_000_000) {
      reached(until: MonotonicClock.microseconds() + $0)
    }
    switch command.isOnce ? loop.printOnce() : loop.run() {
    case .done: return .done
    case .unreachable(let reason):
      Self.complain(reason)
      return .unreachable
    case .foreign(let reason):
      Self.complain(reason)
      return .wrong
    case .output(let failure): return StandardOutput.exit(after: failure)
    }
  }

  // MARK: Captures

  /// `capture FILE …`: writes packets of the daemon into a file. It is made with the rights of
  /// whoever asks, since the daemon knows nothing of it.
  func capture() -> Exit {
    guard line.words.count >= 2 else {
      Self.complain("capture takes the name of a file, or - for standard output")
      return .wrong
    }
    let path = String(decoding: line.words[1], as: UTF8.self)
    if path.utf8.elementsEqual("-".utf8), Terminal.isTerminal(1) {
      Self.complain("standard output is a terminal: name a file, or pipe it: | tcpdump -r -")
      return .wrong
    }
    var request = Array("capture".utf8)
    for word in line.words.dropFirst(2) { request += [0x20] + word }
    guard let session = reach() else { return .unreachable }
    do throws(ClientSession.Failure) {
      try session.send(request, until: deadline)
      guard let first = try session.nextLine(until: deadline), let status = StatusWord(first)
      else { throw .closed }
      guard status == .ok else { return exit(after: status, to: request, of: session) }
    } catch {
      Self.complain(describe(error))
      return .unreachable
    }
    do throws(KernelError) {
      return try write(session, into: path)
    } catch {
      // Whoever reads standard output may have seen enough.
      guard error.errno != ErrorNumber.brokenPipe else { return .done }
      Self.complain(error.description)
      return .refused
    }
  }

  /// Writes packets until somebody ends it, or the daemon says that these were all.
  private func write(
    _ session: ClientSession, into path: String
  ) throws(KernelError) -> Exit {
    let signals = try TerminalSignals()
    var file = try CaptureFile.make(path)
    var leftOut: UInt64 = 0
    var isOver = false
    while !isOver {
      while let received = session.receivedLine() {
        try file.write(line: received)
        leftOut += Self.leftOut(received)
      }
      var poll = PollSet()
      let signal = poll.add(signals.descriptor, .read)
      let answer = session.addInterest(to: &poll)
      _ = try poll.wait(until: nil)
      if poll.isReadable(signal), try signals.next() == .end { isOver = true }
      if poll.isReadable(answer) {
        do throws(ClientSession.Failure) {
          if try !session.receive(until: deadline) { isOver = true }
        } catch {
          Self.complain(describe(error))
          return .refused
        }
      }
    }
    // What came last is written, too.
    while let received = session.receivedLine() {
      try file.write(line: received)
      leftOut += Self.leftOut(received)
    }
    let missing = leftOut > 0 ? "; \(leftOut) were left out, because there were too many" : ""
    Self.complain("\(file.count) packets written" + missing)
    return .done
  }

  /// How many packets a line says were left out: `left-out N packets`.
  private static func leftOut(_ line: [UInt8]) -> UInt64 {
    let words = line.split(separator: 0x20)
    guard words.count == 3, words[0].elementsEqual("left-out".utf8) else { return 0 }
    return UInt64(CommandLineOptions.integer(Array(words[1]), 0...TraceRequest.most) ?? 0)
  }
}
