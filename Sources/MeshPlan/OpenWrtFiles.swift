extension NodePlan {
  /// Two scripts for OpenWrt, which replace the sections of this mesh and leave all others alone.
  func openwrtFiles(_ privateKey: WireGuardKey?) -> [OutputFile] {
    [
      OutputFile("network.sh", mode: 0o700, networkScript(privateKey)),
      OutputFile("firewall.sh", mode: 0o755, firewallScript),
    ]
  }

  private func networkScript(_ privateKey: WireGuardKey?) -> [String] {
    var lines =
      ["#!/bin/sh"] + header() + [
        "#",
        "# Run it on the node, then: service network reload",
        "set -e",
      ]
    for tunnel in tunnels {
      let name = "\(tunnel.interface)"
      lines += ["", "# Node \(tunnel.peer)"] + replacing("network", ["\(name)", "\(name)_peer"])
      lines.append(contentsOf: [
        "uci -q batch <<'END'",
        "set network.\(name)=interface",
        "set network.\(name).proto='wireguard'",
      ])
      if let privateKey {
        lines.append("set network.\(name).private_key='\(privateKey.base64)'")
      }
      lines += [
        "set network.\(name).listen_port='\(tunnel.port)'",
        "set network.\(name).mtu='\(tunnel.mtu)'",
        "set network.\(name).nohostroute='1'",
        "add_list network.\(name).addresses='\(tunnel.linkLocal)/64'",
        "set network.\(name)_peer=wireguard_\(name)",
        "set network.\(name)_peer.description='\(tunnel.peer)'",
        "set network.\(name)_peer.public_key='\(tunnel.peerKey.base64)'",
        "set network.\(name)_peer.preshared_key='\(tunnel.presharedKey.base64)'",
      ]
      if let endpoint = tunnel.endpoint {
        lines.append("set network.\(name)_peer.endpoint_host='\(endpoint.host)'")
        lines.append("set network.\(name)_peer.endpoint_port='\(endpoint.port)'")
      }
      lines += [
        "add_list network.\(name)_peer.allowed_ips='0.0.0.0/0'",
        "add_list network.\(name)_peer.allowed_ips='::/0'",
        "set network.\(name)_peer.route_allowed_ips='0'",
      ]
      if tunnel.keepsAlive {
        lines.append("set network.\(name)_peer.persistent_keepalive='\(Self.keepalive)'")
      }
      lines.append("END")
      if privateKey == nil {
        lines.append("uci set network.\(name).private_key=\"$(cat \(keyPath))\"")
      }
    }
    if !formerInterfaces.isEmpty {
      lines += ["", "# Tunnels that are not part of the mesh any more"]
      lines += replacing("network", formerInterfaces.flatMap { ["\($0)", "\($0)_peer"] })
    }
    return lines + loopback + ["uci commit network"]
  }

  private var loopback: [String] {
    guard !node.addresses.isEmpty else { return [""] }
    var lines = ["", "# The node's own addresses"] + replacing("network", ["mesh_lo"])
    lines += [
      "uci -q batch <<'END'",
      "set network.mesh_lo=interface",
      "set network.mesh_lo.proto='static'",
      "set network.mesh_lo.device='lo'",
    ]
    for (address, text) in zip(node.addresses, hostAddresses) {
      let option = address.family == .ipv4 ? "ipaddr" : "ip6addr"
      lines.append("add_list network.mesh_lo.\(option)='\(text)'")
    }
    return lines + ["END", ""]
  }

  private var firewallScript: [String] {
    var lines =
      ["#!/bin/sh"] + header() + [
        "#",
        "# Run it on the node, then: service firewall reload. The zone that leads into the",
        "# Internet must be called wan. Packets pass between tunnels; to let them pass between the",
        "# tunnels and a network behind the node, add forwardings between the zones mesh and lan.",
        "set -e",
      ]
    lines += replacing("firewall", ["mesh", "mesh_wireguard", "mesh_babel", "mesh_ping"])
    guard !tunnels.isEmpty else { return lines + ["uci commit firewall"] }
    lines += [
      "uci -q batch <<'END'",
      "set firewall.mesh=zone",
      "set firewall.mesh.name='mesh'",
      "set firewall.mesh.input='REJECT'",
      "set firewall.mesh.output='ACCEPT'",
      "set firewall.mesh.forward='ACCEPT'",
      "set firewall.mesh.mtu_fix='1'",
    ]
    for tunnel in tunnels {
      lines.append("add_list firewall.mesh.network='\(tunnel.interface)'")
    }
    let ports = tunnels.map { "\($0.port)" }.joined(separator: " ")
    for (name, source, details) in [
      ("wireguard", "wan", ["proto='udp'", "dest_port='\(ports)'"]),
      ("babel", "mesh", ["family='ipv6'", "proto='udp'", "dest_port='6696'"]),
      ("ping", "mesh", ["proto='icmp'"]),
    ] {
      lines.append("set firewall.mesh_\(name)=rule")
      lines.append("set firewall.mesh_\(name).name='mesh-\(name)'")
      lines.append("set firewall.mesh_\(name).src='\(source)'")
      lines += details.map { "set firewall.mesh_\(name).\($0)" }
      lines.append("set firewall.mesh_\(name).target='ACCEPT'")
    }
    return lines + ["END", "uci commit firewall"]
  }

  /// Removes sections, so that lists do not grow when the script runs a second time.
  private func replacing(_ file: String, _ sections: [String]) -> [String] {
    sections.map { "uci -q delete \(file).\($0) || true" }
  }
}
