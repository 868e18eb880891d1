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

  /// What a firewall must let through, as commands for nftables.
  var firewallFiles: [OutputFile] {
    guard !tunnels.isEmpty else { return [] }
    let ports = tunnels.map { "\($0.port)" }.joined(separator: ", ")
    let names = tunnels.map { "'\($0.interface)'" }.joined(separator: ", ")
    let rule = "nft insert rule inet filter"
    return [
      OutputFile(
        "firewall.sh", mode: 0o755,
        ["#!/bin/sh"] + header() + [
          "#",
          "# What a firewall must let through, for one whose table is called inet filter. These",
          "# rules are lost at the next boot, unless they also stand in /etc/nftables.conf.",
          "set -e",
          "",
          "# WireGuard, from outside",
          "\(rule) input udp dport { \(ports) } accept",
          "# Babel and ping, from the tunnels",
          "\(rule) input iifname { \(names) } udp dport 6696 accept",
          "\(rule) input iifname { \(names) } icmp type echo-request accept",
          "\(rule) input iifname { \(names) } icmpv6 type echo-request accept",
          "# Packets from one tunnel to another",
          "\(rule) forward iifname { \(names) } oifname { \(names) } accept",
          "# Connections of hosts that are not told of the tunnels' MTU",
          "\(rule) forward oifname { \(names) } tcp flags syn tcp option maxseg size set rt mtu",
        ])
    ]
  }
}
