/// What a line of the log is about.
public enum LogTopic: UInt8, Equatable, Sendable, CaseIterable {
  /// Our interfaces.
  case interfaces
  /// Neighbours.
  case neighbours
  /// Routes, and prefixes that we redistribute.
  case routes
  /// What the kernel is asked and told.
  case kernel
  /// Packets that were dropped, and what was ignored in others.
  case packets
  /// Clients of the local socket.
  case socket
  /// Files and statements.
  case configuration
  /// The process: start, stop, files that it keeps.
  case process
}

/// How much the log has of each topic: what `log-level` says.
public struct LogLevels: Equatable, Sendable {
  private var levels: [NoticeLevel?] = []

  /// Everything as `debug` says.
  public init() {}

  /// The least important lines of a topic; nil means those of `debug`.
  public subscript(_ topic: LogTopic) -> NoticeLevel? {
    get { levels.isEmpty ? nil : levels[Int(topic.rawValue)] }
    set {
      if levels.isEmpty { levels = LogTopic.allCases.map { _ in nil } }
      levels[Int(topic.rawValue)] = newValue
      if levels.allSatisfy({ $0 == nil }) { levels = [] }
    }
  }
}

/// Topics in `log-level`.
enum LogTopicKeyword: KeywordText, ConfigurationKeyword {
  case interfaces, neighbours, routes, kernel, packets, socket, configuration, process, all
}

extension LogTopicKeyword {
  /// The topics that the word stands for.
  var topics: [LogTopic] {
    switch self {
    case .interfaces: [.interfaces]
    case .neighbours: [.neighbours]
    case .routes: [.routes]
    case .kernel: [.kernel]
    case .packets: [.packets]
    case .socket: [.socket]
    case .configuration: [.configuration]
    case .process: [.process]
    case .all: LogTopic.allCases
    }
  }
}

/// Levels in `log-level`.
enum LogLevelKeyword: KeywordText, ConfigurationKeyword {
  case debug, info, notice, warning, error, auto
}

extension LogLevelKeyword {
  /// The level; nil means that of `debug`.
  var level: NoticeLevel? {
    switch self {
    case .debug: .debug
    case .info: .info
    case .notice: .notice
    case .warning: .warning
    case .error: .error
    case .auto: nil
    }
  }
}

extension StatementParser {
  /// `log-level TOPIC LEVEL`, after the first word.
  mutating func parseLogLevel(at first: ConfigurationToken) throws(ConfigurationError) {
    warn(.unknownToBabeld, at: first, "babeld does not have this statement")
    let topics = try logTopics()
    let level = try logLevel()
    for topic in topics { configuration.logLevels[topic] = level }
  }

  private mutating func logTopics() throws(ConfigurationError) -> [LogTopic] {
    let token = try word(oneOf(LogTopicKeyword.words))
    guard let keyword = LogTopicKeyword(octets: token.octets) else {
      throw unknownWord(
        token, expected: oneOf(LogTopicKeyword.words), among: LogTopicKeyword.words)
    }
    return keyword.topics
  }

  private mutating func logLevel() throws(ConfigurationError) -> NoticeLevel? {
    let token = try word(oneOf(LogLevelKeyword.words))
    guard let keyword = LogLevelKeyword(octets: token.octets) else {
      throw unknownWord(
        token, expected: oneOf(LogLevelKeyword.words), among: LogLevelKeyword.words)
    }
    return keyword.level
  }
}

extension Configuration {
  /// The values of `log-level`.
  var logLevelTexts: [[UInt8]] {
    LogTopicKeyword.allCases.compactMap { keyword in
      guard keyword != .all, let topic = keyword.topics.first, let level = logLevels[topic],
        let word = LogLevelKeyword.allCases.first(where: { $0.level == level })
      else { return nil }
      return Array("\(keyword.text) \(word.text)".utf8)
    }
  }
}
