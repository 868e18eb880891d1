import Testing

@testable import MeshPicture

@Suite struct `What has changed` {
  private func graph(
    _ links: [(String, String, Int)], asked: [String] = ["a", "b", "c", "d"]
  ) -> MeshGraph {
    var sighting = Sighting()
    for name in asked { sighting.asked[name] = "node \(name)" }
    for (from, to, cost) in links {
      for (one, two) in [(from, to), (to, from)] where asked.contains(one) {
        sighting.ends.append(
          Sighting.End(from: one, to: two, interface: "i", address: two, cost: cost))
      }
    }
    return MeshGraph(sighting)
  }

  @Test func `is said of each link, and what varies a little is left alone`() throws {
    let before = graph([("a", "b", 96), ("b", "c", 96), ("c", "d", 200), ("a", "c", 100)])
    let after = graph([("a", "b", 104), ("b", "c", 300), ("c", "d", 96), ("b", "d", 96)])
    let change = MeshChange(from: before, to: after)
    let kinds = change.graph.links.indices.map { place in
      let link = change.graph.links[place]
      let ends = [link.first, link.second].map { change.graph.nodes[$0].id }.joined()
      return "\(ends) \(change.links[place].map { "\($0)" } ?? "same")"
    }
    #expect(
      kinds == ["ab same", "bc dearer(96)", "bd appeared", "cd cheaper(200)", "ac gone"])
    let text = SVGText.document(try Picture(after, since: before))
    for word in [
      "▲ 96 → 300", "▼ 200 → 96", "+ 96", "− gone (100)", "+ new link",
      "link that is gone",
    ] {
      #expect(text.contains(word), "\(word)")
    }
    #expect(text.contains("links new: 1, gone: 1, dearer: 1, cheaper: 1"))
    #expect(!NetJSONText.document(try Picture(after, since: before)).contains("\"cost\":100"))
    #expect(DOTText.document(try Picture(after, since: before)).contains("style=dotted"))
  }

  @Test func `is nothing if nothing has changed`() {
    let links = [("a", "b", 96), ("b", "c", 65535)]
    let change = MeshChange(from: graph(links), to: graph(links))
    #expect(change.links.isEmpty && change.nodes.isEmpty)
  }

  @Test func `is not said of what nobody was asked about`() {
    let before = graph([("a", "b", 96), ("c", "d", 96)], asked: ["a", "c"])
    let after = graph([("a", "b", 96), ("b", "d", 96)], asked: ["a", "b"])
    let change = MeshChange(from: before, to: after)
    #expect(change.links.isEmpty && change.graph.links.count == 2)
  }

  @Test func `is said of nodes`() throws {
    let before = graph([("a", "b", 96), ("a", "c", 96)], asked: ["a"])
    let after = graph([("a", "b", 96), ("a", "d", 96)], asked: ["a"])
    let change = MeshChange(from: before, to: after)
    #expect(change.nodes[try #require(change.graph.place(of: "c"))] == .gone)
    #expect(change.nodes[try #require(change.graph.place(of: "d"))] == .appeared)
  }

  @Test func `is said of nodes that routes alone told of`() throws {
    var before = Sighting()
    before.asked["a"] = "a"
    before.ends = [Sighting.End(from: "a", to: "b", interface: "i", address: "b", cost: 96)]
    var after = before
    before.paths = [Sighting.Path(viewer: "a", via: "b", to: "c", metric: 96)]
    after.note("d")
    let picture = try Picture(MeshGraph(after), since: MeshGraph(before))
    let place = try #require(picture.graph.place(of: "c"))
    #expect(picture.change?.nodes[place] == .gone && picture.graph.paths.count == 1)
    #expect(picture.summary.hasPrefix("3 nodes, 1 link;"))
    #expect(SVGText.document(picture).contains("class=\"edge path gone\""))
    #expect(!NetJSONText.document(picture).contains("\"c\""))
  }

  @Test func `is said of a link that cannot be used any more`() {
    let change = MeshChange(from: graph([("a", "b", 96)]), to: graph([("a", "b", 65535)]))
    #expect(change.links == [0: .dearer(96)])
  }
}
