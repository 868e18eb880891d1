import BabelWire

extension Configuration {
  /// The effective configuration as statements, defaults included, one a line. Keys are named but
  /// not shown. `positional` are interfaces named on the command line; the Hello intervals are
  /// those of `-h` and `-H` in milliseconds.
  public func explanation(
    positional: [InterfaceName] = [],
    wirelessHello: UInt32 = InterfaceParameters.defaultHelloInterval,
    wiredHello: UInt32 = InterfaceParameters.defaultHelloInterval
  ) -> String {
    var lines = explainedOptions()
    for key in keys { lines.append("# \(key), \(key.value)") }
    var names = interfaces.map { $0.name }
    for name in positional where !names.contains(name) { names.append(name) }
    if !patterns.isEmpty { lines.append("default\(defaults.statementText)") }
    for entry in patterns {
      lines.append("interface \(entry.pattern)\(entry.settings.statementText)")
    }
    for name in names { lines.append(explained(name, wirelessHello, wiredHello)) }
    let chains = [
      ("in", filters.input), ("out", filters.output), ("redistribute", filters.redistribute),
      ("install", filters.install),
    ]
    for (word, chain) in chains {
      for rule in chain.rules {
        let text = "\(word)\(rule.statementText)  # \(description(of: rule.position))"
        lines.append(rule.position == nil ? "# \(text)" : text)
      }
    }
    lines.append("# in, out, install: what no rule matches is allowed; redistribute: denied")
    var text = ""
    for line in lines { text += text.utf8.isEmpty ? line : "\n" + line }
    return text
  }

  private func explainedOptions() -> [String] {
    var lines: [String] = []
    lines.append("protocol-group \(protocolGroup)")
    lines.append("protocol-port \(protocolPort)")
    lines.append(
      routerID.map { "router-id \($0)" } ?? "# router-id: from a MAC address, or by chance")
    lines.append("random-id \(usesRandomID)")
    lines.append("smoothing-half-life \(smoothingHalfLife)")
    lines.append("switch-margin " + (switchMargin.map { "\($0)" } ?? "auto"))
    lines.append("switch-dwell " + (switchDwell.map { decimal($0) } ?? "auto"))
    lines.append("link-detect " + (detectsLinks.map { "\($0)" } ?? "auto"))
    // What babeld does not have is shown where it is not left alone.
    if pricing != Pricing() {
      lines.append("fee \(pricing.fee)")
      lines.append("metric-factor \(pricing.metricFactor)")
    }
    if let maxUpdateRetry { lines.append("max-update-retry \(maxUpdateRetry)") }
    lines.append(numberOrOff("kernel-priority", kernelPriority))
    lines.append("reflect-kernel-metric \(reflectsKernelMetric)")
    lines.append(allowDuplicates.map { "allow-duplicates \($0)" } ?? "# allow-duplicates: off")
    lines.append(ipv6Subtrees.map { "ipv6-subtrees \($0)" } ?? "# ipv6-subtrees: as the kernel can")
    lines.append("export-table \(exportTable)")
    if let sourceTables {
      lines.append("source-tables \(sourceTables.lowerBound) \(sourceTables.upperBound)")
      lines.append("source-rule-priority \(sourceRulePriority)")
    }
    for table in effectiveImportTables { lines.append("import-table \(table)") }
    lines.append(numberOrOff("kernel-check-interval", kernelCheckInterval))
    lines.append("skip-kernel-setup \(skipsKernelSetup)")
    switch localServer?.endpoint {
    case .port(let port):
      lines.append("local-port\(localServer?.isReadWrite == true ? "-readwrite" : "") \(port)")
    case .path(let path):
      lines.append(
        "local-path\(localServer?.isReadWrite == true ? "-readwrite" : "") \(quoted(path))")
    case nil: lines.append("# local-port, local-path: none")
    }
    lines.append(numberOrOff("shutdown-delay-ms", shutdownDelay))
    lines.append("debug \(debugLevel)")
    lines.append("daemonise \(daemonises)")
    lines.append("state-file \(quoted(stateFile))")
    lines.append("pid-file \(quoted(pidFile))")
    for (table, limit) in [
      ("interfaces", limits.interfaces), ("neighbours", limits.neighbours),
      ("routes", limits.routes), ("neighbour-routes", limits.neighbourRoutes),
      ("sources", limits.sources), ("originated-prefixes", limits.originatedPrefixes),
      ("requests", limits.requests), ("kernel-buffer", limits.kernelBuffer),
    ] {
      if let limit { lines.append("limit \(table) \(limit)") }
    }
    lines.append(logFile.map { "log-file \(quoted($0))" } ?? "# log-file: standard error")
    return lines + explainedProcess()
  }

  /// What babeld does not have is shown where it is not left alone.
  private func explainedProcess() -> [String] {
    var lines: [String] = []
    if let user { lines.append("user " + String(decoding: user, as: UTF8.self)) }
    if let mode = socketAccess.mode { lines.append("socket-mode 0" + String(mode, radix: 8)) }
    if let owner = socketAccess.owner {
      lines.append("socket-owner " + String(decoding: owner, as: UTF8.self))
    }
    if let group = socketAccess.group {
      lines.append("socket-group " + String(decoding: group, as: UTF8.self))
    }
    switch socketDialect {
    case .babel: break
    case .aredn: lines.append("socket-dialect aredn")
    case .althea: lines.append("socket-dialect althea")
    case .swabeld: lines.append("socket-dialect swabeld")
    }
    return lines
  }

  /// babeld refuses to read the zero that is its default.
  private func numberOrOff(_ word: String, _ value: UInt32) -> String {
    value == 0 ? "# \(word): 0" : "\(word) \(value)"
  }

  private func explained(
    _ name: InterfaceName, _ wirelessHello: UInt32, _ wiredHello: UInt32
  ) -> String {
    let settings = settings(for: name)
    let type = settings.type.map { ResolvedLinkType($0) } ?? .unknown
    let own = InterfaceParameters(
      settings, type: type, wirelessHello: wirelessHello, wiredHello: wiredHello)
    var text = "interface \(quoted(name.octets)) type \(type) rxcost \(own.rxcost)"
    text += " hello-interval \(decimal(own.helloInterval))"
    text += " update-interval \(decimal(own.updateInterval))"
    text += " link-quality \(own.linkSensing == .etx) split-horizon \(own.splitHorizon)"
    text += " unicast \(own.unicast) enable-timestamps \(own.timestamps)"
    text += " rfc6126-compatible \(own.rfc6126Compatible) rtt-decay \(own.rttDecay)"
    text += " rtt-min \(decimal(own.rttMin)) rtt-max \(decimal(own.rttMax))"
    if own.maxRTTPenalty > .zero { text += " max-rtt-penalty \(own.maxRTTPenalty)" }
    if own.maxJitterPenalty > .zero {
      text += " jitter-min \(decimal(own.jitterMin)) jitter-max \(decimal(own.jitterMax))"
      text += " max-jitter-penalty \(own.maxJitterPenalty)"
    }
    text += settings.v4ViaV6.map { " v4-via-v6 \($0)" } ?? " v4-via-v6 auto"
    text += " probe-mtu \(own.probesMTU)"
    if settings.makesLinkLocal == true { text += " link-local auto" }
    if own.pathAttributes { text += " path-attributes true" }
    if own.wireFormat == .althea { text += " althea-wire true" }
    text += " ipv4-control \(own.control == .ipv4)"
    for address in settings.unicastNeighbours ?? [] { text += " neighbour \(address)" }
    text += " accept-bad-signatures \(settings.acceptsBadSignatures ?? false)"
    for key in authentication(for: name).keys {
      let use = !key.signs ? "verified" : key.verifies ? "signed and verified" : "signed"
      text += "  # \(use) with \(key.key)"
    }
    return text
  }

  private func quoted(_ octets: [UInt8]) -> String {
    var text: [UInt8] = [0x22]
    for octet in octets {
      if octet == 0x22 || octet == 0x5c { text.append(0x5c) }
      text.append(octet)
    }
    return String(decoding: text + [0x22], as: UTF8.self)
  }
}

extension InterfaceSettings {
  /// What is set, as the configuration language writes it, each with a blank in front. Keys are
  /// named in a comment at the end.
  var statementText: String {
    var text = ""
    func add(_ word: String, _ value: String?) {
      if let value { text += " \(word) \(value)" }
    }
    add("type", type.map { ResolvedLinkType($0).description })
    add("rxcost", rxcost.map { "\($0)" })
    add("hello-interval", helloInterval.map(decimal))
    add("update-interval", updateInterval.map(decimal))
    add("link-quality", linkQuality.map { "\($0)" })
    add("split-horizon", splitHorizon.map { "\($0)" })
    add("unicast", unicast.map { "\($0)" })
    add("enable-timestamps", timestamps.map { "\($0)" })
    add("rfc6126-compatible", rfc6126Compatible.map { "\($0)" })
    add("rtt-decay", rttDecay.map { "\($0)" })
    add("rtt-min", rttMin.map(decimal))
    add("rtt-max", rttMax.map(decimal))
    add("max-rtt-penalty", maxRTTPenalty.map { "\($0)" })
    add("jitter-min", jitterMin.map(decimal))
    add("jitter-max", jitterMax.map(decimal))
    add("max-jitter-penalty", maxJitterPenalty.map { "\($0)" })
    add("v4-via-v6", v4ViaV6.map { "\($0)" })
    add("path-attributes", pathAttributes.map { "\($0)" })
    add("althea-wire", usesAltheaWire.map { "\($0)" })
    add("probe-mtu", probesMTU.map { "\($0)" })
    add("link-local", makesLinkLocal.map { $0 ? "auto" : "manual" })
    add("accept-bad-signatures", acceptsBadSignatures.map { "\($0)" })
    add("ipv4-control", ipv4Control.map { "\($0)" })
    for address in unicastNeighbours ?? [] { add("neighbour", "\(address)") }
    let signing = (key.map { [$0] } ?? []) + (alsoKeys ?? [])
    for id in signing { text += "  # signed with key \(printable(id, limit: 255))" }
    for id in signKeys ?? [] { text += "  # signed with key \(printable(id, limit: 255))" }
    for id in verifyKeys ?? [] { text += "  # verified with key \(printable(id, limit: 255))" }
    return text
  }
}

extension FilterRule {
  /// Selectors and actions of the rule as the configuration language writes them, each with a
  /// blank in front. A rule for one family says so with `ip`.
  var statementText: String {
    var text = ""
    if let destination {
      text += " ip \(destination)"
    } else if let family {
      text += family == .ipv4 ? " ip 0.0.0.0/0" : " ip ::/0"
    }
    text += Self.text(destinationLength, family, "")
    if let source { text += " src-ip \(source)" }
    text += Self.text(sourceLength, family, "src-")
    if let neighbour { text += " neigh \(neighbour)" }
    if let routerID { text += " id \(routerID)" }
    if let interface { text += " if \(interface)" }
    switch origin {
    case .local: text += " local"
    case .kernelProtocol(let number): text += " proto \(number)"
    case .any: text += " anyproto"
    case .unspecified, nil: break
    }
    if metric == .zero {
      text += " allow"
    } else {
      text += metric.isInfinite ? " deny" : " metric \(metric)"
    }
    if let sourcePrefix { text += " src-prefix \(sourcePrefix)" }
    if let table { text += " table \(table)" }
    if let preferredSource { text += " pref-src \(preferredSource)" }
    if let kernelMetric { text += " kernel-metric \(kernelMetric)" }
    return text
  }

  private static func text(
    _ range: LengthRange, _ family: AddressFamily?, _ prefix: String
  ) -> String {
    let offset = family == .ipv4 ? 96 : 0
    let least = range.atLeast - offset
    let greatest = range.atMost - offset
    if least == greatest { return " \(prefix)eq \(least)" }
    var text = ""
    if least > 0 { text += " \(prefix)ge \(least)" }
    if range.atMost < 128 { text += " \(prefix)le \(greatest)" }
    return text
  }
}
