import BabelKernel

/// Questions to a node over a connection, and its answers. It never waits: whoever has it polls,
/// and lets it go on with ``advance()``.
final class SourceTalk {
  /// What is spoken there.
  enum Language {
    /// Lines, as on the local socket of a daemon.
    case daemon
    /// HTTP, for one document.
    case web(port: UInt16, path: String)
  }

  /// What came of it; nil until it is over.
  private(set) var outcome: Result<[UInt8], Failure>?
  /// When it began.
  let begin = MonotonicClock.microseconds()
  private let connection: LocalConnection
  private let language: Language
  private let name: String
  private var buffer = [UInt8](repeating: 0, count: 65536)
  private var input: [UInt8] = []
  /// Where the current line begins, and how far it is read.
  private var start = 0, scanned = 0
  private var output: [UInt8] = []
  private var written = 0
  private var greeting: [UInt8]?
  private var answers: [UInt8] = []
  private var questions = SourceTalk.requests[...]
  private var isDump = false

  /// Microseconds that the other side has for everything.
  private static let patience: Int64 = 30_000_000
  /// What is asked of a daemon. Together the answers say all that can be drawn.
  private static let requests = [
    "status --json", "show graph --netjson", "show interfaces --json", "show neighbours --json",
    "show routes --json",
  ]

  /// Takes over a connection to a node, which errors call by its name.
  init(_ connection: consuming LocalConnection, _ language: Language, name: String) {
    self.connection = connection
    self.language = language
    self.name = name
    if case .web(let port, let path) = language {
      output = Array("GET \(path) HTTP/1.0\r\nHost: [::1]:\(port)\r\n\r\n".utf8)
    }
  }

  /// When it is over at the latest.
  var deadline: Int64 { begin + Self.patience }

  /// Adds what it waits for.
  func addInterest(to poll: inout PollSet) {
    poll.add(connection.descriptor, written < output.count ? .write : .read)
  }

  /// Does what can be done without waiting.
  func advance() {
    guard outcome == nil else { return }
    do throws(KernelError) {
      try write()
      if written == output.count { try read() }
      if outcome == nil, MonotonicClock.microseconds() >= deadline {
        throw KernelError(operation: "wait for an answer", errno: ErrorNumber.timedOut)
      }
    } catch {
      outcome = .failure(Failure("\(name): \(error)"))
    }
  }

  /// Waits until it is over.
  func result() throws(Failure) -> [UInt8] {
    while true {
      if let outcome { return try outcome.get() }
      var poll = PollSet()
      addInterest(to: &poll)
      do throws(KernelError) {
        _ = try poll.wait(until: deadline)
      } catch {
        throw Failure(error)
      }
      advance()
    }
  }

  private func write() throws(KernelError) {
    guard written < output.count else { return }
    guard let count = try connection.write(output, from: written) else {
      throw KernelError(operation: "send a request", errno: ErrorNumber.connectionRefused)
    }
    written += count
  }

  private func read() throws(KernelError) {
    switch try connection.read(into: &buffer) {
    case .nothingYet: return
    case .octets(let count):
      input += buffer[..<count]
      if input.count + answers.count > MeshSource.limit {
        throw KernelError(operation: "read an answer", errno: ErrorNumber.messageTooLong)
      }
      guard case .daemon = language else { return }
      while outcome == nil, let answer = nextAnswer() { try take(answer.lines, answer.status) }
    case .closed:
      guard case .web(_, let path) = language else {
        throw KernelError(operation: "read an answer", errno: ErrorNumber.connectionRefused)
      }
      outcome = .success(try Self.document(input, path))
    }
  }

  private func take(_ lines: [UInt8], _ status: String) throws(KernelError) {
    guard let greeting else {
      guard status == "ok" else {
        throw KernelError(operation: "talk to a daemon", errno: ErrorNumber.connectionRefused)
      }
      self.greeting = lines
      return askNext()
    }
    if isDump {
      outcome = .success(greeting + lines)
    } else if status == "bad" {
      // This is babeld, which knows fewer words.
      isDump = true
      send("dump")
    } else {
      answers += lines
      askNext()
    }
  }

  private func askNext() {
    if let question = questions.popFirst() {
      send(question)
    } else {
      outcome = .success(answers)
    }
  }

  private func send(_ line: String) {
    output += (line + "\n").utf8
  }

  /// The lines of an answer up to its status line, and the first word of that; nil if its end has
  /// not come yet.
  private func nextAnswer() -> (lines: [UInt8], status: String)? {
    while scanned < input.count {
      scanned += 1
      guard input[scanned - 1] == 0x0A else { continue }
      let line = input[start..<(scanned - 1)]
      for status in ["ok", "bad", "no"] where line.starts(with: status.utf8) {
        let next = line.dropFirst(status.utf8.count).first
        guard next == nil || next == 0x20 else { continue }
        let lines = Array(input[..<start])
        input.removeSubrange(..<scanned)
        (start, scanned) = (0, 0)
        return (lines, status)
      }
      start = scanned
    }
    return nil
  }

  /// What an answer of HTTP says.
  private static func document(_ answer: [UInt8], _ path: String) throws(KernelError) -> [UInt8] {
    let status = answer.prefix { $0 != 0x0D && $0 != 0x0A }.split(separator: 0x20)
    guard status.count > 1, status[1].elementsEqual("200".utf8) else {
      throw KernelError(operation: "get \(path)", errno: ErrorNumber.noEntry)
    }
    let mark = Array("\r\n\r\n".utf8)
    let end = answer.indices.first { answer[$0...].starts(with: mark) }
    return end.map { Array(answer[($0 + mark.count)...]) } ?? []
  }
}
