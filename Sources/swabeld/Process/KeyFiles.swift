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

  /// Returns what is wrong.
  private mutating func readKey(_ key: AuthenticationKey, _ path: String) -> String? {
    do throws(KernelError) {
      let file = try FileSystem.readWithRights(path, limit: Self.keyFileLimit)
      guard file.mode & 0o077 == 0 else {
        return "must not be accessible to others (chmod 600)"
      }
      guard file.userID == 0 || file.userID == OwnProcess.userID else {
        return "belongs to another user"
      }
      return configuration.setKey(key.id, fromFile: file.octets)
    } catch {
      return "cannot be read (\(error))"
    }
  }
}
