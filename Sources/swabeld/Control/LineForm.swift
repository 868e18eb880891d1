import BabelCore

/// How lines of the control socket are written: in which dialect, with which prices.
struct LineForm {
  /// Whose dialect it is.
  var dialect = SocketDialect.babel
  /// Althea's `fee` and `metric-factor`, as the node has them.
  var pricing = Pricing()

  /// The first words of the banner.
  var protocolName: String { dialect == .althea ? "ALTHEA 0.1" : "BABEL 1.0" }

  /// What stands at the beginning of a dump.
  var preamble: String {
    dialect == .althea ? "local fee \(pricing.fee)\nmetric factor \(pricing.metricFactor)\n" : ""
  }

  func append(_ event: TableEvent, _ status: InterfaceStatus, to text: inout [UInt8]) {
    StatusLine.append(event, status, to: &text)
  }

  func append(_ event: TableEvent, _ status: NeighbourStatus, to text: inout [UInt8]) {
    StatusLine.append(event, status, in: dialect, to: &text)
  }

  func append(_ event: TableEvent, _ status: OriginatedStatus, to text: inout [UInt8]) {
    StatusLine.append(event, status, to: &text)
  }

  func append(_ event: TableEvent, _ status: RouteStatus, to text: inout [UInt8]) {
    StatusLine.append(event, status, in: dialect, fee: pricing.fee, to: &text)
  }

  /// The line of a change of a table row; empty for any other notice.
  func line(_ notice: Notice) -> [UInt8] {
    var line: [UInt8] = []
    switch notice {
    case .interface(let event, let status): append(event, status, to: &line)
    case .neighbour(let event, let status): append(event, status, to: &line)
    case .originated(let event, let status): append(event, status, to: &line)
    case .route(let event, let status): append(event, status, to: &line)
    case .packetDropped, .packetUnverified, .senderAuthenticated, .tlvIgnored,
      .neighbourRestarted, .limitReached, .seqnoIncreased, .recovered, .starving,
      .neighbourChanged, .neighbourHealed, .routesChanged:
      break
    }
    return line
  }
}

extension LineForm {
  /// The form that a configuration asks for.
  init(_ configuration: Configuration) {
    self.init(dialect: configuration.socketDialect, pricing: configuration.pricing)
  }
}

/// A request that only a dialect other than babeld's knows.
enum DialectRequest: Equatable {
  /// A part of `dump`.
  case dump(DumpScope)
  /// Althea's `fee N`.
  case fee(UInt32)
  /// Althea's `metric-factor N`.
  case metricFactor(UInt32)

  /// Whether a read-only connection may ask for it.
  var isReadOnly: Bool { if case .dump = self { true } else { false } }

  /// Reads a request; nil if the dialect does not have it.
  init?(_ request: [UInt8], in dialect: SocketDialect) {
    guard dialect != .babel, dialect != .swabeld else { return nil }
    let words = RequestLines.words(request).map { String(decoding: $0, as: UTF8.self) }
    guard let first = words.first else { return nil }
    if dialect == .althea {
      guard words.count == 2, let number = UInt32(words[1]) else { return nil }
      if first.utf8.elementsEqual("fee".utf8) {
        self = .fee(number)
      } else if first.utf8.elementsEqual("metric-factor".utf8) {
        self = .metricFactor(number)
      } else {
        return nil
      }
    } else {
      guard words.count == 1, let scope = Self.scope(first) else { return nil }
      self = .dump(scope)
    }
  }

  /// AREDN's parts of a dump by the words that ask for them.
  static let scopes: [(String, DumpScope)] = [
    ("dump-interfaces", DumpScope(interfaces: true)),
    ("dump-neighbors", DumpScope(neighbours: true)),
    ("dump-routable-neighbors", DumpScope(neighbours: true, onlyRoutable: true)),
    ("dump-installed-routes", DumpScope(routes: true, onlyInstalled: true)),
    ("dump-xroutes", DumpScope(originated: true)),
  ]

  private static func scope(_ word: String) -> DumpScope? {
    scopes.first { $0.0.utf8.elementsEqual(word.utf8) }?.1
  }
}
