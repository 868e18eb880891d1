import BabelKernel

/// A place where what a node says is read: a file, the local socket of a daemon, or the port where
/// it serves its metrics.
struct MeshSource {
  private enum Place {
    case file(String)
    case socket(String)
    case port(UInt16)
    case web(port: UInt16, path: String)
  }

  private let place: Place
  private let name: String

  /// The most octets that are read of one source.
  private static let limit = 256 << 20
  /// What is asked of a daemon. Together the answers say all that can be drawn.
  private static let requests = [
    "status --json", "show graph --netjson", "show interfaces --json", "show neighbours --json",
    "show routes --json",
  ]

  /// Reads the name of a source.
  init(_ name: String) throws(Failure) {
    self.name = name
    if name == "-" {
      place = .file("/dev/stdin")
    } else if name.hasPrefix("http://") {
      place = try Self.web(name)
    } else if name.hasPrefix("[::1]:"), let port = UInt16(name.dropFirst(6)) {
      place = .port(port)
    } else if FileSystem.kind(of: name) == .socket {
      place = .socket(name)
    } else {
      place = .file(name)
    }
  }

  private static func web(_ name: String) throws(Failure) -> Place {
    let rest = name.dropFirst("http://".count)
    let authority = rest.prefix { $0 != "/" }
    let path = String(rest.dropFirst(authority.count))
    for host in ["[::1]:", "localhost:"] where authority.hasPrefix(host) {
      if let port = UInt16(authority.dropFirst(host.count)) {
        return .web(port: port, path: path.isEmpty || path == "/" ? "/metrics" : path)
      }
    }
    throw Failure("\(name): only http://[::1]:PORT can be read, where daemons serve their metrics")
  }

  /// What the node says.
  func octets() throws(Failure) -> [UInt8] {
    do throws(KernelError) {
      switch place {
      case .file(let path): return try FileSystem.read(path, limit: Self.limit)
      case .socket(let path): return try ask(LocalConnection(path: path))
      case .port(let port): return try ask(LocalConnection(port: port))
      case .web(let port, let path): return try get(path, LocalConnection(port: port))
      }
    } catch {
      throw Failure("\(name): \(error)")
    }
  }

  private func ask(_ connection: consuming LocalConnection) throws(KernelError) -> [UInt8] {
    var talk = LocalTalk(connection, limit: Self.limit)
    let greeting = try talk.answer()
    guard greeting.status == "ok" else {
      throw KernelError(operation: "talk to a daemon", errno: ErrorNumber.connectionRefused)
    }
    var result: [UInt8] = []
    for request in Self.requests {
      try talk.send(request + "\n")
      let answer = try talk.answer()
      if answer.status == "bad" {
        // This is babeld, which knows fewer words.
        try talk.send("dump\n")
        return try greeting.lines + talk.answer().lines
      }
      result += answer.lines
    }
    return result
  }

  private func get(
    _ path: String, _ connection: consuming LocalConnection
  ) throws(KernelError) -> [UInt8] {
    var talk = LocalTalk(connection, limit: Self.limit)
    let port = if case .web(let port, _) = place { port } else { UInt16(0) }
    try talk.send("GET \(path) HTTP/1.0\r\nHost: [::1]:\(port)\r\n\r\n")
    let answer = try talk.rest()
    let status = answer.prefix { $0 != 0x0D && $0 != 0x0A }.split(separator: 0x20)
    guard status.count > 1, status[1].elementsEqual("200".utf8) else {
      throw KernelError(operation: "get \(path)", errno: ErrorNumber.noEntry)
    }
    let mark = Array("\r\n\r\n".utf8)
    let end = answer.indices.first { answer[$0...].starts(with: mark) }
    return end.map { Array(answer[($0 + mark.count)...]) } ?? []
  }
}

/// A connection that is waited for: requests and answers, line by line.
struct LocalTalk: ~Copyable {
  private let connection: LocalConnection
  private var input: [UInt8] = []
  private var buffer = [UInt8](repeating: 0, count: 65536)
  private let limit: Int
  private let deadline: Int64

  /// Microseconds that the other side has for everything.
  private static let patience: Int64 = 30_000_000

  /// Takes over a connection, of which at most so many octets are read.
  init(_ connection: consuming LocalConnection, limit: Int) {
    self.connection = connection
    self.limit = limit
    deadline = MonotonicClock.microseconds() + Self.patience
  }

  private func wait(for interest: PollSet.Interest) throws(KernelError) {
    while true {
      var poll = PollSet()
      let index = poll.add(connection.descriptor, interest)
      _ = try poll.wait(until: deadline)
      if poll.isReadable(index) || poll.isWritable(index) { return }
      if MonotonicClock.microseconds() >= deadline {
        throw KernelError(operation: "wait for an answer", errno: ErrorNumber.timedOut)
      }
    }
  }

  /// Sends text.
  mutating func send(_ text: String) throws(KernelError) {
    let octets = Array(text.utf8)
    var start = 0
    while start < octets.count {
      try wait(for: .write)
      guard let count = try connection.write(octets, from: start) else {
        throw KernelError(operation: "send a request", errno: ErrorNumber.connectionRefused)
      }
      start += count
    }
  }

  /// Reads more. Returns false at the end.
  private mutating func receive() throws(KernelError) -> Bool {
    while true {
      try wait(for: .read)
      switch try connection.read(into: &buffer) {
      case .octets(let count):
        input += buffer[..<count]
        if input.count > limit {
          throw KernelError(operation: "read an answer", errno: ErrorNumber.messageTooLong)
        }
        return true
      case .nothingYet: continue
      case .closed: return false
      }
    }
  }

  /// All that comes until the other side closes.
  mutating func rest() throws(KernelError) -> [UInt8] {
    while try receive() {}
    return input
  }

  /// The lines of an answer up to its status line, and the first word of that.
  mutating func answer() throws(KernelError) -> (lines: [UInt8], status: String) {
    var (start, scanned) = (0, 0)
    while true {
      while scanned < input.count {
        defer { scanned += 1 }
        guard input[scanned] == 0x0A else { continue }
        let line = input[start..<scanned]
        for status in ["ok", "bad", "no"] {
          guard line.starts(with: status.utf8) else { continue }
          let next = line.dropFirst(status.utf8.count).first
          guard next == nil || next == 0x20 else { continue }
          let lines = Array(input[..<start])
          input.removeSubrange(...scanned)
          return (lines, status)
        }
        start = scanned + 1
      }
      guard try receive() else {
        throw KernelError(operation: "read an answer", errno: ErrorNumber.connectionRefused)
      }
    }
  }
}
