import BabelWire
import MeshPlan
import Testing

@Suite struct `The list of a mesh` {
  @Test func `says nodes and how they are joined`() throws {
    let list = try parsed(
      """
      # A comment, and an empty line.

      mesh village-net
      \ttopology hub a b   # both are hubs
      port-base 40000
      transport-mtu 1492
      format networkd
      accept 10.0.0.0/8 fd00::/8
      accept 192.168.7.0/24
      node a endpoint 203.0.113.1 address 10.0.0.1
      node a address fd00::1 prefix 10.1.0.0/16 prefix fd00:1::/48
      node b nat position -1.5 2 format openwrt transport-mtu 1400
      node c endpoint C.example.net public-key TgfcimBqMX27syss2Uzm89sozDgC6Cff1HCoSHDH4yw=
      latency a c 12.5
      """)
    #expect(list.name == "village-net")
    #expect(list.topology == .hub(["a", "b"]))
    #expect(list.portBase == 40000 && list.transportMTU == 1492 && list.format == .networkd)
    #expect(list.accepted.map { "\($0)" } == ["10.0.0.0/8", "fd00::/8", "192.168.7.0/24"])
    #expect(list.nodes.map { $0.name } == ["a", "b", "c"])
    let a = try #require(list.node(named: "a"))
    #expect(a.endpoint == "203.0.113.1" && !a.isBehindNAT)
    #expect(a.addresses.map { "\($0)" } == ["10.0.0.1", "fd00::1"])
    #expect(a.prefixes.map { "\($0)" } == ["10.1.0.0/16", "fd00:1::/48"])
    let b = try #require(list.node(named: "b"))
    #expect(b.isBehindNAT && b.format == .openwrt && b.transportMTU == 1400)
    #expect(b.position?.x == -1.5 && b.position?.y == 2)
    let c = try #require(list.node(named: "c"))
    #expect(c.endpoint == "C.example.net")
    #expect(c.publicKey?.base64 == "TgfcimBqMX27syss2Uzm89sozDgC6Cff1HCoSHDH4yw=")
    #expect(list.latencies == [NodePair("c", "a"): 12.5])
  }

  private static let aKey = "TgfcimBqMX27syss2Uzm89sozDgC6Cff1HCoSHDH4yw="

  /// Each is a whole list, and where and how it is refused.
  private static let faults: [(text: String, fault: String)] = [
    ("", "1:1: the mesh has no name: add a line \"mesh NAME\""),
    ("node a nat", "1:1: the mesh has no name: add a line \"mesh NAME\""),
    ("mesh", "1:5: expected the name of the mesh, but the line ends"),
    ("mesh M", "1:6: found \"M\", expected the name of the mesh: 1 to 31 lower-case letters"),
    ("mesh -m", "1:6: found \"-m\", expected the name of the mesh"),
    ("mesh m extra", "1:8: found \"extra\", expected the end of the line"),
    ("mesh m\nmesh m", "2:1: \"mesh\" is said twice"),
    ("mesh m\nfoo", "2:1: found \"foo\", expected \"mesh\", \"topology\""),
    ("mesh m\ntopology star", "2:10: found \"star\", expected \"full\", \"hub\", \"ring\""),
    ("mesh m\ntopology hub x", "2:14: there is no node x"),
    ("mesh m\ntopology nearest 0", "2:18: found \"0\", expected how many neighbours, 1 to 100"),
    ("mesh m\ntopology nearest", "2:17: expected how many neighbours, 1 to 100, but the line ends"),
    ("mesh m\nport-base 80", "2:11: found \"80\", expected the first port, 1024 to 65535"),
    ("mesh m\ntransport-mtu 1300", "2:15: found \"1300\", expected the MTU outside of the"),
    ("mesh m\nformat uci", "2:8: found \"uci\", expected \"wg-quick\", \"networkd\""),
    ("mesh m\naccept 10.0.0.1/8", "2:8: 10.0.0.1/8 has bits behind its length; 10.0.0.0/8 has"),
    ("mesh m\naccept ::1", "2:8: found \"::1\", expected a prefix, such as"),
    ("mesh m\nnode a", "2:7: expected \"endpoint\", \"nat\""),
    ("mesh m\nnode a color red", "2:8: found \"color\", expected \"endpoint\", \"nat\""),
    ("mesh m\nnode a address 10.0.0.1", "2:6: node a needs \"endpoint HOST\", or \"nat\""),
    ("mesh m\nnode a nat endpoint b", "2:12: node a either has an endpoint or is behind NAT"),
    ("mesh m\nnode a nat\nnode a nat", "3:8: \"nat\" of node a is said twice"),
    ("mesh m\nnode a endpoint 1.2.3.4:5", "2:17: found \"1.2.3.4:5\", expected an IPv4 or IPv6"),
    ("mesh m\nnode a endpoint 1.2.3.456", "2:17: found \"1.2.3.456\", expected an IPv4 or"),
    ("mesh m\nnode a endpoint a_b.net", "2:17: found \"a_b.net\", expected an IPv4 or IPv6"),
    ("mesh m\nnode a endpoint a';b", "2:17: found \"a';b\", expected an IPv4 or IPv6"),
    ("mesh m\nnode a endpoint fe80::1", "2:17: found \"fe80::1\", expected an address that other"),
    ("mesh m\nnode a nat address 10.0.0.0/8", "2:20: found \"10.0.0.0/8\", expected an address"),
    ("mesh m\nnode a nat address 127.0.0.1", "2:20: found \"127.0.0.1\", expected an address for"),
    (
      "mesh m\nnode a nat address 10.0.0.1\nnode b nat address 10.0.0.1",
      "3:20: node a has the address 10.0.0.1 already"
    ),
    (
      "mesh m\nnode a nat address 10.0.0.1\naccept fd00::/8",
      "2:20: 10.0.0.1/32 is in no network that is accepted"
    ),
    ("mesh m\nnode a nat position 1 x", "2:23: found \"x\", expected a coordinate, a number from"),
    ("mesh m\nnode a nat position 1e5 1", "2:21: found \"1e5\", expected a coordinate"),
    ("mesh m\nnode a nat public-key AAAA", "2:23: found \"AAAA\", expected a public key in base64"),
    (
      "mesh m\nnode a nat public-key \(String(repeating: "A", count: 43))=",
      "2:23: a key of zeros is no public key"
    ),
    (
      "mesh m\nnode a nat public-key \(aKey)\nnode b nat public-key \(aKey)",
      "3:23: node a has this public key already"
    ),
    ("mesh m\nlatency a a 5", "2:11: found \"a\", expected another node"),
    ("mesh m\nlatency a b 5", "2:9: there is no node a"),
    (
      "mesh m\nlatency a b 5\nlatency b a 6", "3:9: the latency between a and b is said twice"
    ),
    (
      "mesh m\ntopology nearest 1\nnode a endpoint b.c\nnode d nat",
      "2:10: nothing says how far a and d are from each other"
    ),
    ("mesh m\nnode ä nat", "2:6: only ASCII may stand here, except in comments"),
  ]

  @Test(arguments: faults)
  func `is refused with the place of the first fault`(text: String, fault: String) {
    let error = #expect(throws: TextError.self) { try parsed(text) }
    let found = error?.description ?? ""
    #expect(found.hasPrefix("mesh.conf:" + fault), "\(found)")
  }

  @Test(arguments: [
    ("topolgy ring", "topology"), ("topology rng", "ring"), ("format wgquick", "wg-quick"),
    ("node a adress 10.0.0.1", "address"), ("format openrwt", "openwrt"),
    ("node a endpoit b.c", "endpoint"), ("transport-mut 1400", "transport-mtu"),
  ])
  func `is refused with the word that was meant`(line: String, word: String) {
    let error = #expect(throws: TextError.self) { try parsed("mesh m\n" + line) }
    let found = error?.description ?? ""
    #expect(found.hasSuffix("; did you mean \"\(word)\"?"), "\(found)")
  }

  @Test(arguments: ["x", "", "nodal", "mush-room", "a very long word that is like none of them"])
  func `guesses nothing that is far from what stands there`(line: String) {
    let error = #expect(throws: TextError.self) { try parsed(line) }
    #expect(error?.description.contains("did you mean") == false)
  }

  @Test(arguments: [
    "127.0.0.1", "127.9.9.9", "::1", "255.255.255.255", "224.0.0.1", "ff02::1", "0.0.0.0", "::",
    "febf::1",
  ])
  func `has no endpoint that nobody can reach`(endpoint: String) {
    let text = "mesh m\nnode a endpoint \(endpoint)"
    let error = #expect(throws: TextError.self) { try parsed(text) }
    let found = error?.description ?? ""
    #expect(found.contains("2:17: found \"\(endpoint)\", expected an address that other"))
  }

  /// The doubts about the endpoints of nodes, with the lines of these nodes.
  private func doubts(_ lines: String...) throws -> [String] {
    let mesh = try SampleMesh((["mesh m"] + lines).joined(separator: "\n"))
    return mesh.list.endpointDoubts(try mesh.plans())
  }

  @Test func `is doubted where two nodes are reached at one place`() throws {
    #expect(
      try doubts("node a endpoint x.net", "node b endpoint X.net", "node c nat") == [
        "nodes a and b are both to be reached at x.net:51820, which can lead to one of them only"
      ])
    // Several ports of one node are no fault.
    #expect(
      try doubts("topology hub a", "node a endpoint x.net", "node b nat", "node c endpoint y.net")
        .isEmpty)
  }

  @Test(arguments: [
    ("node a endpoint 10.1.0.1 address 10.1.0.1", "is an address that node a announces"),
    ("node b nat address 192.0.2.7\nnode a endpoint 192.0.2.7", "is an address that node b"),
    ("node b nat prefix 192.0.2.0/24\nnode a endpoint 192.0.2.7", "is in 192.0.2.0/24, which"),
    ("accept 10.0.0.0/8\nnode a endpoint 10.1.0.1", "is in 10.0.0.0/8, which nodes accept"),
    ("node a endpoint 2001:db8::7 prefix 2001:db8::/64", "is in 2001:db8::/64, which node a"),
  ])
  func `is doubted where a tunnel could be routed into itself`(lines: String, reason: String) throws
  {
    let found = try doubts(lines)
    #expect(found.count == 1 && found.first?.contains(reason) == true, "\(found)")
  }

  @Test func `is not doubted without a reason`() throws {
    let none = try doubts(
      "accept 0.0.0.0/0 ::/0 10.0.0.0/8", "node a endpoint 203.0.113.1 prefix 0.0.0.0/0",
      "node b endpoint 2001:db8::7 address 10.0.0.1", "node c endpoint c.net prefix 10.1.0.0/16")
    #expect(none.isEmpty, "\(none)")
  }

  @Test func `may have comments in any language`() throws {
    #expect(try parsed("mesh m # größer\r\n").name == "m")
  }

  @Test func `may not be larger than it is good for`() {
    let long = String(repeating: "#\n", count: MeshList.fileLimit / 2 + 1)
    #expect(throws: TextError.self) { try parsed(long) }
    let many = (0...MeshList.nodeLimit).map { "node n\($0) nat\n" }.joined()
    let error = #expect(throws: TextError.self) { try parsed("mesh m\n" + many) }
    #expect(error?.line == MeshList.nodeLimit + 2)
  }
}

@Suite struct `The topology of a mesh` {
  private func links(_ topology: String, _ nodes: String...) throws -> MeshLinks {
    let lines = ["mesh m", "topology \(topology)"] + nodes.map { "node \($0)" }
    return try #require(MeshLinks(try parsed(lines.joined(separator: "\n"))))
  }

  private func text(_ pairs: [NodePair]) -> String {
    pairs.map { "\($0.first)-\($0.second)" }.joined(separator: " ")
  }

  @Test func `joins each with each, but not two that are behind NAT`() throws {
    let links = try links(
      "full", "c endpoint c.net", "a endpoint a.net", "b nat", "d nat")
    #expect(text(links.pairs) == "a-b a-c a-d b-c c-d")
    #expect(text(links.impossible) == "b-d")
    #expect(links.islands.isEmpty)
  }

  @Test func `joins each with the hubs`() throws {
    let links = try links(
      "hub h g", "h endpoint h.net", "g endpoint g.net", "a nat", "b endpoint b.net")
    #expect(text(links.pairs) == "a-g a-h b-g b-h g-h")
  }

  @Test func `joins a ring in the order of the list`() throws {
    let nodes = ["d", "a", "c", "b"].map { "\($0) endpoint \($0).net" }
    #expect(
      text(try links("ring", nodes[0], nodes[1], nodes[2], nodes[3]).pairs) == "a-c a-d b-c b-d")
    #expect(text(try links("ring", nodes[0], nodes[1]).pairs) == "a-d")
    #expect(try links("ring", nodes[0]).pairs.isEmpty)
    #expect(try links("ring").pairs.isEmpty)
  }

  @Test func `says which parts do not reach each other`() throws {
    let links = try links("ring", "a endpoint a.net", "b nat", "c nat", "d nat")
    #expect(text(links.pairs) == "a-b a-d")
    #expect(text(links.impossible) == "b-c c-d")
    #expect(links.islands == [["a", "b", "d"], ["c"]])
  }

  @Test func `joins each with those that are nearest, by latency where it is known`() throws {
    let places = [
      "a endpoint a.net position 0 0", "b endpoint b.net position 1 0",
      "c endpoint c.net position 3 0", "d nat position 7 0", "e nat position 7.1 0",
    ]
    let lines = ["mesh m", "topology nearest 1"] + places.map { "node \($0)" }
    let text = lines.joined(separator: "\n")
    // d and e are next to each other, but cannot be joined.
    #expect(self.text(try #require(MeshLinks(try parsed(text))).pairs) == "a-b b-c c-d c-e")
    let measured = try #require(MeshLinks(try parsed(text + "\nlatency a e 0.5")))
    #expect(self.text(measured.pairs) == "a-b a-e b-c c-d")
  }
}
