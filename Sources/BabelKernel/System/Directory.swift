import CLinux

extension FileSystem {
  /// Names in a directory, in no order, without `.` and `..`; nil if it cannot be read or has more
  /// than `limit` names.
  public static func names(in path: String, limit: Int) -> [[UInt8]]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [[UInt8]] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard name != [0x2e], name != [0x2e, 0x2e] else { continue }
      guard names.count < limit else { return nil }
      names.append(name)
    }
    return names
  }

  /// Makes a directory; its parent must be there.
  public static func makeDirectory(_ path: String, mode: UInt32) throws(KernelError) {
    try Syscall.check("make the directory \(path)") { mkdir(path, numericCast(mode)) }
  }

  /// Gives a file another name, in the place of a file that has it. After a crash either may be
  /// there.
  public static func move(_ path: String, to name: String) throws(KernelError) {
    try Syscall.check("rename \(path)") { rename(path, name) }
  }

  /// Removes a directory; false if it is not empty or cannot be removed.
  public static func removeDirectory(_ path: String) -> Bool { rmdir(path) == 0 }
}
