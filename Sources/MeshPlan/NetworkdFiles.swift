extension NodePlan {
  /// Files for systemd-networkd: two for each tunnel, one for the node's own addresses, and a
  /// setting without which networkd would remove Babel's routes.
  func networkdFiles(_ privateKey: WireGuardKey?) -> [OutputFile] {
    var files: [OutputFile] = []
    for tunnel in tunnels {
      var lines =
        header() + [
          "[NetDev]",
          "Name=\(tunnel.interface)",
          "Kind=wireguard",
          "MTUBytes=\(tunnel.mtu)",
          "",
          "[WireGuard]",
        ]
      lines.append(privateKey.map { "PrivateKey=\($0.base64)" } ?? "PrivateKeyFile=\(keyPath)")
      lines += ["ListenPort=\(tunnel.port)", "RouteTable=off", "", "# Node \(tunnel.peer)"]
      lines += peerSection("WireGuardPeer", tunnel, "=")
      let path = "network/50-\(tunnel.interface)"
      files.append(OutputFile("\(path).netdev", mode: 0o600, lines))
      files.append(
        OutputFile(
          "\(path).network", mode: 0o644,
          header() + [
            "[Match]",
            "Name=\(tunnel.interface)",
            "",
            "[Link]",
            "RequiredForOnline=no",
            "",
            "[Network]",
            "Address=\(tunnel.linkLocal)/64",
            "LinkLocalAddressing=no",
            "IPv6AcceptRA=no",
          ]))
    }
    if !node.addresses.isEmpty {
      files.append(
        OutputFile(
          "network/50-mesh-lo.network", mode: 0o644,
          header() + ["[Match]", "Name=lo", "", "[Network]"] + hostAddresses.map { "Address=\($0)" }
        ))
    }
    files.append(
      OutputFile(
        "networkd.conf.d/50-mesh.conf", mode: 0o644,
        header() + [
          "# Without this networkd removes the routes of others from interfaces that it manages.",
          "[Network]",
          "ManageForeignRoutes=no",
        ]))
    return files + firewallFiles
  }
}
