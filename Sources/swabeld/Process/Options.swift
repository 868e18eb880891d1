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

/// The command line, read but not yet applied.
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
    /// A bad option; the text precedes the usage.
    case failure(String?)
  }

  /// Options up to the end or the first that ends reading.
  private(set) var options: [Option] = []
  /// Interfaces named beside the options, in order.
  private(set) var interfaces: [InterfaceName] = []
  /// How reading ended.
  private(set) var ending = Ending.complete

  /// Whether all options were read.
  var isComplete: Bool { if case .complete = ending { true } else { false } }

  private let program: String
  private var importTables = 0

  /// More import tables than this are a mistake (babeld's limit).
  private static let importTableLimit = 10

  /// Reads `arguments`, the first of which is the name of the program. As with GNU getopt,
  /// options and interfaces may be mixed, and `--` ends the options.
  init(_ arguments: [[UInt8]]) {
    program = arguments.first.map { String(decoding: $0, as: UTF8.self) } ?? "swabeld"
    var index = 1
    var optionsEnded = false
    while index < arguments.count, isComplete {
      let octets = arguments[index]
      index += 1
      if optionsEnded || octets.first != minus || octets.count == 1 {
        addInterface(octets)
      } else if octets.count == 2, octets[1] == minus {
        optionsEnded = true
      } else if octets[1] == minus {
        readLongOption(octets)
      } else {
        readCluster(octets, following: arguments, &index)
      }
    }
  }

  private mutating func addInterface(_ octets: [UInt8]) {
    if let name = InterfaceName(octets: octets) {
      interfaces.append(name)
    } else {
      let text = String(decoding: octets, as: UTF8.self)
      ending = .failure("\(program): not an interface name -- '\(text)'")
    }
  }

  private mutating func readLongOption(_ octets: [UInt8]) {
    if octets == Array("--help".utf8) {
      ending = .help
    } else if octets == Array("--version".utf8) {
      ending = .version
    } else {
      let text = String(decoding: octets, as: UTF8.self)
      ending = .failure("\(program): unrecognized option '\(text)'")
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
        if !readFlag(letter) { ending = .failure("\(program): invalid option -- '\(shown)'") }
        continue
      }
      let argument: [UInt8]
      if position < octets.count {
        argument = Array(octets[position...])
      } else if index < arguments.count {
        argument = arguments[index]
        index += 1
      } else {
        ending = .failure("\(program): option requires an argument -- '\(shown)'")
        return
      }
      if let option = Self.option(letter, argument), mayAdd(option) {
        options.append(option)
      } else {
        let text = String(decoding: argument, as: UTF8.self)
        ending = .failure("\(program): bad argument of option -\(shown) -- '\(text)'")
      }
      return
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
    case UInt8(ascii: "s"): break  // accepted by babeld, without effect
    default: return false
    }
    return true
  }

  private static func takesArgument(_ letter: UInt8) -> Bool {
    "mphHkASdgGMtTcCLI".utf8.contains(letter)
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
