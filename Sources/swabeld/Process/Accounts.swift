import BabelCore
import BabelKernel

/// Who may use the Unix control socket, in numbers.
struct SocketRights: Equatable {
  /// Permission bits; nil means those that the mask of the process leaves.
  var mode: UInt32?
  /// The owner; nil means the user of this process.
  var user: UInt32?
  /// The group; nil means the group of this process.
  var group: UInt32?

  /// Permission bits of the socket. As with babeld, the mask of the process decides, and so whoever
  /// starts the daemon, unless the configuration says something.
  var effectiveMode: UInt32 { mode ?? (0o777 & ~OwnProcess.fileModeMask) }
}

/// The users and groups that the configuration names. They are looked up before the daemon changes
/// anything.
struct Accounts {
  /// Who to become after the start; nil means to stay who we are.
  private(set) var user: (user: UInt32, group: UInt32)?
  /// Who may use the control socket.
  private(set) var rights = SocketRights()

  /// What is wrong with the names, in words for an operator.
  struct Failure: Error {
    let description: String
  }

  init(_ configuration: Configuration) throws(Failure) {
    if let name = configuration.user { user = try Self.user("user", name) }
    rights.mode = configuration.socketAccess.mode
    if let name = configuration.socketAccess.owner {
      rights.user = try Self.user("socket-owner", name).user
    }
    if let name = configuration.socketAccess.group { rights.group = try Self.group(name) }
  }

  private static func user(
    _ statement: String, _ name: [UInt8]
  ) throws(Failure) -> (user: UInt32, group: UInt32) {
    let text = String(decoding: name, as: UTF8.self)
    do throws(KernelError) {
      if let user = try AccountFile.user(text) { return user }
    } catch {
      throw Failure(description: "\(statement) \(text): \(error)")
    }
    throw Failure(description: "\(statement) \(text): there is no such user")
  }

  private static func group(_ name: [UInt8]) throws(Failure) -> UInt32 {
    let text = String(decoding: name, as: UTF8.self)
    do throws(KernelError) {
      if let group = try AccountFile.groupID(text) { return group }
    } catch {
      throw Failure(description: "socket-group \(text): \(error)")
    }
    throw Failure(description: "socket-group \(text): there is no such group")
  }
}
