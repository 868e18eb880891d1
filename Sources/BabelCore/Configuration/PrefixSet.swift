import BabelWire

/// A named set of prefixes for filters. A lookup takes a binary search for each length that occurs
/// in the set, however many prefixes there are.
public struct PrefixSet: Equatable, Sendable {
  /// Prefixes inside one, of certain lengths.
  struct Entry: Equatable, Sendable {
    /// What they are inside of, or equal to.
    let prefix: Prefix
    /// Their lengths.
    var lengths: LengthRange

    /// By prefix, then by length.
    static func isBefore(_ a: Entry, _ b: Entry) -> Bool {
      a.prefix == b.prefix ? a.lengths.atLeast < b.lengths.atLeast : a.prefix < b.prefix
    }
  }

  /// Most prefixes of a set.
  static let limit = 10_000

  /// The name.
  public let name: [UInt8]
  /// The family of all prefixes; nil if there are none.
  let family: AddressFamily?
  /// In order; entries of the same prefix have lengths that neither meet nor touch.
  let entries: [Entry]
  /// The lengths of the entries' prefixes, in the terms of ``Prefix/mappedLength``.
  private let lengths: [UInt8]

  /// Makes a set of prefixes of one family.
  init(name: [UInt8], _ given: [Entry]) {
    self.name = name
    family = given.first?.prefix.family
    var entries: [Entry] = []
    for entry in given.ordered(by: Entry.isBefore) {
      if let last = entries.last, last.prefix == entry.prefix,
        last.lengths.atMost + 1 >= entry.lengths.atLeast
      {
        entries[entries.count - 1].lengths.atMost = max(
          last.lengths.atMost, entry.lengths.atMost)
      } else {
        entries.append(entry)
      }
    }
    self.entries = entries
    var occurs = [Bool](repeating: false, count: 129)
    for entry in entries { occurs[Int(entry.prefix.mappedLength)] = true }
    lengths = (0...128).filter { occurs[Int($0)] }
  }

  /// Whether a name can be that of a set.
  static func isName(_ octets: [UInt8]) -> Bool {
    !octets.isEmpty && octets.count <= 63
      && octets.allSatisfy { octet in
        switch octet {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
        default: false
        }
      }
  }

  /// Whether all prefixes of the set are inside of one.
  func isInside(_ prefix: Prefix) -> Bool { entries.allSatisfy { prefix.contains($0.prefix) } }

  /// Whether a prefix is in the set.
  func contains(_ prefix: Prefix) -> Bool {
    guard prefix.family == family else { return false }
    return lengths.contains { length in
      length <= prefix.mappedLength
        && hasEntry(
          Prefix(mapped: prefix.address, mappedLength: length), for: Int(prefix.mappedLength))
    }
  }

  /// Whether an entry with exactly this prefix takes a length.
  private func hasEntry(_ outer: Prefix, for length: Int) -> Bool {
    let wanted = Entry(prefix: outer, lengths: LengthRange(atLeast: length, atMost: length))
    var low = 0
    var high = entries.count
    // How many entries are not behind the wanted one.
    while low < high {
      let middle = (low + high) / 2
      if Entry.isBefore(wanted, entries[middle]) { high = middle } else { low = middle + 1 }
    }
    guard low > 0 else { return false }
    let entry = entries[low - 1]
    return entry.prefix == outer && entry.lengths.atMost >= length
  }
}

extension Configuration {
  /// Most sets.
  static let setLimit = 1000

  /// The set with a name.
  func prefixSet(named name: [UInt8]) -> PrefixSet? { sets.first { $0.name == name } }
}
