import BabelCore
import BabelKernel
import BabelWire

/// Why packets of a sender are refused on an interface with keys, and what to do about it.
struct KeyRefusal {
  /// As the end of a sentence about the packets.
  let reason: String
  /// As a sentence.
  let remedy: String

  init(_ reason: DropReason) {
    if reason == .unsigned {
      self.reason = "they are not signed, though a key is demanded here"
      remedy = "Give the sender the key, or take it from this interface."
    } else {
      self.reason = "they are signed with none of our keys"
      remedy = "Compare the keys of both sides: swabelctl show config --secrets."
    }
  }
}

extension Daemon {
  /// Why packets of a neighbour have been refused lately; nil if none were.
  func refusal(
    of account: NeighbourAccount, _ accounts: [NeighbourAccount], _ keys: [AuthenticationStatus],
    at now: Instant
  ) -> KeyRefusal? {
    for status in keys
    where status.interface == account.status.interface
      && status.offenders.contains(where: { $0.address == account.status.address })
    {
      let latest = Self.offenders(status, accounts, at: now)
        .filter { $0.address == account.status.address }
        .max { $0.latest < $1.latest }
      if let latest { return KeyRefusal(latest.reason) }
    }
    return nil
  }

  // MARK: Addresses

  /// Somebody else on a link speaks from our address there.
  func addressTwice(_ row: BabelInterface, at now: Instant) -> (text: String, remedy: String)? {
    guard let address = row.controlAddress, let age = node.ownPacketAge(on: row.name, at: now),
      age <= max(10, 3 * row.parameters.helloInterval / 1000)
    else { return nil }
    return (
      "interface \(row.name): packets come from \(address), which is our own address there, and "
        + "are dropped: somebody else on this link uses it",
      "Give one of the two another address (ip addr). If nobody has it, the link sends our own "
        + "packets back: look for a loop."
    )
  }

  /// Returns whether that is so.
  func findAddressTwice(
    _ row: BabelInterface, at now: Instant, _ list: inout ProblemList
  ) -> Bool {
    guard let words = addressTwice(row, at: now) else { return false }
    list.add(.addressTwice, .serious, .interface(row.name)) { words }
    return true
  }

  // MARK: Forwarding

  /// That the kernel does not forward packets of a family, and what to do about it; nil if it does,
  /// or if that cannot be told.
  func forwardingFault(_ family: AddressFamily) -> (text: String, remedy: String)? {
    let (setting, name) = Self.forwarding(family)
    guard Sysctl.value(setting) == 0 else { return nil }
    let kind = family == .ipv4 ? "IPv4" : "IPv6"
    return (
      "this machine does not forward \(kind): \(name) is 0, so packets of others are dropped here",
      "Switch it on (sysctl -w \(name)=1), and look for what switched it off. A machine that is "
        + "not to carry packets of others must announce its own addresses only (out … deny)."
    )
  }

  private static func forwarding(_ family: AddressFamily) -> (setting: String, name: String) {
    family == .ipv4
      ? (Sysctl.ipv4Forwarding, "net.ipv4.ip_forward")
      : (Sysctl.ipv6Forwarding, "net.ipv6.conf.all.forwarding")
  }

  /// Whether the kernel forwards what neighbours send us because of what we announce.
  func findForwarding(_ accounts: [NeighbourAccount], _ list: inout ProblemList) {
    let usable = accounts.filter { !$0.status.cost.isInfinite }
    guard !usable.isEmpty else { return }
    for family in [AddressFamily.ipv4, .ipv6] {
      guard let fault = forwardingFault(family),
        let prefix = node.forwardedPrefix(family, includingLearned: Self.joins(usable, interfaces))
      else { continue }
      list.add(.forwardingOff, .serious, .setting(Array(Self.forwarding(family).name.utf8))) {
        ("\(fault.text), though neighbours are told of \(prefix)", fault.remedy)
      }
    }
  }

  /// Whether some of the neighbours may reach each other through us: those on one interface hear
  /// each other themselves, unless it is one that we repeat everything on.
  private static func joins(_ usable: [NeighbourAccount], _ interfaces: InterfaceTable) -> Bool {
    guard usable.count > 1, let first = usable.first?.status.interface else { return false }
    guard usable.allSatisfy({ $0.status.interface == first }) else { return true }
    return interfaces.index(of: first).map { !interfaces[$0].parameters.splitHorizon } ?? false
  }
}
