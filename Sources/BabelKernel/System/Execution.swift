import CLinux

/// This process as one that executes a program in its own place, under the same process id.
public enum Execution {
  /// The running program itself, also if its file has been removed.
  public static let runningProgram = "/proc/self/exe"

  /// The path by which the program of this process was executed. If its file is replaced, the path
  /// leads to the new one; if it is relative, from the directory that we started in, which we never
  /// leave. Nil if the path is not known.
  public static var program: String? {
    guard let name = executedName else { return replacedProgram }
    return Array(name.utf8) == Array(runningProgram.utf8) ? replacedProgram : name
  }

  /// What execve(2) was given; nil if the kernel did not tell.
  private static var executedName: String? {
    // AT_EXECFN of getauxval(3).
    guard let start = UnsafePointer<CChar>(bitPattern: UInt(getauxval(31))) else { return nil }
    let name = String(cString: start)
    return name.utf8.isEmpty ? nil : name
  }

  /// The path that the file of this process has, or had before it was replaced.
  private static var replacedProgram: String? {
    guard let target = FileSystem.linkTarget(runningProgram) else { return nil }
    let gone = Array(" (deleted)".utf8)
    let octets = Array(target.utf8)
    guard octets.suffix(gone.count) == gone[...] else { return target }
    return String(decoding: octets.dropLast(gone.count), as: UTF8.self)
  }

  /// Executes a program in place of this one; returns why that failed. Descriptors that are not
  /// for this program alone stay open. All of ``Signal`` stay blocked, so that
  /// one that comes before the new program listens to them waits for it instead of ending it. The
  /// program's environment is ours, with one more variable.
  public static func replace(
    by path: String, _ arguments: [[UInt8]], setting variable: String, to value: String
  ) -> KernelError {
    var words = arguments.map { copy($0) }
    words.append(nil)
    let assignment = Array("\(variable)=".utf8)
    var environment = [copy(assignment + Array(value.utf8))]
    var position = 0
    while let entry = swabel_environment[position] {
      position += 1
      if strncmp(entry, "\(variable)=", assignment.count) != 0 { environment.append(entry) }
    }
    environment.append(nil)
    // What was copied is not freed: this process ends in any case.
    _ = execve(path, &words, &environment)
    return Syscall.failure("execute \(path)")
  }

  /// A C string.
  private static func copy(_ octets: [UInt8]) -> UnsafeMutablePointer<CChar>? {
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: octets.count + 1)
    for i in octets.indices { text[i] = CChar(bitPattern: octets[i]) }
    text[octets.count] = 0
    return text
  }

  /// Gives the process the name of its file, if it executed ``runningProgram`` and so has another
  /// one.
  public static func restoreName() {
    guard let name = executedName, Array(name.utf8) == Array(runningProgram.utf8),
      let path = replacedProgram
    else { return }
    let octets = Array(path.utf8)
    let start = octets.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    // PR_SET_NAME takes 15 octets and a zero.
    let text = Array(octets[start...].prefix(15)) + [0]
    text.withUnsafeBytes { _ = swabel_prctl(15, UInt(bitPattern: $0.baseAddress), 0, 0, 0) }
  }
}
