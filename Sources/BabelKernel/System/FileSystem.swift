import CLinux

/// The few things the daemon does with files.
public enum FileSystem {
  /// What a path names.
  public enum Kind: Equatable, Sendable {
    /// A regular file.
    case file
    /// A directory.
    case directory
    /// A socket.
    case socket
    /// Anything else: device, pipe, symbolic link.
    case other
  }

  /// What the path names, without following a symbolic link; nil if there is nothing.
  public static func kind(of path: String) -> Kind? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    switch UInt32(status.st_mode) & 0o170000 {
    case 0o100000: return .file
    case 0o040000: return .directory
    case 0o140000: return .socket
    default: return .other
    }
  }

  /// Whether the path names something.
  public static func exists(_ path: String) -> Bool { kind(of: path) != nil }

  /// The whole file; refuses one longer than `limit` octets (`messageTooLong`), so that a wrong
  /// path such as a device cannot eat the memory. With `mayWait` false it refuses pipes
  /// and sockets (`invalid`): they can make the reader wait, and have nothing for a second one.
  public static func read(
    _ path: String, limit: Int = 1 << 20, mayWait: Bool = true
  ) throws(KernelError) -> [UInt8] {
    let waiting = mayWait ? 0 : O_NONBLOCK
    let file = try open(path, Int32(O_RDONLY | O_CLOEXEC) | Int32(waiting))
    if !mayWait, try isPipe(file, path) {
      throw KernelError(operation: "read \(path), which is a pipe", errno: ErrorNumber.invalid)
    }
    var result: [UInt8] = []
    var chunk = [UInt8](unfilled: min(limit + 1, 4096))
    while let count = try reading(path, file, &chunk), count > 0 {
      result.append(contentsOf: chunk[..<count])
      if result.count > limit {
        throw KernelError(operation: "read \(path)", errno: ErrorNumber.messageTooLong)
      }
    }
    return result
  }

  /// A file with what decides whether it is a secret.
  public struct FileWithRights {
    /// The content.
    public let octets: [UInt8]
    /// Permission bits.
    public let mode: UInt32
    /// The owner.
    public let userID: UInt32
  }

  /// The whole file, at most `limit` octets, with the permissions and the owner it has at that
  /// moment.
  public static func readWithRights(
    _ path: String, limit: Int
  ) throws(KernelError) -> FileWithRights {
    let file = try open(path, Int32(O_RDONLY | O_CLOEXEC | O_NONBLOCK))
    var status = stat()
    let number = file.rawValue
    try Syscall.check("read \(path)") { fstat(number, &status) }
    var octets: [UInt8] = []
    var chunk = [UInt8](unfilled: min(limit + 1, 4096))
    while let count = try reading(path, file, &chunk), count > 0 {
      octets.append(contentsOf: chunk[..<count])
      if octets.count > limit {
        throw KernelError(operation: "read \(path)", errno: ErrorNumber.messageTooLong)
      }
    }
    return FileWithRights(
      octets: octets, mode: UInt32(status.st_mode) & 0o7777, userID: UInt32(status.st_uid))
  }

  private static func isPipe(
    _ file: borrowing FileDescriptor, _ path: String
  ) throws(KernelError) -> Bool {
    var status = stat()
    let number = file.rawValue
    try Syscall.check("read \(path)") { fstat(number, &status) }
    return [0o010000, 0o140000].contains(UInt32(status.st_mode) & 0o170000)
  }

  private static func reading(
    _ path: String, _ file: borrowing FileDescriptor, _ chunk: inout [UInt8]
  ) throws(KernelError) -> Int? {
    do throws(KernelError) {
      return try file.read(into: &chunk)
    } catch {
      throw KernelError(operation: "read \(path)", errno: error.errno)
    }
  }

  /// Replaces the file as a whole, so that after a crash it has the old content or the new, never a
  /// part. For that it writes `path.new`, syncs it, renames it, and syncs the directory.
  public static func writeAtomically(
    _ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644
  ) throws(KernelError) {
    let draft = try writeDraft(of: path, bytes, mode: mode)
    do throws(KernelError) {
      try Syscall.check("rename \(draft)") { rename(draft, path) }
    } catch {
      _ = unlink(draft)
      throw error
    }
    // Some file systems cannot sync a directory. That is no error, because the file has its new
    // name already.
    let folder = try open(directory(of: path), Int32(O_RDONLY | O_CLOEXEC))
    _ = fsync(folder.rawValue)
  }

  /// Writes and syncs `path.new`, and returns its path. If that fails it leaves no file.
  private static func writeDraft(
    of path: String, _ bytes: [UInt8], mode: UInt32
  ) throws(KernelError) -> String {
    let draft = path + ".new"
    let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
    let file = try open(draft, Int32(flags), mode: mode)
    do throws(KernelError) {
      try writeAll(draft, bytes, file)
      let number = file.rawValue
      try Syscall.check("sync \(draft)") { fsync(number) }
      return draft
    } catch {
      _ = unlink(draft)
      throw error
    }
  }

  /// Finds out whether the file can be written, and throws if not. Where a new file can be created
  /// `path.new` is written, synced and removed, so that a full disk is noticed. In other
  /// directories a file that is there must be writable.
  public static func rehearseWriting(_ path: String, _ bytes: [UInt8]) throws(KernelError) {
    let draft: String
    do throws(KernelError) {
      draft = try writeDraft(of: path, bytes, mode: 0o600)
    } catch {
      let isForbidden =
        error.errno == ErrorNumber.accessDenied || error.errno == ErrorNumber.notPermitted
      guard isForbidden, kind(of: path) == .file, access(path, Int32(W_OK)) == 0 else {
        throw error
      }
      return
    }
    try remove(draft)
  }

  /// Writes a whole file that is there already, in place. This is for a directory in which no other
  /// file can be created. After a crash meanwhile the file has only a part of the content.
  public static func rewrite(_ path: String, _ bytes: [UInt8]) throws(KernelError) {
    let file = try open(path, Int32(O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW))
    try writeAll(path, bytes, file)
    let number = file.rawValue
    try Syscall.check("sync \(path)") { fsync(number) }
  }

  /// Creates a file, such as a pid file. Throws `exists` if it is there already.
  public static func createExclusively(
    _ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644
  ) throws(KernelError) {
    let file = try open(path, Int32(O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC), mode: mode)
    do throws(KernelError) {
      try writeAll(path, bytes, file)
    } catch {
      _ = unlink(path)
      throw error
    }
  }

  /// Creates a file whose content must not be lost, such as a key: it is there as a whole or not at
  /// all, also after a crash. Throws `exists` if there is one already, and leaves that as it is.
  public static func createDurably(
    _ path: String, _ bytes: [UInt8], mode: UInt32
  ) throws(KernelError) {
    let draft = try writeDraft(of: path, bytes, mode: mode)
    defer { _ = unlink(draft) }
    try Syscall.check("create \(path)") { link(draft, path) }
    let folder = try open(directory(of: path), Int32(O_RDONLY | O_CLOEXEC))
    _ = fsync(folder.rawValue)
  }

  /// Writes into a file that is there, without creating or truncating (for /proc and /sys).
  public static func overwrite(_ path: String, _ bytes: [UInt8]) throws(KernelError) {
    let file = try open(path, Int32(O_WRONLY | O_CLOEXEC))
    try writeAll(path, bytes, file)
  }

  /// Opens a file for appending, such as a log. It is created if it is missing.
  public static func openForAppending(
    _ path: String, mode: UInt32 = 0o644
  ) throws(KernelError) -> FileDescriptor {
    try open(path, Int32(O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC), mode: mode)
  }

  /// Opens a file for writing from its beginning; what it had is gone. It is created if missing.
  public static func openForWriting(
    _ path: String, mode: UInt32
  ) throws(KernelError) -> FileDescriptor {
    try open(path, Int32(O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC), mode: mode)
  }

  /// Opens a file for reading and writing, such as /dev/null.
  public static func openForUpdating(_ path: String) throws(KernelError) -> FileDescriptor {
    try open(path, Int32(O_RDWR | O_CLOEXEC))
  }

  /// Opens a file, which is created if missing, and locks it (flock(2)): nobody else can lock it as
  /// long as the descriptor is open. Nil if somebody else has locked it. The lock of a process ends
  /// with it, however it ends.
  public static func openLocked(
    _ path: String, mode: UInt32
  ) throws(KernelError) -> FileDescriptor? {
    let file = try open(path, Int32(O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW), mode: mode)
    // LOCK_EX and LOCK_NB, which are 2 and 4 on every Linux.
    let (number, operation) = (file.rawValue, Int32(2 | 4))
    do throws(KernelError) {
      try Syscall.check("lock \(path)") { swabel_flock(number, operation) }
    } catch {
      guard error.errno == ErrorNumber.wouldBlock else { throw error }
      return nil
    }
    return file
  }

  /// Removes a file or socket.
  public static func remove(_ path: String) throws(KernelError) {
    try Syscall.check("remove \(path)") { unlink(path) }
  }

  /// Whether a file can be created or replaced in the directory of `path`.
  public static func canCreate(beside path: String) -> Bool {
    do throws(KernelError) {
      try checkCreating(beside: path)
      return true
    } catch {
      return false
    }
  }

  /// Throws the reason if no file can be created or removed in the directory of `path`.
  public static func checkCreating(beside path: String) throws(KernelError) {
    let directory = directory(of: path)
    try Syscall.check("write in \(directory)") { access(directory, Int32(W_OK | X_OK)) }
  }

  /// What keeps a user who has one group and no capabilities from reading a file: the file, or a
  /// directory that leads there. Nil if nothing does, or if the path names no file. Access control
  /// lists are not looked at.
  public static func obstacle(
    toReading path: String, byUser user: UInt32, group: UInt32
  ) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    let whole = String(cString: resolved)
    free(resolved)
    let octets = Array(whole.utf8)
    for end in octets.indices where octets[end] == 0x2F {
      let directory = end == 0 ? "/" : String(decoding: octets[..<end], as: UTF8.self)
      if !allows(1, directory, user, group) { return directory }
    }
    return allows(4, whole, user, group) ? nil : whole
  }

  /// Whether the permission bits of a path allow something: 4 is to read, 1 to enter.
  private static func allows(
    _ wanted: UInt32, _ path: String, _ user: UInt32, _ group: UInt32
  ) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    let shift: UInt32 = status.st_uid == user ? 6 : status.st_gid == group ? 3 : 0
    return UInt32(status.st_mode) >> shift & wanted != 0
  }

  /// Whether the path names a regular file, perhaps through symbolic links, that we may execute.
  public static func canExecute(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && UInt32(status.st_mode) & 0o170000 == 0o100000
      && access(path, Int32(X_OK)) == 0
  }

  /// Where a symbolic link leads; nil if the path is none.
  static func linkTarget(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { raw in
      raw.withMemoryRebound(to: CChar.self) { text in
        text.baseAddress.map { readlink(path, $0, text.count) } ?? -1
      }
    }
    // A target that fills the buffer may have been cut.
    guard count > 0, count < buffer.count else { return nil }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  /// Sets the permission bits.
  public static func setMode(_ path: String, _ mode: UInt32) throws(KernelError) {
    try Syscall.check("chmod \(path)") { chmod(path, numericCast(mode)) }
  }

  /// Sets the owners; nil leaves one as it is. A symbolic link is not followed.
  public static func setOwner(
    _ path: String, userID: UInt32?, groupID: UInt32?
  ) throws(KernelError) {
    try Syscall.check("chown \(path)") { lchown(path, userID ?? .max, groupID ?? .max) }
  }

  private static func open(
    _ path: String, _ flags: Int32, mode: UInt32 = 0
  ) throws(KernelError) -> FileDescriptor {
    FileDescriptor(owning: try Syscall.check("open \(path)") { swabel_open(path, flags, mode) })
  }

  private static func writeAll(
    _ path: String, _ bytes: [UInt8], _ file: borrowing FileDescriptor
  ) throws(KernelError) {
    var done = 0
    while done < bytes.count {
      do throws(KernelError) {
        guard let count = try file.write(bytes, from: done), count > 0 else {
          throw KernelError(operation: "write", errno: ErrorNumber.wouldBlock)
        }
        done += count
      } catch {
        throw KernelError(operation: "write \(path)", errno: error.errno)
      }
    }
  }

  private static func directory(of path: String) -> String {
    let octets = Array(path.utf8)
    guard let slash = octets.lastIndex(of: 0x2F) else { return "." }
    return slash == 0 ? "/" : String(decoding: octets[..<slash], as: UTF8.self)
  }
}
