import BabelWire
import MeshPlan
import TestSupport
import Testing

/// Lists that change by chance, over and over: what nobody asked to change does not.
@Suite struct `What is allotted stays` {
  /// A list that grows, shrinks and changes.
  private struct RandomList {
    var nodes: [(name: String, isHidden: Bool)] = []
    var topology = "full"
    private var serial = 0

    /// Names that are alike, long, and such that shortened ones might meet.
    mutating func addNode(_ chance: inout Chance) {
      serial += 1
      let stem = chance.pick(["n", "berlin-mitte-", "a-very-long-name-of-a-node-", "x-"])
      nodes.append((stem + "\(serial)", chance.oneIn(4)))
    }

    var text: String {
      let lines = nodes.map { node in
        "node \(node.name) \(node.isHidden ? "nat" : "endpoint \(node.name).net") position "
          + "\(node.name.utf8.reduce(7) { ($0 &* 31 &+ Int($1)) % 1000 }) 0\n"
      }
      return "mesh m\ntopology \(topology)\n" + lines.joined()
    }
  }

  private func checkPlaces(of mesh: SampleMesh) throws {
    for plan in try mesh.plans() {
      let ports = plan.tunnels.map { $0.port }
      #expect(Set(ports).count == ports.count)
      #expect(!ports.contains(6696))
      let names = plan.tunnels.map { "\($0.interface)" }
      let folded = Set(names.map { $0.replacing("-", with: "_") })
      #expect(folded.count == names.count)
      #expect(names.allSatisfy { $0.utf8.count <= 15 && $0.hasPrefix("wg-") })
      let addresses = plan.tunnels.flatMap { [$0.linkLocal, $0.peerLinkLocal] }
      #expect(Set(addresses).count == addresses.count)
    }
  }

  @Test(arguments: 1...12)
  func `while nodes come and go`(seed: Int) throws {
    var chance = Chance(seed: UInt64(seed))
    var list = RandomList()
    for _ in 0..<3 { list.addNode(&chance) }
    var mesh = try SampleMesh(list.text, seed: UInt64(seed))
    for _ in 0..<25 {
      let before = mesh.state
      switch chance.below(5) {
      case 0, 1: list.addNode(&chance)
      case 2 where list.nodes.count > 1: list.nodes.remove(at: chance.below(list.nodes.count))
      case 3:
        list.topology = chance.pick(["full", "ring", "nearest 2", "hub \(list.nodes[0].name)"])
      default: chance.shuffle(&list.nodes)
      }
      if list.topology.hasPrefix("hub") { list.topology = "hub \(list.nodes[0].name)" }
      try mesh.adopt(list.text)
      for (name, node) in before.nodes { #expect(mesh.state.nodes[name] == node) }
      for (pair, link) in before.links { #expect(mesh.state.links[pair] == link) }
      try checkPlaces(of: mesh)
      #expect(try MeshState(Array(mesh.state.text.utf8), file: "state") == mesh.state)
    }
  }

  @Test func `and the same list gives the same files`() throws {
    var mesh = try SampleMesh(fourNodes)
    let files = try mesh.files()
    let text = mesh.state.text
    try mesh.adopt(fourNodes)
    #expect(try mesh.files() == files)
    #expect(mesh.state.text == text)
    // From the text of the state, too.
    mesh.state = try MeshState(Array(text.utf8), file: "state")
    #expect(try mesh.files() == files)
  }

  /// The names of the nodes whose files differ.
  private func changed(_ before: [String: OutputFile], _ after: [String: OutputFile]) -> Set<String>
  {
    Set(
      Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
        .map { String($0.prefix { $0 != "/" }) })
  }

  private let ring = ["a", "b", "c", "d", "e"].map { "node \($0) endpoint \($0).net\n" }

  @Test func `so that a new node changes the files of its neighbours only`() throws {
    let head = "mesh m\ntopology ring\n"
    var mesh = try SampleMesh(head + ring[..<4].joined())
    let before = try mesh.files()
    try mesh.adopt(head + ring.joined())
    let after = try mesh.files()
    #expect(changed(before, after) == ["a", "d", "e"])
    // And back, as if nothing had been, except that the new tunnels must be taken down.
    try mesh.adopt(head + ring[..<4].joined())
    let again = try mesh.files()
    #expect(Set(again.keys) == Set(before.keys))
    let different = again.keys.filter { again[$0] != before[$0] }
    #expect(different.sorted() == ["a/INSTALL", "a/plan", "d/INSTALL", "d/plan"])
  }

  /// What is done with an interface whose tunnel is gone.
  @Test(arguments: [
    ("wg-quick", "INSTALL", "systemctl disable --now wg-quick@wg-d"),
    ("networkd", "INSTALL", "ip link delete dev wg-d"),
    ("openwrt", "network.sh", "uci -q delete network.wg_d || true"),
    ("commands", "up.sh", "ip link delete dev wg-d 2> /dev/null || true"),
  ])
  func `and tunnels that are gone are taken down`(format: String, file: String, line: String) throws
  {
    let head = "mesh m\ntopology ring\nformat \(format)\n"
    var mesh = try SampleMesh(head + ring[..<4].joined())
    func says(_ node: String) throws -> Bool {
      let text = try #require(try mesh.files()["\(node)/\(file)"]).text
      // OpenWrt's script removes an interface also before it makes it anew.
      return text.split(separator: "\n").contains { $0.drop { $0 == " " } == line }
        && !text.contains("set network.wg_d=interface")
    }
    #expect(try !says("a"))
    try mesh.adopt(head + ring.joined())
    #expect(try says("a"))
    #expect(try !says("e"))
    try mesh.adopt(head + ring[..<4].joined())
    #expect(try !says("a"))
  }

  @Test func `so that new keys of a node change its tunnels only`() throws {
    var mesh = try SampleMesh("mesh m\ntopology ring\n" + ring.joined())
    let before = try mesh.files()
    let old = mesh.state
    mesh.rekey("b")
    let after = try mesh.files()
    #expect(changed(before, after) == ["a", "b", "c"])
    let paths = before.keys.filter { before[$0] != after[$0] }
    #expect(
      paths.sorted() == [
        "a/babeld.conf", "a/plan", "a/wireguard/wg-b.conf", "b/babeld.conf", "b/plan",
        "b/wireguard/wg-a.conf", "b/wireguard/wg-c.conf", "c/babeld.conf", "c/plan",
        "c/wireguard/wg-b.conf",
      ])
    #expect(mesh.state.nodes["b"]?.keyNumber == 2)
    #expect(mesh.state.nodes["b"]?.publicKey != old.nodes["b"]?.publicKey)
    for (pair, link) in old.links {
      let isOfB = pair.other(than: "b") != nil
      #expect((mesh.state.links[pair]?.presharedKey == link.presharedKey) == !isOfB)
      #expect((mesh.state.links[pair]?.packetKey == link.packetKey) == !isOfB)
      #expect(mesh.state.links[pair]?.first == link.first)
      #expect(mesh.state.links[pair]?.second == link.second)
    }
  }

  /// A peer that has another key now must be dropped, not kept beside the new one.
  @Test func `and commands replace the peers of a tunnel, and do not add to them`() throws {
    let files = try SampleMesh("mesh m\nformat commands\n" + ring.joined()).files()
    let script = try #require(files["a/up.sh"]).text
    #expect(script.contains("\nwg syncconf wg-b wg-b.conf\n"))
    #expect(!script.contains(" peer "))
  }

  @Test func `until a node is forgotten: then its ports are free, and its key is not used again`()
    throws
  {
    let head = "mesh m\n"
    var mesh = try SampleMesh(head + ring.joined())
    let key = mesh.state.nodes["b"]?.publicKey
    let port = mesh.state.links[NodePair("a", "b")]?.first.port
    mesh.state.forget("b")
    #expect(mesh.state.nodes["b"] == nil)
    #expect(mesh.state.links.keys.allSatisfy { $0.other(than: "b") == nil })
    try mesh.adopt(head + ring.joined())
    #expect(mesh.state.nodes["b"]?.keyNumber == 2)
    #expect(mesh.state.nodes["b"]?.publicKey != key)
    #expect(mesh.state.links[NodePair("a", "b")]?.first.port == port)
    #expect(mesh.state.formerKeys.isEmpty)
  }

  @Test func `and a node that gives up its own key gets one that was never used`() throws {
    let head = "mesh m\nnode a endpoint a.net\nnode b nat"
    var mesh = try SampleMesh(head)
    try mesh.adopt(head + " public-key TgfcimBqMX27syss2Uzm89sozDgC6Cff1HCoSHDH4yw=")
    #expect(mesh.state.nodes["b"]?.keyNumber == 0)
    #expect(mesh.state.formerKeys == ["b": 1])
    try mesh.adopt(head)
    #expect(mesh.state.nodes["b"]?.keyNumber == 2)
    #expect(mesh.state.formerKeys.isEmpty)
  }

  /// A public key of its own for each number.
  private func ownKey(_ number: Int) -> String {
    let octets = [UInt8(number >> 8), UInt8(number & 255)] + Array(repeating: 9, count: 30)
    return "public-key \(WireGuardKey(octets: octets)?.base64 ?? "")"
  }

  /// Of seven hundred long names some come to the same short one.
  @Test func `and each interface has a name of its own, however alike the nodes are called`() throws
  {
    let leaves = (1...700).map { "node a-very-long-name-of-a-node-\($0) nat \(ownKey($0))\n" }
    let mesh = try SampleMesh(
      "mesh m\ntopology hub h\nport-base 2000\nnode h endpoint h.net\n" + leaves.joined())
    #expect(mesh.links.pairs.count == 700)
    try checkPlaces(of: mesh)
  }

  /// A short name has an underscore, which OpenWrt also has for the dash of a full one.
  @Test func `also when a node is called like the short name of another`() throws {
    let head =
      "mesh m\ntopology hub h\nnode h endpoint h.net\nnode abcdefghijklmnop nat \(ownKey(1))\n"
    var mesh = try SampleMesh(head)
    let short = try #require(try mesh.plans()[0].tunnels.first?.interface)
    #expect("\(short)".hasPrefix("wg-abcdefg_"))
    let twin = "\(short)".dropFirst(3).replacing("_", with: "-")
    try mesh.adopt(head + "node \(twin) nat \(ownKey(2))\n")
    try checkPlaces(of: mesh)
    #expect(try mesh.plans()[0].tunnels.contains { $0.interface == short })
  }

  @Test func `but there must be a port for everybody`() throws {
    let text = "mesh m\nport-base 65534\n" + ring.joined()
    #expect(throws: PlanError.noPort("a", 65534)) { try SampleMesh(text) }
    // Babel's own port is left out.
    let near = try SampleMesh("mesh m\nport-base 6695\n" + ring.joined())
    #expect(
      try near.plans().first { $0.node.name == "a" }?.tunnels.map { $0.port }.sorted()
        == [6695, 6697, 6698, 6699])
  }
}
