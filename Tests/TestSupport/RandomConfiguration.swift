import BabelCore

/// Configurations made by chance, which use every word of the language sooner or later. The
/// parameters of interfaces come from the daemon's own table.
package struct RandomConfiguration {
  private var dice: Chance
  private var lines: [String] = []
  private var keys: [String] = []
  private var sets: [(name: String, isIPv4: Bool)] = []

  /// The text of a valid configuration. The same seed gives the same text.
  package static func make(_ seed: UInt64) -> String {
    var configuration = RandomConfiguration(dice: Chance(seed: seed))
    configuration.addAll()
    return configuration.lines.map { $0 + "\n" }.joined()
  }

  private init(dice: Chance) { self.dice = dice }

  private mutating func addAll() {
    let options = dice.below(8)
    for _ in 0..<options { lines.append(option()) }
    let keyCount = dice.oneIn(3) ? dice.below(5) : 0
    for number in 0..<keyCount { lines.append(key(number)) }
    let setCount = dice.oneIn(3) ? dice.below(4) : 0
    for number in 0..<setCount { lines.append(set(number)) }
    let count = dice.below(10)
    for _ in 0..<count { lines.append(interfaceStatement()) }
    let rules = dice.below(10)
    for _ in 0..<rules { lines.append(rule()) }
    // A key may stand below other statements, and be defined anew.
    if keyCount > 0, dice.oneIn(3) { lines.append(key(dice.below(keyCount))) }
  }

  // MARK: Values

  private mutating func number(_ low: Int64, _ high: Int64) -> String {
    switch dice.below(4) {
    case 0: "\(low)"
    case 1: "\(high)"
    case 2: "0x" + String(dice.between(low, high), radix: 16)
    default: "\(dice.between(low, high))"
    }
  }

  private mutating func thousandths(_ range: ClosedRange<UInt32>) -> String {
    let value =
      switch dice.below(4) {
      case 0: range.lowerBound
      case 1: range.upperBound
      default: UInt32(dice.between(Int64(range.lowerBound), Int64(min(range.upperBound, 99_999))))
      }
    let fraction = "\(value % 1000 + 1000)".dropFirst()
    return "\(value / 1000).\(fraction)"
  }

  private mutating func boolean() -> String {
    dice.pick(["true", "yes", "false", "no", "auto", "default"])
  }

  private mutating func path() -> String {
    dice.pick([
      "\"\"", "/run/x", "\"/run/a b\"", "\"/run/\\\"q\\\"\"", "\"/run/back\\\\slash\"", "/run/é",
      "\"#\"",
    ])
  }

  private mutating func name() -> String {
    dice.pick([
      "eth0", "eth1", "wg0", "wg1", "wg-a", "\"wg-*\"", "\"a#b\"", "\"q\\\"t\"", "type", "rxcost",
      "none", "\"default\"", "back\\slash", "é", "\"{x\"",
    ])
  }

  private mutating func routerID() -> String {
    dice.pick(["02:00:00:00:00:00:00:01", "ac:1f:6b:e5:fe:3a", "0-1-2-3-4-5-6-7", "10.0.0.1"])
  }

  // MARK: Statements

  private mutating func option() -> String {
    let choices: [(String, (inout RandomConfiguration) -> String)] = [
      ("protocol-group", { $0.dice.pick(["ff02::1:6", "ff02::7", "ff05::1"]) }),
      ("protocol-port", { $0.number(1, 65535) }), ("router-id", { $0.routerID() }),
      ("random-id", { $0.boolean() }), ("kernel-priority", { $0.number(0, 65535) }),
      ("reflect-kernel-metric", { $0.boolean() }), ("allow-duplicates", { $0.number(1, 65535) }),
      ("ipv6-subtrees", { $0.boolean() }), ("debug", { $0.number(0, 2_147_483_647) }),
      ("local-port", { $0.number(1, 65535) }), ("local-port-readwrite", { $0.number(1, 65535) }),
      ("local-path", { $0.path() }), ("local-path-readwrite", { $0.path() }),
      ("export-table", { $0.number(1, 4_294_967_295) }), ("import-table", { $0.number(1, 99_999) }),
      ("kernel-check-interval", { $0.number(0, 65534) }),
      ("kernel-nexthops", { $0.dice.oneIn(4) ? "auto" : $0.boolean() }),
      ("shutdown-delay-ms", { $0.number(0, 65534) }), ("link-detect", { $0.boolean() }),
      ("smoothing-half-life", { $0.number(0, 2_147_483_647) }),
      ("switch-margin", { $0.dice.oneIn(4) ? "auto" : $0.number(0, 65534) }),
      (
        "neighbour-loss",
        {
          $0.dice.oneIn(2)
            ? $0.dice.pick(["unreachable", "covering"]) : "keep " + $0.thousandths(0...600_000)
        }
      ),
      ("switch-dwell", { $0.dice.oneIn(4) ? "auto" : $0.thousandths(0...3_600_000) }),
      ("daemonise", { $0.boolean() }), ("skip-kernel-setup", { $0.boolean() }),
      ("reload-on-sighup", { $0.boolean() }),
      ("state-file", { $0.path() }), ("pid-file", { $0.path() }), ("log-file", { $0.path() }),
      (
        "log-level",
        {
          $0.dice.pick(["neighbours", "routes", "kernel", "packets", "socket", "all"]) + " "
            + $0.dice.pick(["debug", "info", "notice", "warning", "error", "auto"])
        }
      ),
      ("limit", { $0.limit() }),
      (
        "source-tables",
        { $0.dice.pick(["1000 1099", "1 1", "256 1279", "4294967295 4294967295"]) }
      ),
      ("source-rule-priority", { $0.number(1, 32000) }), ("fee", { $0.number(0, 4_294_967_295) }),
      ("metric-factor", { $0.number(0, 4_294_967_295) }),
      ("max-update-retry", { $0.number(0, 2_147_483_647) }),
      ("protocol-buffer-size", { $0.number(0, 2_147_483_647) }),
      ("user", { $0.dice.pick(["nobody", "65534", "q\"q"]) }),
      ("socket-mode", { $0.dice.pick(["0", "0660", "777", "0600"]) }),
      ("socket-owner", { $0.dice.pick(["root", "7"]) }),
      ("socket-group", { $0.dice.pick(["adm", "4"]) }),
      ("trust-local-port", { $0.dice.pick(["true", "false"]) }),
      ("metrics-port", { $0.number(1, 65535) }), ("metrics-path", { $0.path() }),
      (
        "gateway",
        {
          "g\($0.dice.below(2)) interface \($0.name()) prefix 0.0.0.0/0 probe icmp 9.9.9.9 "
            + $0.dice.pick(["withdraw", "penalty 7 fail 2", "interval 0.5", "table 5 mark 9"])
        }
      ),
      (
        "hook",
        {
          let event = $0.dice.pick(["neighbour-up", "default-route-lost"])
          return "\(event) \"/bin/h \($0.dice.below(3))\""
        }
      ),
      ("socket-dialect", { $0.dice.pick(["babel", "aredn", "althea", "swabeld"]) }),
    ]
    let (word, value) = dice.pick(choices)
    return "\(word) \(value(&self))"
  }

  private mutating func limit() -> String {
    let tables = [
      "interfaces", "neighbours", "routes", "neighbour-routes", "sources", "requests",
      "originated-prefixes", "denied-routes",
    ]
    return dice.oneIn(6)
      ? "kernel-buffer \(number(4096, 268_435_456))"
      : "\(dice.pick(tables)) \(number(1, 10_000_000))"
  }

  private mutating func key(_ number: Int) -> String {
    let id = number == 3 ? "q\"q" : "k\(number)"
    if !keys.contains(id) { keys.append(id) }
    let isShort = dice.oneIn(2)
    var text = "key id \(id) type \(isShort ? "blake2s128" : "hmac-sha256")"
    if dice.oneIn(5) {
      text += " file \(path())"
    } else {
      let count = 1 + dice.below(isShort ? 32 : 64)
      text += " value "
      for _ in 0..<count { text += String(dice.below(256) + 256, radix: 16).dropFirst() }
    }
    for word in ["sign-from", "sign-until", "verify-from", "verify-until"] where dice.oneIn(5) {
      text += " \(word) " + dice.pick(["2026-12-01", "1970-01-01", "2400-02-29T23:59:59Z"])
    }
    return text
  }

  // MARK: Interfaces

  private mutating func interfaceStatement() -> String {
    var text =
      switch dice.below(8) {
      case 0: "default"
      case 1, 2: "interface \(pattern())"
      case 3: "interface { \(name()) \(pattern()), \(name()) }"
      default: "interface \(name())"
      }
    let count = dice.oneIn(5) ? 20 : dice.below(4)
    for _ in 0..<count { text += parameter() }
    return text
  }

  private mutating func pattern() -> String { dice.pick(["wg-*", "*", "e*0", "*a*"]) }

  private mutating func parameter() -> String {
    let keyword = dice.pick(Array(InterfaceKeyword.allCases))
    let value: String
    switch keyword.row.form {
    case .number(let range): value = number(Int64(range.lowerBound), Int64(range.upperBound))
    case .seconds(let range), .milliseconds(let range): value = thousandths(range)
    case .boolean, .typeByBoolean, .idleBoolean: value = boolean()
    case .quality: value = dice.oneIn(4) ? "tunnel" : boolean()
    case .linkType: value = dice.pick(["wired", "wireless", "tunnel", "auto", "default"])
    case .automatic: value = dice.pick(["auto", "manual"])
    case .keyID: value = keys.isEmpty || dice.oneIn(4) ? "none" : dice.pick(keys)
    case .furtherKeys(let limit):
      // None first, so that a statement never has too many.
      let id = keys.isEmpty || dice.oneIn(4) ? "none" : dice.pick(keys)
      return " \(keyword.row.text) none"
        + (dice.oneIn(2) ? "" : String(repeating: " \(keyword.row.text) \(id)", count: limit - 1))
    case .neighbours:
      let network = dice.oneIn(2) ? "fe80::" : "10.0.0."
      return (0...dice.below(3)).map { _ in
        " \(keyword.row.text) \(network)\(1 + dice.below(9))"
      }.joined()
    }
    return " \(keyword.row.text) \(value)"
  }

  // MARK: Rules

  private mutating func rule() -> String {
    let chain = dice.pick(["in", "out", "redistribute", "install"])
    let isIPv4 = dice.oneIn(2)
    var words: [String] = []
    let count = dice.below(6)
    for _ in 0..<count { words.append(selector(isIPv4)) }
    let actions = dice.below(3)
    for _ in 0..<actions { words.append(action(isIPv4, isInstall: chain == "install")) }
    dice.shuffle(&words)
    return ([chain] + words).joined(separator: " ")
  }

  private mutating func prefix(_ isIPv4: Bool) -> String {
    isIPv4
      ? dice.pick(["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3", "192.168.1.77/24", "127.0.0.0/31"])
      : dice.pick([
        "::/0", "default", "2001:db8::/32", "2001:db8::1", "::ffff:10.0.0.0/104", "::ffff:0:0/96",
        "::ffff:10.1.2.3", "::ffff:0:0/90", "fe80::/10",
      ])
  }

  private mutating func set(_ number: Int) -> String {
    let isIPv4 = dice.oneIn(2)
    sets.append(("s-\(number).x", isIPv4))
    let longest = isIPv4 ? 32 : 128
    let count = 1 + dice.below(6)
    let entries = (0..<count).map { _ in
      let length = dice.below(longest + 1)
      let address =
        isIPv4
        ? "10.\(dice.below(3)).0.\(dice.below(256))" : "fd0\(dice.below(3))::\(dice.below(99))"
      let least = length + dice.below(longest + 1 - length)
      let greatest = least + dice.below(longest + 1 - least)
      let bounds = [
        "", " eq \(least)", " ge \(least)", " le \(least)", " ge \(least) le \(greatest)",
      ]
      return "\(address)/\(length)\(dice.pick(bounds))"
    }
    let separator = dice.pick([", ", ",\n  ", ","])
    return "set \(sets[number].name) {\n\(entries.joined(separator: separator)) }"
  }

  private mutating func selector(_ isIPv4: Bool) -> String {
    switch dice.below(15) {
    case 13: "if \(pattern())"
    case 14:
      sets.first { $0.isIPv4 == isIPv4 }.map {
        "\(dice.oneIn(3) ? "src-ip" : "ip") @\($0.name)"
      } ?? "local"
    case 0, 1: "ip \(prefix(isIPv4))"
    case 2: "src-ip \(prefix(isIPv4))"
    case 3, 4:
      dice.pick(["eq", "le", "ge", "src-eq", "src-le", "src-ge"])
        + " \(dice.pick([-1, 0, 1, 8, 24, 31, 32, 33, 64, 96, 127, 128, 129, 1000]))"
    case 5: "neigh \(dice.pick(["fe80::1", "10.0.0.1", "::ffff:10.0.0.2"]))"
    case 6: "id \(routerID())"
    case 7, 8: "if \(dice.oneIn(8) ? "\"\"" : name())"
    case 9: "proto \(dice.pick([-5, 0, 1, 3, 42, 254, 255, 256, 100_000]))"
    case 10: "local"
    case 11: "anyproto"
    default: dice.pick(["eq", "le", "ge"]) + " \(dice.below(33))"
    }
  }

  /// One table, or a few of which some are the same.
  private mutating func tables() -> String {
    guard dice.oneIn(2) else { return "table \(number(1, 4_294_967_295))" }
    return (0..<2 + dice.below(3)).map { _ in "table \(1 + dice.below(5))" }.joined(separator: " ")
  }

  private mutating func action(_ isIPv4: Bool, isInstall: Bool) -> String {
    switch dice.below(7) {
    case 0: "allow"
    case 1: "deny"
    case 2: "metric \(number(1, 65535))"
    case 3: "src-prefix \(prefix(isIPv4))"
    case 4: tables()
    case 5: "pref-src \(isIPv4 ? "10.0.0.1" : dice.pick(["fd00::1", "::ffff:10.0.0.1"]))"
    default: isInstall ? "kernel-metric \(number(0, 4_294_967_294))" : "allow"
    }
  }
}
