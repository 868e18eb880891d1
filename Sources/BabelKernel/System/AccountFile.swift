/// Finds users and groups by name in the files under /etc. The functions of the C library would
/// need loadable modules, which a static program does not have.
public enum AccountFile {
  /// The number of a user; a decimal number stands for itself. Nil if unknown.
  public static func userID(_ name: String) throws(KernelError) -> UInt32? {
    try find(name, in: "/etc/passwd")
  }

  /// The number of a user and that of its primary group. A decimal number that no line of the
  /// file has is a user whose group has the same number. Nil if unknown.
  public static func user(_ name: String) throws(KernelError) -> (user: UInt32, group: UInt32)? {
    let octets = Array(name.utf8)
    for fields in lines(try FileSystem.read("/etc/passwd"), limit: 5) where fields.count >= 4 {
      guard fields[0].elementsEqual(octets) || fields[2].elementsEqual(octets) else { continue }
      guard let user = UInt32(String(decoding: fields[2], as: UTF8.self)),
        let group = UInt32(String(decoding: fields[3], as: UTF8.self))
      else { return nil }
      return (user, group)
    }
    return UInt32(name).map { ($0, $0) }
  }

  private static func lines(_ file: [UInt8], limit: Int) -> [[ArraySlice<UInt8>]] {
    file.split(separator: 0x0A).map {
      $0.split(separator: 0x3A, maxSplits: limit, omittingEmptySubsequences: false)
    }
  }

  /// The number of a group; a decimal number stands for itself. Nil if unknown.
  public static func groupID(_ name: String) throws(KernelError) -> UInt32? {
    try find(name, in: "/etc/group")
  }

  private static func find(_ name: String, in path: String) throws(KernelError) -> UInt32? {
    if let number = UInt32(name) { return number }
    return identifier(Array(name.utf8), in: try FileSystem.read(path))
  }

  /// Lines are `name:password:number:…`.
  package static func identifier(_ name: [UInt8], in file: [UInt8]) -> UInt32? {
    for fields in lines(file, limit: 3) {
      if fields.count >= 3, fields[0].elementsEqual(name) {
        return UInt32(String(decoding: fields[2], as: UTF8.self))
      }
    }
    return nil
  }
}
