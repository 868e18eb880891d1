import BabelCore
import BabelKernel
import BabelWire

/// Why Babel does not run on an interface.
enum InterfaceObstacle {
  /// There is no link of that name; another one may have been meant.
  case noLink(similar: String?)
  /// Nobody has set it up.
  case down
  /// It has no carrier.
  case noCarrier
  /// It has no address of the family that packets are exchanged over.
  case noAddress(AddressFamily)
  /// Its kernel speaks no IPv6 there (`disable_ipv6`), so it can have no link-local address.
  case ipv6Disabled
  /// Somebody else on the link has its link-local address.
  case duplicateAddress
  /// Its MTU is too small for IPv6.
  case smallMTU
  /// What the kernel was asked for was refused, with its words; nil if it was not asked yet.
  case notPrepared(String?)

  /// Under which name it is told among problems.
  var kind: ProblemKind {
    switch self {
    case .noLink: .noSuchInterface
    case .down, .noCarrier, .noAddress, .ipv6Disabled, .duplicateAddress, .smallMTU, .notPrepared:
      .interfaceDown
    }
  }

  /// Some words.
  var reason: String {
    switch self {
    case .noLink: "no such link"
    case .down: "link is down"
    case .noCarrier: "no carrier"
    case .noAddress(.ipv6): "no link-local address"
    case .noAddress(.ipv4): "no IPv4 address"
    case .duplicateAddress: "address is taken"
    case .smallMTU: "MTU below 1280"
    case .ipv6Disabled: "IPv6 is disabled"
    case .notPrepared(nil): "not prepared yet"
    case .notPrepared: "the kernel refuses it"
    }
  }

  /// What to do about it, as a sentence.
  func remedy(_ interface: InterfaceName) -> String {
    let name = interface.shellWord
    return switch self {
    case .noLink(let similar):
      similar.map { "Is \($0) meant?" }
        ?? "It is used as soon as it exists (ip link add \(name) …)."
    case .down: "Set it up: ip link set \(name) up"
    case .noCarrier:
      "Check the cable or the other end; link-detect false ignores the carrier."
    case .noAddress(.ipv6):
      "Add one: ip addr add fe80::N/64 dev \(name), or say link-local auto."
    case .noAddress(.ipv4): "Add one: ip addr add A.B.C.D/N dev \(name)"
    case .duplicateAddress: "Give one of the two another address."
    case .smallMTU: "IPv6 needs 1280: ip link set \(name) mtu 1280"
    case .ipv6Disabled:
      "Let it speak IPv6: sysctl -w "
        + ShellWord.text("net/ipv6/conf/\(interface)/disable_ipv6=0")
        + ". If the link-local address does not come back, set it down and up, or say "
        + "link-local auto."
    case .notPrepared(nil): "It is tried again within seconds."
    case .notPrepared(let error?): "What failed: \(error). It is tried again every few seconds."
    }
  }
}

extension Daemon {
  /// Why Babel does not run on an interface; nil if it does.
  func obstacle(to row: BabelInterface) -> InterfaceObstacle? {
    guard !row.isUp else { return nil }
    guard let link = links.link(row.name) else {
      return .noLink(similar: similarLink(to: row.name))
    }
    guard link.isUp else { return .down }
    let state = stateForPeers(
      links.state(row.name, detectingCarrier: settings.configuration.detectsLinks), of: row)
    guard state.isUp else { return .noCarrier }
    let family = row.parameters.control
    guard state.controlAddress(family) == nil else { return .notPrepared(row.failure) }
    return addressObstacle(family, link)
  }

  /// Why a link that is up has no address to speak from.
  func addressObstacle(_ family: AddressFamily, _ link: KernelLink) -> InterfaceObstacle {
    if family == .ipv6 {
      if Sysctl.value(Sysctl.ipv6IsDisabled(link.name)) == 1 { return .ipv6Disabled }
      let addresses = links.addresses(of: link.ifindex)
      if addresses.contains(where: { $0.address.isLinkLocal && $0.isDuplicate }) {
        return .duplicateAddress
      }
      if link.mtu > 0, link.mtu < 1280 { return .smallMTU }
    }
    return .noAddress(family)
  }

  /// A link that we do not run on and whose name is near: one letter more, less or different.
  func similarLink(to name: InterfaceName) -> String? {
    let wanted = name.octets
    for link in links.links() where !link.isLoopback && !interfaces.contains(link.name) {
      if Self.areNear(wanted, link.name.octets) { return link.name.description }
    }
    return nil
  }

  private static func areNear(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard abs(a.count - b.count) <= 1 else { return false }
    var head = 0
    while head < min(a.count, b.count), a[head] == b[head] { head += 1 }
    var tail = 0
    while tail < min(a.count, b.count) - head,
      a[a.count - 1 - tail] == b[b.count - 1 - tail]
    { tail += 1 }
    let different = max(a.count, b.count) - head - tail
    // Two letters that changed places are one slip, too.
    let isSwap =
      different == 2 && a.count == b.count && a[head] == b[head + 1] && a[head + 1] == b[head]
    return different <= 1 || isSwap
  }
}
