import BabelCore
import BabelKernel
import Foundation
import Testing

@testable import swabeld

private func words(_ text: String) -> [[UInt8]] {
  text.split(separator: " ").map { Array($0.utf8) }
}

@Suite struct `Command line of the client` {
  private func line(_ text: String) throws -> ClientCommandLine {
    guard case .request(let line) = ClientCommandLine.read(words(text)) else {
      throw Unexpected(reading: ClientCommandLine.read(words(text)))
    }
    return line
  }

  private struct Unexpected: Error { let reading: ClientCommandLine.Reading }

  @Test func `options end at the first word of the request`() throws {
    let line = try line("-s /run/x --timeout 3 -c /etc/x stop --keep-routes -s y")
    #expect(line.socket == .path(Array("/run/x".utf8)))
    #expect(line.file == Array("/etc/x".utf8))
    #expect(line.timeout == 3)
    #expect(line.request == Array("stop --keep-routes -s y".utf8))
    #expect(line.isFirst("stop") && !line.isFirst("stop --keep-routes"))
    #expect(try self.line("-- -x y").request == Array("-x y".utf8))
  }

  @Test func `a number is a port`() throws {
    #expect(try line("-s 33123 dump").socket == .port(33123))
    #expect(try line("-s 65535 dump").socket == .port(65535))
    #expect(try line("-s run.sock dump").socket == .path(Array("run.sock".utf8)))
  }

  @Test func `what waits for a process may take longer`() throws {
    for word in ["stop", "restart", "reload", " stop --keep-routes"] {
      #expect(try line(word).timeout == 60)
    }
    for word in ["dump", "interface stop", "monitor"] { #expect(try line(word).timeout == 10) }
    #expect(try line("--timeout 5 restart").timeout == 5)
  }

  @Test(arguments: [
    "", "-s", "-s 0 dump", "-s 65536 dump", "-s 99999999999999999999 dump", "-c", "--timeout",
    "--timeout 0 dump", "--timeout x dump", "-x dump", "--socket dump", "--", "#",
  ])
  func `mistakes are told`(text: String) {
    guard case .mistake = ClientCommandLine.read(words(text)) else {
      Issue.record("\(text) is taken")
      return
    }
  }

  @Test func `a request is one line that the daemon takes`() {
    func reading(_ request: [UInt8]) -> ClientCommandLine.Reading {
      ClientCommandLine.read([request])
    }
    guard case .mistake = reading(Array("dump\nstop".utf8)) else {
      Issue.record("two lines are taken")
      return
    }
    guard case .mistake = reading([UInt8](repeating: 0x61, count: RequestLines.limit + 1)),
      case .request = reading([UInt8](repeating: 0x61, count: RequestLines.limit))
    else {
      Issue.record("the limit is not \(RequestLines.limit)")
      return
    }
  }

  @Test func `it is asked for by name or by the first word`() {
    func client(_ text: String) -> String? {
      ControlClient.words(words(text)).map { words in
        words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
      }
    }
    #expect(client("/usr/sbin/swabelctl dump") == "dump")
    #expect(client("swabelctl") == "")
    #expect(client("swabeld ctl -s x dump") == "-s x dump")
    #expect(client("swabeld ctl") == "")
    for word in [
      "dump", "monitor", "show", "status", "explain", "events", "metrics", "flush", "reload",
      "restart", "stop", "trace", "capture", "watch", "top",
    ] {
      #expect(client("swabeld \(word)") == word)
      #expect(CommandWord.hint(Array(word.utf8)) != nil, "\(word) elsewhere")
    }
    for other in ["swabeld", "swabeld eth0", "swabeld routes", "swabeld -D stop"] {
      #expect(client(other) == nil, "\(other)")
    }
  }

  @Test func `help fits a terminal, and says which places are tried`() throws {
    let help = ClientUsage.syntax + ClientUsage.help
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
    for name in ["swabelctl.bash", "_swabelctl"] {
      let completion = try page("../packaging/completions/\(name)")
      for word in [
        "dump", "monitor", "show", "flush", "reload", "restart", "stop", "trace", "capture",
        "watch",
      ] {
        #expect(completion.contains(word), "\(name): \(word)")
        #expect(help.contains("\n  \(word)") || help.contains("    \(word) "), "\(word)")
      }
    }
    let manual = try page("swabelctl.8")
    for path in SocketSearch.usualPaths { #expect(manual.contains(path), "\(path)") }
    #expect(manual.contains("port \(SocketSearch.usualPort)"))
    #expect(manual.contains(SocketSearch.variable))
  }
}

@Suite struct `Search for the socket` {
  private func place(_ text: String) -> String? {
    switch SocketSearch.place(inConfiguration: Array(text.utf8)) {
    case .path(let path): String(decoding: path, as: UTF8.self)
    case .port(let port): "\(port)"
    case nil: nil
    }
  }

  @Test func `the last statement about it counts`() {
    #expect(place("interface x\nlocal-path /run/a\n  local-port-readwrite 33 # b\n") == "33")
    #expect(place("local-path-readwrite \"/run/a b\"") == "/run/a b")
    #expect(place("interface local-path\n# local-port 4\n") == nil)
  }

  @Test func `mistakes elsewhere do not hide it`() {
    let text = "nonsense\ninterface x rxcost many\nlocal-path /run/a\nlocal-port x\n"
    #expect(place(text) == "/run/a")
    #expect(place("\u{0}\u{FFFF}\nlocal-port 99999999999\n") == nil)
  }

  private func search(_ text: String, variable: String? = nil) throws -> SocketSearch {
    guard case .request(let line) = ClientCommandLine.read(words(text)) else { throw NoLine() }
    return try SocketSearch(line, variable: variable)
  }

  private struct NoLine: Error {}

  @Test func `options count before the variable, and that before usual places`() throws {
    let path = NSTemporaryDirectory() + "swabeld-conf-\(UInt64.random(in: 0 ... .max))"
    try FileSystem.createExclusively(path, Array("local-port 4000\n".utf8))
    #expect(try search("-s 1 -c \(path) dump", variable: "/run/v").places == [.port(1)])
    #expect(try search("-c \(path) dump", variable: "/run/v").places == [.port(4000)])
    #expect(try search("dump", variable: "/run/v").places == [.path(Array("/run/v".utf8))])
    #expect(try search("dump", variable: "7").origin == "named by SWABELD_SOCKET")
    try FileSystem.remove(path)
    #expect(throws: SocketSearch.Failure.self) { try search("-c \(path) dump") }
    #expect(throws: SocketSearch.Failure.self) { try search("-c /dev/null dump") }
  }

  @Test func `what stands in the way is told with a cure`() throws {
    var places = UnreachedPlaces(try search("-s /run/x dump"))
    let missing = KernelError(operation: "connect", errno: ErrorNumber.noEntry)
    places.add(.path(Array("/run/x".utf8)), missing)
    #expect(places.description.contains("no socket /run/x (named by -s)"))
    let forbidden = KernelError(operation: "connect", errno: ErrorNumber.accessDenied)
    places.add(.path(Array("/run/x".utf8)), forbidden)
    #expect(places.description.contains("/run/x: this user may not use it"))
    #expect(places.description.contains("socket-group"))
  }
}

@Suite struct `Requests that end a life` {
  private func request(_ text: String) -> ProcessRequest? { ProcessRequest(Array(text.utf8)) }

  @Test func `blanks and comments do not matter`() {
    #expect(request(" stop\r") == .stop(keepsRoutes: false))
    #expect(request("stop\t--keep-routes # now") == .stop(keepsRoutes: true))
    #expect(request("restart") == .restart)
  }

  @Test(arguments: ["", "#stop", "stop now", "stop --keep-routes x", "restart now", "stopp"])
  func `other lines are not taken for them`(text: String) { #expect(request(text) == nil) }

  @Test func `the note for the program after this one is for this process alone`() {
    for isInBackground in [true, false] {
      let octets = ProgramRestart.text(123, isInBackground: isInBackground)
      let text = String(decoding: octets, as: UTF8.self)
      #expect(ProgramRestart(text, process: 123)?.isInBackground == isInBackground)
      #expect(ProgramRestart(text, process: 12) == nil)
    }
    for text in ["", "123", "123 background x", "x background"] {
      #expect(ProgramRestart(text, process: 123) == nil)
    }
  }

  @Test func `a restart is refused if the next life would not begin`() throws {
    func settings(_ words: [String]) throws -> Settings {
      try Settings.read(
        CommandLineOptions((["swabeld", "-c", "/dev/null"] + words).map { Array($0.utf8) }))
    }
    func obstacle(_ now: [String], _ next: [String]) throws -> String? {
      ProgramRestart.obstacle(try settings(now), successors: try settings(next))
    }
    #expect(try obstacle(["l0"], ["l0"]) == nil)
    #expect(try obstacle(["l0"], [])?.contains("no interface is named") == true)
    let withoutRights = ProgramRestart.obstacle(try settings(["-C", "user nobody", "l0"]))
    #expect(withoutRights?.contains("systemctl restart") == true)
    #expect(ProgramRestart.obstacle(try settings(["l0"])) == nil)
    let unknown = ["-C", "socket-group nobody-of-that-name", "l0"]
    #expect(try obstacle(["l0"], unknown) != nil)
  }
}
