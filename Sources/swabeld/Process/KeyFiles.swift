import BabelCore
import BabelKernel

extension Settings {
  /// The length of the longest file that can be a key.
  private static let keyFileLimit = 1024

  /// Reads the keys that statements say are in files. Refuses a file that others may read.
  /// `source` is where the statements are.
  mutating func readKeyFiles(
    _ source: ConfigurationSource
  ) throws(ConfigurationError) {
    for key in configuration.keys where key.value.octets.isEmpty {
      guard let name = key.file else { continue }
      if let fault = readKey(key, String(decoding: name, as: UTF8.self)) {
        throw ConfigurationError.unusable(key, name, fault, in: source)
      }
    }
  }

  /// Who we are to become; nil if we stay who we are, or if there is no such account, which is told
  /// where it is needed.
  var laterAccount: (user: UInt32, group: UInt32)? {
    do throws(Accounts.Failure) {
      return try Accounts(configuration).user
    } catch {
      return nil
    }
  }

  /// Returns what is wrong.
  private mutating func readKey(_ key: AuthenticationKey, _ path: String) -> String? {
    do throws(KernelError) {
      let file = try FileSystem.readWithRights(path, limit: Self.keyFileLimit)
      guard file.mode & 0o077 == 0 else {
        return "must not be accessible to others (chmod 600)"
      }
      guard [0, OwnProcess.userID, laterAccount?.user].contains(file.userID) else {
        return "belongs to another user"
      }
      noteFile(Array(path.utf8))
      return configuration.setKey(key.id, fromFile: file.octets)
    } catch {
      return "cannot be read (\(error))"
    }
  }
}
