import MeshPlan
import Testing

/// What `apply` finds out, from what `wg` and `ip` print.
@Suite struct `What a node's files change` {
  /// The setup of berlin, whose peers are boat, lab and paris-north-1.
  private let setup: NodeSetup
  private let key: WireGuardKey

  init() throws {
    let mesh = try SampleMesh(fourNodes)
    let plan = try #require(try mesh.plans().first { $0.node.name == "berlin" })
    key = try #require(mesh.privateKeys["berlin.1"])
    setup = plan.setup(privateKey: key, [])
  }

  /// What `wg show all dump` prints when everything is as it should be.
  private var dump: [String] {
    setup.tunnels.flatMap { tunnel in
      [
        "\(tunnel.interface)\t\(key.base64)\t\(setup.publicKey.base64)\t\(tunnel.port)\toff",
        "\(tunnel.interface)\t\(tunnel.peerKey.base64)\t\(tunnel.presharedKey.base64)\t"
          + "\(tunnel.endpoint ?? "(none)")\t0.0.0.0/0,::/0\t900\t1\t2\t"
          + (tunnel.keepalive > 0 ? "\(tunnel.keepalive)" : "off"),
      ]
    }
  }

  private var links: [String] {
    ["1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue"]
      + setup.tunnels.map { "4: \($0.interface): <POINTOPOINT,UP> mtu \($0.mtu) qdisc noqueue" }
  }

  private var addresses: [String] {
    ["1: lo    inet 127.0.0.1/8 scope host lo"]
      + setup.addresses.map { "1: lo    inet\($0.contains(":") ? "6" : "") \($0) scope global" }
      + setup.tunnels.map { "4: \($0.interface)    inet6 \($0.address)/64 scope link" }
  }

  /// The changes, with a part of what is printed replaced, at the time 1000.
  private func changes(
    _ old: String = "", _ new: String = "", earlier: (Set<String>, Set<String>) = ([], []),
    now: Int64 = 1000, dropping part: String? = nil
  ) -> [SetupChange] {
    func text(_ lines: [String]) -> String {
      let kept = lines.filter { line in part.map { !line.contains($0) } ?? true }
      let text = kept.joined(separator: "\n")
      return old.isEmpty ? text : text.replacing(old, with: new)
    }
    let running = RunningNode(
      dump: text(dump), links: text(links), addresses: text(addresses))
    return setup.changes(from: running, key: key, now: now, earlier: earlier)
  }

  @Test func `is nothing if all is as they say`() {
    #expect(changes() == [])
  }

  @Test func `is a new tunnel, with all that belongs to it`() {
    let found = changes(dropping: "wg-boat")
    #expect(found.allSatisfy { $0.interface == "wg-boat" })
    #expect(found.map { $0.action }.first == .make)
    #expect(found.count == 4)
    guard case .configure(let text) = found[1].action else {
      Issue.record("it is not configured")
      return
    }
    #expect(text.contains("PrivateKey = \(key.base64)\nListenPort = 51820\n[Peer]\n"))
    #expect(text.contains("\nAllowedIPs = 0.0.0.0/0, ::/0\n"))
  }

  /// Each is one thing, which is told without a secret.
  @Test(arguments: [
    ("\t51820\toff", "\t51999\toff", "port 51999, not 51820"),
    ("0.0.0.0/0,::/0\t900\t1\t2\toff", "::/0\t900\t1\t2\toff", "not everything may pass"),
    ("mtu 1440", "mtu 1420", "mtu 1420, not mtu 1440, up"),
    ("<POINTOPOINT,UP> mtu 1440", "<POINTOPOINT> mtu 1440", "mtu 1440, down, not mtu 1440, up"),
    ("inet 10.20.1.1/32", "inet 10.20.9.9/32", "address 10.20.1.1/32 is missing"),
  ])
  func `is what is different, and no more`(old: String, new: String, text: String) {
    let found = changes(old, new)
    #expect(!found.isEmpty)
    #expect(found.allSatisfy { $0.text == text }, "\(found.map { $0.text })")
  }

  @Test func `is a preshared key, with which a tunnel goes on`() throws {
    let other = key.publicKey.base64
    let tunnel = try #require(setup.tunnels.first)
    let found = changes(tunnel.presharedKey.base64, other)
    #expect(found.map { $0.text } == ["another preshared key"])
    guard case .amend(let text, let removed) = found.first?.action else {
      Issue.record("it is not amended")
      return
    }
    // Neither the port nor the private key is set again: that could end the session.
    #expect(removed.isEmpty && text.hasPrefix("[Peer]\n") && !text.contains("Endpoint"))
  }

  @Test func `is an endpoint only while nothing is heard from it`() {
    let moved = { (now: Int64) in
      changes("[2001:db8::7]:51820", "[2001:db8::8]:51820", now: now).map { $0.text }
    }
    #expect(moved(1000) == [])
    #expect(moved(900 + 180) == ["endpoint [2001:db8::8]:51820, not [2001:db8::7]:51820"])
    // A name may mean any address.
    #expect(changes("paris.example.net:51820", "192.0.2.7:51820", now: 2000) == [])
  }

  @Test func `is a new key of a peer, beside the old one as long as that is used`() throws {
    let old = key.publicKey
    let peer = try #require(setup.tunnels.first { $0.peer == "lab" })
    let found = changes(peer.peerKey.base64, old.base64)
    #expect(found.count == 2)
    guard case .stage(let text) = found.first?.action else {
      Issue.record("it is not put beside the old one")
      return
    }
    #expect(text.contains(peer.peerKey.base64) && !text.contains("AllowedIPs"))
    #expect(
      found.last?.action == .exchange(to: peer.peerKey, from: [old], keepalive: peer.keepalive))
    // Nobody uses the old one: it is replaced at once.
    let late = changes(peer.peerKey.base64, old.base64, now: 900 + 180)
    guard case .amend(_, let removed) = late.first?.action else {
      Issue.record("it is not replaced")
      return
    }
    #expect(late.count == 1 && removed == [old])
  }

  @Test func `is the removal of what was there before, and of nothing else`() {
    let extra = "\nwg-old\t\(key.base64)\tx\t51900\toff\nwg-other\t\(key.base64)\tx\t51901\toff"
    let running = RunningNode(
      dump: dump.joined(separator: "\n") + extra, links: links.joined(separator: "\n"),
      addresses: addresses.joined(separator: "\n") + "\n1: lo    inet 10.20.8.8/32 scope global")
    let found = setup.changes(
      from: running, key: key, now: 1000,
      earlier: (["wg-old", "wg-boat", "wg-gone"], ["10.20.8.8/32", "10.20.1.1/32"]))
    #expect(found.map { $0.interface } == ["wg-old", "lo"])
    #expect(found.map { $0.action } == [.remove, .removeAddress("10.20.8.8/32")])
  }

  /// Of a tunnel that is down already, too.
  @Test func `is the removal of what would come back at the next boot`() {
    let running = RunningNode(
      dump: dump.joined(separator: "\n"), links: links.joined(separator: "\n"),
      addresses: addresses.joined(separator: "\n"))
    let found = setup.changes(
      from: running, key: key, now: 1000, earlier: (["wg-old", "wg-gone", "wg-boat"], []),
      remnants: ["wg-gone", "wg-boat", "wg-other"])
    #expect(found.map { $0.interface } == ["wg-gone"])
    #expect(found.map { $0.action } == [.remove])
  }

  private func wireGuardFiles(of plan: NodePlan) -> [String] {
    plan.tunnels.map { "wireguard/\($0.interface).conf" }.sorted()
  }

  @Test func `tells a file that is not whole by its digest`() {
    // The example of FIPS 180-2.
    #expect(
      NodeSetup.digest(of: Array("abc".utf8))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test(arguments: ["berlin", "boat"])
  func `is read from the plan as it was written`(node: String) throws {
    let mesh = try SampleMesh(fourNodes)
    let plan = try #require(try mesh.plans().first { $0.node.name == node })
    let key = mesh.privateKeys["\(node).1"]
    let files = plan.files(privateKey: key)
    let text = try #require(files.first { $0.path == "plan" }).text
    let read = try NodeSetup(Array(text.utf8), file: "plan")
    #expect(read == plan.setup(privateKey: key, files))
    #expect(read.digests.keys.sorted() == ["babeld.conf"] + wireGuardFiles(of: plan))
    for file in files where file.path == "babeld.conf" || file.path.hasPrefix("wireguard/") {
      #expect(read.digests[file.path] == NodeSetup.digest(of: Array(file.text.utf8)))
      #expect(read.digests[file.path] != NodeSetup.digest(of: Array(file.text.utf8.dropLast())))
    }
    for count in stride(from: 0, to: text.utf8.count - 1, by: 7) {
      #expect(throws: TextError.self) {
        try NodeSetup(Array(text.utf8.prefix(count)), file: "plan")
      }
    }
    let broken = text.replacing("port 51821", with: "port 0")
    let error = #expect(throws: TextError.self) {
      try NodeSetup(Array(broken.utf8), file: "plan")
    }
    #expect(error?.reason == "found \"0\", expected a port")
  }
}
