import BabelWire

extension NodePlan {
  /// A module for NixOS, and the secrets in files of their own: what is in a module can be read by
  /// every user of the machine.
  func nixosFiles(_ privateKey: WireGuardKey?) -> [OutputFile] {
    let module = OutputFile(
      "mesh.nix", mode: 0o644,
      header() + ["{ ... }:", "{"] + nixTunnels + nixAddresses + nixFirewall + ["}"])
    return [module] + keyFile("wireguard/private.key", privateKey)
      + tunnels.flatMap { keyFile("wireguard/\($0.interface).psk", $0.presharedKey) }
  }

  private var nixTunnels: [String] {
    var lines = ["  networking.wireguard.interfaces = {"]
    for tunnel in tunnels {
      lines += [
        "    # Node \(tunnel.peer)",
        "    \"\(tunnel.interface)\" = {",
        "      ips = [ \"\(tunnel.linkLocal)/64\" ];",
        "      listenPort = \(tunnel.port);",
        "      mtu = \(tunnel.mtu);",
        "      privateKeyFile = \"\(keyPath)\";",
        "      allowedIPsAsRoutes = false;",
        "      peers = [",
        "        {",
        "          publicKey = \"\(tunnel.peerKey.base64)\";",
        "          presharedKeyFile = \"/etc/wireguard/\(tunnel.interface).psk\";",
      ]
      if let endpoint = tunnel.endpoint { lines.append("          endpoint = \"\(endpoint)\";") }
      lines.append("          allowedIPs = [ \"0.0.0.0/0\" \"::/0\" ];")
      if tunnel.keepsAlive {
        lines.append("          persistentKeepalive = \(Self.keepalive);")
      }
      lines += ["        }", "      ];", "    };"]
    }
    return lines + ["  };"]
  }

  private var nixAddresses: [String] {
    [(AddressFamily.ipv4, "ipv4", 32), (.ipv6, "ipv6", 128)].flatMap { family, word, length in
      let addresses = node.addresses.filter { $0.family == family }
      guard !addresses.isEmpty else { return [] as [String] }
      return ["  networking.interfaces.lo.\(word).addresses = ["]
        + addresses.map { "    { address = \"\($0)\"; prefixLength = \(length); }" } + ["  ];"]
    }
  }

  private var nixFirewall: [String] {
    let ports = tunnels.map { "\($0.port)" }.joined(separator: " ")
    var lines = [
      "  networking.firewall = {",
      "    allowedUDPPorts = [ \(ports) ];",
      "    # Packets may come back on another tunnel than they left by.",
      "    checkReversePath = false;",
    ]
    for tunnel in tunnels {
      lines.append("    interfaces.\"\(tunnel.interface)\".allowedUDPPorts = [ 6696 ];")
    }
    return lines + [
      "  };",
      "  boot.kernel.sysctl.\"net.ipv4.ip_forward\" = 1;",
      "  boot.kernel.sysctl.\"net.ipv6.conf.all.forwarding\" = 1;",
    ]
  }
}
