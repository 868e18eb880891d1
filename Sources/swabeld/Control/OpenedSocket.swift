import BabelCore
import BabelKernel

extension LocalListener {
  /// Opens a socket for programs of this machine. An error calls it `name`, and names the
  /// `statements` that choose another place if somebody else has this one.
  static func open(
    _ endpoint: LocalServer.Endpoint, _ access: SocketRights, called name: String,
    statements: String
  ) throws(KernelError) -> LocalListener {
    let place =
      switch endpoint {
      case .port(let port): "[::1]:\(port)"
      case .path(let path): String(decoding: path, as: UTF8.self)
      }
    do throws(KernelError) {
      switch endpoint {
      case .port(let port): return try LocalListener(port: port)
      case .path:
        return try LocalListener(
          path: place, mode: access.effectiveMode, userID: access.user, groupID: access.group)
      }
    } catch {
      let failure = KernelError(operation: name, errno: error.errno)
      if error.errno == ErrorNumber.addressInUse {
        throw failure.saying(
          "\(place): another daemon listens there; stop it, or choose another with \(statements)")
      }
      guard case .path = endpoint else { throw failure }
      throw failure.withCure(for: place, in: WritableDirectory.runtime)
    }
  }

  /// Opens the local socket.
  static func open(
    _ server: LocalServer, _ access: SocketRights
  ) throws(KernelError) -> LocalListener {
    try open(
      server.endpoint, access, called: "local_server_socket",
      statements: "local-path or local-port")
  }
}
