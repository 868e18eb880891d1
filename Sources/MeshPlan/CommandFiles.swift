extension NodePlan {
  /// Two scripts of plain commands, and the secrets beside them.
  func commandFiles(_ privateKey: WireGuardKey?) -> [OutputFile] {
    [
      OutputFile("up.sh", mode: 0o755, upScript(hasKey: privateKey != nil)),
      OutputFile("down.sh", mode: 0o755, downScript),
    ] + keyFile("private.key", privateKey) + presharedKeyFiles() + firewallFiles
  }

  private func upScript(hasKey: Bool) -> [String] {
    let key = hasKey ? "private.key" : keyPath
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
        "wg set \(name) listen-port \(tunnel.port) private-key \(key) \\",
        "  peer \(tunnel.peerKey.base64) \\",
        "  preshared-key \(name).psk \\",
      ]
      if let endpoint = tunnel.endpoint { lines.append("  endpoint \(endpoint) \\") }
      if tunnel.keepsAlive { lines.append("  persistent-keepalive \(Self.keepalive) \\") }
      lines += [
        "  allowed-ips 0.0.0.0/0,::/0",
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
