import BabelKernel

/// A place where what a node says is read: a file, the local socket of a daemon, or the port where
/// it serves its metrics.
struct MeshSource {
  private enum Place {
    case file(String)
    case socket(String)
    case port(UInt16)
    case web(port: UInt16, path: String)
  }

  private let place: Place
  private let name: String

  /// The most octets that are read of one source.
  static let limit = 256 << 20

  /// Reads the name of a source.
  init(_ name: String) throws(Failure) {
    self.name = name
    if name == "-" {
      place = .file("/dev/stdin")
    } else if name.hasPrefix("http://") {
      place = try Self.web(name)
    } else if name.hasPrefix("[::1]:"), let port = UInt16(name.dropFirst(6)) {
      place = .port(port)
    } else if FileSystem.kind(of: name) == .socket {
      place = .socket(name)
    } else {
      place = .file(name)
    }
  }

  private static func web(_ name: String) throws(Failure) -> Place {
    let rest = name.dropFirst("http://".count)
    let authority = rest.prefix { $0 != "/" }
    let path = String(rest.dropFirst(authority.count))
    for host in ["[::1]:", "localhost:"] where authority.hasPrefix(host) {
      if let port = UInt16(authority.dropFirst(host.count)) {
        return .web(port: port, path: path.isEmpty || path == "/" ? "/metrics" : path)
      }
    }
    throw Failure("\(name): only http://[::1]:PORT can be read, where daemons serve their metrics")
  }

  /// Whether it is read at once, so that it fails at once as well.
  var isFile: Bool {
    if case .file = place { return true }
    return false
  }

  /// What the node says; waits for it.
  func octets() throws(Failure) -> [UInt8] {
    if let talk = try talk() { return try talk.result() }
    guard case .file(let path) = place else { return [] }
    do throws(KernelError) {
      return try FileSystem.read(path, limit: Self.limit)
    } catch {
      throw Failure("\(name): \(error)")
    }
  }

  /// Begins to ask; nil for a file, which need not be waited for.
  func talk() throws(Failure) -> SourceTalk? {
    do throws(KernelError) {
      switch place {
      case .file: return nil
      case .socket(let path):
        return SourceTalk(try LocalConnection(path: path), .daemon, name: name)
      case .port(let port):
        return SourceTalk(try LocalConnection(port: port), .daemon, name: name)
      case .web(let port, let path):
        return SourceTalk(
          try LocalConnection(port: port), .web(port: port, path: path), name: name)
      }
    } catch {
      throw Failure("\(name): \(error)")
    }
  }
}
