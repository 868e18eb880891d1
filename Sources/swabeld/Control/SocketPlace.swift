import BabelCore
import BabelKernel

/// A place where we listen for programs of this machine, or are to listen.
struct SocketPlace {
  /// The path or port.
  let endpoint: LocalServer.Endpoint
  /// Who may use the file of a path.
  let access: SocketRights
  /// What an error calls it.
  let name: String
  /// The statements that choose another place.
  let statements: String

  /// That of the local socket.
  init(_ server: LocalServer, _ access: SocketRights) {
    endpoint = server.endpoint
    self.access = access
    name = "local_server_socket"
    statements = "local-path or local-port"
  }

  /// That for those who read the metrics.
  init(metrics endpoint: LocalServer.Endpoint, _ access: SocketRights) {
    self.endpoint = endpoint
    self.access = access
    name = "metrics socket"
    statements = "metrics-path or metrics-port"
  }

  /// The place in words.
  private var text: String {
    switch endpoint {
    case .port(let port): "[::1]:\(port)"
    case .path(let path): String(decoding: path, as: UTF8.self)
    }
  }

  /// Listens there.
  func open() throws(KernelError) -> LocalListener {
    do throws(KernelError) {
      switch endpoint {
      case .port(let port): return try LocalListener(port: port)
      case .path:
        return try LocalListener(
          path: text, mode: access.effectiveMode, userID: access.user, groupID: access.group)
      }
    } catch {
      throw explained(error)
    }
  }

  /// Throws what ``open()`` would throw, and leaves everything as it is.
  func check() throws(KernelError) {
    do throws(KernelError) {
      switch endpoint {
      case .port(let port): try LocalListener.check(port: port)
      case .path:
        try LocalListener.check(
          path: text, mode: access.effectiveMode, userID: access.user, groupID: access.group)
      }
    } catch {
      throw explained(error)
    }
  }

  /// An error in words for an operator: what stands in the way, and what to do.
  private func explained(_ error: KernelError) -> KernelError {
    let failure = KernelError(operation: name, errno: error.errno)
    guard case .path = endpoint else {
      return error.errno == ErrorNumber.addressInUse ? failure.saying(occupation(nil)) : failure
    }
    switch error.errno {
    case ErrorNumber.addressInUse: return failure.saying(occupation(FileSystem.kind(of: text)))
    case ErrorNumber.noEntry: return failure.saying("\(text): its directory is missing")
    default:
      let cured = failure.withCure(for: text, in: WritableDirectory.runtime)
      return cured.kernelMessage.utf8.isEmpty ? failure.saying(text) : cured
    }
  }

  /// Who has the place, by the kind of what is there, and what to do about it.
  private func occupation(_ kind: FileSystem.Kind?) -> String {
    let occupant: String
    switch kind {
    case .socket, nil:
      return "\(text): another daemon listens there; stop it, or choose another with \(statements)"
    case .file: occupant = "a file"
    case .directory: occupant = "a directory"
    case .other: occupant = "a link, pipe or device"
    }
    return "\(text): \(occupant) is there, which is no socket and stays; "
      + "remove it, or choose another with \(statements)"
  }
}
