import BabelWire

/// Finds the first rule of a chain for a destination. Looked at are only rules whose prefix holds
/// the destination, and rules without a prefix, so a chain of thousands of prefixes costs hardly
/// more than one of ten.
struct RuleIndex: Sendable {
  /// The prefixes of rules, in order, each once.
  private let prefixes: [Prefix]
  /// Where the rules of each prefix begin in ``numbers``; the last one is where they end.
  private let starts: [Int]
  /// The numbers of rules with a prefix: by prefix, then ascending.
  private let numbers: [Int]
  /// The lengths of the prefixes, in the terms of ``Prefix/mappedLength``.
  private let lengths: [UInt8]
  /// Hash table of ``prefixes``: one more than the place of a prefix, at the slot of its hash or
  /// the next free one behind it; zero in free slots. These are at least as many as those in use.
  private let slots: [UInt32]
  /// The numbers of rules without a prefix, ascending.
  private let others: [Int]

  /// Looks at the rules of a chain.
  init(_ rules: [FilterRule]) {
    var found: [(prefix: Prefix, number: Int)] = []
    var others: [Int] = []
    for (number, rule) in rules.enumerated() {
      if let prefix = rule.destination {
        found.append((prefix, number))
      } else {
        others.append(number)
      }
    }
    found = found.ordered { ($0.prefix, $0.number) < ($1.prefix, $1.number) }
    var prefixes: [Prefix] = []
    var starts: [Int] = []
    var occurs = [Bool](repeating: false, count: 129)
    for (place, entry) in found.enumerated() where prefixes.last != entry.prefix {
      prefixes.append(entry.prefix)
      starts.append(place)
      occurs[Int(entry.prefix.mappedLength)] = true
    }
    self.prefixes = prefixes
    self.starts = starts + [found.count]
    numbers = found.map { $0.number }
    lengths = (0...128).filter { occurs[Int($0)] }
    slots = Self.slots(of: prefixes)
    self.others = others
  }

  /// The least number of a rule that matches, nil if none does. `matches` is asked of rules that
  /// can match the destination.
  func first(for destination: Prefix, where matches: (Int) -> Bool) -> Int? {
    var best: Int?
    for length in lengths where length <= destination.mappedLength {
      let outer = Prefix(mapped: destination.address, mappedLength: length)
      guard let place = place(of: outer) else { continue }
      best = first(of: numbers[starts[place]..<starts[place + 1]], before: best, matches)
    }
    return first(of: others[...], before: best, matches)
  }

  /// The first of ascending numbers that matches, if it is less than `best`; else `best`.
  private func first(
    of numbers: ArraySlice<Int>, before best: Int?, _ matches: (Int) -> Bool
  ) -> Int? {
    for number in numbers {
      if let best, number > best { return best }
      if matches(number) { return number }
    }
    return best
  }

  private static func slots(of prefixes: [Prefix]) -> [UInt32] {
    var count = 2
    while count < 2 * prefixes.count { count *= 2 }
    var slots = [UInt32](repeating: 0, count: count)
    for (place, prefix) in prefixes.enumerated() {
      var slot = Self.slot(of: prefix, among: count)
      while slots[slot] != 0 { slot = (slot + 1) & (count - 1) }
      slots[slot] = UInt32(place + 1)
    }
    return slots
  }

  /// Where to look for a prefix among so many slots, a power of two.
  private static func slot(of prefix: Prefix, among count: Int) -> Int {
    let hash = HashIndex.mix(
      prefix.address.high, prefix.address.low, UInt64(prefix.mappedLength), key: 1)
    return Int(truncatingIfNeeded: hash & UInt64(count - 1))
  }

  private func place(of prefix: Prefix) -> Int? {
    var slot = Self.slot(of: prefix, among: slots.count)
    while slots[slot] != 0 {
      let place = Int(slots[slot]) - 1
      if prefixes[place] == prefix { return place }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }
}
