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
}
