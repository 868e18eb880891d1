import BabelCore
import BabelWire

/// First words of requests. One list for three purposes: what a port takes, which words are no
/// names of interfaces on the command line, and what is said of a request that is malformed.
enum RequestWord {
  /// Requests that everybody on this machine may make of a read-write port: those that only show
  /// something, and those by which known clients of babeld add interfaces and change costs. None of
  /// them names a file or a program. What is not in this list is refused there.
  private static let open =
    "dump monitor unmonitor quit show status metrics explain events path interface default flush "
    + "link-detect smoothing-half-life reopen-logfile drain undrain neighbour-cost"

  /// Further requests that babeld does not have.
  private static let further = "trace capture rule reload confirm restart stop"

  /// What the client does by itself, with answers to other requests.
  private static let ofClient = "watch top ping"

  /// Words behind `show`.
  private static let shown =
    "interfaces neighbours routes exported sources requests limits load gateways counters rules "
    + "config graph events"

  /// Whether everybody may make a request that begins so.
  static func isOpen(_ word: ArraySlice<UInt8>) -> Bool { contains(open, word) }

  /// Whether a request or a statement begins so.
  static func isKnown(_ word: ArraySlice<UInt8>) -> Bool {
    contains(open, word) || contains(further, word) || contains(ofClient, word)
      || ConfigurationParser.isFirstWord(Array(word))
  }

  /// Whether `show` takes the word.
  static func isShown(_ word: ArraySlice<UInt8>) -> Bool { contains(shown, word) }

  /// All words but those of statements.
  static var all: [String] { [open, further, ofClient].flatMap(words) }

  /// All words behind `show`.
  static var allShown: [String] { words(shown) }

  /// What the request takes that a line begins; nil if it is none of ours.
  static func usage(_ line: [UInt8]) -> String? {
    guard let first = RequestLines.words(line).first else { return nil }
    return usages.first { first.elementsEqual($0.word.utf8) }?.usage
  }

  private static let usages: [(word: String, usage: String)] = [
    ("drain", "drain takes an interface or all, and for SECONDS, up to 31536000"),
    ("undrain", "undrain takes an interface or all, which were drained"),
    (
      "neighbour-cost",
      "neighbour-cost takes ADDRESS and a cost from 0 to 65534, and for SECONDS, up to 31536000"
    ),
    (
      "rule",
      "rule takes add CHAIN, at N, and a rule, or remove CHAIN N; chains are in, out, "
        + "redistribute, install"
    ),
    ("reload", "reload takes nothing, --dry-run, or --confirm SECONDS, up to 86400"),
    ("confirm", "confirm takes nothing more"),
    ("restart", "restart takes nothing more"),
    ("stop", "stop takes nothing, or --keep-routes"),
    ("status", "status takes nothing, or --json"),
    ("metrics", "metrics takes nothing more"),
    ("events", "events takes --follow; what happened before is told by show events"),
    ("quit", "quit takes nothing more"),
    (
      "show",
      "show takes interfaces, neighbours, routes, exported, sources, requests, limits, load or "
        + "gateways with options, counters, rules, graph with --netjson or --dot, events with "
        + "neighbour ADDRESS, interface NAME or prefix PREFIX, config with --secrets or --diff"
    ),
  ]

  private static func words(_ list: String) -> [String] {
    list.utf8.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether a word is one of a list, which has blanks between words.
  static func contains(_ list: String, _ word: ArraySlice<UInt8>) -> Bool {
    var rest: ArraySlice<UInt8>? = word
    for octet in list.utf8 {
      if octet == 0x20 {
        if rest?.isEmpty == true { return true }
        rest = word
      } else if rest?.popFirst() != octet {
        rest = nil
      }
    }
    return rest?.isEmpty == true
  }
}

extension ClientRights {
  /// What a client may do with a line, before it is known whether it makes sense.
  enum Verdict {
    /// It is looked at. A read-only socket refuses what changes something when it is known.
    case granted
    /// It decides about the whole daemon, names files or programs, or touches keys.
    case refused
    /// Nobody knows it.
    case unknown
  }

  /// Whether a line may be looked at. Only a read-write port that is not trusted makes a
  /// difference.
  func verdict(on line: [UInt8], in configuration: Configuration) -> Verdict {
    guard isReadWrite, !isTrusted, let first = RequestLines.words(line).first else {
      return .granted
    }
    let dialect = configuration.socketDialect
    if DialectRequest(line, in: dialect) != nil { return .granted }
    if dialect == .aredn, first.elementsEqual("redistribute".utf8) { return .granted }
    guard RequestWord.isOpen(first) else {
      return RequestWord.isKnown(first) ? .refused : .unknown
    }
    // Keys, and files that are read and quoted.
    if let show = ShowRequest(line), show != .configuration { return .refused }
    switch ConfigurationParser.parseRuntime(line: line, configuration: configuration) {
    case .interface(_, let parameters), .pattern(_, let parameters), .defaults(let parameters):
      return parameters.areAboutKeys ? .refused : .granted
    case .empty, .dump, .monitor, .unmonitor, .counters, .quit, .flushInterface, .flushPattern,
      .linkDetect, .smoothingHalfLife, .reopenLogFile, .bad:
      return .granted
    case .redistribute: return dialect == .aredn ? .granted : .refused
    case .key, .configuration, .logFile: return .refused
    }
  }
}
