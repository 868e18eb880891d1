import BabelWire

/// What is different on a machine from what its files say, and how the one becomes the other.
public struct SetupChange: Equatable, Sendable {
  /// One thing to do.
  public enum Action: Equatable, Sendable {
    /// Make an interface of WireGuard.
    case make
    /// Give the new interface this configuration, in the language of `wg setconf`.
    case configure(String)
    /// Give the interface what is different, in the language of `wg addconf`, and then remove
    /// these peers. Nothing else of it changes.
    case amend(String, removing: [WireGuardKey])
    /// Set the MTU and take the interface up.
    case raise(mtu: Int)
    /// Give the interface an address.
    case address(String)
    /// Put a peer with a new key beside the one that has the old key and goes on carrying traffic;
    /// the text is for `wg addconf`.
    case stage(String)
    /// Wait until the peer has used its new key, then let it carry the traffic, and remove the
    /// old one.
    case exchange(to: WireGuardKey, from: [WireGuardKey], keepalive: Int)
    /// Remove an address from the interface.
    case removeAddress(String)
    /// Remove the interface.
    case remove
  }

  /// The interface.
  public let interface: String
  /// What is different, in words; nothing of it is secret.
  public let text: String
  /// What is to be done.
  public let action: Action
}

extension NodeSetup {
  /// After so many seconds without a handshake a tunnel is dead: WireGuard's Reject-After-Time.
  static let deadAfter: Int64 = 180
  private static let everything: Set<String> = ["0.0.0.0/0", "::/0"]
  private static let loopback = "lo"

  /// What is to be done on the machine, in this order. `key` is the node's private key, `now` the
  /// time in seconds since 1970. `earlier` are interfaces and addresses that an earlier setup has
  /// put there. `remnants` are interfaces that would come back at the next boot.
  public func changes(
    from running: RunningNode, key: WireGuardKey, now: Int64,
    earlier: (interfaces: Set<String>, addresses: Set<String>), remnants: Set<String> = []
  ) -> [SetupChange] {
    var changes: [SetupChange] = []
    let fresh = tunnels.filter { running.devices["\($0.interface)"] == nil }
    let present = tunnels.filter { running.devices["\($0.interface)"] != nil }
    for tunnel in fresh { changes += made(tunnel, key) }
    let own = running.addresses[Self.loopback, default: []]
    for address in addresses where !own.contains(address) {
      changes.append(
        SetupChange(
          interface: Self.loopback, text: "address \(address) is missing",
          action: .address(address)))
    }
    for tunnel in present {
      guard let device = running.devices["\(tunnel.interface)"] else { continue }
      changes += changed(tunnel, device, running, key, now)
    }
    for name in gone(earlier.interfaces).sorted() {
      let isThere = running.devices[name] != nil
      guard isThere || remnants.contains(name) else { continue }
      let text = "not part of the mesh any more" + (isThere ? "" : ", but set up for the next boot")
      changes.append(SetupChange(interface: name, text: text, action: .remove))
    }
    for address in earlier.addresses.subtracting(addresses).intersection(own).sorted() {
      changes.append(
        SetupChange(
          interface: Self.loopback, text: "address \(address) is not the node's any more",
          action: .removeAddress(address)))
    }
    return changes
  }

  /// Interfaces that the mesh had here, according to its list or among `earlier` ones, and has not
  /// now.
  public func gone(_ earlier: Set<String>) -> Set<String> {
    Set(former.map { "\($0)" }).union(earlier).subtracting(tunnels.map { "\($0.interface)" })
  }

  private func made(_ tunnel: Tunnel, _ key: WireGuardKey) -> [SetupChange] {
    let name = "\(tunnel.interface)"
    let text = ["PrivateKey = \(key.base64)", "ListenPort = \(tunnel.port)"]
    return [
      SetupChange(interface: name, text: "missing: the tunnel to \(tunnel.peer)", action: .make),
      SetupChange(
        interface: name, text: "key, port \(tunnel.port) and peer",
        action: .configure(Self.text(["[Interface]"] + text + peer(tunnel, true)))),
      SetupChange(interface: name, text: "mtu \(tunnel.mtu), up", action: .raise(mtu: tunnel.mtu)),
      SetupChange(
        interface: name, text: "address \(tunnel.address)/64",
        action: .address("\(tunnel.address)/64")),
    ]
  }

  private func changed(
    _ tunnel: Tunnel, _ device: RunningNode.Device, _ running: RunningNode, _ key: WireGuardKey,
    _ now: Int64
  ) -> [SetupChange] {
    let name = "\(tunnel.interface)"
    func change(_ text: String, _ action: SetupChange.Action) -> SetupChange {
      SetupChange(interface: name, text: text, action: action)
    }
    var changes: [SetupChange] = []
    var (own, reasons): ([String], [String]) = ([], [])
    if device.privateKey != key {
      own.append("PrivateKey = \(key.base64)")
      reasons.append("another private key")
    }
    if device.port != Int(tunnel.port) {
      own.append("ListenPort = \(tunnel.port)")
      reasons.append("port \(device.port), not \(tunnel.port)")
    }
    let old = device.peers.filter { $0.key != tunnel.peerKey }
    let new = device.peers.first { $0.key == tunnel.peerKey }
    if own.isEmpty, new?.allowed.isEmpty ?? true, let carrier = old.first(where: \.carries),
      now - carrier.handshake < Self.deadAfter
    {
      if new?.presharedKey != tunnel.presharedKey {
        changes.append(
          change(
            "\(tunnel.peer) gets a new key, which does not count yet",
            .stage(Self.text(peer(tunnel, true).filter { !$0.hasPrefix("AllowedIPs") }))))
      }
      changes.append(
        change(
          "\(tunnel.peer) has a new key: change over once it uses it",
          .exchange(
            to: tunnel.peerKey, from: old.map { $0.key }, keepalive: tunnel.keepalive)))
    } else {
      reasons += differences(tunnel, new, now)
      if !old.isEmpty { reasons.append("a peer with another key") }
      if !reasons.isEmpty {
        let moves = new == nil || movesTo(tunnel, new, now)
        let lines = (own.isEmpty ? [] : ["[Interface]"] + own) + peer(tunnel, moves)
        changes.append(
          change(
            reasons.joined(separator: ", "),
            .amend(Self.text(lines), removing: old.map { $0.key })))
      }
    }
    let link = running.links[name]
    if link?.mtu != tunnel.mtu || link?.isUp != true {
      let was = link.map { "mtu \($0.mtu)\($0.isUp ? "" : ", down")" } ?? "unknown"
      changes.append(change("\(was), not mtu \(tunnel.mtu), up", .raise(mtu: tunnel.mtu)))
    }
    let address = "\(tunnel.address)/64"
    if !running.addresses[name, default: []].contains(address) {
      changes.append(change("address \(address) is missing", .address(address)))
    }
    return changes
  }

  /// What is different about a peer that has the right key.
  private func differences(
    _ tunnel: Tunnel, _ peer: RunningNode.Peer?, _ now: Int64
  ) -> [String] {
    guard let peer else { return ["no peer \(tunnel.peer)"] }
    var reasons: [String] = []
    if peer.presharedKey != tunnel.presharedKey { reasons.append("another preshared key") }
    if peer.allowed != Self.everything { reasons.append("not everything may pass") }
    if peer.keepalive != tunnel.keepalive {
      reasons.append("keepalive \(peer.keepalive), not \(tunnel.keepalive)")
    }
    if let endpoint = tunnel.endpoint, movesTo(tunnel, peer, now) {
      reasons.append("endpoint \(peer.endpoint ?? "unknown"), not \(endpoint)")
    }
    return reasons
  }

  /// Whether a peer is sought at another endpoint than where it is. A peer that has moved is where
  /// it last spoke from, and a name can mean any address. So another endpoint counts only while
  /// nothing is heard from it.
  private func movesTo(_ tunnel: Tunnel, _ peer: RunningNode.Peer?, _ now: Int64) -> Bool {
    guard let endpoint = tunnel.endpoint, let peer, endpoint != peer.endpoint else { return false }
    return now - peer.handshake >= Self.deadAfter
      && (peer.endpoint == nil || Self.isNumeric(endpoint))
  }

  /// Whether an endpoint has an address and no name.
  private static func isNumeric(_ endpoint: String) -> Bool {
    guard let colon = endpoint.lastIndex(of: ":") else { return false }
    return IPAddress(endpoint[..<colon].filter { $0 != "[" && $0 != "]" }) != nil
  }

  /// The section about the peer; its endpoint stays unless it is named.
  private func peer(_ tunnel: Tunnel, _ namesEndpoint: Bool) -> [String] {
    var lines = [
      "[Peer]", "PublicKey = \(tunnel.peerKey.base64)",
      "PresharedKey = \(tunnel.presharedKey.base64)",
    ]
    if namesEndpoint, let endpoint = tunnel.endpoint { lines.append("Endpoint = \(endpoint)") }
    return lines
      + ["AllowedIPs = 0.0.0.0/0, ::/0", "PersistentKeepalive = \(tunnel.keepalive)"]
  }

  private static func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }
}

extension RunningNode.Peer {
  /// Whether packets may be sent to it.
  fileprivate var carries: Bool { !allowed.isEmpty }
}
