import BabelWire
import TestSupport
import Testing

@testable import BabelCore

@Suite struct `Filters: chains of many rules` {
  /// A prefix of few addresses and many lengths, so that prefixes often lie in each other.
  private func prefix(_ chance: inout Chance) -> Prefix {
    let isIPv4 = chance.below(3) == 0
    let bits =
      UInt64(chance.below(4)) << 30 | UInt64(chance.below(4)) << 8 | UInt64(chance.below(4))
    let address =
      isIPv4
      ? IPAddress(ipv4: UInt32(truncatingIfNeeded: bits))
      : IPAddress(high: 0x2001_0DB8_0000_0000 | bits, low: bits)
    return Prefix(
      mapped: address, mappedLength: UInt8(isIPv4 ? 96 + chance.below(33) : chance.below(129)))
  }

  private func rule(_ chance: inout Chance) -> FilterRule {
    var rule = FilterRule()
    if chance.below(8) > 0 { rule.destination = prefix(&chance) }
    if chance.below(3) == 0 { rule.family = chance.below(2) == 0 ? .ipv4 : .ipv6 }
    if chance.below(3) == 0 {
      rule.destinationLength = LengthRange(atLeast: chance.below(128), atMost: chance.below(129))
    }
    if chance.below(2) == 0 { rule.routerID = RouterID(UInt64(1 + chance.below(4))) }
    return rule
  }

  private func subject(_ chance: inout Chance) -> FilterSubject {
    let destination = prefix(&chance)
    var subject = FilterSubject(destination: destination, source: .any(destination.family))
    subject.routerID = RouterID(UInt64(1 + chance.below(4)))
    return subject
  }

  @Test func `the first match is the same as when every rule is tried`() {
    var chance = Chance(seed: 7)
    var (matches, misses) = (0, 0)
    for _ in 0..<300 {
      let rules = (0..<chance.below(200)).map { _ in rule(&chance) }
      var chain = FilterChain(rules)
      chain.prepare()
      for _ in 0..<50 {
        let subject = subject(&chance)
        let expected = rules.firstIndex { $0.matches(subject) }
        #expect(chain.firstMatch(subject) == expected)
        if expected == nil { misses += 1 } else { matches += 1 }
      }
    }
    #expect(matches > 1000 && misses > 500, "\(matches) \(misses)")
  }

  @Test func `rules that come and go after the preparation count`() {
    var chain = FilterChain((0..<20).map { _ in FilterRule() })
    for number in chain.rules.indices { chain.rules[number].destination = Prefix("10.0.0.0/8") }
    let subject = FilterSubject(
      destination: Prefix("2001:db8::/32") ?? .ipv6Default, source: .ipv6Default)
    chain.prepare()
    #expect(chain.firstMatch(subject) == nil)
    chain.rules.append(FilterRule())
    #expect(chain.firstMatch(subject) == 20)
    chain.prepare()
    chain.rules.removeLast()
    #expect(chain.firstMatch(subject) == nil)
  }

  @Test func `of ten thousand prefixes few are looked at`() {
    let rules = (0..<10_000).map { number in
      var rule = FilterRule()
      rule.destination = Prefix(
        mapped: IPAddress(high: 0x2001_0DB8 << 32 | UInt64(number) << 8, low: 0),
        mappedLength: 56)
      return rule
    }
    let index = RuleIndex(rules)
    for number in stride(from: 0, to: 10_000, by: 97) {
      var looked = 0
      let subject = FilterSubject(
        destination: Prefix(
          mapped: IPAddress(high: 0x2001_0DB8 << 32 | UInt64(number) << 8 | 1, low: 0),
          mappedLength: 64), source: .ipv6Default)
      let found = index.first(for: subject.destination) {
        looked += 1
        return rules[$0].matches(subject)
      }
      #expect(found == number && looked == 1)
    }
  }
}
