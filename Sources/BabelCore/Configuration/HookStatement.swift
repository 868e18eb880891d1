/// Something that a program can be run on, see `hook`.
public enum HookEvent: UInt8, Equatable, Sendable, CaseIterable {
  /// A neighbour can be used: its link has a finite cost.
  case neighbourUp
  /// It cannot be used any more, or is gone.
  case neighbourDown
  /// Babel runs on an interface.
  case interfaceUp
  /// It does not any more.
  case interfaceDown
  /// A default route was learned and is selected.
  case defaultRouteGained
  /// None is any more.
  case defaultRouteLost
  /// A problem lasts.
  case problemFound
  /// It is over.
  case problemOver
  /// The uplink of a gateway works.
  case gatewayUp
  /// It does not any more.
  case gatewayDown

  /// The word of the configuration language.
  public var word: String { HookKeyword(self).text }

  /// Whether something is worse than before. The last part of the word says so.
  public var isLoss: Bool {
    let last = word.utf8.reversed().prefix { $0 != UInt8(ascii: "-") }.reversed()
    return last.elementsEqual("down".utf8) || last.elementsEqual("lost".utf8)
      || last.elementsEqual("found".utf8)
  }
}

/// A program that is run on an event.
public struct Hook: Equatable, Sendable {
  /// The event.
  public let event: HookEvent
  /// The path of the program, which begins with a slash.
  public let program: [UInt8]
}

/// Values of `hook`.
enum HookKeyword: KeywordText, ConfigurationKeyword {
  case neighbourUp = "neighbour-up"
  case neighbourDown = "neighbour-down"
  case interfaceUp = "interface-up"
  case interfaceDown = "interface-down"
  case defaultRouteGained = "default-route-gained"
  case defaultRouteLost = "default-route-lost"
  case problemFound = "problem-found"
  case problemOver = "problem-over"
  case gatewayUp = "gateway-up"
  case gatewayDown = "gateway-down"
}

extension HookKeyword {
  /// The word for an event.
  init(_ event: HookEvent) {
    self =
      switch event {
      case .neighbourUp: .neighbourUp
      case .neighbourDown: .neighbourDown
      case .interfaceUp: .interfaceUp
      case .interfaceDown: .interfaceDown
      case .defaultRouteGained: .defaultRouteGained
      case .defaultRouteLost: .defaultRouteLost
      case .problemFound: .problemFound
      case .problemOver: .problemOver
      case .gatewayUp: .gatewayUp
      case .gatewayDown: .gatewayDown
      }
  }
}

extension Configuration {
  /// Most hooks. More are a mistake.
  public static let hookLimit = 64

  /// What each `hook` says behind its first word.
  var hookValues: [[UInt8]] {
    hooks.map { hook in
      Array(hook.event.word.utf8) + [0x20] + StatementText.quoted(hook.program)
    }
  }
}

extension StatementParser {
  /// `EVENT PROGRAM`.
  mutating func parseHook(at first: ConfigurationToken) throws(ConfigurationError) {
    let token = try word(oneOf(HookKeyword.words))
    let words = HookEvent.allCases.map { $0.word }
    guard let event = HookEvent.allCases.first(where: { $0.word.utf8.elementsEqual(token.octets) })
    else { throw unknownWord(token, expected: oneOf(words), among: words) }
    let before = reader
    let program = try path()
    guard program.first == UInt8(ascii: "/") else {
      reader = before
      let expected = "the path of a program, from / on"
      throw reader.error(at: try word(expected), expected: expected)
    }
    guard configuration.hooks.count < Configuration.hookLimit else {
      throw reader.error(at: first, expected: "at most \(Configuration.hookLimit) hooks")
    }
    configuration.hooks.append(Hook(event: event, program: program))
  }
}
