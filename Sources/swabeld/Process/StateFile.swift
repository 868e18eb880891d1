import BabelKernel
import BabelWire

/// babeld's state file, which holds our seqno in decimal and a newline. After a restart we go on
/// with a larger seqno, so that neighbours accept our routes at once.
struct StateFile {
  /// The path; empty means that there is no state file.
  let path: String

  /// What the file says.
  enum Content: Equatable {
    /// There is none.
    case missing
    /// The seqno at the last stop.
    case seqno(Seqno)
    /// Something else.
    case unreadable
    /// It cannot be read.
    case failed(KernelError)
  }

  /// Whether there is to be a state file. A device or a directory cannot be one, because the new
  /// file that we write would replace it.
  var isWanted: Bool {
    guard !path.utf8.isEmpty else { return false }
    let kind = FileSystem.kind(of: path)
    return kind == nil || kind == .file
  }

  /// What keeps notes for a next process from being there, in words for an operator. Nil if nothing
  /// does, or if there are to be none: a device such as /dev/null says so.
  var fault: String? {
    guard !path.utf8.isEmpty else { return nil }
    for name in [path, path + ".swabeld"] where FileSystem.kind(of: name) == .directory {
      return "The state file \(name) is a directory"
    }
    return nil
  }

  /// The file to use: the one that is configured or, where nothing can be written beside that one,
  /// one of the same name in the directory that a service manager made for state.
  static func usable(_ configured: [UInt8], _ log: Log) -> StateFile {
    let path = String(decoding: configured, as: UTF8.self)
    let wanted = StateFile(path: path)
    guard wanted.isWanted, !FileSystem.canCreate(beside: path),
      let other = WritableDirectory.state?.file(namedAs: path), FileSystem.canCreate(beside: other)
    else { return wanted }
    log.write("\(other) is used instead of \(path), which cannot be written here.")
    return StateFile(path: other)
  }

  /// Reads the file without removing it.
  func read() -> Content {
    guard isWanted else { return .missing }
    do throws(KernelError) {
      return Self.parse(try FileSystem.read(path, limit: 4096))
    } catch {
      return error.errno == ErrorNumber.noEntry ? .missing : .failed(error)
    }
  }

  /// Takes the file away once a start has succeeded, so that a crash later on cannot bring back
  /// an old seqno.
  func consume(_ log: Log) {
    guard isWanted, FileSystem.exists(path) else { return }
    do throws(KernelError) {
      try FileSystem.remove(path)
    } catch {
      log.write("Couldn't remove babel-state: \(error)")
    }
  }

  /// Writes our seqno.
  func write(_ seqno: Seqno) throws(KernelError) {
    guard isWanted else { return }
    try FileSystem.writeAtomically(path, Array("\(seqno)\n".utf8))
  }

  /// A decimal number below 65536, or the three words of babeld before 1.13: router-id, seqno,
  /// time.
  static func parse(_ octets: [UInt8]) -> Content {
    let words = octets.split { $0 <= 0x20 }
    guard words.count == 1 || words.count == 3 else { return .unreadable }
    if words.count == 3, RouterID(String(decoding: words[0], as: UTF8.self)) == nil {
      return .unreadable
    }
    var value: UInt32 = 0
    for octet in words[words.count / 2] {
      guard octet >= 0x30, octet <= 0x39 else { return .unreadable }
      value = value * 10 + UInt32(octet - 0x30)
      guard value <= 0xFFFF else { return .unreadable }
    }
    return .seqno(Seqno(UInt16(value)))
  }
}
