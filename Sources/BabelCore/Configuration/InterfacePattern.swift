import BabelWire

/// A pattern of interface names: `*` stands for any octets, also none. `interface wg-*` runs on
/// every interface that has such a name, as they come and go.
public struct InterfacePattern: Equatable, Sendable, CustomStringConvertible {
  /// The pattern as written.
  public let octets: [UInt8]

  private static let star = UInt8(ascii: "*")
  /// Octets that stand for themselves; a name has no more.
  private static let literalLimit = InterfaceName.maximumLength
  /// Most octets in all.
  private static let lengthLimit = 31

  /// Makes a pattern; nil if the text has no `*`, is too long for any name to match, or holds
  /// octets that no name has.
  public init?(octets: [UInt8]) {
    guard octets.count <= Self.lengthLimit, octets.contains(Self.star) else { return nil }
    let literals = octets.filter { $0 != Self.star }
    guard literals.count <= Self.literalLimit,
      literals.isEmpty || InterfaceName(octets: literals) != nil
    else { return nil }
    self.octets = octets
  }

  /// Whether a name fits. The loopback interface has to be kept apart by the caller.
  public func matches(_ name: InterfaceName) -> Bool { Self.matches(octets, name.octets) }

  /// Whether a text fits to a pattern in which stars stand for any octets.
  static func matches(_ octets: [UInt8], _ text: [UInt8]) -> Bool {
    var position = 0
    var index = 0
    // Where to go on when what follows the last star does not fit: one octet further.
    var retry: (position: Int, index: Int)?
    while index < text.count {
      if position < octets.count, octets[position] == star {
        retry = (position + 1, index)
        position += 1
      } else if position < octets.count, octets[position] == text[index] {
        position += 1
        index += 1
      } else if let last = retry {
        retry = (last.position, last.index + 1)
        (position, index) = (last.position, last.index + 1)
      } else {
        return false
      }
    }
    return octets[position...].allSatisfy { $0 == star }
  }

  /// The pattern as text that is safe on a terminal.
  public var description: String { printable(octets, limit: Self.lengthLimit) }
}

/// One `interface` statement with a pattern.
public struct ConfiguredPattern: Equatable, Sendable {
  /// The pattern.
  public let pattern: InterfacePattern
  /// What its own statements say.
  public var settings: InterfaceSettings
  /// Where it was first mentioned. Not part of what is compared.
  public let position: ConfigurationPosition?

  /// Whether both say the same, wherever they say it.
  public static func == (a: ConfiguredPattern, b: ConfiguredPattern) -> Bool {
    a.pattern == b.pattern && a.settings == b.settings
  }
}

extension Configuration {
  /// Most patterns; each is compared with each interface that comes.
  static let patternLimit = 1000

  /// Whether any interface is named, or may come by a pattern.
  public var namesInterfaces: Bool { !interfaces.isEmpty || !patterns.isEmpty }

  /// Whether a statement names this interface, not only by a pattern.
  public func names(_ name: InterfaceName) -> Bool { interfaces.contains { $0.name == name } }

  /// Whether a pattern asks to run on an interface.
  public func matchesPattern(_ name: InterfaceName) -> Bool {
    patterns.contains { $0.pattern.matches(name) }
  }

  /// Adds or merges an `interface` statement with a pattern; false if there are too many.
  @discardableResult
  public mutating func merge(
    _ settings: InterfaceSettings, into pattern: InterfacePattern,
    at position: ConfigurationPosition? = nil
  ) -> Bool {
    if let index = patterns.firstIndex(where: { $0.pattern == pattern }) {
      patterns[index].settings.override(with: settings)
      return true
    }
    guard patterns.count < Self.patternLimit else { return false }
    patterns.append(ConfiguredPattern(pattern: pattern, settings: settings, position: position))
    return true
  }

  /// Forgets a pattern, as `flush interface` does at run time; false if it is not there.
  @discardableResult
  public mutating func removePattern(_ pattern: InterfacePattern) -> Bool {
    guard let index = patterns.firstIndex(where: { $0.pattern == pattern }) else { return false }
    patterns.remove(at: index)
    return true
  }

  /// What patterns say about an interface; of two that set the same, the later one counts.
  func patternSettings(for name: InterfaceName) -> InterfaceSettings {
    var result = InterfaceSettings()
    for entry in patterns where entry.pattern.matches(name) {
      result.override(with: entry.settings)
    }
    return result
  }
}
