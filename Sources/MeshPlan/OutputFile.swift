/// A file for a node.
public struct OutputFile: Equatable, Sendable {
  /// Its path below the folder of the node.
  public let path: String
  /// What it holds.
  public let text: String
  /// Its permissions: 0600 for secrets, 0644 for what holds none, 0700 and 0755 for scripts.
  public let mode: UInt32

  init(_ path: String, mode: UInt32, _ lines: [String]) {
    self.path = path
    self.mode = mode
    text = lines.map { $0 + "\n" }.joined()
  }
}

extension NodePlan {
  /// All files of the node, by path. `privateKey` is nil if the node keeps it to itself.
  public func files(privateKey: WireGuardKey?) -> [OutputFile] {
    var files = [daemonFile]
    switch format {
    case .wgQuick: files += wgQuickFiles(privateKey)
    case .networkd: files += networkdFiles(privateKey)
    case .openwrt: files += openwrtFiles(privateKey)
    case .nixos: files += nixosFiles(privateKey)
    case .commands: files += commandFiles(privateKey)
    }
    files.append(
      OutputFile(
        NodeSetup.fileName, mode: 0o600, header() + setup(privateKey: privateKey, files).lines))
    files.append(OutputFile("INSTALL", mode: 0o644, installation(hasKey: privateKey != nil)))
    return files.sorted { $0.path < $1.path }
  }

  /// The first lines of a file.
  func header(_ comment: String = "#") -> [String] {
    [
      "\(comment) Written by swabelmesh for node \(node.name) of mesh \(mesh).",
      "\(comment) What is changed here is lost when it writes again.",
    ]
  }

  /// The node's own addresses with the length of a host.
  var hostAddresses: [String] {
    node.addresses.map { "\($0)/\($0.family == .ipv4 ? 32 : 128)" }
  }

  /// A file with a private or preshared key, if it is known.
  func keyFile(_ path: String, _ key: WireGuardKey?) -> [OutputFile] {
    key.map { [OutputFile(path, mode: 0o600, [$0.base64])] } ?? []
  }
}
