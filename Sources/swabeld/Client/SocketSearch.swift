import BabelCore
import BabelKernel

/// Where the client looks for the daemon's socket.
struct SocketSearch: Equatable {
  /// The places to try, in order.
  let places: [LocalServer.Endpoint]
  /// Who named the place, in words for an operator; nil for the usual places.
  let origin: String?

  /// Where sockets usually are: that of the shipped unit's own directory, that of the quick start,
  /// and babeld's.
  static let usualPaths = [
    "/run/swabeld/swabeld.sock", "/run/swabeld.sock", "/run/babeld.sock", "/var/run/babeld.sock",
  ]

  /// The port that babeld's users give to `-G`, tried last.
  static let usualPort: UInt16 = 33123

  /// The variable that may name the socket.
  static let variable = "SWABELD_SOCKET"

  /// Why there is nothing to try.
  struct Failure: Error, Equatable {
    /// In words for an operator.
    let reason: String
  }

  /// Options count before the variable, and that before `/etc/babeld.conf`. If nobody names a
  /// socket, the usual places are tried.
  init(_ line: ClientCommandLine, variable: String?) throws(Failure) {
    if let socket = line.socket {
      self.init([socket], "named by -s")
    } else if let file = line.file {
      self.init([try Self.place(inFile: String(decoding: file, as: UTF8.self))], "named by -c")
    } else if let variable, let place = ClientCommandLine.endpoint(Array(variable.utf8)) {
      self.init([place], "named by \(Self.variable)")
    } else if let place = Self.place(inConfiguration: Self.usualConfiguration()) {
      self.init([place], "named in \(Settings.defaultFile)")
    } else {
      self.init(Self.usualPaths.map { .path(Array($0.utf8)) } + [.port(Self.usualPort)], nil)
    }
  }

  private init(_ places: [LocalServer.Endpoint], _ origin: String?) {
    self.places = places
    self.origin = origin
  }

  private static func place(inFile path: String) throws(Failure) -> LocalServer.Endpoint {
    do throws(KernelError) {
      let octets = try FileSystem.read(path, limit: ConfigurationParser.fileLimit)
      if let place = place(inConfiguration: octets) { return place }
    } catch {
      throw Failure(reason: error.description)
    }
    throw Failure(reason: "\(path) names no socket (local-path-readwrite FILE)")
  }

  /// The file that the daemon reads without `-c`; empty if there is none that we may read.
  private static func usualConfiguration() -> [UInt8] {
    do throws(KernelError) {
      return try FileSystem.read(Settings.defaultFile, limit: ConfigurationParser.fileLimit)
    } catch {
      return []
    }
  }

  /// The socket that a configuration names; nil if it names none. Only statements about the socket
  /// are read, so that a daemon can be reached while there is a mistake in another statement.
  static func place(inConfiguration octets: [UInt8]) -> LocalServer.Endpoint? {
    var configuration = Configuration()
    for line in octets.split(separator: 0x0A) {
      let statement = line.drop { $0 == 0x20 || $0 == 0x09 }
      guard statement.prefix(6).elementsEqual("local-".utf8) else { continue }
      do throws(ConfigurationError) {
        try ConfigurationParser.parse(statement: Array(statement), into: &configuration)
      } catch {
        continue  // the daemon refuses it too
      }
    }
    return configuration.localServer?.endpoint
  }
}
