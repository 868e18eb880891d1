import TestSupport
import Testing

@testable import MeshPicture

private let berlin = "02:00:00:00:00:00:00:0a"
private let paris = "02:00:00:00:00:00:00:0b"
private let boat = "02:00:00:00:00:00:00:0c"

/// What berlin says: paris is its neighbour, the boat is behind paris.
private let ofBerlin = """
  {"version":"swabeld-0.1.0","host":"berlin","router_id":"\(berlin)","pid":7}
  {"name":"wg-paris","up":true,"address":"fe80::a","obstacle":null}
  {"address":"fe80::b","interface":"wg-paris","state":"usable","cost":96,"rxcost":96,\
  "txcost":100,"rtt_us":12300,"loss_permille":8}
  {"address":"fe80::d","interface":"wg-x","state":"lost","cost":65535}
  {"selected":true,"prefix":"10.0.0.2/32","metric":96,"refmetric":0,"interface":"wg-paris",\
  "next_hop":"fe80::b","neighbour":"fe80::b","router_id":"\(paris)","source":null}
  {"selected":true,"prefix":"10.0.3.0/24","metric":192,"refmetric":96,"interface":"wg-paris",\
  "next_hop":"fe80::b","neighbour":"fe80::b","router_id":"\(boat)","source":null}
  {"prefix":"10.0.0.1/32","metric":0,"router_id":"\(berlin)","origin":"here","source":null}

  """

/// What paris says: berlin cannot be reached just now.
private let ofParis = """
  {"version":"swabeld-0.1.0","host":"paris","router_id":"\(paris)","pid":8}
  {"name":"wg-berlin","up":true,"address":"fe80::b","obstacle":null}
  {"address":"fe80::a","interface":"wg-berlin","state":"one-way","cost":65535}

  """

@Suite struct `What one node says` {
  @Test func `is its links, and from routes who is behind them`() throws {
    let graph = MeshGraph(try seen(ofBerlin))
    #expect(graph.askedCount == 1 && graph.nodes.count == 4)
    let home = try #require(graph.place(of: berlin))
    #expect(graph.nodes[home].name == "berlin" && graph.nodes[home].prefixes == ["10.0.0.1/32"])
    let there = try #require(graph.place(of: paris))
    #expect(graph.nodes[there].kind == .neighbour)
    let behind = try #require(graph.place(of: boat))
    #expect(graph.nodes[behind].kind == .distant)
    #expect(graph.paths == [MeshGraph.Path(via: there, to: behind, metric: 96)])
    let link = try #require(graph.links.first { [$0.first, $0.second].contains(there) })
    let end = try #require(link.ends.first)
    #expect(end.cost == 96 && end.txcost == 100 && end.roundTrip == 12300 && end.loss == 8)
    #expect(graph.place(of: "fe80::d%wg-x@\(berlin)") != nil)
    let picture = try Picture(graph)
    #expect(picture.summary.contains("asked: 1 of 4"))
    let text = SVGText.document(picture)
    #expect(text.contains("96 · 12.3 ms · 0.8 %") && text.contains("unusable"))
    #expect(text.contains("class=\"edge path\""))
  }

  @Test func `is put together with what others say`() throws {
    var both = try seen(ofBerlin)
    both.add(try seen(ofParis))
    let graph = MeshGraph(both)
    // paris announces nothing to itself, and knows the neighbour by its address only.
    #expect(graph.nodes.count == 4 && graph.links.count == 2)
    let link = try #require(graph.links.first { $0.ends.count == 2 })
    #expect(graph.costs(of: link) == [96, 65535])
    #expect(graph.nodes[try #require(graph.place(of: paris))].kind == .asked)
    // The way to the boat is still known from routes only.
    #expect(graph.paths.count == 1)
  }

  @Test(arguments: [("fe80::a", 2), ("fe80::e", 4)])
  func `is the other end's if both have each other's addresses`(
    address: String, count: Int
  ) throws {
    // Neither originates anything; others may have the same addresses on other links.
    let routes = #"\{"selected".*\n"#
    var both = try seen(
      ofBerlin.replacing(try Regex(routes), with: "").replacing(
        try Regex(#"\{.*fe80::d.*\n"#), with: ""))
    both.add(try seen(ofParis.replacing("fe80::a\",\"interface", with: "\(address)\",\"interface")))
    #expect(MeshGraph(both).nodes.count == count)
  }

  @Test func `may have names of a list`() throws {
    let graph = MeshGraph(try seen(ofBerlin), names: [boat: "boat", berlin: "home"])
    #expect(graph.nodes.compactMap { $0.name } == ["boat", "home"])
  }

  @Test func `can be babeld's answer to a dump`() throws {
    let graph = MeshGraph(
      try seen(
        """
        BABEL 1.0
        version babeld-1.12
        host oslo
        my-id \(boat)
        ok
        add interface eth0 up true ipv6 fe80::c ipv4 10.0.0.3
        add neighbour 5581 address fe80::b if eth0 reach ffff ureach 0000 rxcost 96 txcost 97 \
        rtt 1.5 rttcost 0 cost 96
        add xroute 10.0.3.0/24-0.0.0.0/0 prefix 10.0.3.0/24 from 0.0.0.0/0 metric 0
        add route 5582 prefix 10.0.0.2/32 from 0.0.0.0/0 installed yes id \(paris) metric 96 \
        refmetric 0 via fe80::b if eth0
        """))
    #expect(graph.nodes.map { $0.id } == [boat, paris])
    #expect(graph.nodes[0].name == "oslo" && graph.nodes[0].prefixes == ["10.0.3.0/24"])
    #expect(graph.links[0].ends[0].roundTrip == 1500 && graph.links[0].ends[0].txcost == 97)
    #expect(graph.routes.first?.isSelected == true)
  }

  @Test func `can be the daemon's metrics`() throws {
    let graph = MeshGraph(
      try seen(
        #"""
        # TYPE swabeld_router_info gauge
        swabeld_router_info{router_id="\#(berlin)"} 1
        swabeld_neighbour_cost{interface="e\"0",address="fe80::b"} 96
        swabeld_neighbour_rtt_seconds{interface="e\"0",address="fe80::b"} 0.012300
        """#))
    #expect(graph.links[0].ends[0].interface == "e\"0" && graph.links[0].ends[0].cost == 96)
    #expect(graph.links[0].ends[0].roundTrip == 12300)
  }

  @Test(arguments: ["", "x", "{", "[1", "{\"a\":}", "\"\\u12\"", "1e999", "{\"host\":1}", "nul"])
  func `is refused if it is nothing of the kind`(text: String) {
    #expect(throws: PictureError.self) { try seen(text) }
  }

  @Test(arguments: [
    ("\"nodes\":[", "\"nodes\":null,\"x\":[", "\"nodes\" of the graph is not a list"),
    ("\"links\":[", "\"links\":{},\"x\":[", "\"links\" of the graph is not a list"),
    ("\"links\":[", "\"x\":[", "\"links\" of the graph is not a list"),
    ("\"id\":\"a\"", "\"id\":1", "\"id\" of a node is not a string"),
    ("\"label\":\"A\"", "\"label\":[]", "\"label\" of a node is not a string"),
    ("[\"10.0.0.1/32\"]", "\"10.0.0.1/32\"", "\"prefixes\" of a node is not a list"),
    ("[\"10.0.0.1/32\"]", "[1]", "a prefix of a node is not a string"),
    ("\"target\":\"b\"", "\"target\":2", "\"target\" of a link is not a string"),
    ("\"cost\":96", "\"cost\":\"96\"", "\"cost\" of a link is not a number"),
    ("\"rtt\":null", "\"rtt\":\"1\"", "\"rtt\" of a link is not a number"),
    ("{\"id\":\"b\"}", "7", "\"id\" of a node is not a string"),
    (
      "{\"selected\"", "{\"refmetric\":0,\"prefix\":5,\"x\"",
      "\"prefix\" of a route is not a string"
    ),
    ("{\"state\"", "{\"cost\":\"x\",\"state\"", "\"cost\" of a neighbour is not a number"),
  ])
  func `is refused by name if something in it has a wrong type`(
    right: String, wrong: String, reason: String
  ) throws {
    let text = """
      {"type":"NetworkGraph","protocol":"babel","router_id":"a","nodes":[{"id":"a","label":"A",\
      "properties":{"prefixes":["10.0.0.1/32"]}},{"id":"b"}],"links":[{"source":"a",\
      "target":"b","cost":96,"properties":{"rtt":null,"interface":"wg0","address":"fe80::2"}}]}
      {"state":"usable","address":"fe80::3","interface":"wg0"}
      {"selected":true}
      """
    #expect(MeshGraph(try seen(text)).nodes.count == 3)
    try #require(text.contains(right))
    #expect(throws: PictureError(reason)) { try seen(text.replacing(right, with: wrong)) }
  }

  @Test func `may be nonsense of any depth and length`() throws {
    #expect(throws: PictureError.self) { try seen(String(repeating: "[", count: 100_000)) }
    var chance = Chance(seed: 5)
    var refused = 0
    for _ in 0..<600 {
      var octets = Array((ofBerlin + ofParis).utf8)
      for _ in 0...chance.below(6) {
        let place = chance.below(octets.count)
        if chance.oneIn(2) {
          octets[place] = UInt8(chance.below(256))
        } else {
          octets.removeSubrange(place..<min(octets.count, place + chance.below(30)))
        }
      }
      do throws(PictureError) {
        let picture = try Picture(MeshGraph(ViewReader.read(octets)))
        #expect(SVGText.document(picture).hasSuffix("</svg>\n"))
      } catch {
        refused += 1
      }
    }
    #expect(refused > 100 && refused < 600)
  }

  @Test func `is the same after it was written as NetJSON`() throws {
    var both = try seen(ofBerlin)
    both.add(try seen(ofParis))
    let first = MeshGraph(both)
    let again = MeshGraph(try seen(NetJSONText.document(try Picture(first))))
    #expect(again.nodes == first.nodes && again.links == first.links)
    #expect(again.paths == first.paths)
  }
}

@Suite struct `The ways to a prefix` {
  @Test func `lead along next hops, and into the unknown`() throws {
    var both = try seen(ofBerlin)
    both.add(try seen(ofParis))
    let graph = MeshGraph(both)
    let (home, there) = (graph.place(of: berlin), graph.place(of: paris))
    let tree = try PrefixTree(to: "10.0.3.0/24", in: graph)
    #expect(tree.hops.map { $0.from } == [home] && tree.hops.map { $0.to } == [there])
    #expect(tree.origins == [try #require(graph.place(of: boat))] && tree.lost == [there])
    let alone = MeshGraph(try seen(ofBerlin))
    let other = try PrefixTree(to: "10.0.3.9", in: alone)
    #expect(other.prefix == "10.0.3.0/24" && other.hops.map { $0.isInferred } == [false, true])
    let text = SVGText.document(try Picture(alone, to: "10.0.3.9"))
    #expect(text.contains("Ways to 10.0.3.0/24") && text.contains("<polygon"))
  }

  @Test(arguments: ["10.9.0.0/16", "x", "10.0.0.0/40", "fe80::/10"])
  func `are not drawn if nobody knows the prefix`(prefix: String) throws {
    let graph = MeshGraph(try seen(ofBerlin))
    #expect(throws: PictureError.self) { try PrefixTree(to: prefix, in: graph) }
  }
}
