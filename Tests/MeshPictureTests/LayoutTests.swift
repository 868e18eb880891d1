import TestSupport
import Testing

@testable import MeshPicture

@Suite struct `The layout` {
  private func sheet(_ shape: GeneratedMesh.Shape, _ count: Int, seed: UInt64 = 1) throws -> Sheet {
    Sheet(try Picture(MeshGraph(GeneratedMesh(shape, count, seed: seed).sighting())))
  }

  private func checkRoom(_ sheet: Sheet, _ comment: Comment) {
    for (place, box) in sheet.boxes.enumerated() {
      #expect(
        !sheet.boxes[(place + 1)...].contains { $0.overlaps(box, gap: 4) }, comment)
      #expect(box.left >= -0.01 && box.right <= sheet.width + 0.01, comment)
      #expect(box.top >= -0.01 && box.bottom <= sheet.height + 0.01, comment)
    }
    for (place, label) in sheet.labels.enumerated() {
      #expect(!sheet.boxes.contains { $0.overlaps(label.box) }, comment)
      #expect(!sheet.labels[(place + 1)...].contains { $0.box.overlaps(label.box) }, comment)
      let edge = sheet.edges[label.edge]
      #expect(label.box.isCrossed(from: edge.begin, to: edge.end), comment)
    }
  }

  @Test(arguments: GeneratedMesh.Shape.allCases)
  func `leaves room for all texts of thirty nodes`(shape: GeneratedMesh.Shape) throws {
    for seed in 1...3 {
      let sheet = try sheet(shape, 30, seed: UInt64(seed))
      checkRoom(sheet, "\(shape), seed \(seed)")
      if shape == .ring || shape == .tree || shape == .islands {
        #expect(sheet.labels.count == sheet.edges.count, "\(shape)")
      }
    }
  }

  @Test(arguments: GeneratedMesh.Shape.allCases)
  func `has all labels of five nodes`(shape: GeneratedMesh.Shape) throws {
    let sheet = try sheet(shape, 5)
    checkRoom(sheet, "\(shape)")
    #expect(sheet.labels.count == sheet.edges.count, "\(shape)")
  }

  @Test(arguments: [GeneratedMesh.Shape.random, .tree, .grid])
  func `leaves room for two hundred nodes on a sheet of a bearable size`(
    shape: GeneratedMesh.Shape
  ) throws {
    let sheet = try sheet(shape, 200)
    checkRoom(sheet, "\(shape)")
    #expect(sheet.width < 3000 && sheet.height < 3000, "\(shape)")
  }

  @Test(arguments: GeneratedMesh.Shape.allCases)
  func `is the same whenever the same is said, in whatever order`(
    shape: GeneratedMesh.Shape
  ) throws {
    var chance = Chance(seed: 3)
    let first = GeneratedMesh(shape, 20).sighting()
    var second = first
    chance.shuffle(&second.ends)
    let texts = try [first, second].map { SVGText.document(try Picture(MeshGraph($0))) }
    #expect(texts[0] == texts[1])
  }

  @Test func `gives way for names of any length`() throws {
    var sighting = GeneratedMesh(.random, 30).sighting()
    for (place, id) in sighting.asked.keys.sorted().enumerated() {
      sighting.asked[id] = String(repeating: "W", count: place + 1)
    }
    checkRoom(Sheet(try Picture(MeshGraph(sighting))), "long names")
  }

  @Test func `draws a single node, and none`() throws {
    var alone = Sighting()
    alone.asked["02:00:00:00:00:00:00:01"] = "alone"
    #expect(SVGText.document(try Picture(MeshGraph(alone))).contains(">alone</text>"))
    #expect(SVGText.document(try Picture(MeshGraph(Sighting()))).hasSuffix("</svg>\n"))
  }
}
