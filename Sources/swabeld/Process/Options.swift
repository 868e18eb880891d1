import BabelWire

/// One option of the command line, with babeld's letters, ranges and meanings.
enum Option: Equatable {
  /// `-m`.
  case multicastGroup(IPAddress)
  /// `-p`.
  case port(UInt16)
  /// `-h`, milliseconds.
  case wirelessHelloInterval(UInt32)
  /// `-H`, milliseconds.
  case wiredHelloInterval(UInt32)
  /// `-k`.
  case kernelPriority(UInt32)
  /// `-A`.
  case allowDuplicates(UInt16)
  /// `-r`.
  case randomRouterID
  /// `-S`.
  case stateFile([UInt8])
  /// `-d`.
  case debugLevel(Int)
  /// `-g` and `-G` with a port.
  case controlPort(UInt16, mayWrite: Bool)
  /// `-g` and `-G` with a path.
  case controlPath([UInt8], mayWrite: Bool)
  /// `-l`.
  case linkDetect
  /// `-w`.
  case assumeWireless
  /// `-M`, seconds.
  case smoothingHalfLife(UInt32)
  /// `-t`.
  case exportTable(UInt32)
  /// `-T`.
  case importTable(UInt32)
  /// `-c`.
  case configurationFile([UInt8])
  /// `-C`.
  case statement([UInt8])
  /// `-D`.
  case daemonise
  /// `-L`.
  case logFile([UInt8])
  /// `-I`; empty means none.
  case pidFile([UInt8])
}

/// The command line after it was read, and before it is applied.
///
/// Options are kept in the order given, because babeld applies them one by one: a bad `-C`
/// before `-V` ends the program before it prints its version.
struct CommandLineOptions {
  /// How reading ended.
  enum Ending {
    /// All options were read.
    case complete
    /// `-V` or `--version`.
    case version
    /// `--help`.
    case help
    /// An option is bad. The first text is written before version and usage, as babeld does; it may
    /// be missing. The second one is written after them, and says what is wrong or what replaced
    /// the option.
    case failure(String?, reason: String)
    /// A word is not taken for an interface. This alone is written, because babeld would have
    /// started.
    case refusal(String)
  }

  /// The options up to the end, or up to the first one that ends reading.
  private(set) var options: [Option] = []
  /// Interfaces named beside the options, in order.
  private(set) var interfaces: [InterfaceName] = []
  /// `--check`: say what is wrong with the configuration, and do nothing else.
  private(set) var checks = false
  /// `--explain`: print what the configuration comes to, and do nothing else.
  private(set) var explains = false
  /// `-s` was given.
  private(set) var hasIdleOption = false
  /// How reading ended.
  private(set) var ending = Ending.complete

  /// Whether all options were read.
  var isComplete: Bool { if case .complete = ending { true } else { false } }

  /// All words, the name of the program first.
  let words: [[UInt8]]
  private let program: String
  private var importTables = 0

  /// How many import tables may be named, as with babeld.
  private static let importTableLimit = 10

  /// Reads `arguments`, the first of which is the name of the program. As with GNU getopt,
  /// options and interfaces may be mixed, and `--` ends the options.
  init(_ arguments: [[UInt8]]) {
    words = arguments
    program = arguments.first.map { String(decoding: $0, as: UTF8.self) } ?? "swabeld"
    var index = 1
    var optionsEnded = false
    while index < arguments.count, isComplete {
      let octets = arguments[index]
      index += 1
      if optionsEnded || octets.first != minus || octets.count == 1 {
        addWord(octets, mayBeAnything: optionsEnded)
      } else if octets.count == 2, octets[1] == minus {
        optionsEnded = true
      } else if octets[1] == minus {
        readLongOption(octets)
      } else {
        readCluster(octets, following: arguments, &index)
      }
    }
  }

  /// Takes a word that is no option. It is an interface or, with `--check`, a file if it has a
  /// slash or ends as a configuration does. Behind `--` it may be a word of requests, too.
  private mutating func addWord(_ octets: [UInt8], mayBeAnything: Bool) {
    let ending = Array(".conf".utf8)
    if checks || explains, octets.contains(UInt8(ascii: "/")) || octets.suffix(5) == ending[...] {
      options.append(.configurationFile(octets))
    } else {
      addInterface(octets, mayBeAnything)
    }
  }

  private mutating func addInterface(_ octets: [UInt8], _ mayBeAnything: Bool) {
    if !mayBeAnything, let hint = CommandWord.hint(octets) {
      let text = String(decoding: octets, as: UTF8.self)
      ending = .refusal("'\(text)' is not taken for an interface: \(hint)")
    } else if let name = InterfaceName(octets: octets) {
      interfaces.append(name)
    } else {
      let text = String(decoding: octets, as: UTF8.self)
      ending = .failure(nil, reason: "'\(text)' is not the name of an interface")
    }
  }

  private mutating func readLongOption(_ octets: [UInt8]) {
    if octets == Array("--help".utf8) {
      ending = .help
    } else if octets == Array("--check".utf8) {
      checks = true
    } else if octets == Array("--explain".utf8) {
      explains = true
    } else if octets == Array("--version".utf8) {
      ending = .version
    } else {
      let text = String(decoding: octets, as: UTF8.self)
      ending = .failure(
        "\(program): unrecognized option '\(text)'",
        reason: "of long options there are --check, --explain, --help and --version")
    }
  }

  /// Reads letters after one minus; a letter that takes an argument takes the rest of the word
  /// or, if there is none, the next word.
  private mutating func readCluster(
    _ octets: [UInt8], following arguments: [[UInt8]], _ index: inout Int
  ) {
    var position = 1
    while position < octets.count, isComplete {
      let letter = octets[position]
      position += 1
      let shown = String(decoding: [letter], as: UTF8.self)
      guard Self.takesArgument(letter) else {
        if !readFlag(letter) {
          ending = .failure(
            "\(program): invalid option -- '\(shown)'", reason: RetiredOption.replacement(letter))
        }
        continue
      }
      let argument: [UInt8]
      if position < octets.count {
        argument = Array(octets[position...])
      } else if index < arguments.count {
        argument = arguments[index]
        index += 1
      } else {
        ending = .failure(
          "\(program): option requires an argument -- '\(shown)'",
          reason: "-\(shown) takes \(Self.expectation(letter))")
        return
      }
      if let option = Self.option(letter, argument), mayAdd(option) {
        options.append(option)
      } else {
        ending = refusal(letter, argument)
      }
      return
    }
  }

  /// What is wrong with the argument of an option.
  private func refusal(_ letter: UInt8, _ argument: [UInt8]) -> Ending {
    let text = String(decoding: argument, as: UTF8.self)
    let shown = String(decoding: [letter], as: UTF8.self)
    if letter == UInt8(ascii: "i") {
      return .failure(nil, reason: RetiredOption.replacement(letter))
    }
    if letter == UInt8(ascii: "T"), importTables > Self.importTableLimit {
      return .failure(nil, reason: "-T: at most \(Self.importTableLimit) import tables")
    }
    var first: String?
    if letter == UInt8(ascii: "m"), IPAddress(octets: argument) != nil {
      first = "\(text) is not a multicast address"
    }
    return .failure(
      first, reason: "-\(shown): found '\(text)', expected \(Self.expectation(letter))")
  }

  /// What an option takes.
  private static func expectation(_ letter: UInt8) -> String {
    switch letter {
    case UInt8(ascii: "m"): "an IPv6 multicast address"
    case UInt8(ascii: "p"): "a port from 1 to 65535"
    case UInt8(ascii: "h"), UInt8(ascii: "H"): "seconds from 0.001 to 655.35"
    case UInt8(ascii: "k"), UInt8(ascii: "A"): "a metric from 0 to 65535"
    case UInt8(ascii: "d"): "a debug level, 0 or more"
    case UInt8(ascii: "g"), UInt8(ascii: "G"):
      "a port from 1 to 65535, or a path that begins with /"
    case UInt8(ascii: "M"): "seconds from 0 to 3600"
    case UInt8(ascii: "t"), UInt8(ascii: "T"): "a table from 0 to 65535"
    case UInt8(ascii: "C"): "a statement"
    default: "the name of a file"
    }
  }

  private mutating func mayAdd(_ option: Option) -> Bool {
    if case .importTable = option { importTables += 1 }
    return importTables <= Self.importTableLimit
  }

  private mutating func readFlag(_ letter: UInt8) -> Bool {
    switch letter {
    case UInt8(ascii: "V"): ending = .version
    case UInt8(ascii: "r"): options.append(.randomRouterID)
    case UInt8(ascii: "l"): options.append(.linkDetect)
    case UInt8(ascii: "w"): options.append(.assumeWireless)
    case UInt8(ascii: "D"): options.append(.daemonise)
    case UInt8(ascii: "s"): hasIdleOption = true  // accepted by babeld, without effect
    default: return false
    }
    return true
  }

  private static func takesArgument(_ letter: UInt8) -> Bool {
    "mphHikASdgGMtTcCLI".utf8.contains(letter)
  }

  private static func option(_ letter: UInt8, _ octets: [UInt8]) -> Option? {
    switch letter {
    case UInt8(ascii: "m"):
      guard let group = IPAddress(octets: octets), group.family == .ipv6, group.isMulticast
      else { return nil }
      return .multicastGroup(group)
    case UInt8(ascii: "p"): return integer(octets, 1...65535).map { .port(UInt16($0)) }
    case UInt8(ascii: "h"): return milliseconds(octets).map { .wirelessHelloInterval($0) }
    case UInt8(ascii: "H"): return milliseconds(octets).map { .wiredHelloInterval($0) }
    case UInt8(ascii: "k"): return integer(octets, 0...65535).map { .kernelPriority(UInt32($0)) }
    case UInt8(ascii: "A"): return integer(octets, 0...65535).map { .allowDuplicates(UInt16($0)) }
    case UInt8(ascii: "S"): return .stateFile(octets)
    case UInt8(ascii: "d"): return integer(octets, 0...0x7FFF_FFFF).map { .debugLevel($0) }
    case UInt8(ascii: "g"): return control(octets, mayWrite: false)
    case UInt8(ascii: "G"): return control(octets, mayWrite: true)
    case UInt8(ascii: "M"): return integer(octets, 0...3600).map { .smoothingHalfLife(UInt32($0)) }
    case UInt8(ascii: "t"): return integer(octets, 0...65535).map { .exportTable(UInt32($0)) }
    case UInt8(ascii: "T"): return integer(octets, 0...65535).map { .importTable(UInt32($0)) }
    case UInt8(ascii: "c"): return .configurationFile(octets)
    case UInt8(ascii: "C"): return .statement(octets)
    case UInt8(ascii: "L"): return .logFile(octets)
    case UInt8(ascii: "I"): return .pidFile(octets)
    default: return nil
    }
  }

  private static func control(
    _ octets: [UInt8], mayWrite: Bool
  ) -> Option? {
    octets.first == UInt8(ascii: "/")
      ? .controlPath(octets, mayWrite: mayWrite)
      : integer(octets, 1...65535).map { .controlPort(UInt16($0), mayWrite: mayWrite) }
  }
}

private let minus = UInt8(ascii: "-")
