import BabelCore
import Foundation
import MeshPlan
import Testing

/// What is written for the four nodes, compared with files that were read by a human. With
/// SWABELMESH_GOLDEN=write they are written anew.
@Suite struct `The files of the nodes` {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Golden")

  /// All files of two nodes, one of which is behind NAT and keeps its key to itself.
  private func text(of format: OutputFormat) throws -> String {
    let list = fourNodes.replacing(
      "topology full", with: "topology full\nformat \(format.rawValue)")
    let files = try SampleMesh(list).files()
    return files.sorted { $0.key < $1.key }
      .filter { $0.key.hasPrefix("berlin/") || $0.key.hasPrefix("boat/") }
      .map { "==== \($0.key) \(String($0.value.mode, radix: 8))\n\($0.value.text)" }.joined()
  }

  @Test(arguments: OutputFormat.allCases)
  func `are as they should be in each format`(format: OutputFormat) throws {
    let place = Self.folder.appending(path: "\(format.rawValue).txt")
    let text = try text(of: format)
    if ProcessInfo.processInfo.environment["SWABELMESH_GOLDEN"] == "write" {
      try text.write(to: place, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: place, encoding: .utf8) == text)
  }

  @Test(arguments: OutputFormat.allCases)
  func `hold secrets only where nobody else can read them`(format: OutputFormat) throws {
    let list = fourNodes.replacing(
      "topology full", with: "topology full\nformat \(format.rawValue)")
    let mesh = try SampleMesh(list)
    var secrets = mesh.privateKeys.values.map { $0.base64 }
    for link in mesh.state.links.values {
      secrets += [link.presharedKey.base64, link.packetKey.hexadecimal]
    }
    let files = try mesh.files()
    for secret in secrets {
      let holders = files.filter { $0.value.text.contains(secret) }
      #expect(!holders.isEmpty)
      for (path, file) in holders { #expect(file.mode & 0o077 == 0, "\(path)") }
    }
  }

  @Test(arguments: [OutputFormat.wgQuick, .openwrt, .commands])
  func `hold scripts that a shell understands`(format: OutputFormat) throws {
    let list = fourNodes.replacing(
      "topology full", with: "topology full\nformat \(format.rawValue)")
    let scripts = try SampleMesh(list).files().values.filter { $0.path.hasSuffix(".sh") }
    #expect(scripts.count >= 4)
    for script in scripts {
      let shell = Process()
      shell.executableURL = URL(filePath: "/bin/sh")
      shell.arguments = ["-n", "-c", script.text]
      try shell.run()
      shell.waitUntilExit()
      #expect(shell.terminationStatus == 0, "\(script.path)")
    }
  }

  @Test(arguments: OutputFormat.allCases)
  func `hold a configuration that the daemon takes without a warning`(format: OutputFormat) throws {
    let list = fourNodes.replacing(
      "topology full", with: "topology full\nformat \(format.rawValue)")
    let mesh = try SampleMesh(list)
    let files = try mesh.files()
    for plan in try mesh.plans() {
      let file = try #require(files["\(plan.node.name)/babeld.conf"])
      var configuration = Configuration()
      let warnings = try ConfigurationParser.parse(
        file: Array(file.text.utf8), name: "babeld.conf", into: &configuration)
      #expect((warnings + configuration.review()).map { $0.description } == [])
      #expect(configuration.interfaces.map { $0.name } == plan.tunnels.map { $0.interface })
      #expect(configuration.routerID == plan.routerID)
      for tunnel in plan.tunnels {
        let keys = configuration.authentication(for: tunnel.interface).keys
        #expect(keys.map { $0.key.value.octets } == [tunnel.packetKey.octets])
      }
    }
  }
}

@Suite struct `The daemon and WireGuard` {
  /// The daemon does not start without an interface, and the first node of a mesh has nobody yet.
  @Test func `start also on a node that is alone`() throws {
    let mesh = try SampleMesh("mesh m\nnode a endpoint a.net address fd00::1\n")
    let file = try #require(try mesh.files()["a/babeld.conf"])
    var configuration = Configuration()
    try ConfigurationParser.parse(file: Array(file.text.utf8), name: "x", into: &configuration)
    #expect(configuration.interfaces.map { "\($0.name)" } == ["wg-_none"])
    #expect(!MeshList.isName("_none"))
  }

  /// How each format says that there is an interface of that name.
  private func announcement(_ name: String, _ format: OutputFormat) -> String {
    switch format {
    case .wgQuick: "wireguard/\(name).conf"
    case .networkd: "\nName=\(name)\nKind=wireguard\n"
    case .openwrt: "\nset network.\(name)=interface\n"
    case .nixos: "    \"\(name)\" = {\n      ips = "
    case .commands: "\ndevice \(name)\n"
    }
  }

  @Test(arguments: OutputFormat.allCases)
  func `mean the same interfaces`(format: OutputFormat) throws {
    let list = fourNodes.replacing(
      "topology full", with: "topology full\nformat \(format.rawValue)")
    let mesh = try SampleMesh(list)
    let files = try mesh.files()
    for plan in try mesh.plans() {
      let node = plan.node.name + "/"
      let own = files.filter { $0.key.hasPrefix(node) }
      let all = own.map { $0.key + "\n" + $0.value.text }.joined()
      var configuration = Configuration()
      try ConfigurationParser.parse(
        file: Array(try #require(own[node + "babeld.conf"]).text.utf8), name: "x",
        into: &configuration)
      #expect(configuration.interfaces.count == 3)
      for interface in configuration.interfaces {
        #expect(all.contains(announcement("\(interface.name)", format)), "\(interface.name)")
      }
    }
  }
}

@Suite struct `The two ends of a tunnel` {
  @Test func `fit together`() throws {
    let mesh = try SampleMesh(fourNodes)
    var plans: [String: NodePlan] = [:]
    for plan in try mesh.plans() { plans[plan.node.name] = plan }
    for plan in plans.values {
      for tunnel in plan.tunnels {
        let peer = try #require(plans[tunnel.peer])
        let other = try #require(peer.tunnels.first { $0.peer == plan.node.name })
        #expect(tunnel.peerKey == peer.publicKey)
        #expect(tunnel.presharedKey == other.presharedKey)
        #expect(tunnel.packetKey == other.packetKey)
        #expect(tunnel.mtu == other.mtu)
        #expect(tunnel.peerLinkLocal == other.linkLocal)
        #expect(tunnel.linkLocal != other.linkLocal && tunnel.linkLocal.isLinkLocal)
        #expect(tunnel.endpoint?.port ?? other.port == other.port)
        #expect(tunnel.endpoint?.host == peer.node.endpoint)
      }
    }
  }

  /// 60 octets for WireGuard over IPv4, 80 over IPv6 or what may be that; the lesser of two ways.
  @Test(arguments: [
    ("1.1.1.1", "2.2.2.2", 1440), ("1.1.1.1", "2001:db8::1", 1420), ("1.1.1.1", "a.net", 1420),
    ("a.net", "b.net", 1420), ("2001:db8::1", "2001:db8::2", 1420),
  ])
  func `have an MTU that the way outside carries`(one: String, other: String, mtu: Int) throws {
    let mesh = try SampleMesh("mesh m\nnode a endpoint \(one)\nnode b endpoint \(other)\n")
    #expect(try mesh.plans().flatMap { $0.tunnels }.map { $0.mtu } == [mtu, mtu])
    let narrow = try SampleMesh(
      "mesh m\nnode a endpoint \(one) transport-mtu 1400\nnode b endpoint \(other)\n")
    #expect(try narrow.plans().flatMap { $0.tunnels }.map { $0.mtu } == [mtu - 100, mtu - 100])
    let hidden = try SampleMesh("mesh m\nnode a nat\nnode b endpoint \(other)\n")
    let expected = other.contains("2.2") ? 1440 : 1420
    #expect(try hidden.plans().flatMap { $0.tunnels }.map { $0.mtu } == [expected, expected])
  }

  @Test func `keep the NAT open from behind it, and from nowhere else`() throws {
    let mesh = try SampleMesh("mesh m\nnode a nat\nnode b endpoint b.net\nnode c endpoint c.net\n")
    for plan in try mesh.plans() {
      for tunnel in plan.tunnels {
        #expect(tunnel.keepsAlive == (plan.node.name == "a"))
        #expect((tunnel.endpoint == nil) == (tunnel.peer == "a"))
      }
    }
  }
}
