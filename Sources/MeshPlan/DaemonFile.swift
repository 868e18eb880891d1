import BabelWire

extension NodePlan {
  /// The configuration of the daemon.
  var daemonFile: OutputFile {
    var lines = header()
    // OpenWrt need not have the directory /run.
    let directory = format == .openwrt ? "/var/run" : "/run"
    lines += ["router-id \(routerID)", "local-path-readwrite \(directory)/swabeld.sock"]
    if tunnels.isEmpty {
      // No peer can be called so: names have no underscores.
      lines += [
        "", "# No tunnel leads here yet, and the daemon starts only if an interface is named.",
        "interface wg-_none type tunnel",
      ]
    }
    for tunnel in tunnels {
      lines += [
        "",
        "# To node \(tunnel.peer), which is \(tunnel.peerLinkLocal) there.",
        "key id \(tunnel.interface) type blake2s128 value \(tunnel.packetKey.hexadecimal)",
        "interface \(tunnel.interface) type tunnel hello-interval 2 key \(tunnel.interface)",
      ]
    }
    lines += ["", "# Announce this, and nothing else."]
    for address in hostAddresses { lines.append("redistribute local ip \(address) allow") }
    for prefix in node.prefixes {
      lines.append("redistribute ip \(prefix) eq \(prefix.length) allow")
      // Routes made by hand are matched only by a rule that names their protocol.
      lines.append("redistribute proto 3 ip \(prefix) eq \(prefix.length) allow")
    }
    lines.append("redistribute local deny")
    if !accepted.isEmpty {
      lines += ["", "# Accept routes to these networks, and nothing else."]
      for prefix in accepted { lines.append("in ip \(prefix) allow") }
      lines.append("in deny")
    }
    return OutputFile("babeld.conf", mode: 0o600, lines)
  }
}
