import BabelCore
import BabelKernel

// With the statement `user` the daemon reads its files as root at the start, and as that user when
// it is to reload them.
extension Settings {
  /// A line for each file that the user whom the daemon becomes will not be able to read again,
  /// with what follows and what to do. It may be called before and after the daemon has become that
  /// user.
  var filesOutOfReach: [String] {
    guard let user = configuration.user, let account = laterAccount else { return [] }
    let name = String(decoding: user, as: UTF8.self)
    var lines: [String] = []
    for file in files {
      let path = String(decoding: file, as: UTF8.self)
      guard
        let obstacle = FileSystem.obstacle(
          toReading: path, byUser: account.user, group: account.group)
      else { continue }
      lines.append(
        "user \(name) cannot read \(path) again, because of the rights of \(obstacle): "
          + "reload is refused; \(cure(of: file, obstacle, name, account.group)), or restart from "
          + "outside (systemctl restart swabeld)")
    }
    return lines
  }

  /// How the file can be made readable.
  private func cure(
    of file: [UInt8], _ obstacle: String, _ user: String, _ group: UInt32
  ) -> String {
    if FileSystem.kind(of: obstacle) == .directory {
      return "move the file to a directory that \(user) may enter"
    }
    // A file with a key may be for its owner only.
    if configuration.keys.contains(where: { $0.file == file }) {
      return "chown \(user) \(obstacle)"
    }
    return "chgrp \(group) \(obstacle) and chmod g+r it"
  }
}
