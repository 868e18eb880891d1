import BabelCore
import BabelWire

/// A table that can be shown.
enum ShownTable: CaseIterable {
  case interfaces, neighbours, routes, exported, sources, requests, limits, load, gateways
  case wireguard

  /// Words that stand for it.
  fileprivate var words: [String] {
    switch self {
    case .interfaces: ["interfaces", "interface"]
    case .neighbours: ["neighbours", "neighbors", "neighbour", "neighbor"]
    case .routes: ["routes", "route"]
    case .exported: ["exported", "xroutes"]
    case .sources: ["sources"]
    case .requests: ["requests"]
    case .limits: ["limits"]
    case .load: ["load"]
    case .gateways: ["gateways", "gateway"]
    case .wireguard: ["wireguard"]
    }
  }

  /// Which rows can be chosen by the addresses of neighbours, by interfaces, by prefixes.
  fileprivate var selectors: (neighbour: Bool, interface: Bool, prefix: Bool) {
    switch self {
    case .interfaces, .gateways, .wireguard: (false, true, false)
    case .neighbours: (true, true, false)
    case .routes: (true, true, true)
    case .exported, .sources, .requests: (false, false, true)
    case .limits, .load: (false, false, false)
    }
  }
}

/// Prefixes that are asked for.
struct PrefixChoice: Equatable {
  /// How they stand to the one that is named.
  enum Relation: Equatable {
    /// The same.
    case exact
    /// The same, and those inside it.
    case longer
    /// The same, and those around it.
    case shorter
  }

  let prefix: Prefix
  var relation = Relation.exact

  func contains(_ other: Prefix) -> Bool {
    switch relation {
    case .exact: other == prefix
    case .longer: prefix.contains(other)
    case .shorter: other.contains(prefix)
    }
  }
}

/// A request to show a table: `show TABLE [PREFIX] [--json] [-w] [--neighbour A] [--interface N]
/// [--prefix P] [--longer|--shorter]`.
struct ShowQuery {
  let table: ShownTable
  private(set) var form = TableForm.aligned
  private(set) var neighbour: IPAddress?
  private(set) var interface: InterfaceName?
  private(set) var prefix: PrefixChoice?

  /// What a line comes to.
  enum Reading {
    /// Something else.
    case other
    /// A request for a table.
    case query(ShowQuery)
    /// A request that is wrong, with the reason.
    case mistake(String)
  }

  /// Reads a line.
  static func read(_ request: [UInt8]) -> Reading {
    let words = RequestLines.words(request)
    guard words.count >= 2, words[0].elementsEqual("show".utf8),
      let table = ShownTable.allCases.first(where: { table in
        table.words.contains { matches($0, words[1]) }
      })
    else { return .other }
    var query = ShowQuery(table: table)
    do throws(ShowMistake) {
      try query.take(words.dropFirst(2))
    } catch {
      return .mistake(error.reason)
    }
    return .query(query)
  }

  private init(table: ShownTable) { self.table = table }

  private mutating func take(_ words: ArraySlice<ArraySlice<UInt8>>) throws(ShowMistake) {
    var rest = words
    var relation = PrefixChoice.Relation.exact
    while let word = rest.popFirst() {
      if Self.matches("--json", word) {
        form = .json
      } else if Self.matches("-w", word) || Self.matches("--wide", word) {
        form = .wide
      } else if Self.matches("--longer", word) {
        relation = .longer
      } else if Self.matches("--shorter", word) {
        relation = .shorter
      } else if Self.matches("--neighbour", word) || Self.matches("--neighbor", word) {
        guard table.selectors.neighbour, let value = rest.popFirst() else {
          throw ShowMistake("--neighbour takes an address, for neighbours and routes")
        }
        neighbour = try Self.address(value)
      } else if Self.matches("--interface", word) {
        guard table.selectors.interface, let value = rest.popFirst(),
          let name = InterfaceName(octets: value)
        else {
          throw ShowMistake(
            "--interface takes a name, for interfaces, neighbours, routes, gateways and wireguard")
        }
        interface = name
      } else if Self.matches("--prefix", word) {
        guard let value = rest.popFirst() else { throw ShowMistake("--prefix takes a prefix") }
        try choose(value)
      } else {
        try choose(word)
      }
    }
    if relation != .exact {
      guard prefix != nil else { throw ShowMistake("--longer and --shorter need a prefix") }
      prefix?.relation = relation
    }
  }

  private mutating func choose(_ word: ArraySlice<UInt8>) throws(ShowMistake) {
    guard word.first != UInt8(ascii: "-") else {
      throw ShowMistake("there is no option \(String(decoding: word, as: UTF8.self))")
    }
    guard table.selectors.prefix, prefix == nil else {
      throw ShowMistake("\(String(decoding: word, as: UTF8.self)) is one word too many")
    }
    prefix = PrefixChoice(prefix: try Self.prefix(word))
  }

  /// A prefix; an address stands for itself.
  static func prefix(_ word: ArraySlice<UInt8>) throws(ShowMistake) -> Prefix {
    let text = String(decoding: word, as: UTF8.self)
    if word.elementsEqual("default".utf8) { return .ipv6Default }
    if let prefix = Prefix(text) { return prefix }
    guard let address = IPAddress(text),
      let prefix = Prefix(address, length: address.family == .ipv4 ? 32 : 128)
    else { throw ShowMistake("\(text) is no prefix and no address") }
    return prefix
  }

  static func address(_ word: ArraySlice<UInt8>) throws(ShowMistake) -> IPAddress {
    let text = String(decoding: word, as: UTF8.self)
    guard let address = IPAddress(text) else { throw ShowMistake("\(text) is no address") }
    return address
  }

  static func matches(_ word: String, _ octets: ArraySlice<UInt8>) -> Bool {
    octets.elementsEqual(word.utf8)
  }
}

/// What is wrong with a request, in words for an operator.
struct ShowMistake: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}
