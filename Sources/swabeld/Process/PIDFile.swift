import BabelCore
import BabelKernel

/// The file that tells start scripts our process id, and keeps a second daemon from starting.
struct PIDFile {
  /// The path; empty means that there is no pid file.
  let path: String

  /// Creates the file with our process id, without a newline. A file that a process left which is
  /// gone is replaced; one that has our id already, from before a restart, stays. Any other file is
  /// left alone, and `exists` is thrown.
  func create() throws(KernelError) {
    guard !path.utf8.isEmpty, !isOurs else { return }
    let content = Array(String(OwnProcess.id).utf8)
    do throws(KernelError) {
      try FileSystem.createExclusively(path, content)
    } catch {
      guard error.errno == ErrorNumber.exists, isStale() else { throw creationError(error) }
      do throws(KernelError) {
        try FileSystem.remove(path)
        try FileSystem.createExclusively(path, content)
      } catch {
        throw creationError(error)
      }
    }
  }

  /// Takes the file away. A file that stays does no harm, because the next daemon replaces it; so
  /// only who asked for more than warnings is told.
  func remove(_ log: Log) {
    guard !path.utf8.isEmpty else { return }
    do throws(KernelError) {
      try FileSystem.remove(path)
    } catch {
      log.write(.info, "Couldn't remove the pid file: \(error)")
    }
  }

  /// Whether the file says that this process runs.
  private var isOurs: Bool {
    guard FileSystem.kind(of: path) == .file else { return false }
    do throws(KernelError) {
      return Self.parse(try FileSystem.read(path, limit: 64)) == OwnProcess.id
    } catch {
      return false
    }
  }

  private func creationError(_ error: KernelError) -> KernelError {
    let operation = "creat(\(path))"
    guard error.errno == ErrorNumber.exists else {
      return KernelError(operation: operation, errno: error.errno)
        .withCure(for: path, in: WritableDirectory.runtime)
    }
    var owner = "it belongs to somebody else"
    if let id = owningProcess {
      let name = OwnProcess.commandName(of: id).map { String(decoding: $0, as: UTF8.self) }
      owner = "process \(id) has it, which is \(name ?? "unknown")"
    }
    return KernelError(
      operation: operation, errno: error.errno,
      kernelMessage: "\(owner); stop that, or name another file with -I or pid-file")
  }

  /// The process that the file names; nil if it names none.
  private var owningProcess: Int32? {
    do throws(KernelError) {
      return Self.parse(try FileSystem.read(path, limit: 64))
    } catch {
      return nil
    }
  }

  /// Whether the file may be replaced. That is so if its process does not run, or if it runs
  /// another program, which got the id after a router had ended.
  private func isStale() -> Bool {
    do throws(KernelError) {
      guard let id = Self.parse(try FileSystem.read(path, limit: 64)) else { return false }
      if !OwnProcess.isRunning(id) { return true }
      guard let name = OwnProcess.commandName(of: id) else { return false }
      return !name.elementsEqual("babeld".utf8) && name != OwnProcess.commandName(of: OwnProcess.id)
    } catch {
      // A file that we cannot read may be anybody's.
      return false
    }
  }

  /// A decimal process id; nil for anything else, which might be a file of somebody else.
  static func parse(_ octets: [UInt8]) -> Int32? {
    let words = octets.split { $0 <= 0x20 }
    guard words.count == 1, words[0].count <= 9 else { return nil }
    var value: Int32 = 0
    for octet in words[0] {
      guard octet >= 0x30, octet <= 0x39 else { return nil }
      value = value * 10 + Int32(octet - 0x30)
    }
    return value > 0 ? value : nil
  }
}
