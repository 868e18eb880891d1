import BabelCore

/// The command line of `swabelctl`, and of `swabeld ctl`.
struct ClientCommandLine: Equatable {
  /// What the command line comes to.
  enum Reading: Equatable {
    /// A request to a daemon.
    case request(ClientCommandLine)
    /// `-h` or `--help`.
    case help
    /// `-V` or `--version`.
    case version
    /// Something is wrong, in words for an operator.
    case mistake(String)
  }

  /// `-s`: the daemon's socket.
  private(set) var socket: LocalServer.Endpoint?
  /// `-c`: the configuration that names the socket.
  private(set) var file: [UInt8]?
  /// The words for the daemon, with a blank between them.
  private(set) var request: [UInt8] = []
  /// The same words, one by one.
  private(set) var words: [[UInt8]] = []
  private var chosenTimeout: Int?

  /// Seconds that some requests may take: they wait for a daemon that ends or starts, or that reads
  /// its configuration.
  private static let longTimeout = 60
  /// Seconds that all others may take between two pieces of an answer.
  private static let usualTimeout = 10

  /// Seconds that the daemon has.
  var timeout: Int {
    if let chosenTimeout { return chosenTimeout }
    let slow = ["reload", "restart", "rule", "stop"]
    return slow.contains(where: isFirst) ? Self.longTimeout : Self.usualTimeout
  }

  /// Whether this is the first word of the request.
  func isFirst(_ word: String) -> Bool {
    RequestLines.words(request).first?.elementsEqual(word.utf8) ?? false
  }

  /// Reads the words behind the name of the program. Options end at the first word that is none,
  /// because the words for the daemon may begin with a minus, too.
  static func read(_ words: [[UInt8]]) -> Reading {
    var line = ClientCommandLine()
    var index = 0
    while index < words.count, words[index].first == UInt8(ascii: "-"), words[index].count > 1 {
      let option = String(decoding: words[index], as: UTF8.self)
      let value = index + 1 < words.count ? words[index + 1] : nil
      index += 2
      switch Array(words[index - 2]) {
      case Array("-h".utf8), Array("--help".utf8): return .help
      case Array("-V".utf8), Array("--version".utf8): return .version
      case Array("--".utf8):
        return line.takeRequest(words[(index - 1)...])
      case Array("-s".utf8):
        guard let value, let socket = endpoint(value) else {
          return .mistake("-s takes the path of a socket, or a port from 1 to 65535")
        }
        line.socket = socket
      case Array("-c".utf8):
        guard let value else { return .mistake("-c takes the name of a file") }
        line.file = value
      case Array("--timeout".utf8):
        guard let value, let seconds = CommandLineOptions.integer(value, 1...3600) else {
          return .mistake("--timeout takes seconds from 1 to 3600")
        }
        line.chosenTimeout = seconds
      default:
        return .mistake("there is no option \(option)")
      }
    }
    return line.takeRequest(words[min(index, words.count)...])
  }

  private mutating func takeRequest(_ words: ArraySlice<[UInt8]>) -> Reading {
    for word in words {
      if !request.isEmpty { request.append(0x20) }
      request += word
    }
    guard !RequestLines.words(request).isEmpty else { return .mistake("a request is missing") }
    guard !request.contains(0x0A) else { return .mistake("a request is one line") }
    guard request.count <= RequestLines.limit else {
      return .mistake("a request has at most \(RequestLines.limit) octets")
    }
    // Whoever quotes the whole request gives one word with blanks in it.
    self.words = words.count == 1 ? RequestLines.words(request).map { Array($0) } : Array(words)
    return .request(self)
  }

  /// A number is a port, anything else a path; nil for what is neither.
  static func endpoint(_ octets: [UInt8]) -> LocalServer.Endpoint? {
    guard !octets.isEmpty else { return nil }
    guard octets.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return .path(octets) }
    var port = 0
    for octet in octets.prefix(6) { port = port * 10 + Int(octet - 0x30) }
    return (1...65535).contains(port) ? .port(UInt16(port)) : nil
  }
}
