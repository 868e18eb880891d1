/// What a group of checks found. They run as tests on this processor, and compiled as Embedded
/// Swift on others, so they know neither a library for tests nor Foundation.
struct Findings {
  /// How much was looked at.
  private(set) var checked = 0
  /// What is wrong, in words.
  private(set) var failures: [String] = []

  /// Expects something to hold.
  mutating func expect(_ holds: Bool, _ what: String) {
    checked += 1
    if !holds { failures.append(what) }
  }

  /// Expects a number.
  mutating func expect(_ what: String, _ found: Int64?, _ wanted: Int64) {
    checked += 1
    guard found != wanted else { return }
    let text = found.map { "\($0)" } ?? "nothing"
    failures.append("\(what): \(text), expected \(wanted)")
  }

  /// Expects a text.
  mutating func expect(_ what: String, _ found: String?, _ wanted: String) {
    checked += 1
    guard found != wanted else { return }
    failures.append("\(what): \(found ?? "nothing"), expected \(wanted)")
  }
}

/// The checks in groups.
enum CheckGroup: CaseIterable {
  case numbers, sizes, netlink, counters, clocks, packets, signatures

  /// Its name.
  var name: String {
    switch self {
    case .numbers: "numbers"
    case .sizes: "sizes"
    case .netlink: "netlink"
    case .counters: "counters"
    case .clocks: "clocks"
    case .packets: "packets"
    case .signatures: "signatures"
    }
  }

  /// The file that it needs, of those in Tests/BabelWireTests/Vectors.
  var file: String? {
    switch self {
    case .packets: "packets.json"
    case .signatures: "mac.json"
    case .numbers, .sizes, .netlink, .counters, .clocks: nil
    }
  }

  /// Looks at everything; `octets` are those of its file.
  func run(_ octets: [UInt8] = []) -> Findings {
    var findings = Findings()
    switch self {
    case .numbers: findings.checkNumbers()
    case .sizes: findings.checkSizes()
    case .netlink: findings.checkNetlink()
    case .counters: findings.checkCounters()
    case .clocks: findings.checkClocks()
    case .packets: findings.checkPackets(octets)
    case .signatures: findings.checkSignatures(octets)
    }
    return findings
  }
}
