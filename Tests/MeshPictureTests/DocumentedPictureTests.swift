import Foundation
import Testing

@testable import MeshPicture

/// The picture in the documents. With SWABELMESH_GOLDEN=write it is written anew.
@Suite struct `The picture in the documents` {
  /// What berlin and paris say of a mesh of five.
  private func picture() throws -> Picture {
    let names = ["berlin", "paris", "boat", "farm", "mill"]
    func id(_ name: String) -> String {
      "02:00:00:00:00:00:00:0\((names.firstIndex(of: name) ?? 0) + 1)"
    }
    func prefix(_ name: String) -> String {
      "10.20.\((names.firstIndex(of: name) ?? 0) + 1).1/32"
    }
    var sighting = Sighting()
    let links = [
      ("berlin", "paris", 96, 21_400, 0), ("berlin", "boat", 254, 61_000, 62),
      ("berlin", "farm", 300, 40_200, 0), ("paris", "farm", 110, 9_300, 4),
      ("paris", "berlin", 96, 21_400, 0),
    ]
    for name in names { sighting.note(id(name), prefix: prefix(name)) }
    for (from, to, cost, time, loss) in links {
      sighting.asked[id(from)] = from
      sighting.ends.append(
        Sighting.End(
          from: id(from), to: id(to), interface: "wg-\(to)", address: "fe80::1", cost: cost,
          rxcost: cost, txcost: cost, roundTrip: time, loss: loss))
    }
    sighting.paths.insert(
      Sighting.Path(viewer: id("paris"), via: id("farm"), to: id("mill"), metric: 96))
    for (at, via, announced) in [("berlin", "paris", 206), ("paris", "farm", 96)] {
      sighting.routes.append(
        Sighting.Route(
          at: id(at), prefix: prefix("mill"), router: id("mill"), via: id(via),
          nextHop: "fe80::1", interface: "wg-\(via)", metric: announced + 96,
          announced: announced, isSelected: true))
    }
    let known = Dictionary(uniqueKeysWithValues: names.map { (id($0), $0) })
    return try Picture(MeshGraph(sighting, names: known), to: "10.20.5.1")
  }

  @Test func `is what is drawn`() throws {
    let place = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/mesh.svg")
    let text = SVGText.document(try picture())
    if ProcessInfo.processInfo.environment["SWABELMESH_GOLDEN"] == "write" {
      try text.write(to: place, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: place, encoding: .utf8) == text)
  }
}
