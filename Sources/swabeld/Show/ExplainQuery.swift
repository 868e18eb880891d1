import BabelCore
import BabelWire

/// A request to explain something: `explain PREFIX`, `explain out PREFIX`, `explain neighbour
/// ADDRESS`, `explain interface NAME`.
enum ExplainQuery {
  /// Which routes there are to a prefix, and why one of them is used and the others are not.
  case routes(Prefix)
  /// To whom a prefix is announced.
  case announcements(Prefix)
  /// What is missing between a neighbour and us.
  case neighbour(IPAddress)
  /// What is missing on an interface.
  case interface(InterfaceName)

  /// What a line comes to.
  enum Reading {
    /// Another request.
    case other
    case query(ExplainQuery)
    /// It is wrong, for this reason.
    case mistake(String)
  }

  /// Reads a line.
  static func read(_ request: [UInt8]) -> Reading {
    let words = RequestLines.words(request)
    guard let first = words.first, ShowQuery.matches("explain", first) else { return .other }
    do throws(ShowMistake) {
      switch words.count {
      case 2: return .query(.routes(try ShowQuery.prefix(words[1])))
      case 3: return .query(try read(words[1], words[2]))
      default: break
      }
    } catch {
      return .mistake(error.reason)
    }
    return .mistake(usage)
  }

  private static let usage =
    "explain takes a prefix, or: out PREFIX, neighbour ADDRESS, interface NAME"

  private static func read(
    _ kind: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>
  ) throws(ShowMistake) -> ExplainQuery {
    if ShowQuery.matches("out", kind) { return .announcements(try ShowQuery.prefix(value)) }
    if ShowQuery.matches("neighbour", kind) || ShowQuery.matches("neighbor", kind) {
      return .neighbour(try ShowQuery.address(value))
    }
    if ShowQuery.matches("interface", kind) {
      guard let name = InterfaceName(octets: value) else {
        throw ShowMistake("\(String(decoding: value, as: UTF8.self)) is no name of an interface")
      }
      return .interface(name)
    }
    throw ShowMistake(usage)
  }
}

extension Daemon {
  /// Executes a request; returns the lines of the answer.
  func answer(to query: ExplainQuery, at now: Instant) -> String {
    switch query {
    case .routes(let prefix): return routesExplained(prefix, at: now) + "ok\n"
    case .announcements(let prefix): return announcementsExplained(prefix, at: now) + "ok\n"
    case .neighbour(let address):
      let accounts = node.neighbourAccounts(at: now).filter { $0.status.address == address }
      guard !accounts.isEmpty else { return strangerExplained(address) + "ok\n" }
      return accounts.map { neighbourExplained($0, at: now) }.joined(separator: "\n") + "ok\n"
    case .interface(let name): return interfaceExplained(name, at: now) + "ok\n"
    }
  }

  /// `rule 3 (/etc/babeld.conf:12: in ip 10.0.0.0/8 deny)`.
  func ruleText(_ number: Int, of chain: FilterChainName) -> String {
    let rules = node.rules(of: chain)
    guard rules.indices.contains(number) else { return "rule \(number + 1)" }
    let rule = rules[number].rule
    let place = settings.configuration.description(of: rule.position)
    let statement = String(decoding: rule.statement(of: chain), as: UTF8.self)
    return "\(place): \(statement)"
  }
}
