import BabelWire

// Remarks on default routes of the kernel that no rule announces.

/// Protocols of kernel routes by the words that `ip route` prints.
private let protocolWords: [(number: UInt8, word: String)] = [
  (1, "redirect"), (2, "kernel"), (3, "boot"), (4, "static"), (9, "ra"), (11, "zebra"),
  (12, "bird"), (16, "dhcp"), (18, "keepalived"), (42, "babel"), (186, "bgp"), (188, "ospf"),
]

/// A protocol of kernel routes for an operator: its number, and its word if it has one.
private func protocolText(_ number: UInt8) -> String {
  let word = protocolWords.first { $0.number == number }?.word
  return word.map { "\(number) (\"\($0)\")" } ?? "\(number)"
}

extension Configuration {
  /// Whether a rule announces routes without naming a protocol, so that it matters which routes of
  /// protocol "boot" the kernel has.
  public var redistributesWithoutProtocol: Bool {
    filters.redistribute.rules.contains { $0.origin == .unspecified && !$0.metric.isInfinite }
  }

  /// Whether a rule announces a default route of one protocol, so that it matters which default
  /// routes the kernel has.
  public var redistributesDefaultByProtocol: Bool {
    filters.redistribute.rules.contains { rule in
      guard case .kernelProtocol(let number) = rule.origin, !rule.metric.isInfinite else {
        return false
      }
      return [AddressFamily.ipv4, .ipv6].contains { family in
        var subject = FilterSubject(destination: .any(family), source: .any(family))
        subject.kernelProtocol = number
        subject.interface = rule.interface
        return rule.matches(subject)
      }
    }
  }

  /// Kernel routes of gateways that are where ours would be. While the uplink is dead ours has to
  /// stand before them.
  func reviewPlaces(_ machine: MachineFacts, into warnings: inout [ConfigurationWarning]) {
    for gateway in gateways {
      for route in machine.defaultRoutes
      where route.interface == gateway.interface && gateway.prefixes.contains(route.destination)
        && route.table == exportTable
      {
        // The kernel takes 0 for 1024 in IPv6.
        let isIPv6 = route.destination.family == .ipv6
        let ours = isIPv6 && kernelPriority == 0 ? 1024 : kernelPriority
        guard route.kernelMetric <= ours else { continue }
        warnings.append(
          ConfigurationWarning(
            .machine, gateway.position, in: self,
            "gateway \(gateway.title): the kernel's route \(route.destination) through"
              + " \(gateway.interface) has metric \(route.kernelMetric), so no other gateway can be"
              + " used here while the uplink is dead: give it one above \(ours)"))
      }
    }
  }

  /// A rule that would announce a default route which the kernel has, but asks for another protocol
  /// than the route's, is told, once. Of routes of protocol "boot" and rules that name no protocol
  /// `reviewBootRoutes` speaks.
  func reviewDefaultRoutes(
    _ machine: MachineFacts, into warnings: inout [ConfigurationWarning]
  ) {
    let chain = filters.redistribute
    var told: [Int] = []
    for route in machine.defaultRoutes where chain.firstMatch(route.subject) == nil {
      guard let own = route.kernelProtocol else { continue }
      let number = chain.rules.firstIndex { rule in
        guard case .kernelProtocol(let wanted) = rule.origin, !rule.metric.isInfinite else {
          return false
        }
        var another = route.subject
        another.kernelProtocol = wanted
        return rule.matches(another)
      }
      // Somebody else's route may be what the rule is about.
      guard let number, !told.contains(number),
        case .kernelProtocol(let wanted) = chain.rules[number].origin,
        !machine.defaultRoutes.contains(where: { chain.firstMatch($0.subject) == number })
      else { continue }
      told.append(number)
      warnings.append(
        unannounced(
          "the default route", route, by: chain.rules[number],
          "it is of protocol \(protocolText(own)), and this rule matches only protocol"
            + " \(protocolText(wanted)); add a rule with \"proto \(own)\""))
    }
  }

  /// The remark that a rule which seems to be about a kernel route does not announce it.
  func unannounced(
    _ title: String, _ route: KernelOffer, by rule: FilterRule, _ reason: String
  ) -> ConfigurationWarning {
    let way = route.interface.map { " through \($0)" } ?? ""
    return ConfigurationWarning(
      .machine, rule.position, in: self,
      "\(title) \(route.destination)\(way) is not announced: \(reason)")
  }
}
