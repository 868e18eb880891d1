import BabelWire

// `gateway NAME interface IF prefix P… probe …`: an uplink that is probed.

/// Words of `gateway`.
enum GatewayKeyword: KeywordText, ConfigurationKeyword {
  case interface, prefix, table, probe, need, interval, timeout, fail, recover, penalty, withdraw
  case mark
  case maxRecover = "max-recover"
}

/// Kinds of probes.
enum ProbeKeyword: KeywordText, ConfigurationKeyword {
  case icmp, tcp, http, dns
}

extension StatementParser {
  private static var targetForm: String { "an address literal, as 9.9.9.9 or 2620:fe::fe" }
  private static var portForm: String {
    "ADDRESS:PORT, or [ADDRESS]:PORT for IPv6, with a port from 1 to 65535"
  }

  /// Parses what follows the first word. A gateway of the same name is replaced.
  mutating func parseGateway(at first: ConfigurationToken) throws(ConfigurationError) {
    warn(.unknownToBabeld, at: first, "babeld does not have this statement")
    let token = try word("a name for the gateway")
    guard PrefixSet.isName(token.octets) else {
      throw reader.error(
        at: token, expected: "a name of at most 63 letters, digits, dots, dashes and underscores")
    }
    let link = try word("\"interface\"")
    guard GatewayKeyword(octets: link.octets) == .interface else {
      throw reader.error(at: link, expected: "\"interface\" and its name")
    }
    let interface = try interfaceName(try string("the name of an interface"))
    var gateway = Gateway(name: token.octets, interface: interface)
    while let parameter = try reader.next() {
      guard !parameter.isQuoted, let keyword = GatewayKeyword(octets: parameter.octets) else {
        throw unknownWord(
          parameter, expected: "a parameter of a gateway", among: GatewayKeyword.words)
      }
      try parse(keyword, at: parameter, into: &gateway)
    }
    guard !gateway.prefixes.isEmpty else { throw reader.missing("\"prefix\" and a prefix") }
    guard !gateway.probes.isEmpty else { throw reader.missing("\"probe\" and what to ask") }
    gateway.patience = gateway.effectivePatience
    gateway.position = ConfigurationPosition(
      source: sourceIndex, line: first.line, column: first.column)
    try check(gateway, at: first)
    guard configuration.define(gateway) else {
      throw reader.error(at: first, expected: "at most \(Gateway.limit) gateways")
    }
  }

  private func check(_ gateway: Gateway, at first: ConfigurationToken) throws(ConfigurationError) {
    func fault(_ expected: String) -> ConfigurationError {
      reader.error(at: first, expected: expected, shown: false)
    }
    let family = gateway.prefixes.first?.family
    guard gateway.prefixes.allSatisfy({ $0.family == family }),
      gateway.probes.allSatisfy({ $0.address.family == family })
    else {
      throw fault(
        "prefixes and probes of one family; IPv4 and IPv6 are a gateway each"
          + " (\"default\" is ::/0)")
    }
    guard gateway.needed <= gateway.probes.count else {
      throw fault("at least as many probes as \"need\" says")
    }
    guard gateway.effectivePatience <= gateway.interval else {
      throw fault("a timeout that is not longer than the interval")
    }
    guard gateway.longestRecovery >= gateway.recovery else {
      throw fault("\"max-recover\" that is not shorter than \"recover\"")
    }
  }

  private mutating func parse(
    _ keyword: GatewayKeyword, at token: ConfigurationToken, into gateway: inout Gateway
  ) throws(ConfigurationError) {
    switch keyword {
    case .interface: throw reader.error(at: token, expected: "one interface")
    case .prefix:
      guard gateway.prefixes.count < Gateway.prefixLimit else {
        throw reader.error(at: token, expected: "at most \(Gateway.prefixLimit) prefixes")
      }
      let prefix = try prefix().0
      if !gateway.prefixes.contains(prefix) { gateway.prefixes.append(prefix) }
    case .table: gateway.table = UInt32(try number(1...Int64(UInt32.max)))
    case .probe:
      guard gateway.probes.count < Gateway.probeLimit else {
        throw reader.error(at: token, expected: "at most \(Gateway.probeLimit) probes")
      }
      let probe = try probe()
      guard !gateway.probes.contains(probe) else {
        throw reader.error(
          at: token, expected: "a probe that is not there yet: it would count twice", shown: false)
      }
      gateway.probes.append(probe)
    case .need: gateway.needed = Int(try number(1...Int64(Gateway.probeLimit)))
    case .interval: gateway.interval = try thousandths(100...3_600_000, unit: "seconds")
    case .timeout: gateway.patience = try thousandths(50...60_000, unit: "seconds")
    case .fail: gateway.failures = UInt32(try number(1...100))
    case .recover:
      gateway.recovery = try thousandths(0...86_400_000, unit: "seconds")
      gateway.longestRecovery = max(gateway.longestRecovery, gateway.recovery)
    case .maxRecover: gateway.longestRecovery = try thousandths(0...86_400_000, unit: "seconds")
    case .penalty: gateway.penalty = Metric(UInt16(try number(1...65534)))
    case .withdraw: gateway.penalty = nil
    case .mark: gateway.mark = UInt32(try number(0...Int64(UInt32.max)))
    }
  }

  private mutating func probe() throws(ConfigurationError) -> GatewayProbe {
    let token = try word(oneOf(ProbeKeyword.words))
    switch ProbeKeyword(octets: token.octets) {
    case .icmp: return GatewayProbe(.icmp, at: try probedAddress())
    case .tcp:
      let target = try word(Self.portForm)
      guard let (address, port) = endpoint(target.octets[...]), let port else {
        throw reader.error(at: target, expected: Self.portForm)
      }
      return GatewayProbe(.tcp(port), at: try checked(address, target))
    case .http: return try webProbe()
    case .dns:
      let address = try probedAddress()
      let name = try word("a name to ask for, as example.org")
      guard Self.isDomain(name.octets) else {
        throw reader.error(at: name, expected: "a domain of letters, digits and dashes")
      }
      return GatewayProbe(.dns(name.octets), at: address)
    case nil:
      throw unknownWord(token, expected: oneOf(ProbeKeyword.words), among: ProbeKeyword.words)
    }
  }

  private mutating func probedAddress() throws(ConfigurationError) -> IPAddress {
    let token = try word(Self.targetForm)
    guard let address = IPAddress(octets: token.octets) else {
      throw reader.error(at: token, expected: Self.targetForm)
    }
    return try checked(address, token)
  }

  /// An address that is far away: not of this machine or link, and not a group.
  private func checked(
    _ address: IPAddress, _ token: ConfigurationToken
  ) throws(ConfigurationError) -> IPAddress {
    let host = Prefix(mapped: address, mappedLength: 128)
    guard !host.isMartian, address != .unspecified, address != IPAddress(ipv4: 0) else {
      throw reader.error(at: token, expected: "an address that can be reached through the uplink")
    }
    return address
  }

  /// `http://ADDRESS[:PORT][/PATH]`, also without the first part.
  private mutating func webProbe() throws(ConfigurationError) -> GatewayProbe {
    let expected = "http://ADDRESS/PATH with an address literal"
    let token = try word(expected)
    let scheme = Array("http://".utf8)
    let text = token.octets.starts(with: scheme) ? token.octets[scheme.count...] : token.octets[...]
    let slash = text.firstIndex(of: 0x2f) ?? text.endIndex
    guard let (address, port) = endpoint(text[..<slash]),
      text[slash...].allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else { throw reader.error(at: token, expected: expected) }
    let path = slash < text.endIndex ? Array(text[slash...]) : [0x2f]
    return GatewayProbe(.http(port ?? 80, path: path), at: try checked(address, token))
  }

  /// `ADDRESS`, `ADDRESS:PORT` of IPv4, `[ADDRESS]` or `[ADDRESS]:PORT`.
  private func endpoint(_ text: ArraySlice<UInt8>) -> (IPAddress, UInt16?)? {
    var host = text
    var port: ArraySlice<UInt8>?
    if text.first == 0x5b {
      guard let end = text.firstIndex(of: 0x5d) else { return nil }
      host = text[(text.startIndex + 1)..<end]
      let rest = text[(end + 1)...]
      guard rest.isEmpty || rest.first == 0x3a else { return nil }
      if !rest.isEmpty { port = rest.dropFirst() }
    } else if let colon = text.firstIndex(of: 0x3a), colon == text.lastIndex(of: 0x3a) {
      host = text[..<colon]
      port = text[(colon + 1)...]
    }
    guard let address = IPAddress(octets: Array(host)) else { return nil }
    guard let port else { return (address, nil) }
    guard let number = integer(port), number >= 1, number <= 65535 else { return nil }
    return (address, UInt16(number))
  }

  /// At most 253 octets in labels of 1 to 63; a dot may stand at the end.
  private static func isDomain(_ name: [UInt8]) -> Bool {
    let labels = name.split(separator: 0x2e, omittingEmptySubsequences: false)
    let parts = labels.last?.isEmpty == true ? labels.dropLast() : labels[...]
    return name.count <= 253 && !parts.isEmpty
      && parts.allSatisfy { part in
        (1...63).contains(part.count)
          && part.allSatisfy { $0 == 0x2d || $0 == 0x5f || isLetterOrDigit($0) }
      }
  }
}

/// Whether an octet is a letter or a digit of ASCII.
private func isLetterOrDigit(_ octet: UInt8) -> Bool {
  (0x30...0x39).contains(octet) || (0x41...0x5a).contains(octet) || (0x61...0x7a).contains(octet)
}

extension Configuration {
  /// Enters a gateway, in place of one of the same name. False if there are too many.
  mutating func define(_ gateway: Gateway) -> Bool {
    if let index = gateways.firstIndex(where: { $0.name == gateway.name }) {
      gateways[index] = gateway
      return true
    }
    guard gateways.count < Gateway.limit else { return false }
    gateways.append(gateway)
    return true
  }
}

extension StatementText {
  /// Adds the name and the parameters of a gateway.
  mutating func add(_ gateway: Gateway) {
    add(printable(gateway.name, limit: 63))
    add(GatewayKeyword.interface.text)
    add(gateway.interface)
    for prefix in gateway.prefixes { add(GatewayKeyword.prefix.text, prefix.description) }
    if let table = gateway.table { add(GatewayKeyword.table.text, "\(table)") }
    for probe in gateway.probes { add(GatewayKeyword.probe.text, octets: probe.text) }
    if gateway.needed > 1 { add(GatewayKeyword.need.text, "\(gateway.needed)") }
    add(GatewayKeyword.interval.text, decimal(gateway.interval))
    add(GatewayKeyword.timeout.text, decimal(gateway.effectivePatience))
    add(GatewayKeyword.fail.text, "\(gateway.failures)")
    add(GatewayKeyword.recover.text, decimal(gateway.recovery))
    add(GatewayKeyword.maxRecover.text, decimal(gateway.longestRecovery))
    if let penalty = gateway.penalty {
      add(GatewayKeyword.penalty.text, penalty.description)
    } else {
      add(GatewayKeyword.withdraw.text)
    }
    if gateway.mark > 0 { add(GatewayKeyword.mark.text, "\(gateway.mark)") }
  }
}

extension GatewayProbe {
  /// The probe as the configuration language writes it, without the first word.
  public var text: [UInt8] {
    let host = address.family == .ipv4 ? "\(address)" : "[\(address)]"
    switch kind {
    case .icmp: return Array("icmp \(address)".utf8)
    case .tcp(let port): return Array("tcp \(host):\(port)".utf8)
    case .http(let port, let path):
      return Array((port == 80 ? "http http://\(host)" : "http http://\(host):\(port)").utf8) + path
    case .dns(let name): return Array("dns \(address) ".utf8) + name
    }
  }
}
