extension NodePlan {
  /// Two scripts of plain commands, and for each tunnel a file that wg(8) reads: only so it drops a
  /// peer that has another key now.
  func commandFiles(_ privateKey: WireGuardKey?) -> [OutputFile] {
    [
      OutputFile("up.sh", mode: 0o755, upScript(hasKey: privateKey != nil)),
      OutputFile("down.sh", mode: 0o755, downScript),
    ]
      + tunnels.map { tunnel in
        var lines = header() + ["[Interface]"]
        if let privateKey { lines.append("PrivateKey = \(privateKey.base64)") }
        lines += ["ListenPort = \(tunnel.port)", "", "# Node \(tunnel.peer)"]
        return OutputFile(
          "\(tunnel.interface).conf", mode: 0o600, lines + peerSection("Peer", tunnel, " = "))
      } + firewallFiles
  }

  private func upScript(hasKey: Bool) -> [String] {
    var lines =
      ["#!/bin/sh"] + header() + ["set -e", "cd \"$(dirname \"$0\")\""]
    if !formerInterfaces.isEmpty {
      lines += ["", "# Tunnels that are not part of the mesh any more"]
      lines += formerInterfaces.map { "ip link delete dev \($0) 2> /dev/null || true" }
    }
    for tunnel in tunnels {
      let name = "\(tunnel.interface)"
      lines += [
        "",
        "# Node \(tunnel.peer)",
        "ip link show dev \(name) > /dev/null 2>&1 || ip link add dev \(name) type wireguard",
        "wg syncconf \(name) \(name).conf",
      ]
      if !hasKey { lines.append("wg set \(name) private-key \(keyPath)") }
      lines += [
        "ip link set dev \(name) mtu \(tunnel.mtu) up",
        "ip address replace \(tunnel.linkLocal)/64 dev \(name)",
      ]
    }
    guard !hostAddresses.isEmpty else { return lines }
    return lines + ["", "# The node's own addresses"]
      + hostAddresses.map { "ip address replace \($0) dev lo" }
  }

  private var downScript: [String] {
    ["#!/bin/sh"] + header()
      + tunnels.map { "ip link delete dev \($0.interface) 2> /dev/null" }
      + hostAddresses.map { "ip address delete \($0) dev lo 2> /dev/null" } + ["exit 0"]
  }
}
