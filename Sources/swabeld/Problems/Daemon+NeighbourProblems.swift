import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// What is wrong with a neighbour.
  func find(
    _ account: NeighbourAccount, _ refusal: KeyRefusal?, _ list: inout ProblemList
  ) {
    let status = account.status
    let subject = Problem.Subject.neighbour(status.address, status.interface)
    let hello = max(account.helloInterval / 1000, 1)
    switch NeighbourState(account) {
    case .usable:
      findGroupLoss(account, subject, &list)
      guard account.routeCount > 0, account.refusedCount == account.routeCount else { break }
      list.add(.routesRefused, .partial, subject) { refusedRoutes(account) }
    case .doesNotHearUs where account.isSigning:
      list.add(.unsigned, .serious, subject) {
        (
          "\(status.title) signs its packets, and there is no key on \(status.interface) here, "
            + "so it refuses ours",
          "Give this interface the key (key, interface \(status.interface) key ID), or take it "
            + "from the neighbour."
        )
      }
    case .doesNotHearUs where account.knownFor < 3 * hello:
      break  // It may just not have had the time to say so.
    case .doesNotHearUs:
      let probes = probesMTU(status.interface)
      list.add(.oneWay, .serious, subject, patience: Int64(hello) * 3_000_000) {
        (
          account.ihuLeft == nil
            ? "\(status.title) is one-way: it is heard, but says nothing of hearing us"
            : "\(status.title) is one-way: it is heard, but says that it does not hear us",
          "Packets from here do not arrive there: look at its firewall (UDP port "
            + "\(settings.configuration.protocolPort), "
            + "\(settings.configuration.protocolGroup)), its keys, allowed-ips of WireGuard, "
            + (probes ? "and above all the MTU: probe-mtu fills our Hellos." : "and the MTU.")
        )
      }
    case .isNotHeard where refusal != nil, .lost where refusal != nil:
      guard let refusal else { break }
      list.add(.notHeard, .serious, subject) {
        (
          "\(status.title) is not heard any more: its packets arrive, but \(refusal.reason)",
          refusal.remedy
        )
      }
    case .isNotHeard, .lost: findUnheard(account, subject, &list)
    }
  }

  /// A neighbour with which only unicast passes, in one direction or the other. The link works all
  /// the same, but nobody would be found on it who does not know the other.
  private func findGroupLoss(
    _ account: NeighbourAccount, _ subject: Problem.Subject, _ list: inout ProblemList
  ) {
    let status = account.status
    let (group, interface) = (settings.configuration.protocolGroup, status.interface)
    func remedy() -> String {
      "Let multicast pass (firewalls, access points, ff02::/16 in allowed-ips of WireGuard), or "
        + "name it for good: interface \(interface) neighbour \(status.address)"
    }
    if account.missesGroup {
      list.add(.missesGroup, .partial, subject) {
        (
          "\(status.title) misses what is sent to the group \(group), so it gets unicast Hellos",
          remedy()
        )
      }
    } else if status.multicastHistory == 0, status.unicastHistory != 0, !isListed(account) {
      list.add(.missesGroup, .partial, subject) {
        (
          "\(status.title): what it sends to the group \(group) is missed here, only unicast comes",
          remedy()
        )
      }
    }
  }

  private func isListed(_ account: NeighbourAccount) -> Bool {
    guard let index = interfaces.index(of: account.status.interface) else { return false }
    return interfaces[index].parameters.unicastNeighbours.contains(account.status.address)
  }

  /// Whether our Hellos on an interface fill the MTU.
  func probesMTU(_ name: InterfaceName) -> Bool {
    interfaces.index(of: name).map { interfaces[$0].parameters.probesMTU } ?? false
  }

  private func refusedRoutes(
    _ account: NeighbourAccount
  ) -> (text: String, remedy: String) {
    let count = account.routeCount
    let text = "\(account.status.title) announces \(count) routes, and none of them may be used"
    let remedy = "swabelctl show routes --neighbour \(account.status.address) says why."
    if account.deniedCount == count { return ("\(text): the in filter denies them", remedy) }
    if account.uninstallableCount == count {
      return ("\(text): the kernel or the install filter refuses them", remedy)
    }
    return (text, remedy)
  }

  /// A neighbour whose Hellos do not come.
  private func findUnheard(
    _ account: NeighbourAccount, _ subject: Problem.Subject, _ list: inout ProblemList
  ) {
    let status = account.status
    let isSpeaking = Self.isSpeaking(account)
    if isSpeaking, let index = interfaces.index(of: status.interface),
      interfaces[index].parameters.probesMTU
    {
      let mtu = interfaces[index].reported.mtu
      list.add(.mtuHole, .serious, subject) {
        (
          "\(status.title): its short packets arrive, its Hellos, which fill the MTU, do not",
          "The path is narrower than the MTU of \(mtu): lower it on both ends (ip link set "
            + "\(status.interface.shellWord) mtu N), or look for what drops large packets."
        )
      }
      return
    }
    list.add(.notHeard, .serious, subject) {
      isSpeaking
        ? (
          "\(status.title) is not heard: its Hellos do not arrive, though other packets of it do",
          "Hellos go to the group \(settings.configuration.protocolGroup): something drops "
            + "multicast, or large packets if probe-mtu is set there."
        )
        : (
          "\(status.title) is not heard any more",
          "Its Hellos do not arrive: look at the link and at the firewall here (UDP port "
            + "\(settings.configuration.protocolPort))."
        )
    }
  }

  /// Whether packets of a neighbour arrive, but no Hellos.
  static func isSpeaking(_ account: NeighbourAccount) -> Bool {
    let interval = max(account.helloInterval / 1000, 4)
    guard account.lastPacketAge <= 4 * interval else { return false }
    return account.lastHelloAge.map { $0 >= account.lastPacketAge + 2 * interval } ?? true
      && (account.lastHelloAge != nil || account.knownFor >= interval)
  }

  /// Neighbours and interfaces that are lost again and again.
  func findFlapping(at now: Instant, _ list: inout ProblemList) {
    for (subject, count) in history.flapping(at: now.microseconds) {
      guard case .neighbour(let address, let interface) = subject else { continue }
      list.add(.flapping, .partial, .neighbour(address, interface)) {
        (
          "neighbour \(address) on \(interface) flaps: it was lost \(count) times within "
            + "\(History.flapTime / 60_000_000) minutes",
          "swabelctl show events neighbour \(address) says why: look at the link, or raise rxcost "
            + "or the Hello interval there."
        )
      }
    }
  }
}

extension NeighbourStatus {
  /// How a neighbour is named in a sentence. It is put together only for one that has a problem:
  /// there may be a thousand without.
  fileprivate var title: String { "neighbour \(address) on \(interface)" }
}
