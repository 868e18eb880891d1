import BabelKernel

/// A directory that a service manager made for us and named in the environment
/// (`RuntimeDirectory` and `StateDirectory` of systemd.exec(5)). We may write there, even if the
/// rest of the system is read-only.
struct WritableDirectory {
  /// The path, without a slash at its end.
  let path: String

  /// The directory for what lasts as long as the service: sockets and the pid file.
  static var runtime: WritableDirectory? { WritableDirectory(variable: "RUNTIME_DIRECTORY") }
  /// The directory for what survives a reboot.
  static var state: WritableDirectory? { WritableDirectory(variable: "STATE_DIRECTORY") }

  private init?(variable: String) {
    guard let list = OwnProcess.environment(variable) else { return nil }
    self.init(list: list)
  }

  /// The first of several directories, which colons separate; nil if that is not a full path.
  init?(list: String) {
    let octets = list.utf8.prefix { $0 != UInt8(ascii: ":") }
    guard octets.count > 1, octets.first == slash else { return nil }
    path = String(decoding: octets, as: UTF8.self)
  }

  /// The path of a file in this directory that has the name of another one.
  func file(namedAs other: String) -> String {
    let octets = Array(other.utf8)
    let start = octets.lastIndex(of: slash).map { $0 + 1 } ?? 0
    return path + "/" + String(decoding: octets[start...], as: UTF8.self)
  }
}

extension KernelError {
  /// The error with a hint, if a file or socket could not be made for lack of rights, or because
  /// of the sandbox of a service manager. For a read-only place the hint names `directory`, where
  /// the file can be made.
  func withCure(for path: String, in directory: WritableDirectory?) -> KernelError {
    if errno == ErrorNumber.familyNotSupported {
      return KernelError(
        operation: operation, errno: errno,
        kernelMessage: "\(path): add AF_UNIX to RestrictAddressFamilies of the unit, or use a port")
    }
    if errno == ErrorNumber.accessDenied || errno == ErrorNumber.notPermitted {
      return KernelError(
        operation: operation, errno: errno,
        kernelMessage: "user \(OwnProcess.userID) may not write \(path): "
          + "start as root, or name another place")
    }
    guard errno == ErrorNumber.readOnlyFileSystem else { return self }
    let elsewhere = directory.map { "name \($0.file(namedAs: path)) instead, or " } ?? ""
    return KernelError(
      operation: operation, errno: errno,
      kernelMessage: "\(path): \(elsewhere)add its directory to ReadWritePaths of the unit")
  }
}

private let slash = UInt8(ascii: "/")
