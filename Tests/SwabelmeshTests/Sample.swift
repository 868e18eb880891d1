import BabelWire
import Foundation
import MeshPlan
import TestSupport
import Testing

/// Four nodes, one of each kind.
let fourNodes = """
  mesh example
  topology full
  accept 10.20.0.0/16 fd20::/32
  node berlin endpoint 203.0.113.1 address 10.20.1.1 address fd20:0:0:1::1
  node paris-north-1 endpoint paris.example.net address fd20:0:0:2::1 prefix 10.20.2.0/24
  node lab endpoint 2001:db8::7 transport-mtu 1492 address 10.20.4.1
  node boat nat address fd20:0:0:3::1 prefix 10.20.3.0/24
  node boat public-key TgfcimBqMX27syss2Uzm89sozDgC6Cff1HCoSHDH4yw=

  """

/// A mesh as the program would hold it, with keys from a seeded chance.
struct SampleMesh {
  var list: MeshList
  var links: MeshLinks
  var state: MeshState
  private(set) var privateKeys: [String: WireGuardKey] = [:]
  private var chance: Chance

  /// The list in `text`, adopted by an empty state.
  init(_ text: String, seed: UInt64 = 1) throws {
    chance = Chance(seed: seed)
    list = try parsed(text)
    links = try #require(MeshLinks(list))
    state = MeshState(name: list.name)
    try adopt(text)
  }

  /// Replaces the list, and lets the state adopt it.
  mutating func adopt(_ text: String) throws {
    list = try parsed(text)
    links = try #require(MeshLinks(list))
    for node in list.nodes {
      let number = state.keyNumber(of: node)
      let name = "\(node.name).\(number)"
      guard number > 0, privateKeys[name] == nil else { continue }
      privateKeys[name] = .randomPrivate(using: &chance)
    }
    let keys = Dictionary(
      uniqueKeysWithValues: list.nodes.compactMap { node in
        privateKeys["\(node.name).\(state.keyNumber(of: node))"].map { (node.name, $0.publicKey) }
      })
    try state.adopt(list, links.pairs, publicKeys: keys, using: &chance)
  }

  /// Renews the keys of a node, as `rekey` does.
  mutating func rekey(_ name: String) {
    let number = (state.nodes[name]?.keyNumber ?? 0) + 1
    let key = WireGuardKey.randomPrivate(using: &chance)
    if number > 1 { privateKeys["\(name).\(number)"] = key }
    state.renewKeys(of: name, publicKey: number > 1 ? key.publicKey : nil, using: &chance)
  }

  /// What is configured on each node.
  func plans() throws -> [NodePlan] { try NodePlan.all(list, links.pairs, state) }

  /// The files of all nodes, by node and path.
  func files() throws -> [String: OutputFile] {
    var files: [String: OutputFile] = [:]
    for plan in try plans() {
      let key = privateKeys["\(plan.node.name).\(plan.keyNumber)"]
      for file in plan.files(privateKey: key) { files["\(plan.node.name)/\(file.path)"] = file }
    }
    return files
  }
}

/// The list that a text says.
func parsed(_ text: String) throws -> MeshList {
  try MeshListParser.parse(Array(text.utf8), file: "mesh.conf")
}
