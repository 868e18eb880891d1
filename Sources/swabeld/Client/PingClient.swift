import BabelCore
import BabelKernel
import BabelWire

/// What `ping ADDRESS [count N]` asks for.
struct PingRequest: Equatable {
  let address: IPAddress
  /// How many requests are sent; nil for no end.
  private(set) var count: Int?

  /// Reads a request; nil if it is malformed.
  init?(_ request: [UInt8]) {
    let words = RequestLines.words(request)
    guard words.count == 2 || words.count == 4,
      let address = IPAddress(octets: Array(words[1])),
      !Prefix(mapped: address, mappedLength: 128).isMartian
    else { return nil }
    self.address = address
    guard words.count == 4 else { return }
    guard words[2].elementsEqual("count".utf8),
      let count = CommandLineOptions.integer(Array(words[3]), 1...1_000_000)
    else { return nil }
    self.count = count
  }
}

extension ControlClient {
  /// Names the way of packets to an address, then sends echo requests there; names the way again
  /// when it becomes another one. `session` answers questions, `events` tells of changes.
  func ping(by session: ClientSession, _ events: ClientSession?) -> Exit {
    guard let request = PingRequest(line.request) else {
      Self.complain("ping takes an address that routes may lead to, and perhaps: count N")
      return .wrong
    }
    do throws(KernelError) {
      let run = try PingRun(request, session, events, line.timeout)
      return try run.run()
    } catch {
      Self.complain(error.description)
      return .refused
    }
  }
}

/// Echo requests to one address, once a second.
private final class PingRun {
  private let request: PingRequest
  private let socket: EchoSocket
  private let signals: SignalDescriptor
  private var session: ClientSession?
  private var events: ClientSession?
  private let patience: Int64
  private var tally = PingTally()
  private var way = WayWatch()
  private var nextDue: Int64 = 0
  private var isOver = false
  private var outputFailure: KernelError?

  /// Microseconds between two requests.
  private static let spacing: Int64 = 1_000_000
  /// Microseconds that the last answer is waited for.
  private static let farewell: Int64 = 2_000_000

  init(
    _ request: PingRequest, _ session: ClientSession, _ events: ClientSession?, _ timeout: Int
  ) throws(KernelError) {
    self.request = request
    self.session = session
    self.events = events
    patience = Int64(timeout) * 1_000_000
    socket = try EchoSocket(to: request.address)
    signals = try SignalDescriptor()
  }

  func run() throws(KernelError) -> ControlClient.Exit {
    if let events {
      do throws(ClientSession.Failure) {
        try events.send(Array("events --follow".utf8), until: now + patience)
      } catch {
        self.events = nil
      }
    }
    var poll = PollSet()
    while !isOver {
      doWhatIsDue()
      poll.removeAll()
      let echo = poll.add(socket.descriptor, .read)
      let signal = poll.add(signals.descriptor, .read)
      let answer = session?.addInterest(to: &poll)
      let event = events?.addInterest(to: &poll)
      _ = try poll.wait(until: min(awaitsFirstWay ? .max : nextDue, wayDue))
      if poll.isReadable(signal), try signals.next() != nil { isOver = true }
      if let answer, poll.isReadable(answer) { hearAnswer() }
      if let event, poll.isReadable(event) { hearEvents() }
      if poll.isReadable(echo) { hearEcho() }
    }
    print("--- \(request.address): \(tally.summary)")
    if let outputFailure { return StandardOutput.exit(after: outputFailure) }
    return tally.answered > 0 ? .done : .refused
  }

  private var now: Int64 { MonotonicClock.microseconds() }

  /// When the way is asked for, or its answer is given up.
  private var wayDue: Int64 { session == nil ? .max : min(way.askDue, giveUpAt ?? .max) }
  private var giveUpAt: Int64?

  /// The way comes first, if it can be named.
  private var awaitsFirstWay: Bool { way.isAsking && session != nil && tally.sent == 0 }

  private func doWhatIsDue() {
    let now = now
    if let session, way.askDue <= now {
      way.ask(at: now)
      giveUpAt = now + patience
      do throws(ClientSession.Failure) {
        try session.send(Array("path \(request.address)".utf8), until: now + patience)
      } catch {
        loseDaemon()
      }
    }
    if way.isAsking, session != nil, let giveUpAt, giveUpAt <= now { loseDaemon() }
    guard !awaitsFirstWay, nextDue <= now else { return }
    if let count = request.count, tally.sent >= count {
      if tally.isWaiting { print("seq \(tally.sent): no answer\n") }
      isOver = true
      return
    }
    if tally.isWaiting {
      print("seq \(tally.sent): no answer yet\n")
      way.hurry(at: now)
    }
    send(at: now)
  }

  private func send(at now: Int64) {
    let number = tally.send()
    let isLast = request.count == tally.sent
    nextDue = now + (isLast ? Self.farewell : Self.spacing)
    do throws(KernelError) {
      if try !socket.send(number) { print("seq \(number): no room to send\n") }
    } catch {
      print("seq \(number): \(error)\n")
    }
  }

  private func hearEcho() {
    do throws(KernelError) {
      // Whoever answers without end must not keep us from all else.
      for _ in 0..<64 {
        guard let answer = try socket.receive() else { return }
        guard tally.take(answer.number, after: answer.time) else { continue }
        let time = PingTally.milliseconds(answer.time)
        print("seq \(answer.number) from \(request.address): \(time) ms\n")
        // Nothing is left to be waited for.
        if request.count == tally.sent, !tally.isWaiting { isOver = true }
      }
    } catch {
      // What the network reports of a request that was lost.
      print("seq \(tally.sent): \(error)\n")
    }
  }

  private func hearAnswer() {
    guard let session else { return }
    do throws(ClientSession.Failure) {
      guard try session.receive(until: now) else { return loseDaemon() }
      while let line = session.receivedLine() {
        let text = way.take(line)
        if !text.isEmpty { print(String(decoding: TerminalText.safe(text), as: UTF8.self)) }
        if !way.isAsking { giveUpAt = nil }
      }
    } catch {
      loseDaemon()
    }
  }

  private func hearEvents() {
    guard let events else { return }
    do throws(ClientSession.Failure) {
      guard try events.receive(until: now) else {
        self.events = nil
        return
      }
      while let line = events.receivedLine() {
        if StatusWord(line) == nil { way.hurry(at: now) }
      }
    } catch {
      self.events = nil
    }
  }

  /// The daemon ended or hangs. Packets may arrive all the same, so the requests go on, and only
  /// the way is not named any more.
  private func loseDaemon() {
    session = nil
    events = nil
    print("The daemon does not answer any more: the way is not named from now on.\n")
  }

  /// Prints; whoever does not read any more ends the run.
  private func print(_ text: String) {
    do throws(KernelError) {
      try StandardOutput.write(text)
    } catch {
      outputFailure = error
      isOver = true
    }
  }
}
