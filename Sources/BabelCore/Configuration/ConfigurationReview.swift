import BabelWire

/// What a machine looks like, as far as a configuration can be at odds with it.
public struct MachineFacts: Sendable {
  /// One interface of the machine.
  public struct Link: Sendable {
    /// Its name.
    public var name: InterfaceName
    /// Administratively up.
    public var isUp: Bool
    /// The loopback interface.
    public var isLoopback: Bool
    /// Has a link-local IPv6 address.
    public var hasLinkLocal: Bool
    /// Has an IPv4 address.
    public var hasIPv4: Bool
    /// Knows no broadcast, as tunnels: the kernel makes no link-local address for it.
    public var isTunnel: Bool

    /// Makes a link.
    public init(
      name: InterfaceName, isUp: Bool, isLoopback: Bool, hasLinkLocal: Bool, hasIPv4: Bool = false,
      isTunnel: Bool
    ) {
      self.name = name
      self.isUp = isUp
      self.isLoopback = isLoopback
      self.hasLinkLocal = hasLinkLocal
      self.hasIPv4 = hasIPv4
      self.isTunnel = isTunnel
    }
  }

  /// All interfaces.
  public var links: [Link] = []
  /// All addresses.
  public var addresses: [IPAddress] = []
  /// Kernel routes of protocol 3, "boot", in the tables that routes are redistributed from.
  public var bootRoutes: [KernelOffer] = []
  /// All default routes of these tables, whatever their protocol is, those of Babel left out.
  public var defaultRoutes: [KernelOffer] = []
  /// Settings of the kernel below `net`, with dots, that are not as a router needs them, and the
  /// value it needs.
  public var wrongSysctls: [(name: String, wanted: Int)] = []

  /// A machine without anything.
  public init() {}
}

extension ConfigurationWarning {
  /// A remark about a place of a configuration, or about the whole of it.
  init(
    _ kind: Kind, _ position: ConfigurationPosition?, in configuration: Configuration,
    _ message: String
  ) {
    var name = Array("configuration".utf8)
    if let position, configuration.sources.indices.contains(position.source) {
      name = configuration.sources[position.source]
    }
    self.init(
      source: .file(name), line: position?.line ?? 0, column: position?.column ?? 0, kind: kind,
      message: message)
  }
}

extension Configuration {
  /// What is legal but surely not what is meant, in the order of the chains. `positional` are the
  /// interfaces named on the command line.
  public func review(positional: [InterfaceName] = []) -> [ConfigurationWarning] {
    var warnings = deadRules(includingLengths: false)
    reviewLocalAddresses(into: &warnings)
    reviewKeys(positional, into: &warnings)
    reviewOptions(into: &warnings)
    reviewIntervals(into: &warnings)
    reviewGateways(positional, into: &warnings)
    return warnings
  }

  /// Rules that can never match, each with the reason; also those with impossible lengths, of which
  /// the parser has spoken, if that is wanted.
  public func deadRules(includingLengths: Bool = true) -> [ConfigurationWarning] {
    var warnings: [ConfigurationWarning] = []
    for (word, chain) in [
      ("in", filters.input), ("out", filters.output), ("redistribute", filters.redistribute),
      ("install", filters.install),
    ] { reviewRules(chain.rules, of: word, includingLengths, into: &warnings) }
    return warnings
  }

  /// What does not fit to this machine; the interfaces to run on may be left out.
  public func review(
    against machine: MachineFacts, positional: [InterfaceName] = [],
    includingInterfaces: Bool = true
  ) -> [ConfigurationWarning] {
    var warnings: [ConfigurationWarning] = []
    if includingInterfaces {
      for interface in interfaces {
        reviewInterface(interface.name, interface.position, machine, into: &warnings)
      }
      for name in positional where !interfaces.contains(where: { $0.name == name }) {
        reviewInterface(name, nil, machine, into: &warnings)
      }
      reviewPatterns(positional, machine, into: &warnings)
    }
    for chain in [filters.input, filters.output, filters.redistribute, filters.install] {
      for rule in chain.rules { reviewRule(rule, machine, into: &warnings) }
    }
    reviewBootRoutes(machine, into: &warnings)
    reviewDefaultRoutes(machine, into: &warnings)
    reviewGateways(against: machine, into: &warnings)
    reviewPlaces(machine, into: &warnings)
    if skipsKernelSetup {
      for (name, wanted) in machine.wrongSysctls {
        warnings.append(
          ConfigurationWarning(
            .machine, nil, in: self,
            "skip-kernel-setup, but net.\(name) is not \(wanted): sysctl -w net.\(name)=\(wanted)"))
      }
    }
    return warnings
  }

  /// How an operator finds a rule: by its place in a file, by its text where it is one of many
  /// statements of the command line, and by its number and text where a client gave it: then it is
  /// removed by its number.
  private func reference(to rule: FilterRule, _ index: Int, of chain: String) -> String? {
    guard let source = rule.position?.source, sources.indices.contains(source) else { return nil }
    let text = "\"\(chain)\(rule.statementText)\""
    if sources[source] == Self.clientSource { return "\(chain) rule \(index + 1), \(text)," }
    return sources[source] == Array("command line".utf8) ? text : nil
  }

  /// The source of what clients of the local socket say.
  static let clientSource = Array("local socket".utf8)

  /// The place of a rule. All that clients say stands in a line of its own, so that the line says
  /// nothing.
  private func place(of rule: FilterRule) -> ConfigurationPosition? {
    guard let position = rule.position, sources.indices.contains(position.source),
      sources[position.source] == Self.clientSource
    else { return rule.position }
    return ConfigurationPosition(source: position.source, line: 0, column: 0)
  }

  private func reviewRules(
    _ rules: [FilterRule], of chain: String, _ includesLengths: Bool,
    into warnings: inout [ConfigurationWarning]
  ) {
    // Beyond this many rules comparing each with each takes longer than it helps.
    let limit = 2000
    for (index, rule) in rules.enumerated() where rule.position != nil && index < limit {
      let name = reference(to: rule, index, of: chain) ?? "this rule"
      if let reason = rule.contradiction(hasIPv4Sources: sourceTables != nil) {
        // The parser has spoken of impossible lengths.
        let hasLength = !rule.destinationLength.isEmpty && !rule.sourceLength.isEmpty
        guard includesLengths || hasLength else { continue }
        warnings.append(
          ConfigurationWarning(
            .suspicious, place(of: rule), in: self, "\(name) can never match: \(reason)"))
      } else if let number = rules[..<index].firstIndex(where: {
        $0.contradiction(hasIPv4Sources: sourceTables != nil) == nil && $0.covers(rule)
      }) {
        let earlier = rules[number]
        let other =
          reference(to: earlier, number, of: chain) ?? description(of: earlier.position)
        warnings.append(
          ConfigurationWarning(
            .suspicious, place(of: rule), in: self,
            "\(name) can never match: \(other) matches all that it would"))
      }
    }
  }

  /// `redistribute deny` looks as if it stopped everything. Who has spoken of all local addresses,
  /// of one family or of both, knows that it does not.
  private func reviewLocalAddresses(into warnings: inout [ConfigurationWarning]) {
    var everything = FilterRule()
    everything.origin = .unspecified
    let rules = filters.redistribute.rules
    let isKnown = [AddressFamily.ipv4, .ipv6].allSatisfy { family in
      var local = FilterRule()
      local.origin = .local
      local.family = family
      local.destination = .any(family)
      return rules.contains { $0.position != nil && $0.covers(local) }
    }
    guard !isKnown,
      let denial = rules.first(where: { $0.metric.isInfinite && $0.covers(everything) })
    else { return }
    warnings.append(
      ConfigurationWarning(
        .suspicious, denial.position, in: self,
        "local addresses that no rule denies are announced all the same: "
          + "add \"redistribute local deny\""))
  }

  /// Octets that a key needs so that nobody finds it by trying.
  private static let leastKey = 16

  private func reviewKeys(
    _ positional: [InterfaceName], into warnings: inout [ConfigurationWarning]
  ) {
    var used: [[UInt8]] = []
    for name in interfaces.map({ $0.name }) + positional {
      used += authentication(for: name).keys.map { $0.key.id }
    }
    for entry in patterns {
      let settings = entry.settings.completed(with: defaults)
      used += (settings.key.map { [$0] } ?? []) + (settings.alsoKeys ?? [])
      used += settings.verifyKeys ?? []
    }
    for key in keys where !used.contains(key.id) {
      warnings.append(
        ConfigurationWarning(.suspicious, nil, in: self, "\(key) is not used by any interface"))
    }
    for key in keys where !key.value.octets.isEmpty && key.value.octets.count < Self.leastKey {
      warnings.append(
        ConfigurationWarning(
          .suspicious, nil, in: self,
          "\(key) has less than \(Self.leastKey) octets, so it can be found by trying: "
            + "swabeld keygen makes one"))
    }
  }

  /// Statements that do nothing beside what else is said.
  private func reviewOptions(into warnings: inout [ConfigurationWarning]) {
    func remark(_ message: String) {
      warnings.append(ConfigurationWarning(.withoutEffect, nil, in: self, message))
    }
    if usesRandomID, routerID != nil { remark("random-id does nothing: router-id is given") }
    if sourceRulePriority != Configuration().sourceRulePriority, sourceTables == nil {
      remark("source-rule-priority does nothing without source-tables")
    }
    if pricing != Pricing(), !carriesPrices {
      remark("fee and metric-factor decide nothing without path-attributes on an interface")
    }
    var (isUnixSocket, isPort) = (false, false)
    switch localServer?.endpoint {
    case .path: isUnixSocket = true
    case .port: isPort = true
    case nil: break
    }
    if trustsLocalPort, !isPort || localServer?.isReadWrite == false {
      remark("trust-local-port does nothing without local-port-readwrite")
    }
    if socketAccess != SocketAccess(), !isUnixSocket {
      remark("socket-mode, socket-owner and socket-group do nothing without local-path")
    }
    if socketDialect != .babel, localServer == nil {
      remark("socket-dialect does nothing without a local socket")
    }
  }

  /// Whether path attributes are sent and read on some interface.
  private var carriesPrices: Bool {
    ([defaults] + interfaces.map { $0.settings } + patterns.map { $0.settings }).contains {
      $0.pathAttributes == true || $0.usesAltheaWire == true
    }
  }

  /// What patterns mean on this machine: each interface that only they name, and patterns that
  /// name none.
  private func reviewPatterns(
    _ positional: [InterfaceName], _ machine: MachineFacts,
    into warnings: inout [ConfigurationWarning]
  ) {
    let matched = machine.links.map { $0.name }.filter { name in
      matchesPattern(name) && !names(name) && !positional.contains(name)
    }
    for entry in patterns {
      let links = machine.links.filter { !$0.isLoopback && entry.pattern.matches($0.name) }
      if links.isEmpty {
        warnings.append(
          ConfigurationWarning(
            .machine, entry.position, in: self, "no interface matches \(entry.pattern) now"))
      }
      for link in links where matched.contains(link.name) {
        // Where several patterns match, the first one speaks.
        guard patterns.first(where: { $0.pattern.matches(link.name) }) == entry else { continue }
        reviewInterface(link.name, entry.position, machine, into: &warnings)
      }
    }
  }

  /// `ip route add` makes routes of protocol "boot", which a rule without `proto` leaves alone: a
  /// rule that would announce one but for that is told, once.
  private func reviewBootRoutes(
    _ machine: MachineFacts, into warnings: inout [ConfigurationWarning]
  ) {
    let chain = filters.redistribute
    var told: [Int] = []
    for route in machine.bootRoutes where chain.firstMatch(route.subject) == nil {
      var another = route.subject
      // Static, as a stand-in for any protocol but boot.
      another.kernelProtocol = 4
      guard let number = chain.firstMatch(another), !told.contains(number),
        chain.rules[number].origin == .unspecified, !chain.rules[number].metric.isInfinite
      else { continue }
      told.append(number)
      warnings.append(
        unannounced(
          "the route", route, by: chain.rules[number],
          "it is of protocol \"boot\", as \"ip route add\" makes them, and a rule without"
            + " \"proto\" does not match those; add a rule with \"proto 3\", or make the route"
            + " with \"proto static\""))
    }
  }

  private func reviewInterface(
    _ name: InterfaceName, _ position: ConfigurationPosition?, _ machine: MachineFacts,
    into warnings: inout [ConfigurationWarning]
  ) {
    var messages: [String] = []
    if let link = machine.links.first(where: { $0.name == name }) {
      if link.isLoopback {
        messages.append("interface \(name) is the loopback interface: nobody is there")
      } else if !link.isUp {
        messages.append("interface \(name) is down")
      } else if settings(for: name).ipv4Control == true {
        if !link.hasIPv4 {
          messages.append("interface \(name) has no IPv4 address, and is not used until it has")
        }
      } else if !link.hasLinkLocal, settings(for: name).makesLinkLocal != true {
        let why = link.isTunnel ? " (the kernel makes none for a tunnel)" : ""
        messages.append(
          "interface \(name) has no link-local address\(why), and is not used until it has: "
            + "ip address add fe80::1/64 dev \(name), another number on every router, or "
            + "let the daemon make one with \"link-local auto\"")
      }
    } else {
      messages.append("interface \(name) does not exist; it is used when it comes")
    }
    let type = settings(for: name).type.map { ResolvedLinkType($0) } ?? .unknown
    messages += remarks(about: name, type: type).map { "interface \(name): \($0)" }
    for message in messages {
      warnings.append(ConfigurationWarning(.machine, position, in: self, message))
    }
  }

  private func reviewRule(
    _ rule: FilterRule, _ machine: MachineFacts, into warnings: inout [ConfigurationWarning]
  ) {
    if let name = rule.interface, !machine.links.contains(where: { $0.name == name }) {
      warnings.append(
        ConfigurationWarning(
          .machine, rule.position, in: self,
          "interface \(name) of this rule does not exist: nothing matches until it comes"))
    }
    if let pattern = rule.interfacePattern,
      !machine.links.contains(where: { pattern.matches($0.name) })
    {
      warnings.append(
        ConfigurationWarning(
          .machine, rule.position, in: self, "no interface matches \(pattern) of this rule now"))
    }
    if let address = rule.preferredSource, !machine.addresses.contains(address) {
      warnings.append(
        ConfigurationWarning(
          .machine, rule.position, in: self,
          "pref-src \(address) is no address of this machine: the kernel refuses such routes"))
    }
  }
}
