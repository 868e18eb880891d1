import BabelWire
import Foundation
import MeshPlan
import Testing

@testable import swabelmesh

@Suite struct `Requests for pictures` {
  @Test func `have sources and options in any order`() throws {
    let request = try #require(
      try PictureRequest(["-f", "m.conf", "graph", "a", "--to", "10.0.0.0/8", "--dot", "b"]))
    #expect(request.form == .dot && request.sources == ["a", "b"] && request.list == "m.conf")
    #expect(request.prefix == "10.0.0.0/8" && request.earlier.isEmpty && request.port == nil)
    let page = try #require(
      try PictureRequest(["page", "--serve", "8080", "--since", "x", "--since", "y"]))
    #expect(page.form == .page && page.port == 8080 && page.earlier == ["x", "y"])
    #expect(try PictureRequest(["graph", "-"])?.sources == ["-"])
  }

  @Test(arguments: [
    ["check"], [], ["-f", "graph", "check"], ["graph", "--help"], ["page", "-V"],
  ])
  func `are not other requests`(words: [String]) throws {
    #expect(try PictureRequest(words) == nil)
  }

  @Test(arguments: [
    ["graph", "--to"], ["graph", "--serve", "1"], ["page", "--dot"], ["page", "--serve", "0"],
    ["page", "--serve", "65536"], ["page", "--serve", "8080", "-"], ["graph", "-x"],
    ["graph", "--since", ""],
  ])
  func `are refused if they make no sense`(words: [String]) {
    #expect(throws: UsageError.self) { try PictureRequest(words) }
    #expect(Entry.run(words) == 2)
  }

  @Test(arguments: ["http://192.0.2.1:9101", "http://[::1]", "http://localhost:x/", "http://"])
  func `ask no other machine`(name: String) {
    #expect(throws: Failure.self) { try MeshSource(name) }
  }
}

@Suite struct `The names of a list` {
  @Test func `belong to the router-ids and addresses that are written`() throws {
    let mesh = try SampleMesh(fourNodes)
    let names = mesh.list.namesByRouterID
    let addresses = mesh.list.routerIDsByAddress(mesh.links)
    var count = 0
    for plan in try mesh.plans() {
      #expect(names[plan.routerID.description] == plan.node.name)
      for tunnel in plan.tunnels {
        #expect(addresses[tunnel.linkLocal.description] == plan.routerID.description)
        count += 1
      }
    }
    #expect(names.count == 4 && addresses.count == count)
  }

  @Test func `are drawn for nodes that only their addresses are known of`() throws {
    let mesh = try SampleMesh(fourNodes)
    let berlin = try #require(try mesh.plans().first { $0.node.name == "berlin" })
    let tunnel = try #require(berlin.tunnels.first { $0.peer == "boat" })
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "swabelmesh-\(UInt64.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (list, view) = (folder.appending(path: "m.conf"), folder.appending(path: "view"))
    try fourNodes.write(to: list, atomically: true, encoding: .utf8)
    try """
    {"host":"machine","router_id":"\(berlin.routerID)","pid":1}
    {"address":"\(tunnel.peerLinkLocal)","interface":"\(tunnel.interface)","state":"one-way",\
    "cost":65535}
    """.write(to: view, atomically: true, encoding: .utf8)
    let request = try #require(
      try PictureRequest(
        ["-f", list.path(percentEncoded: false), "graph", view.path(percentEncoded: false)]))
    let graph = try PictureDrawer(request).read()
    #expect(graph.nodes.map { $0.name } == ["berlin", "boat"])
    #expect(graph.links.count == 1)
  }
}
