import BabelWire

// Remarks on gateways.

extension Configuration {
  /// Gateways that do nothing, and such whose probes may go astray.
  func reviewGateways(
    _ positional: [InterfaceName], into warnings: inout [ConfigurationWarning]
  ) {
    for gateway in gateways {
      let name = gateway.interface
      if gateway.mark == 0, names(name) || matchesPattern(name) || positional.contains(name) {
        warnings.append(
          ConfigurationWarning(
            .suspicious, gateway.position, in: self,
            "gateway \(gateway.title): Babel runs on \(name), too, so a probe may take a route"
              + " that was learned there: add \"mark N\", and a routing rule for the mark"))
      }
      for prefix in gateway.prefixes where !isRedistributed(prefix, through: gateway) {
        warnings.append(
          ConfigurationWarning(
            .suspicious, gateway.position, in: self,
            "gateway \(gateway.title): no rule announces \(prefix) through \(name): add"
              + " \"redistribute ip \(prefix) eq \(prefix.length) proto N\" with the protocol"
              + " of the kernel's route"))
      }
      if let table = gateway.table, !effectiveImportTables.contains(table) {
        warnings.append(
          ConfigurationWarning(
            .suspicious, gateway.position, in: self,
            "gateway \(gateway.title): nothing is redistributed from table \(table): add"
              + " \"import-table \(table)\""))
      }
    }
  }

  /// Whether a rule announces a route that a gateway is about, if the route is of the right
  /// protocol.
  private func isRedistributed(_ prefix: Prefix, through gateway: Gateway) -> Bool {
    let rules = filters.redistribute.rules.filter { !$0.metric.isInfinite }
    var subject = FilterSubject(destination: prefix, source: .any(prefix.family))
    subject.interface = gateway.interface
    return rules.contains { rule in
      switch rule.origin {
      case .kernelProtocol(let number): subject.kernelProtocol = number
      case .local: return false
      case .unspecified, .any, nil: subject.kernelProtocol = 4
      }
      return rule.matches(subject)
    }
  }

  /// Gateways whose interface does not exist, or that ask this machine.
  func reviewGateways(
    against machine: MachineFacts, into warnings: inout [ConfigurationWarning]
  ) {
    for gateway in gateways where !machine.links.contains(where: { $0.name == gateway.interface }) {
      warnings.append(
        ConfigurationWarning(
          .machine, gateway.position, in: self,
          "interface \(gateway.interface) of gateway \(gateway.title) does not exist: it counts as"
            + " dead until it comes"))
    }
    for gateway in gateways {
      for probe in gateway.probes where machine.addresses.contains(probe.address) {
        warnings.append(
          ConfigurationWarning(
            .machine, gateway.position, in: self,
            "gateway \(gateway.title): \(probe.address) is an address of this machine, so it says"
              + " nothing of the uplink: ask somebody behind it"))
      }
    }
  }
}
