extension NodePlan {
  /// What a firewall must let through, as a script for nftables. It can run again and again: the
  /// rules are in chains of their own, which are emptied first, all in one transaction.
  var firewallFiles: [OutputFile] {
    let ports = tunnels.map { "\($0.port)" }.joined(separator: ", ")
    let names = tunnels.map { "\"\($0.interface)\"" }.joined(separator: ", ")
    // A name of nftables has no dashes.
    let chain = "mesh_" + mesh.map { $0 == "-" ? "_" : String($0) }.joined()
    let rule = "add rule inet filter \(chain)"
    let (input, forward) = ("\(rule)_input", "\(rule)_forward")
    var lines =
      ["#!/bin/sh"] + header() + [
        "#",
        "# What a firewall must let through, for one whose table is called inet filter. It can run",
        "# again: its rules replace those of its last run. They are lost at the next boot, unless",
        "# they also stand in /etc/nftables.conf.",
        "set -e",
        "",
        "{",
        "  for hook in input forward; do",
        "    echo \"add chain inet filter \(chain)_$hook\"",
        "    echo \"flush chain inet filter \(chain)_$hook\"",
        "    nft list chain inet filter $hook | grep -qw \"jump \(chain)_$hook\" ||",
        "      echo \"insert rule inet filter $hook jump \(chain)_$hook\"",
        "  done",
        "  cat << 'END'",
      ]
    if !tunnels.isEmpty {
      lines += [
        "# WireGuard, from outside",
        "\(input) udp dport { \(ports) } accept",
        "# Babel and ping, from the tunnels",
        "\(input) iifname { \(names) } udp dport 6696 accept",
        "\(input) iifname { \(names) } icmp type echo-request accept",
        "\(input) iifname { \(names) } icmpv6 type echo-request accept",
        "# Connections of hosts that are not told of the tunnels' MTU",
        "\(forward) oifname { \(names) } tcp flags syn tcp option maxseg size set rt mtu",
        "# Packets from one tunnel to another",
        "\(forward) iifname { \(names) } oifname { \(names) } accept",
      ]
    }
    if !tunnels.isEmpty, !node.prefixes.isEmpty {
      lines.append("# Packets to and from the networks behind this node")
      for prefix in node.prefixes {
        let family = prefix.family == .ipv4 ? "ip" : "ip6"
        lines.append("\(forward) iifname { \(names) } \(family) daddr \(prefix) accept")
        lines.append("\(forward) oifname { \(names) } \(family) saddr \(prefix) accept")
      }
    }
    lines += ["END", "} | nft -f -"]
    return [OutputFile("firewall.sh", mode: 0o755, lines)]
  }
}
