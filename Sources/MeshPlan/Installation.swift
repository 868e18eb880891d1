extension NodePlan {
  /// What to do with the files, in words and commands.
  func installation(hasKey: Bool) -> [String] {
    var lines =
      header() + [
        "",
        "The first time, in this directory, as root on \(node.name):",
        "",
      ]
    lines += steps.map { "    " + $0 }
    let isOpenWrt = format == .openwrt
    lines += [
      isOpenWrt
        ? "    cp babeld.conf /etc/babeld.conf && chmod 600 /etc/babeld.conf"
        : "    install -b -m 600 babeld.conf /etc/babeld.conf",
      "    swabeld --check /etc/babeld.conf",
      isOpenWrt
        ? "    service swabeld enable && service swabeld restart"
        : "    systemctl enable swabeld && systemctl restart swabeld",
    ]
    if format == .commands {
      lines += ["", "Tunnels and addresses are gone after a reboot; have ./up.sh run then."]
    }
    if format != .openwrt, format != .nixos {
      lines += [
        "",
        "When these files have changed, in the directory above, with swabelmesh installed:",
        "\"swabelmesh apply \(node.name)\". It changes what is different and touches nothing else;",
        "\"swabelmesh diff \(node.name)\" only says what is different.",
      ]
    }
    if !hasKey {
      lines += [
        "",
        "The node keeps its private key to itself: it must be in",
        "\(keyPath), and belong to the public key",
        "\(publicKey.base64).",
      ]
      if format == .networkd {
        lines.append("networkd must be able to read it: chgrp systemd-network, chmod 640.")
      }
    }
    lines += [
      "",
      "Babel's packets are signed, with a key for each tunnel. A tunnel carries traffic once both",
      "of its ends have their files.",
    ]
    return lines
  }

  private var steps: [String] {
    switch format {
    case .wgQuick:
      formerInterfaces.flatMap {
        ["systemctl disable --now wg-quick@\($0)", "rm -f /etc/wireguard/\($0).conf"]
      } + ["install -m 600 wireguard/*.conf /etc/wireguard/"]
        + tunnels.map {
          "systemctl enable wg-quick@\($0.interface) && systemctl restart wg-quick@\($0.interface)"
        } + ["./firewall.sh    # if the machine has a firewall; read it first"]
    case .networkd:
      formerInterfaces.flatMap {
        ["rm -f /etc/systemd/network/50-\($0).*", "ip link delete dev \($0)"]
      } + [
        "install -d /etc/systemd/networkd.conf.d",
        "install -m 644 networkd.conf.d/50-mesh.conf /etc/systemd/networkd.conf.d/",
        "install -m 640 -g systemd-network network/* /etc/systemd/network/",
        "ip link delete dev NAME    # only a tunnel that is there and whose .netdev has changed",
        "systemctl restart systemd-networkd",
        "./firewall.sh    # if the machine has a firewall; read it first",
      ]
    case .openwrt:
      ["./network.sh && service network reload", "./firewall.sh && service firewall reload"]
    case .nixos:
      [
        "install -d -m 700 /etc/wireguard && install -m 600 wireguard/* /etc/wireguard/",
        "install -m 644 mesh.nix /etc/nixos/    # and name it among the imports, once",
        "nixos-rebuild switch",
      ]
    case .commands:
      ["./up.sh", "./firewall.sh    # if the machine has a firewall; read it first"]
    }
  }
}
