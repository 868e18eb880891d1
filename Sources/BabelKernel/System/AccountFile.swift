/// Users and groups by name, from the files under /etc: the C library's own way would need
/// loadable modules, which a static program does not have.
public enum AccountFile {
  /// The number of a user; a decimal number stands for itself. Nil if unknown.
  public static func userID(_ name: String) throws(KernelError) -> UInt32? {
    try find(name, in: "/etc/passwd")
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
    for line in file.split(separator: 0x0A) {
      let fields = line.split(separator: 0x3A, maxSplits: 3, omittingEmptySubsequences: false)
      if fields.count >= 3, fields[0].elementsEqual(name) {
        return UInt32(String(decoding: fields[2], as: UTF8.self))
      }
    }
    return nil
  }
}
