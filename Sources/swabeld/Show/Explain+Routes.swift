import BabelCore
import BabelKernel
import BabelWire

// `explain PREFIX`: every route with what decides about it.
extension Daemon {
  func routesExplained(_ prefix: Prefix, at now: Instant) -> String {
    let gateways = gatewayText(prefix, at: now)
    let accounts = node.accounts(of: prefix, at: now)
    guard !accounts.isEmpty else { return gateways + nothingKnown(of: prefix, at: now) }
    let claims = claimsText(prefix, at: now)
    var text = ""
    for account in accounts {
      if !text.utf8.isEmpty { text += "\n" }
      text += destinationText(account, hasClaims: !claims.utf8.isEmpty)
      let selected = account.routes.first { $0.status.isInstalled }
      for route in account.routes { text += routeText(route, account, selected) }
    }
    if accounts.contains(where: { if case .via = $0.forwarding { true } else { false } }),
      let fault = forwardingFault(prefix.family)
    {
      text += "\n" + Paragraph.text("\(fault.text). \(fault.remedy)", indent: 0)
    }
    return gateways + text + claims + kernelText(prefix, accounts)
  }

  private func nothingKnown(of prefix: Prefix, at now: Instant) -> String {
    let claims = claimsText(prefix, at: now)
    var text =
      claims.utf8.isEmpty
      ? Paragraph.text("Nobody announces \(prefix) to us, and it is not redistributed.", indent: 0)
      : "\(prefix)\n\(claims)"
    if claims.utf8.isEmpty, let twin = node.routerIDTwins(at: now).first {
      text += Paragraph.text(
        "Neighbour \(twin.neighbour) on \(twin.interface) announces other prefixes with our own "
          + "router-id, and this may be one of them: swabelctl status says more.", indent: 0)
    }
    var nearest: Prefix?
    for handle in node.destinationOrder() {
      guard let one = node.prefixes(of: handle)?.destination, one.contains(prefix) else { continue }
      if nearest.map({ $0.length < one.length }) ?? true { nearest = one }
    }
    if let nearest {
      text += Paragraph.text("Packets follow \(nearest): swabelctl explain \(nearest)", indent: 0)
    }
    return text + kernelText(prefix, [])
  }

  /// Who announces an address of this machine, or the prefix with our router-id.
  private func claimsText(_ prefix: Prefix, at now: Instant) -> String {
    var text = ""
    for claim in node.ownAddressClaims(at: now) where claim.destination == prefix {
      text += Paragraph.text(
        "It is an address of this machine, and router \(claim.routerID) announces it, through "
          + "\(claim.neighbour) on \(claim.interface). No route to it is used; other machines may "
          + "reach either of the two.", indent: 2)
    }
    for twin in node.routerIDTwins(at: now) where twin.destination == prefix {
      text += Paragraph.text(
        "Neighbour \(twin.neighbour) on \(twin.interface) announces it with our own router-id "
          + "\(twin.routerID). It is dropped, because it looks as if it came from here: another "
          + "machine has the same router-id.", indent: 2)
      text += Paragraph.text(Self.twinRemedy, indent: 2)
    }
    return text
  }

  private func destinationText(_ account: DestinationAccount, hasClaims: Bool) -> String {
    let source = account.source.isDefault ? "" : " from \(account.source)"
    var text = "\(account.destination)\(source)\n"
    if let metric = account.originatedMetric {
      text += Paragraph.text(
        "It is redistributed here with metric \(metric.rawValue), so no learned route is used.",
        indent: 2)
    }
    if account.isOwnAddress {
      text += Paragraph.text("It is an address of this machine: no route to it is used.", indent: 2)
    }
    switch account.forwarding {
    case .absent: text += "  The kernel was asked for no entry.\n"
    case .unreachable:
      let left = account.holdLeft.map { " for \(HumanTime.text($0)) more" } ?? ""
      text += Paragraph.text(
        "It is held as unreachable\(left) after its loss, so that no packet follows a shorter "
          + "route back to where it came from.", indent: 2)
    case .via(let path):
      let tables = account.tables.map { "\($0)" }.joined(separator: ", ")
      let name = interfaces.first(path.interface)?.name.description ?? "?"
      text += "  The kernel has it via \(path.gateway) on \(name), table \(tables).\n"
    }
    if account.routes.isEmpty, !hasClaims { text += "  No neighbour announces it.\n" }
    if let routers = routers(of: account) { text += Paragraph.text(routers, indent: 2) }
    return text
  }

  /// Who announces a destination as its own, if there are several.
  private func routers(of account: DestinationAccount) -> String? {
    var routers: [RouterID] = account.originatedMetric == nil ? [] : [node.routerID]
    for route in account.routes where !route.status.metric.isInfinite {
      if !routers.contains(route.status.routerID) { routers.append(route.status.routerID) }
    }
    guard routers.count > 1 else { return nil }
    let names = routers.map { $0.description }.joined(separator: ", ")
    return
      "Several routers announce it as their own: \(names). Each packet goes to the one that is "
      + "nearest; unless that is meant, take it from all but one."
  }

  private func routeText(
    _ route: RouteAccount, _ destination: DestinationAccount, _ selected: RouteAccount?
  ) -> String {
    let status = route.status
    var text = "\n\(status.isInstalled ? "*" : "-") via \(status.nextHop) on \(status.interface)"
    if status.nextHop != status.neighbour { text += ", announced by \(status.neighbour)" }
    text += ": \(status.reason)\n"
    text += Paragraph.text(metricText(route), indent: 4)
    if status.smoothedMetric != status.metric, !status.smoothedMetric.isInfinite {
      text += "    average metric \(status.smoothedMetric.rawValue)\n"
    }
    text += Paragraph.text(
      "router \(status.routerID), seqno \(status.seqno.rawValue), heard "
        + "\(HumanTime.text(status.age)) ago, expires in \(HumanTime.text(status.secondsLeft))",
      indent: 4)
    text += Paragraph.text(feasibilityText(route), indent: 4)
    if let rule = route.installRule {
      text += Paragraph.text("install rule \(ruleText(rule, of: .install))", indent: 4)
    }
    if let condition = condition(route, destination, selected) {
      text += Paragraph.text("To be used: \(condition)", indent: 4)
    }
    return text
  }

  /// The sum that the metric is.
  private func metricText(_ route: RouteAccount) -> String {
    let status = route.status
    func value(_ metric: Metric) -> String { metric.isInfinite ? "infinity" : "\(metric.rawValue)" }
    var text = "metric \(value(status.metric)) = \(value(status.advertisedMetric)) announced"
    text += " + \(value(route.linkCost)) link"
    if let rule = route.inputRule {
      text += " + \(value(route.filterMetric)) by \(ruleText(rule, of: .input))"
    }
    return text
  }

  private func feasibilityText(_ route: RouteAccount) -> String {
    let status = route.status
    guard let distance = route.feasibilityDistance else {
      return "feasible: nothing of this router was announced by us"
    }
    let own = "seqno \(status.seqno.rawValue), metric \(status.advertisedMetric.rawValue)"
    let other = "seqno \(distance.seqno.rawValue), metric \(distance.metric.rawValue)"
    return status.isFeasible
      ? "feasible: (\(own)) is better than what we announced (\(other))"
      : "not feasible: (\(own)) is not better than what we announced (\(other)), so it may lead "
        + "back to us"
  }

  /// What would have to happen for a route to be used; nil for the one that is.
  private func condition(
    _ route: RouteAccount, _ destination: DestinationAccount, _ selected: RouteAccount?
  ) -> String? {
    let status = route.status
    switch status.reason {
    case .selected: return nil
    case .retracted: return "\(status.neighbour) has to announce it again."
    case .expired: return "\(status.neighbour) has to repeat it; its Updates do not arrive."
    case .linkUnusable:
      return "the link has to work both ways: swabelctl explain neighbour \(status.neighbour)"
    case .metricInfinite: return "its metric has to be less than 65535."
    case .unfeasible, .awaitingSeqno:
      let asked =
        route.isSeqnoRequested ? "which was asked for" : "which is asked for when it matters"
      return "router \(status.routerID) has to announce a newer seqno, \(asked)."
    case .awaitingFormer:
      return "the neighbour of the route that was in use before our restart has to be silent for "
        + "some Hellos."
    case .worse:
      let metric = selected?.status.metric.rawValue ?? 0
      return "its metric has to be less than \(metric), or the selected route has to go."
    case .settling:
      let dwell = route.toReplace.map { "\($0.dwell) ms" } ?? "a while"
      let waited = destination.betterFor.map { ", so far it has been for \($0) ms" } ?? ""
      return "it has to stay better on average, and for \(dwell)\(waited)."
    case .withinMargin:
      let margin = route.toReplace?.margin ?? 0
      return "it has to be better by \(margin) (switch-margin)."
    case .redistributedHere: return "the prefix must not be redistributed here."
    case .ownAddress: return "this machine must not have the address."
    case .deniedByFilter:
      let rule = route.inputRule.map { ruleText($0, of: .input) } ?? "the in filter"
      return "\(rule) must not deny it."
    case .notInstallable:
      if route.isRefusedByKernel { return refusalText(status) }
      let rule = route.installRule.map { ruleText($0, of: .install) } ?? "the install filter"
      return "\(rule) must not deny it."
    }
  }

  /// Why the kernel does not have a route.
  private func refusalText(_ status: RouteStatus) -> String {
    let refusal = problems.refusals.refusal(of: status.destination, source: status.source)
    guard let refusal else { return "the kernel has to take it; it refused it before." }
    if let occupant = refusal.occupant {
      return "the place must be free: somebody else has a route there, \(way(of: occupant))."
    }
    return "the kernel has to take it. The kernel refused it: \(refusal.reason)."
  }

  /// What the kernel does with packets to the prefix now.
  private func kernelText(_ prefix: Prefix, _ accounts: [DestinationAccount]) -> String {
    guard let found = kernel.lookUp(prefix) else {
      return "\nPackets of this machine: the kernel has no way to \(prefix), or refuses them.\n"
    }
    let link = found.ifindex.flatMap { links.name($0) }.map { " dev \($0)" } ?? ""
    let way = found.gateway.map { " via \($0)" } ?? ""
    let sign =
      "\(found.destination)\(way)\(link) table \(found.table) metric \(found.storedMetric), "
      + "protocol \(found.kernelProtocol)"
    let isOurs = found.kernelProtocol == KernelRoute.babelProtocol
    var text = "\n" + Paragraph.text("Packets of this machine take: \(sign)", indent: 0)
    let isForwarded = accounts.contains { if case .via = $0.forwarding { true } else { false } }
    if isForwarded, !isOurs, found.destination == prefix {
      text += Paragraph.text(
        "That is somebody else's route, and the kernel prefers it to ours. Its metric is better, "
          + "or its table is looked into first: remove it, or set kernel-priority or "
          + "kernel-metric.",
        indent: 0)
    }
    return text
  }
}
