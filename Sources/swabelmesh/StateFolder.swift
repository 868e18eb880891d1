import BabelKernel
import MeshPlan

/// The folder with all that must be kept: a text with the state, and one file for each private key.
struct StateFolder {
  /// Its path.
  let path: String

  private var statePath: String { path + "/state" }
  private var keyFolder: String { path + "/keys" }

  /// The path of a node's private key.
  func keyPath(of node: String, _ number: Int) -> String { "\(keyFolder)/\(node).\(number).key" }

  /// Makes the folder, unless it is there.
  func prepare() throws(Failure) {
    for folder in [path, keyFolder] where !FileSystem.exists(folder) {
      do throws(KernelError) {
        try FileSystem.makeDirectory(folder, mode: 0o700)
      } catch {
        // Another swabelmesh may have made it meanwhile.
        guard error.errno == ErrorNumber.exists else { throw Failure(error) }
      }
    }
  }

  private var lockPath: String { path + "/lock" }

  /// Does something while no other swabelmesh may change this folder; fails if one does. The file
  /// with the lock stays, because two processes could hold locks if one made the file anew.
  func whileLocked(_ work: () throws(Failure) -> Void) throws(Failure) {
    let lock: FileDescriptor?
    do throws(KernelError) {
      lock = try FileSystem.openLocked(lockPath, mode: 0o600)
    } catch {
      throw Failure(error)
    }
    guard let lock else {
      throw Failure("swabelmesh: another swabelmesh is changing \(path); wait until it has ended")
    }
    try withExtendedLifetime(lock) { _ throws(Failure) in try work() }
  }

  /// The state; nil if there is none yet.
  func readState() throws(Failure) -> MeshState? {
    guard let octets = try readSecret(statePath, limit: MeshState.textLimit) else { return nil }
    do throws(TextError) {
      return try MeshState(octets, file: statePath)
    } catch {
      throw Failure(error.description)
    }
  }

  /// Replaces the state as a whole.
  func write(_ state: MeshState) throws(Failure) {
    do throws(KernelError) {
      try FileSystem.writeAtomically(statePath, Array(state.text.utf8), mode: 0o600)
    } catch {
      throw Failure(error)
    }
  }

  /// A private key; nil if there is no such file.
  func privateKey(of node: String, _ number: Int) throws(Failure) -> WireGuardKey? {
    let path = keyPath(of: node, number)
    guard let octets = try readSecret(path, limit: 4096) else { return nil }
    let words = String(decoding: octets, as: UTF8.self).split { $0.isWhitespace }
    guard words.count == 1, let key = WireGuardKey(String(words[0])) else {
      throw Failure("\(path): this is no private key of WireGuard, as \"wg genkey\" prints it")
    }
    return key
  }

  /// Keeps a new private key. A file that is there already stays as it is, and this fails.
  func keep(_ key: WireGuardKey, of node: String, _ number: Int) throws(Failure) {
    do throws(KernelError) {
      try FileSystem.createDurably(
        keyPath(of: node, number), Array((key.base64 + "\n").utf8), mode: 0o600)
    } catch {
      throw Failure(error)
    }
  }

  private func readSecret(_ path: String, limit: Int) throws(Failure) -> [UInt8]? {
    guard FileSystem.exists(path) else { return nil }
    let file: FileSystem.FileWithRights
    do throws(KernelError) {
      file = try FileSystem.readWithRights(path, limit: limit)
    } catch {
      throw Failure(error)
    }
    guard file.mode & 0o077 == 0 else {
      throw Failure("\(path): others may use this secret; say: chmod 600 \(path)")
    }
    return file.octets
  }
}

/// Chance from the kernel, for keys.
struct KernelChance: RandomNumberGenerator {
  mutating func next() -> UInt64 { Entropy.uint64() }
}
