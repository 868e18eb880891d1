import TestSupport

@testable import MeshPicture

/// A mesh as its nodes would tell of it.
struct GeneratedMesh {
  /// How nodes are joined.
  enum Shape: CaseIterable {
    case full, ring, tree, grid, random, hub, islands
  }

  let count: Int
  private(set) var pairs: Set<[Int]> = []
  private var costs: [[Int]: Int] = [:]

  init(_ shape: Shape, _ count: Int, seed: UInt64 = 1) {
    self.count = count
    var chance = Chance(seed: seed)
    let width = Int(Double(count).squareRoot().rounded(.up))
    for one in 0..<count {
      switch shape {
      case .full: for two in 0..<one { join(one, two) }
      case .ring: join(one, (one + 1) % count)
      case .tree: if one > 0 { join(one, (one - 1) / 3) }
      case .grid:
        if (one + 1) % width != 0, one + 1 < count { join(one, one + 1) }
        if one + width < count { join(one, one + width) }
      case .random:
        if one > 0 { join(one, chance.below(one)) }
        join(one, chance.below(count))
      case .hub: for hub in 0..<min(2, one) { join(one, hub) }
      case .islands: if one % 4 != 0 { join(one, one - 1) }
      }
    }
    for pair in pairs.sorted(by: { ($0[0], $0[1]) < ($1[0], $1[1]) }) {
      costs[pair] = chance.pick([96, 96, 110, 256, 65535])
    }
  }

  private mutating func join(_ one: Int, _ two: Int) {
    if one != two { pairs.insert([min(one, two), max(one, two)]) }
  }

  static func id(_ place: Int) -> String {
    let digits = String(place + 256, radix: 16).suffix(2)
    return "02:00:00:00:00:00:0\(place / 256):\(digits)"
  }

  /// What the nodes of which `isAsked` is true say.
  func sighting(isAsked: (Int) -> Bool = { _ in true }) -> Sighting {
    var result = Sighting()
    for place in 0..<count where isAsked(place) {
      result.asked[Self.id(place)] = "node-\(place)"
      result.note(Self.id(place), prefix: "10.0.\(place).1/32")
    }
    for pair in pairs {
      for (from, to) in [(pair[0], pair[1]), (pair[1], pair[0])] where isAsked(from) {
        result.ends.append(
          Sighting.End(
            from: Self.id(from), to: Self.id(to), interface: "wg-\(to)", address: "fe80::\(to)",
            cost: costs[pair] ?? 96, rxcost: 96, txcost: 96, roundTrip: 12_345, loss: 4))
      }
    }
    return result
  }
}

/// What a node with the given lines of JSON says.
func seen(_ lines: String) throws -> Sighting { try ViewReader.read(Array(lines.utf8)) }
