import BabelCore
import BabelWire

/// Configurations, and what their filters decide.
enum Files {
  private static func parsed(_ text: String) -> Configuration {
    var configuration = Configuration()
    do throws(ConfigurationError) {
      try ConfigurationParser.parse(
        file: Array(text.utf8), name: "measured", into: &configuration)
    } catch {
      StepCost.fail(error.description)
    }
    return configuration
  }

  // MARK: Filters

  /// Rules have prefixes of three lengths.
  private static func prefix(_ rule: Int) -> Prefix {
    Prefix(
      mapped: IPAddress(high: 0x2001_0000_0000_0000 | UInt64(rule) << 24, low: 0),
      mappedLength: [40, 48, 56][rule % 3])
  }

  /// Asks a chain of so many rules about destinations, each of which one rule is for.
  static func decide(_ chain: String, _ count: Int) {
    let action = ["in": "deny", "out": "metric 16", "install": "table 100"][chain] ?? "metric 128"
    var text = ""
    for rule in 0..<count { text += "\(chain) ip \(prefix(rule)) \(action)\n" }
    let filters = parsed(text).filters
    var rules =
      switch chain {
      case "in": filters.input
      case "out": filters.output
      case "install": filters.install
      default: filters.redistribute
      }
    rules.prepare()
    let prepared = rules
    let numbers = (0..<StepCost.count).map { $0 * 7919 % count }
    let subjects = numbers.map { number in
      var subject = FilterSubject(
        destination: Prefix(mapped: prefix(number).address, mappedLength: 64),
        source: .any(.ipv6))
      subject.interface = InterfaceName("l0")
      subject.neighbour = Listener.near
      subject.routerID = RouterID(1)
      if chain == "redistribute" { subject.kernelProtocol = 4 }
      return subject
    }
    var right = 0
    StepCost.measure(StepCost.count) {
      for (number, subject) in zip(numbers, subjects)
      where prepared.firstMatch(subject) == number {
        right += 1
      }
    }
    guard right == StepCost.count else { StepCost.fail("\(right) decisions are right") }
  }

  // MARK: Reading

  /// Reads a file of so many lines, of all kinds that are frequent.
  static func read(_ count: Int) {
    var text = ""
    for i in 0..<count { text += line(i) }
    var rules = 0
    StepCost.measure(count) { rules = parsed(text).filters.install.rules.count }
    guard rules == count / 5 else { StepCost.fail("\(rules) rules were read") }
  }

  private static func line(_ i: Int) -> String {
    let group = String(i / 10, radix: 16)
    return switch i % 10 {
    case 0: "# The link of number \(i), which is a tunnel.\n"
    case 1: "interface wg\(group) type tunnel rxcost 96 hello-interval 4 link-quality true\n"
    case 2: "in if wg\(group) ip fd00:\(group)::/32 le 64 allow\n"
    case 3: "in if wg\(group) deny\n"
    case 4: "out if wg\(group) ip 10.0.0.0/8 ge 16 le 24 metric 64\n"
    case 5: "redistribute ip 10.\(i / 10 & 255).7.0/24 eq 24 metric 128\n"
    case 6: "redistribute local if wg\(group) deny\n"
    case 7: "install ip fd00:\(group)::/32 pref-src fd00:\(group)::1\n"
    case 8: "install ip 2001:db8:\(group)::/48 table 100\n"
    default: "\n"
    }
  }
}
