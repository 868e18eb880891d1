import BabelWire

/// One request on the local configuration socket.
public enum RuntimeCommand: Equatable, Sendable {
  /// Nothing but blanks or a comment: `ok`.
  case empty
  /// `dump`.
  case dump
  /// `monitor`.
  case monitor
  /// `unmonitor`.
  case unmonitor
  /// `show counters`.
  case counters
  /// `quit`.
  case quit
  /// `flush interface NAME`; nil when no interface can have that name.
  case flushInterface(InterfaceName?)
  /// `interface NAME …` with the fields the statement sets.
  case interface(InterfaceName, InterfaceSettings)
  /// `interface PATTERN …` likewise.
  case pattern(InterfacePattern, InterfaceSettings)
  /// `flush interface PATTERN`.
  case flushPattern(InterfacePattern)
  /// `default …`.
  case defaults(InterfaceSettings)
  /// `key …`.
  case key(AuthenticationKey)
  /// `redistribute …`, which AREDN's dialect alone takes while running.
  case redistribute(FilterRule)
  /// Any other statement of a file: the configuration with it.
  case configuration(Configuration)
  /// `link-detect B`, nil for `auto`.
  case linkDetect(Bool?)
  /// `smoothing-half-life N` in seconds.
  case smoothingHalfLife(UInt32)
  /// `log-file S`.
  case logFile([UInt8])
  /// `reopen-logfile`.
  case reopenLogFile
  /// Unknown, malformed, or not allowed while running.
  case bad(ConfigurationError)

  /// Whether a read-only connection may ask for it; everything else is answered with `bad`.
  public var isReadOnly: Bool {
    switch self {
    case .empty, .dump, .monitor, .unmonitor, .counters, .quit: true
    case .flushInterface, .interface, .pattern, .flushPattern, .defaults, .key, .redistribute,
      .configuration, .linkDetect, .smoothingHalfLife, .logFile, .reopenLogFile, .bad:
      false
    }
  }
}
