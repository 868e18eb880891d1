import CLinux

/// This process and its machine.
public enum OwnProcess {
  /// The user whose rights this process has.
  public static var userID: UInt32 { UInt32(geteuid()) }

  /// Our process id.
  public static var id: Int32 { getpid() }

  /// The permission bits that new files of this process do not get. It must be called while there
  /// is only one thread.
  public static var fileModeMask: UInt32 {
    let mask = umask(0o077)
    _ = umask(mask)
    return UInt32(mask)
  }

  /// The name of the machine; empty if the kernel does not tell.
  public static var hostname: String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let size = buffer.count - 1
    let result = buffer.withUnsafeMutableBytes { raw in
      raw.withMemoryRebound(to: CChar.self) { text in
        guard let start = text.baseAddress else { return Int32(-1) }
        return gethostname(start, size)
      }
    }
    guard result == 0, let end = buffer.firstIndex(of: 0) else { return "" }
    return String(decoding: buffer[..<end], as: UTF8.self)
  }

  /// The value of an environment variable; nil if it is not set.
  public static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    return String(cString: value)
  }

  /// All assignments of the environment.
  public static var environment: [[UInt8]] {
    var all: [[UInt8]] = []
    while let entry = swabel_environment[all.count] {
      all.append((0..<strlen(entry)).map { UInt8(bitPattern: entry[Int($0)]) })
    }
    return all
  }

  /// The name that the kernel has for a process, at most 15 octets. Usually it is that of the
  /// program. Nil if the process does not exist.
  public static func commandName(of id: Int32) -> [UInt8]? {
    do throws(KernelError) {
      let octets = try FileSystem.read("/proc/\(id)/comm", limit: 64)
      return Array(octets.prefix { $0 != 0x0A })
    } catch {
      return nil
    }
  }

  /// Whether descriptor 2 is the journal of systemd. If it is, `JOURNAL_STREAM` names the device
  /// and inode of descriptor 2.
  public static var logsToJournal: Bool {
    guard let name = environment("JOURNAL_STREAM") else { return false }
    var status = stat()
    guard fstat(2, &status) == 0 else { return false }
    return name.utf8.elementsEqual("\(status.st_dev):\(status.st_ino)".utf8)
  }

  /// Whether a process with this id runs, also one of another user. A zombie, which has ended but
  /// whose parent has not asked for its exit status, does not run.
  public static func isRunning(_ id: Int32) -> Bool {
    guard id > 0, kill(id, 0) == 0 || Syscall.errno == ErrorNumber.notPermitted else {
      return false
    }
    do throws(KernelError) {
      // `ID (NAME) STATE …`; the name may hold anything.
      let octets = try FileSystem.read("/proc/\(id)/stat", limit: 4096)
      guard let end = octets.lastIndex(of: UInt8(ascii: ")")), end + 2 < octets.count else {
        return true
      }
      return octets[end + 2] != UInt8(ascii: "Z") && octets[end + 2] != UInt8(ascii: "X")
    } catch {
      return true
    }
  }

  /// Makes descriptor `number` (0, 1 or 2) a copy of `descriptor`.
  public static func redirect(
    _ number: Int32, to descriptor: borrowing FileDescriptor
  ) throws(KernelError) {
    let source = descriptor.rawValue
    try Syscall.check("dup2") { dup2(source, number) }
  }
}
