extension NodePlan {
  /// One file for wg-quick(8) for each tunnel.
  func wgQuickFiles(_ privateKey: WireGuardKey?) -> [OutputFile] {
    tunnels.map { tunnel in
      var lines = header() + ["[Interface]"]
      if let privateKey {
        lines.append("PrivateKey = \(privateKey.base64)")
      } else {
        lines.append("PostUp = wg set %i private-key \(keyPath)")
      }
      lines += [
        "ListenPort = \(tunnel.port)",
        "Address = \(tunnel.linkLocal)/64",
        "MTU = \(tunnel.mtu)",
        // Babel decides what goes where. Without this line the tunnel would be the default route.
        "Table = off",
      ]
      lines += hostAddresses.map { "PostUp = ip addr replace \($0) dev lo" }
      lines += ["", "# Node \(tunnel.peer)"] + peerSection("Peer", tunnel, " = ")
      return OutputFile("wireguard/\(tunnel.interface).conf", mode: 0o600, lines)
    } + firewallFiles
  }

  /// The section that wg-quick and systemd-networkd have about a peer.
  func peerSection(_ title: String, _ tunnel: Tunnel, _ sign: String) -> [String] {
    var lines = [
      "[\(title)]",
      "PublicKey\(sign)\(tunnel.peerKey.base64)",
      "PresharedKey\(sign)\(tunnel.presharedKey.base64)",
    ]
    if let endpoint = tunnel.endpoint { lines.append("Endpoint\(sign)\(endpoint)") }
    lines.append("AllowedIPs\(sign)0.0.0.0/0, ::/0")
    if tunnel.keepsAlive { lines.append("PersistentKeepalive\(sign)\(Self.keepalive)") }
    return lines
  }

  /// Seconds after which a NAT is shown that the tunnel is still used.
  static let keepalive = 25
}
