import BabelKernel
import MeshPlan

/// The files of a node, on that node.
struct Deployment {
  /// A file and the place where it belongs.
  struct Place: Equatable {
    /// In the folder.
    let source: String
    /// On the machine.
    let target: String
    /// Its permissions there.
    let mode: UInt32
    /// Its group there, if not that of root.
    var group: String?
  }

  /// The folder with the files.
  let folder: String
  /// What they say.
  let setup: NodeSetup
  /// The node's private key.
  let key: WireGuardKey

  /// Reads the files of a node below the folder that is written; without that folder, below this
  /// one, because the folder of one node is all that is copied to it.
  init(of request: Request, _ node: String) throws(Failure) {
    guard MeshList.isName(node) else { throw Failure("\"\(node)\" is no name of a node") }
    let whole = "\(request.output)/\(node)"
    folder = request.namesOutput || FileSystem.exists(whole) ? whole : node
    let path = folder + "/" + NodeSetup.fileName
    do throws(KernelError) {
      let octets = try FileSystem.read(path, limit: NodeSetup.textLimit)
      setup = try Self.read(octets, path)
    } catch {
      throw Failure(error)
    }
    guard setup.node == node else { throw Failure("\(path): this is of node \(setup.node)") }
    for (place, digest) in setup.digests.sorted(by: { $0.key < $1.key })
    where Self.digest(of: folder + "/" + place) != digest {
      throw Failure(
        "\(folder)/\(place): this is not the file that belongs to \(path): bring all files of the "
          + "node again")
    }
    switch setup.secret {
    case .key(let key): self.key = key
    case .file(let path): key = try PrivateKeyFile(path: path).read()
    }
    guard key.publicKey == setup.publicKey else {
      throw Failure(
        "the private key of this machine is not that of node \(node): its public key is "
          + "\(key.publicKey.base64), and the mesh has \(setup.publicKey.base64)")
    }
  }

  private static func digest(of path: String) -> String? {
    text(path).map { NodeSetup.digest(of: Array($0.utf8)) }
  }

  private static func read(_ octets: [UInt8], _ path: String) throws(KernelError) -> NodeSetup {
    do throws(TextError) {
      return try NodeSetup(octets, file: path)
    } catch {
      throw KernelError(operation: error.description, errno: ErrorNumber.invalid)
    }
  }

  /// Where the daemon's configuration belongs.
  static let daemonFile = "/etc/babeld.conf"

  /// The daemon's configuration.
  var daemon: Place {
    Place(source: folder + "/babeld.conf", target: Self.daemonFile, mode: 0o600)
  }

  /// What WireGuard is set up from at the next boot.
  var wireGuard: [Place] {
    switch setup.format {
    case .wgQuick:
      return setup.tunnels.map {
        Place(
          source: "\(folder)/wireguard/\($0.interface).conf",
          target: Self.wgQuickFile("\($0.interface)"), mode: 0o600)
      }
    case .networkd:
      var names = setup.tunnels.flatMap {
        ["50-\($0.interface).netdev", "50-\($0.interface).network"]
      }
      if !setup.addresses.isEmpty { names.append("50-mesh-lo.network") }
      return names.map {
        Place(
          source: "\(folder)/network/\($0)", target: "/etc/systemd/network/\($0)", mode: 0o640,
          group: "systemd-network")
      } + [
        Place(
          source: "\(folder)/networkd.conf.d/50-mesh.conf",
          target: "/etc/systemd/networkd.conf.d/50-mesh.conf", mode: 0o644)
      ]
    case .commands, .openwrt, .nixos: return []
    }
  }

  /// Files of an interface that is gone.
  func leftovers(of interface: String) -> [String] {
    let paths: [String] =
      switch setup.format {
      case .wgQuick: [Self.wgQuickFile(interface)]
      case .networkd:
        ["netdev", "network"].map { "/etc/systemd/network/50-\(interface).\($0)" }
      case .commands, .openwrt, .nixos: []
      }
    return paths.filter { isOurs($0) }
  }

  private static func wgQuickFile(_ interface: String) -> String {
    "/etc/wireguard/\(interface).conf"
  }

  /// Whether a file that is there was written for this node.
  func isOurs(_ path: String) -> Bool {
    guard let text = Self.text(path) else { return false }
    return text.split(separator: "\n").prefix(3).contains {
      $0 == "# Written by swabelmesh for node \(setup.node) of mesh \(setup.mesh)."
    }
  }

  /// What a file holds; nil if there is none, or none that can be read.
  static func text(_ path: String) -> String? {
    do throws(KernelError) {
      return String(decoding: try FileSystem.read(path, limit: 1 << 20), as: UTF8.self)
    } catch {
      return nil
    }
  }

  /// Whether the file in its place is another one.
  func differs(_ place: Place) -> Bool { Self.text(place.source) != Self.text(place.target) }

  /// Throws if a file of somebody else is in a place.
  func checkPlaces() throws(Failure) {
    for place in wireGuard + [daemon] where differs(place) {
      guard !FileSystem.exists(place.target) || isOurs(place.target) else {
        throw Failure(
          "\(place.target) is not of swabelmesh's making for this node; move it away first")
      }
    }
  }

  /// Puts a file into its place.
  func install(_ place: Place) throws(Failure) {
    guard let text = Self.text(place.source) else {
      throw Failure("\(place.source) cannot be read")
    }
    let draft = place.target + ".swabelmesh"
    do throws(KernelError) {
      let folder = String(
        place.target[..<(place.target.lastIndex(of: "/") ?? place.target.endIndex)])
      if !FileSystem.exists(folder) {
        try FileSystem.makeDirectory(folder, mode: folder == "/etc/wireguard" ? 0o700 : 0o755)
      }
      if FileSystem.exists(draft) { try FileSystem.remove(draft) }
      try FileSystem.createExclusively(draft, Array(text.utf8), mode: 0o600)
      if let group = place.group, let number = try AccountFile.groupID(group) {
        try FileSystem.setOwner(draft, userID: nil, groupID: number)
      }
      try FileSystem.setMode(draft, place.mode)
      try FileSystem.move(draft, to: place.target)
    } catch {
      throw Failure(error)
    }
  }
}

/// What was put into effect on this machine, so that it can be taken back.
struct Record {
  private(set) var interfaces: Set<String> = []
  private(set) var addresses: Set<String> = []
  private let path: String
  private static let folder = "/var/lib/swabelmesh"

  /// Reads what is known of a mesh; nothing, if this is the first time.
  init(of mesh: String) {
    path = Self.folder + "/" + mesh
    for line in (Deployment.text(path) ?? "").split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count == 2 else { continue }
      if words[0] == "interface" { interfaces.insert(words[1]) }
      if words[0] == "address" { addresses.insert(words[1]) }
    }
  }

  /// Adds what a setup has.
  mutating func add(_ setup: NodeSetup) throws(Failure) {
    interfaces.formUnion(setup.tunnels.map { "\($0.interface)" })
    addresses.formUnion(setup.addresses)
    try write()
  }

  /// Keeps what a setup has, and what could not be removed.
  mutating func keep(_ setup: NodeSetup, _ left: Set<String>) throws(Failure) {
    interfaces = left.union(setup.tunnels.map { "\($0.interface)" })
    addresses = addresses.intersection(left).union(setup.addresses)
    try write()
  }

  private func write() throws(Failure) {
    let lines =
      interfaces.sorted().map { "interface \($0)\n" } + addresses.sorted().map { "address \($0)\n" }
    let text = lines.joined()
    guard Deployment.text(path) != text else { return }
    do throws(KernelError) {
      if !FileSystem.exists(Self.folder) {
        try FileSystem.makeDirectory(Self.folder, mode: 0o755)
      }
      try FileSystem.writeAtomically(path, Array(text.utf8), mode: 0o644)
    } catch {
      throw Failure(error)
    }
  }
}
