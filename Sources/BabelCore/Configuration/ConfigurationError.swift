/// Where configuration text came from.
public enum ConfigurationSource: Equatable, Sendable {
  /// A file with this name.
  case file([UInt8])
  /// `-C`.
  case commandLine
  /// The local configuration socket.
  case socket

  /// The name messages use.
  var name: String {
    switch self {
    case .file(let name): printable(name, limit: 4096)
    case .commandLine: "command line"
    case .socket: "socket"
    }
  }
}

/// The first thing that is wrong with a configuration.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The texts live behind one reference: errors pass through every function of the parser, and
  /// as a value of a dozen words they double its code.
  private final class Storage: Sendable {
    let source: ConfigurationSource
    let line: Int
    let column: Int
    let isIncomplete: Bool
    let found: String?
    let expected: String
    let suggestion: String?
    let hint: String?
    let preface: String?

    init(
      source: ConfigurationSource, line: Int, column: Int, isIncomplete: Bool, found: String?,
      expected: String, suggestion: String?, hint: String?, preface: String?
    ) {
      self.source = source
      self.line = line
      self.column = column
      self.isIncomplete = isIncomplete
      self.found = found
      self.expected = expected
      self.suggestion = suggestion
      self.hint = hint
      self.preface = preface
    }
  }

  private let storage: Storage

  /// Where the text came from.
  public var source: ConfigurationSource { storage.source }
  /// Line, from 1; 0 when the file could not be read at all.
  public var line: Int { storage.line }
  /// Column in octets, from 1; a tab counts as one.
  public var column: Int { storage.column }
  /// The offending word, made printable; nil when something is missing or the word may be a
  /// secret.
  public var found: String? { storage.found }
  /// Whether the statement ends where more is needed.
  public var isIncomplete: Bool { storage.isIncomplete }
  /// What should stand there instead, as a noun phrase.
  public var expected: String { storage.expected }
  /// A keyword that looks like what was meant.
  public var suggestion: String? { storage.suggestion }
  /// A sentence that helps further, for instance what replaced an old keyword.
  public var hint: String? { storage.hint }
  /// A line that babeld prints before its general one.
  public var preface: String? { storage.preface }

  init(
    source: ConfigurationSource, line: Int, column: Int, found: String? = nil,
    isIncomplete: Bool = false, expected: String
  ) {
    storage = Storage(
      source: source, line: line, column: column, isIncomplete: isIncomplete, found: found,
      expected: expected, suggestion: nil, hint: nil, preface: nil)
  }

  private init(_ storage: Storage) { self.storage = storage }

  /// The same error with more to say; nil leaves a text as it is.
  func adding(
    suggestion: String? = nil, hint: String? = nil, preface: String? = nil
  ) -> ConfigurationError {
    ConfigurationError(
      Storage(
        source: source, line: line, column: column, isIncomplete: isIncomplete, found: found,
        expected: expected, suggestion: suggestion ?? self.suggestion, hint: hint ?? self.hint,
        preface: preface ?? self.preface))
  }

  /// Octet by octet.
  public static func == (a: ConfigurationError, b: ConfigurationError) -> Bool {
    a.source == b.source && a.line == b.line && a.column == b.column
      && a.isIncomplete == b.isIncomplete && hasSameOctets(a.found, b.found)
      && hasSameOctets(a.expected, b.expected) && hasSameOctets(a.suggestion, b.suggestion)
      && hasSameOctets(a.hint, b.hint) && hasSameOctets(a.preface, b.preface)
  }

  /// A file that cannot be read; `reason` is the system's text for it.
  public static func unreadable(name: [UInt8], reason: String) -> ConfigurationError {
    ConfigurationError(source: .file(name), line: 0, column: 0, expected: "a readable file")
      .adding(hint: reason)
  }

  /// A key whose file is not fit for use; `reason` says why and does not show the key.
  public static func unusable(
    _ key: AuthenticationKey, _ file: [UInt8], _ reason: String, in source: ConfigurationSource
  ) -> ConfigurationError {
    ConfigurationError(source: source, line: 0, column: 0, expected: "a file with a key").adding(
      hint: "\(key): the file \(printable(file, limit: 255)) \(reason)")
  }

  /// babeld's own line, with the true line number.
  public var summary: String {
    switch source {
    case .file:
      "Couldn't parse configuration from file \(source.name) (error at line \(line))."
    case .commandLine: "Couldn't parse configuration from command line."
    case .socket: "Couldn't parse request."
    }
  }

  /// `NAME:LINE:COLUMN: …`, what is wrong in one line.
  public var detail: String {
    var text = line == 0 ? "\(source.name): " : "\(source.name):\(line):\(column): "
    if line == 0, let hint { return text + hint }
    if isIncomplete { text += "the line ends here, " }
    if let found { text += "found \"\(found)\", " }
    text += "expected \(expected)"
    if let suggestion { text += "; did you mean \"\(suggestion)\"?" }
    if let hint { text += " (\(hint))" }
    return text
  }

  /// All lines for standard error, without a newline at the end.
  public var description: String {
    guard let preface else { return "\(summary)\n\(detail)" }
    return "\(preface)\n\(summary)\n\(detail)"
  }
}

/// Something that is accepted but deserves a line in the log or in the answer to a check.
public struct ConfigurationWarning: Equatable, Sendable, CustomStringConvertible {
  /// What kind of remark it is.
  public enum Kind: UInt8, Equatable, Sendable {
    /// An old word that still works.
    case deprecated
    /// Accepted as babeld accepts it, but it does nothing or can never match.
    case withoutEffect
    /// babeld 1.14 would refuse the statement.
    case unknownToBabeld
    /// Legal, but surely not what is meant.
    case suspicious
    /// Does not fit to the machine it was checked on.
    case machine
  }

  /// Where the text came from.
  public let source: ConfigurationSource
  /// Line, from 1.
  public let line: Int
  /// Column in octets, from 1.
  public let column: Int
  /// What kind of remark it is.
  public let kind: Kind
  /// The remark.
  public let message: String

  /// Octet by octet.
  public static func == (a: ConfigurationWarning, b: ConfigurationWarning) -> Bool {
    a.source == b.source && a.line == b.line && a.column == b.column && a.kind == b.kind
      && hasSameOctets(a.message, b.message)
  }

  /// `NAME:LINE:COLUMN`, or without line and column where it is about the whole.
  /// Where it is.
  public var place: String { line == 0 ? source.name : "\(source.name):\(line):\(column)" }

  /// `NAME:LINE` of the statement.
  public var statementPlace: String { line == 0 ? source.name : "\(source.name):\(line)" }

  /// `NAME:LINE:COLUMN: warning: …`.
  public var description: String { "\(place): warning: \(message)" }

  /// The same for a log, which puts the level in front of each line.
  public var logLine: String { "\(place): \(message)" }
}

/// Octets from outside as text that is safe on a terminal: control characters and backslashes
/// become `\xNN`, what is not UTF-8 a replacement character; more than `limit` octets are cut
/// off with `…`.
func printable(_ octets: [UInt8], limit: Int) -> String {
  var text: [UInt8] = []
  var previous: UInt8 = 0
  for octet in octets.prefix(limit) {
    // U+0080 … U+009F, encoded as C2 80 … C2 9F, are control characters, too.
    let isControl = octet < 0x20 || octet == 0x7f || (previous == 0xc2 && octet < 0xa0)
    if isControl || octet == 0x5c {
      text += [0x5c, 0x78, hexDigit(octet >> 4), hexDigit(octet & 15)]
    } else {
      text.append(octet)
    }
    previous = octet
  }
  return String(decoding: text, as: UTF8.self) + (octets.count > limit ? "…" : "")
}

/// The lower-case hexadecimal digit (ASCII) of a value 0 … 15.
func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
