import BabelCore
import BabelKernel
import BabelWire

// `explain neighbour`, `explain interface` and `explain out`: what is missing, and for whom.
extension Daemon {
  func neighbourExplained(_ account: NeighbourAccount, at now: Instant) -> String {
    let status = account.status
    var text = "\(status.address) on \(status.interface): \(NeighbourState(account).word)\n"
    func add(_ line: String) { text += Paragraph.text(line, indent: 2) }
    add(
      "Known for \(HumanTime.text(account.knownFor)); last Hello "
        + (account.lastHelloAge.map { "\(HumanTime.text($0)) ago" } ?? "never")
        + "; of the last 16 "
        + "multicast Hellos \(status.multicastHistory.nonzeroBitCount) came, of unicast Hellos "
        + "\(status.unicastHistory.nonzeroBitCount).")
    let since = account.hasHeardUs ? " any more" : ""
    let told =
      account.ihuLeft.map {
        "It says that receiving from us costs \(cost(status.txcost)); that counts for "
          + "\(HumanTime.text($0)) more."
      } ?? "It says nothing of what receiving from us costs\(since)."
    add(
      told + " Receiving from it costs \(cost(status.rxcost)).")
    if !status.cost.isInfinite {
      var parts = "Cost \(cost(status.cost)) = \(cost(account.baseCost)) by Hellos"
      if let time = status.roundTripTime {
        parts += " + \(cost(status.rttCost)) by round-trip time \(HumanTime.milliseconds(time)) ms"
      }
      if let jitter = status.jitter {
        parts += " + \(cost(status.jitterCost)) by jitter \(HumanTime.milliseconds(jitter)) ms"
      }
      if let loss = status.loss, let grade = status.lossGrade {
        let share = "\(loss / 10).\(loss % 10) %"
        parts += " + \(cost(status.lossCost)) for losses of what it sends: \(grade), \(share)"
      }
      if account.surcharge > .zero { parts += " + \(cost(account.surcharge)) by request" }
      add(parts + ".")
    }
    add("It announces \(account.routeCount) routes, of which \(account.selectedCount) are used.")
    for line in missing(account, at: now) { add(line) }
    let twins = node.routerIDTwins(at: now).filter {
      $0.neighbour == status.address && $0.interface == status.interface
    }
    if let twin = twins.first {
      add(
        "It announces prefixes with our own router-id, for example \(twin.destination), so they "
          + "are dropped. \(Self.twinRemedy)")
    }
    for line in wireGuardExplained(status.address, on: status.interface) { add(line) }
    return text
  }

  private func cost(_ metric: Metric) -> String {
    metric.isInfinite ? "infinity" : "\(metric.rawValue)"
  }

  /// What is wrong between a neighbour and us, as sentences.
  private func missing(_ account: NeighbourAccount, at now: Instant) -> [String] {
    let status = account.status
    let refusal = refusal(
      of: account, node.neighbourAccounts(at: now), node.authenticationStatus(), at: now)
    switch NeighbourState(account) {
    case .isNotHeard where refusal != nil, .lost where refusal != nil:
      guard let refusal else { return [] }
      return [
        "Missing: a key. Its packets arrive, but \(refusal.reason), so they are refused.",
        refusal.remedy,
      ]
    case .usable where account.missesGroup:
      return [
        "Missing: multicast. What goes to the group \(settings.configuration.protocolGroup) does "
          + "not reach it, so it is sent unicast Hellos; packets go both ways."
      ]
    case .usable: return ["Nothing is missing: packets go both ways."]
    case .doesNotHearUs where account.isSigning:
      return [
        "Missing: a key here. It signs its packets, and there is no key on \(status.interface), so "
          + "it refuses ours."
      ]
    case .doesNotHearUs where account.ihuLeft == nil:
      return [
        "Missing: it says nothing of hearing us. "
          + (account.hasHeardUs ? "It did before. " : "It never did. ")
          + "Either our Hellos do not arrive there (firewall, UDP port 6696, group ff02::1:6, "
          + "allowed-ips of WireGuard there), or they are refused (keys), or its answers are lost."
      ] + unicastHints(account) + keyHints(status.interface, at: now)
    case .doesNotHearUs:
      return [
        "Missing: it says that it does not hear us well enough (rxcost infinity). Our Hellos get "
          + "lost on the way to it: look at the link in that direction, and at the MTU."
      ] + unicastHints(account) + keyHints(status.interface, at: now)
    case .isNotHeard where Self.isSpeaking(account), .lost where Self.isSpeaking(account):
      return [
        probesMTU(status.interface)
          ? "Missing: its Hellos, which fill the MTU (probe-mtu). Its short packets arrive, so the "
            + "way is narrower than the MTU: lower that at both ends, or look for what drops large "
            + "packets."
          : "Missing: its Hellos, which go to the group \(settings.configuration.protocolGroup). "
            + "Other packets of it arrive, so something drops multicast."
      ]
    case .isNotHeard:
      return [
        "Missing: its Hellos do not come well enough. Look at the link from it to us, and at the "
          + "firewall here."
      ]
    case .lost: return ["Missing: it is not heard any more, and will be forgotten."]
    }
  }

  /// What came of asking a neighbour by unicast that does not hear us.
  private func unicastHints(_ account: NeighbourAccount) -> [String] {
    guard account.healingSteps > 0 else { return [] }
    guard account.hearsUnicast else {
      return [
        "It was asked by unicast, too (step \(account.healingSteps)), and does not answer."
      ]
    }
    return [
      "It answers packets that are sent to it alone. Only those to the group are lost on the way: "
        + "the link must carry multicast (ff02::1:6), or the other end must count unicast Hellos."
    ]
  }

  private func keyHints(_ name: InterfaceName, at now: Instant) -> [String] {
    guard let status = node.authenticationStatus().first(where: { $0.interface == name }) else {
      return []
    }
    let recent = Self.offenders(status, node.neighbourAccounts(at: now), at: now)
    let (wrong, unsigned) = (
      recent.filter { $0.reason == .wrongMAC }, recent.filter { $0.reason == .unsigned }
    )
    var hints: [String] = []
    if !wrong.isEmpty {
      hints.append(
        "Packets of \(Self.names(wrong)) are signed with none of our keys: the keys differ.")
    }
    if !unsigned.isEmpty {
      hints.append(
        "Packets of \(Self.names(unsigned)) are not signed: a key is missing there.")
    }
    return hints
  }

  /// Nobody of an address is known.
  func strangerExplained(_ address: IPAddress) -> String {
    var text: String
    if let event = lastEvent(of: address) {
      text = Paragraph.text("\(address) is no neighbour now. What happened to it last:", indent: 0)
      text += Paragraph.text(event, indent: 2)
    } else {
      text = Paragraph.text("Nothing was heard from \(address).", indent: 0)
    }
    for row in interfaces.all {
      let state = obstacle(to: row).map { $0.reason } ?? "up"
      text += "  interface \(row.name): \(state)\n"
      for status in node.authenticationStatus() where status.interface == row.name {
        for offender in status.offenders where offender.address == address {
          text += Paragraph.text(
            "\(offender.count) packets of it were refused there: \(offender.reason)", indent: 4)
        }
      }
    }
    return text
      + Paragraph.text(
        "swabelctl explain interface NAME says what to look at; swabelctl show counters says which "
          + "packets were refused.", indent: 0)
  }

  /// The last event of a former neighbour, with its time, in the words of `show events`.
  private func lastEvent(of address: IPAddress) -> String? {
    let events = history.lines(.neighbour(address), at: EventTime.now).split(separator: 0x0A)
    let name = Array("neighbour \(address) if ".utf8)
    for event in events.reversed() {
      // `event NUMBER TIME …`
      let words = event.split(separator: 0x20, maxSplits: 3)
      guard words.count == 4, words[0].elementsEqual("event".utf8), words[3].starts(with: name)
      else { continue }
      return String(decoding: Array(words[2]), as: UTF8.self) + " "
        + String(decoding: Array(words[3]), as: UTF8.self)
    }
    return nil
  }

  // MARK: Interfaces

  func interfaceExplained(_ name: InterfaceName, at now: Instant) -> String {
    guard let index = interfaces.index(of: name) else {
      let link = links.link(name) == nil ? "There is no link of that name either." : ""
      return Paragraph.text("Babel is not told to run on \(name). \(link)", indent: 0)
    }
    let row = interfaces[index]
    if let obstacle = obstacle(to: row) {
      return "\(name): down, \(obstacle.reason)\n"
        + Paragraph.text(obstacle.remedy(name), indent: 2)
    }
    var text = "\(name): up, speaks from \(row.controlAddress?.description ?? "?")\n"
    func add(_ line: String) { text += Paragraph.text(line, indent: 2) }
    let interval = HumanTime.text(max(1, row.parameters.helloInterval / 1000))
    add("A Hello leaves every \(interval); MTU \(row.reported.mtu); type \(row.type).")
    let accounts = node.neighbourAccounts(at: now).filter { $0.status.interface == name }
    for account in accounts {
      add("neighbour \(account.status.address): \(NeighbourState(account).word)")
    }
    let hints = keyHints(name, at: now)
    for hint in hints { add(hint) }
    let twin = addressTwice(row, at: now)
    if let twin { add("\(twin.text). \(twin.remedy)") }
    guard accounts.isEmpty, hints.isEmpty, twin == nil else {
      for line in wireGuardExplained(name, isHeard: true) { add(line) }
      return text
    }
    add(
      "Nobody is heard. Is a Babel router on the other end, on UDP port "
        + "\(settings.configuration.protocolPort) and group "
        + "\(settings.configuration.protocolGroup)? "
        + "Does a firewall, here or there, or a switch in between drop these packets? That ping "
        + "works proves little, because Hellos are multicast: ping "
        + ShellWord.text("ff02::1%\(name)") + " reaches all on the link by multicast, too.")
    guard let link = links.link(name) else { return text }
    if !link.isMulticast {
      add("The link does not carry multicast: name the neighbours (neighbour ADDRESS).")
    }
    for line in wireGuardExplained(name, isHeard: false) { add(line) }
    return text
  }

  // MARK: Announcements

  func announcementsExplained(_ prefix: Prefix, at now: Instant) -> String {
    var text = ""
    for account in node.accounts(of: prefix, at: now) {
      let source = account.source.isDefault ? "" : " from \(account.source)"
      text += "\(account.destination)\(source)\n"
      for one in node.announcementAccounts(of: account.destination, source: account.source) {
        text += Paragraph.text("\(one.interface): \(announcementText(one))", indent: 2)
      }
    }
    guard text.utf8.isEmpty else { return text }
    return Paragraph.text(
      "Nobody is told of \(prefix): it is neither redistributed here nor announced to us.",
      indent: 0)
  }

  private func announcementText(_ account: AnnouncementAccount) -> String {
    let rule = account.rule.map { ruleText($0, of: .output) }
    switch account.verdict {
    case .announced(let metric):
      return "announced with metric \(metric.rawValue)" + (rule.map { ", by \($0)" } ?? "")
    case .nothingToTell: return "not announced, because no route to it can be used"
    case .splitHorizon:
      return "not announced, because the selected route leads through it (split-horizon)"
    case .denied: return "not announced, because of \(rule ?? "the out filter")"
    case .metricInfinite: return "not announced, because \(rule ?? "a rule") makes it infinite"
    case .noSourcePrefixes:
      return "not announced, because source-specific routes are not told there (rfc6126-compatible)"
    case .noNextHop: return "not announced, because there is no address that could be next hop"
    case .withheld:
      return "not announced yet, because routes inside it from before the start are not confirmed"
    case .interfaceDown: return "down"
    }
  }
}
