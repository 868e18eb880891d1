import BabelCore
import BabelKernel
import BabelWire

// What WireGuard keeps from passing: it drops packets to and from addresses that are not among
// those allowed to a peer, and it has no way to a peer before the first handshake.
extension Daemon {
  /// Seconds after which a handshake is worth nothing: WireGuard makes another one before.
  private static let handshakeLifetime: Int64 = 180

  /// fe80::/10.
  private static let linkLocal = Prefix(
    mapped: IPAddress(high: 0xFE80_0000_0000_0000, low: 0), mappedLength: 10)

  /// Asks the devices that it is time to ask.
  func watchWireGuard(at now: Instant) {
    var names: [InterfaceName] = []
    for row in interfaces.all {
      guard let link = links.link(row.name), link.isUp,
        link.kind == .wireguard || link.kind == .tun
      else { continue }
      // What several peers have is looked at more often.
      guard !peers.contains(row.name) else { continue }
      names.append(row.name)
      guard wireGuard.isDue(row.name, at: now.microseconds) else { continue }
      if link.kind == .wireguard {
        wireGuard.askKernel(row.name, at: now.microseconds)
      } else {
        wireGuard.askProgram(row.name, at: now.microseconds)
      }
    }
    wireGuard.keep(names)
  }

  /// What a device has told.
  func wireGuardDevice(_ name: InterfaceName) -> WireGuardDevice? {
    if let device = peers.device(name) { return device }
    if case .told(let device, _) = wireGuard.knowledge(of: name) { return device }
    return nil
  }

  /// Somebody wants to know now: the kernel answers at once, and a program is not waited for.
  func refreshWireGuard(_ name: InterfaceName) {
    guard let link = links.link(name), link.isUp, link.kind == .wireguard else { return }
    wireGuard.refreshKernel(name, at: MonotonicClock.microseconds())
  }

  private var group: IPAddress { settings.configuration.protocolGroup }

  // MARK: Problems

  /// What is wrong with a tunnel on which nobody is usable, or only by unicast. False if nothing is
  /// known to be.
  func findWireGuard(
    _ name: InterfaceName, at now: Instant, _ list: inout ProblemList
  ) -> Bool {
    guard let device = wireGuardDevice(name), !device.peers.isEmpty else { return false }
    let subject = Problem.Subject.interface(name)
    let isKept = peers.contains(name)
    let hasGroup = isKept || device.peers.contains { $0.allows(group) }
    let hasLinkLocal = device.peers.contains { $0.allowsSome(of: Self.linkLocal) }
    if !hasGroup || !hasLinkLocal {
      let missing = (hasGroup ? [] : ["ff02::/16"]) + (hasLinkLocal ? [] : ["fe80::/10"])
      let words = missing.joined(separator: " and ")
      list.add(.wireguardAllowedIPs, .serious, subject) {
        (
          "interface \(name): allowed-ips of no WireGuard peer hold \(words), so Hellos to the "
            + "group do not pass",
          "Add them: wg set \(name.shellWord) peer KEY allowed-ips …,ff02::/16,fe80::/10; the "
            + "other end needs them, too."
        )
      }
    }
    let second = MonotonicClock.wallMicroseconds() / 1_000_000
    let isReached = device.peers.contains {
      Self.age(of: $0, at: second).map { $0 < Self.handshakeLifetime } ?? false
    }
    guard !isReached else { return !hasGroup || !hasLinkLocal }
    let latest = device.peers.compactMap { Self.age(of: $0, at: second) }.min()
    list.add(.wireguardNoHandshake, .serious, subject) {
      (
        latest.map {
          "interface \(name): the last WireGuard handshake was "
            + "\(HumanTime.text(UInt32(clamping: $0))) ago"
        } ?? "interface \(name): WireGuard has had no handshake with any peer",
        "Check keys and endpoint on both ends (wg show \(name)), and whether a firewall drops its "
          + "UDP packets."
      )
    }
    return true
  }

  /// Seconds since the last handshake with a peer; nil if there was none.
  func handshakeAge(of peer: WireGuardPeer) -> Int64? {
    Self.age(of: peer, at: MonotonicClock.wallMicroseconds() / 1_000_000)
  }

  private static func age(of peer: WireGuardPeer, at second: Int64) -> Int64? {
    guard peer.handshake > 0 else { return nil }
    return peer.handshake >= second ? 0 : second - peer.handshake
  }

  // MARK: Explanations

  /// Most peers that are told of.
  private static let shownPeers = 8

  /// What a tunnel has to do with it that nobody is heard, or what it tells of its peers. Empty if
  /// it is none of WireGuard.
  func wireGuardExplained(_ name: InterfaceName, isHeard: Bool) -> [String] {
    refreshWireGuard(name)
    let kept = peers.device(name).map { WireGuardWatch.Knowledge.told($0, at: 0) }
    switch kept ?? wireGuard.knowledge(of: name) {
    case .told(let device, _):
      guard !device.peers.isEmpty else {
        return [
          "It is a WireGuard tunnel without peers: nothing passes "
            + "(wg set \(name.shellWord) peer …)."
        ]
      }
      var lines = device.peers.prefix(Self.shownPeers).map { peerText($0, of: name) }
      if device.peers.count > Self.shownPeers {
        lines.append("and \(device.peers.count - Self.shownPeers) more WireGuard peers.")
      }
      return lines
    case .failed(let error):
      guard links.link(name)?.kind == .wireguard else { return [] }
      return ["WireGuard could not be asked (\(error.reason))."]
        + (isHeard ? [] : [Self.generalAdvice(name)])
    case nil:
      guard links.link(name)?.kind == .wireguard, !isHeard else { return [] }
      return [Self.generalAdvice(name)]
    }
  }

  private static func generalAdvice(_ name: InterfaceName) -> String {
    "It is a WireGuard tunnel: is there a handshake (wg show \(name) latest-handshakes), and do "
      + "allowed-ips on both ends contain ff02::/16 and fe80::/10?"
  }

  private func peerText(_ peer: WireGuardPeer, of name: InterfaceName) -> String {
    "WireGuard peer \(peer.keyText): \(handshakeText(peer)); "
      + (peers.contains(name) ? keptText(peer, of: name) : addressText(peer))
      + " \(peer.received) octets came from it, \(peer.sent) went to it."
  }

  private func handshakeText(_ peer: WireGuardPeer) -> String {
    let second = MonotonicClock.wallMicroseconds() / 1_000_000
    let place = peer.endpoint.map { ", endpoint \($0.address) port \($0.port)" } ?? ", no endpoint"
    guard let age = Self.age(of: peer, at: second) else { return "no handshake yet\(place)" }
    let isOld = age >= Self.handshakeLifetime ? ", too long" : ""
    return "last handshake \(HumanTime.text(UInt32(clamping: age))) ago\(isOld)\(place)"
  }

  private func keptText(_ peer: WireGuardPeer, of name: InterfaceName) -> String {
    let address = peers.peers(on: name).first { $0.key == peer.publicKey }?.address
    let given = peers.ownCount(on: name, of: peer.publicKey)
    let name = address.map { "\($0)" } ?? "nobody"
    return "it is the neighbour \(name), with \(given) allowed-ips from us and "
      + "\(max(0, peer.allowedIPs.count - given)) from others."
  }

  private func addressText(_ peer: WireGuardPeer) -> String {
    let hasGroup = peer.allows(group)
    let hasLinkLocal = peer.allowsSome(of: Self.linkLocal)
    switch (hasGroup, hasLinkLocal) {
    case (true, true): return "its allowed-ips hold ff02::/16 and fe80::/10."
    case (true, false): return "its allowed-ips lack fe80::/10."
    case (false, true): return "its allowed-ips lack ff02::/16, so it gets no multicast."
    case (false, false): return "its allowed-ips lack ff02::/16 and fe80::/10."
    }
  }

  /// What the tunnel of a neighbour has to do with it. Empty if it is none of WireGuard.
  func wireGuardExplained(_ address: IPAddress, on name: InterfaceName) -> [String] {
    refreshWireGuard(name)
    guard let device = wireGuardDevice(name) else { return [] }
    guard let peer = device.peers.first(where: { $0.allows(address) }) else {
      return ["Allowed-ips of no WireGuard peer hold \(address): packets to it are dropped here."]
    }
    return [peerText(peer, of: name)]
  }
}
