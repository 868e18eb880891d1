/// Whose dialect the control socket speaks, see `socket-dialect`.
public enum SocketDialect: UInt8, Equatable, Sendable {
  /// babeld's.
  case babel
  /// That of AREDN's patched babeld: partial dumps, next hop and table of routes.
  case aredn
  /// That of Althea's fork: another banner, fee, price and path round-trip time.
  case althea
  /// babeld's, and what only we know: the jitter of a neighbour.
  case swabeld
}

/// Who may use the Unix control socket: what `socket-mode`, `socket-owner` and `socket-group` say.
public struct SocketAccess: Equatable, Sendable {
  /// Permission bits, 0 … 0o777; nil means by the mask of the process, as in babeld.
  public var mode: UInt32?
  /// Name or number of the owner; nil means whoever started the daemon.
  public var owner: [UInt8]?
  /// Name or number of the group; nil likewise.
  public var group: [UInt8]?

  /// As in babeld.
  public init() {}
}

extension Configuration {
  /// Whether another configuration has the same local socket, with the same rights.
  public func hasLocalSocket(like other: Configuration) -> Bool {
    localServer == other.localServer && socketAccess == other.socketAccess
      && trustsLocalPort == other.trustsLocalPort
  }

  /// Whether another configuration serves metrics at the same place, to the same users.
  public func hasMetrics(like other: Configuration) -> Bool {
    metricsServer == other.metricsServer && socketAccess == other.socketAccess
  }

  /// Takes over the local socket of another configuration, that for metrics, and who may use them.
  public mutating func copyLocalSocket(from other: Configuration) {
    localServer = other.localServer
    socketAccess = other.socketAccess
    trustsLocalPort = other.trustsLocalPort
    metricsServer = other.metricsServer
  }
}

/// First words of the statements about the process that babeld does not have.
enum ProcessKeyword: KeywordText, ConfigurationKeyword {
  case user
  case socketMode = "socket-mode"
  case socketOwner = "socket-owner"
  case socketGroup = "socket-group"
  case socketDialect = "socket-dialect"
  case trustLocalPort = "trust-local-port"
  case metricsPort = "metrics-port"
  case metricsPath = "metrics-path"
  case hook
}

/// Values of `socket-dialect`.
enum DialectKeyword: KeywordText, ConfigurationKeyword {
  case babel, aredn, althea, swabeld
}

extension DialectKeyword {
  /// The word for a dialect.
  init(_ dialect: SocketDialect) {
    self =
      switch dialect {
      case .babel: .babel
      case .aredn: .aredn
      case .althea: .althea
      case .swabeld: .swabeld
      }
  }
}

extension StatementParser {
  /// Parses the value of a statement about the process.
  mutating func parseProcess(
    _ keyword: ProcessKeyword, at first: ConfigurationToken
  ) throws(ConfigurationError) {
    warn(.unknownToBabeld, at: first, "babeld does not have this statement")
    switch keyword {
    case .user: configuration.user = try word("the name of a user").octets
    case .socketMode: configuration.socketAccess.mode = try permissions()
    case .socketOwner: configuration.socketAccess.owner = try word("the name of a user").octets
    case .socketGroup: configuration.socketAccess.group = try word("the name of a group").octets
    case .socketDialect: configuration.socketDialect = try dialect()
    case .trustLocalPort: configuration.trustsLocalPort = try boolean() ?? false
    case .metricsPort:
      configuration.metricsServer = .port(UInt16(try number(1...Int64(UInt16.max))))
    case .metricsPath: configuration.metricsServer = .path(try path())
    case .hook: try parseHook(at: first)
    }
    try endStatement()
  }

  /// Permission bits: always octal, as `chmod` takes them.
  private mutating func permissions() throws(ConfigurationError) -> UInt32 {
    let expected = "permissions as an octal number, such as 0660"
    let token = try word(expected)
    var mode: UInt32 = 0
    for octet in token.octets {
      guard octet >= 0x30, octet <= 0x37, mode <= 0o77 else {
        throw reader.error(at: token, expected: expected)
      }
      mode = mode * 8 + UInt32(octet - 0x30)
    }
    guard !token.octets.isEmpty else { throw reader.error(at: token, expected: expected) }
    return mode
  }

  private mutating func dialect() throws(ConfigurationError) -> SocketDialect {
    let token = try word(oneOf(DialectKeyword.words))
    switch DialectKeyword(octets: token.octets) {
    case .babel: return .babel
    case .aredn: return .aredn
    case .althea: return .althea
    case .swabeld: return .swabeld
    case nil:
      throw unknownWord(
        token, expected: oneOf(DialectKeyword.words), among: DialectKeyword.words)
    }
  }
}
