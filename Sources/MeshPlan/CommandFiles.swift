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
      ["#!/bin/sh"] + header() + [
        "set -e",
        "cd \"$(dirname \"$0\")\"",
        "",
        "# A tunnel of the kernel, or of wireguard-go where the kernel has no WireGuard",
        "device() {",
        "  ip link show dev \"$1\" > /dev/null 2>&1 ||",
        "    ip link add dev \"$1\" type wireguard 2> /dev/null || wireguard-go \"$1\"",
        "}",
      ]
    if !hasKey {
      lines += [
        "",
        "# The configuration in a file, with the private key that the node keeps to itself",
        "configuration() {",
        "  printf '[Interface]\\nPrivateKey = %s\\n' \"$(cat \(keyPath))\"",
        "  cat \"$1\"",
        "}",
      ]
    }
    if !formerInterfaces.isEmpty {
      lines += ["", "# Tunnels that are not part of the mesh any more"]
      lines += formerInterfaces.map { "ip link delete dev \($0) 2> /dev/null || true" }
    }
    for tunnel in tunnels {
      let name = "\(tunnel.interface)"
      lines += [
        "",
        "# Node \(tunnel.peer)",
        "device \(name)",
        hasKey
          ? "wg syncconf \(name) \(name).conf"
          : "configuration \(name).conf | wg syncconf \(name) /dev/stdin",
      ]
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
