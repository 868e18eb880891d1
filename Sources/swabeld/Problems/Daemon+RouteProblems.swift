import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// What is wrong with routes.
  func findRoutes(_ survey: RouteSurvey, at now: Instant, _ list: inout ProblemList) {
    findRefused(survey, &list)
    for route in kernel.rivals(node).prefix(ProblemList.limitOfKind) {
      list.add(.shadowed, .serious, .prefix(route.destination)) {
        shadowText(route, "the kernel prefers a route of somebody else to ours")
      }
    }
    let tally = survey.tally
    if tally.starving > 0 {
      list.add(.starving, .serious, .routes) {
        (
          "prefixes with only such routes as may lead back to us: \(tally.starving)"
            + Self.examples(survey.starving),
          "Their routers were asked for newer seqnos; if this lasts, look at them."
        )
      }
    }
    if tally.unfeasible > 0 {
      list.add(.unfeasible, .doubtful, .routes) {
        (
          "prefixes whose better route is not feasible, as it may lead back to us: "
            + "\(tally.unfeasible)" + Self.examples(survey.unfeasible),
          "A newer seqno is asked for; if this lasts, look at the router that originates them."
        )
      }
    }
    findOriginators(survey, at: now, &list)
    findTwins(at: now, &list)
  }

  private static func examples(_ prefixes: [Prefix]) -> String {
    guard !prefixes.isEmpty else { return "" }
    return ", for example " + prefixes.map { "\($0)" }.joined(separator: ", ")
  }

  // MARK: The kernel

  private func findRefused(_ survey: RouteSurvey, _ list: inout ProblemList) {
    forgetRefusals()
    var blocked = 0
    for refusal in problems.refusals.all {
      guard let occupant = refusal.occupant else { continue }
      blocked += 1
      list.add(.shadowed, .serious, .prefix(refusal.key.destination)) {
        shadowText(occupant, "the kernel has a route of somebody else where ours would be")
      }
    }
    let others = survey.tally.refusedByKernel - blocked
    guard others > 0 else { return }
    list.add(.notInstalled, .serious, .kernel) {
      let example = problems.refusals.all.last { $0.occupant == nil }
      let text =
        example.map { ", for example \($0.key.destination): \($0.reason)" }
        ?? Self.examples(survey.refused)
      return (
        "\(others) routes cannot be installed, the kernel refuses them\(text)",
        "swabelctl explain PREFIX says which route it is and what the kernel has against it."
      )
    }
  }

  private func shadowText(
    _ route: KernelRoute, _ fault: String
  ) -> (text: String, remedy: String) {
    let text = "prefix \(route.destination): \(fault): \(way(of: route))"
    let gateway = settings.configuration.gateways.first {
      $0.prefixes.contains(route.destination)
        && route.ifindex.flatMap { links.name($0) } == $0.interface
    }
    if let gateway {
      let need =
        route.storedMetric == 0 ? "a metric above 0" : "a metric above that of our routes"
      return (
        text,
        "It is the way out of gateway \(gateway.title), so it must stay: let whoever sets it give "
          + "it \(need), so that the route to another gateway is preferred while this is dead."
      )
    }
    let choice =
      route.storedMetric == 0
      ? "." : ", or set kernel-priority or kernel-metric so that ours is preferred."
    return (text, "Remove it (\(Self.removal(of: route)))\(choice)")
  }

  /// The command that removes a route, as ip-route(8) wants it.
  static func removal(of route: KernelRoute) -> String {
    let type = route.type == .unicast ? "" : "\(route.type) "
    let source = route.source.isDefault ? "" : " from \(route.source)"
    let metric = route.storedMetric == 0 ? "" : " metric \(route.storedMetric)"
    return "ip route del \(type)\(route.destination)\(source) table \(route.table)\(metric)"
  }

  /// Where a route of the kernel leads, in the words of ip-route(8).
  func way(of route: KernelRoute) -> String {
    let type = route.type == .unicast ? "" : "\(route.type) "
    let way = route.gateway.map { "via \($0) " } ?? ""
    let link = route.ifindex.flatMap { links.name($0) }.map { "dev \($0) " } ?? ""
    return "\(type)\(way)\(link)table \(route.table) metric \(route.storedMetric) protocol "
      + "\(route.kernelProtocol)"
  }

  /// The kernel refused an entry.
  func noteRefusal(_ route: KernelRoute, _ error: KernelError?, occupant: KernelRoute?) {
    problems.note(
      Refusals.Refusal(
        key: route.forwardingKey, reason: error.map { $0.reason } ?? "the place is taken",
        occupant: occupant))
  }

  /// Forgets refusals of what the node does not want any more, or has by now.
  private func forgetRefusals() {
    guard !problems.refusals.all.isEmpty else { return }
    var over: [ForwardingKey] = []
    for refusal in problems.refusals.all {
      let key = refusal.key
      if !node.isRefusedByKernel(key.destination, source: key.source) { over.append(key) }
    }
    problems.forgetRefusals { over.contains($0.key) }
  }

  // MARK: Originators

  /// What to do about a router-id that two machines have.
  static let twinRemedy =
    "Give each machine a router-id of its own (router-id in its configuration). One that was "
    + "cloned from another must keep neither the copied statement nor the copied state files "
    + "(state-file, such as /var/lib/babel-state)."

  /// Neighbours that announce prefixes with our own router-id, which are not from us.
  private func findTwins(at now: Instant, _ list: inout ProblemList) {
    let twins = node.routerIDTwins(at: now)
    for (index, twin) in twins.enumerated() {
      func isSame(_ other: Claim) -> Bool {
        other.neighbour == twin.neighbour && other.interface == twin.interface
      }
      guard !twins[..<index].contains(where: isSame) else { continue }
      list.add(.routerIDTwice, .serious, .neighbour(twin.neighbour, twin.interface)) {
        let more = twins[(index + 1)...].reduce(0) { $0 + (isSame($1) ? 1 : 0) }
        let others = more == 0 ? "" : " and \(more) more"
        return (
          "another machine has our router-id \(twin.routerID), so each drops what the other one "
            + "announces: neighbour \(twin.neighbour) on \(twin.interface) announces "
            + "\(twin.destination)\(others) with it",
          Self.twinRemedy
        )
      }
    }
  }

  private func findOriginators(
    _ survey: RouteSurvey, at now: Instant, _ list: inout ProblemList
  ) {
    for claim in node.ownAddressClaims(at: now) {
      list.add(.ownAddress, .partial, .prefix(claim.destination)) {
        (
          "our own address \(claim.destination) is announced by another router, "
            + "\(claim.routerID), through \(claim.neighbour) on \(claim.interface)",
          "Give one of the two another address; if the other one was this machine, wait until its "
            + "former router-id is forgotten."
        )
      }
    }
    let more = survey.tally.shared - survey.disputes.count
    let others = more > 0 ? ", and so are \(more) others" : ""
    for dispute in survey.disputes {
      let own = dispute.one == node.routerID ? " (this router)" : ""
      list.add(.twoOriginators, .doubtful, .prefix(dispute.destination)) {
        (
          "prefix \(dispute.destination) is announced by two routers: \(dispute.one)\(own) and "
            + "\(dispute.other), the latter through \(dispute.neighbour)\(others)",
          "If it is not meant to be in two places, stop one of them (redistribute … deny)."
        )
      }
    }
  }
}
