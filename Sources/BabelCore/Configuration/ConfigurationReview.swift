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
    var warnings: [ConfigurationWarning] = []
    for chain in [filters.input, filters.output, filters.redistribute, filters.install] {
      reviewRules(chain.rules, into: &warnings)
    }
    reviewLocalAddresses(into: &warnings)
    if !namesInterfaces, positional.isEmpty {
      warnings.append(
        ConfigurationWarning(
          .suspicious, nil, in: self, "no interface is named: the daemon would not start"))
    }
    reviewKeys(positional, into: &warnings)
    return warnings
  }

  /// What does not fit to this machine.
  public func review(
    against machine: MachineFacts, positional: [InterfaceName] = []
  ) -> [ConfigurationWarning] {
    var warnings: [ConfigurationWarning] = []
    for interface in interfaces {
      reviewInterface(interface.name, interface.position, machine, into: &warnings)
    }
    for name in positional where !interfaces.contains(where: { $0.name == name }) {
      reviewInterface(name, nil, machine, into: &warnings)
    }
    for entry in patterns
    where !machine.links.contains(where: { !$0.isLoopback && entry.pattern.matches($0.name) }) {
      warnings.append(
        ConfigurationWarning(
          .machine, entry.position, in: self, "no interface matches \(entry.pattern) now"))
    }
    for chain in [filters.input, filters.output, filters.redistribute, filters.install] {
      for rule in chain.rules { reviewRule(rule, machine, into: &warnings) }
    }
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

  private func reviewRules(_ rules: [FilterRule], into warnings: inout [ConfigurationWarning]) {
    // Beyond this many rules comparing each with each takes longer than it helps.
    let limit = 2000
    for (index, rule) in rules.enumerated() where rule.position != nil && index < limit {
      if let reason = rule.contradiction() {
        // The parser has spoken of impossible lengths.
        if rule.destinationLength.isEmpty || rule.sourceLength.isEmpty { continue }
        warnings.append(
          ConfigurationWarning(
            .suspicious, rule.position, in: self, "this rule can never match: \(reason)"))
      } else if let earlier = rules[..<index].first(where: {
        $0.contradiction() == nil && $0.covers(rule)
      }) {
        let place = description(of: earlier.position)
        warnings.append(
          ConfigurationWarning(
            .suspicious, rule.position, in: self,
            "this rule can never match: \(place) matches all that it would"))
      }
    }
  }

  /// `redistribute deny` looks as if it stopped everything.
  private func reviewLocalAddresses(into warnings: inout [ConfigurationWarning]) {
    var everything = FilterRule()
    everything.origin = .unspecified
    var local = FilterRule()
    local.origin = .local
    let rules = filters.redistribute.rules
    guard let denial = rules.first(where: { $0.metric.isInfinite && $0.covers(everything) }),
      !rules.contains(where: { $0.position != nil && $0.metric.isInfinite && $0.covers(local) })
    else { return }
    warnings.append(
      ConfigurationWarning(
        .suspicious, denial.position, in: self,
        "local addresses are announced all the same: add \"redistribute local deny\""))
  }

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
        guard !link.hasIPv4 else { return }
        messages.append("interface \(name) has no IPv4 address, and is not used until it has")
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
    if let address = rule.preferredSource, !machine.addresses.contains(address) {
      warnings.append(
        ConfigurationWarning(
          .machine, rule.position, in: self,
          "pref-src \(address) is no address of this machine: the kernel refuses such routes"))
    }
  }
}
