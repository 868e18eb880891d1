import CLinux

/// Other programs, run as children of this process.
public enum ChildProcess {
  /// How a child ended.
  public enum Ending: Equatable, Sendable {
    /// By itself, with a status.
    case exited(Int32)
    /// By a signal.
    case killed(Int32)
  }

  /// The status of a child that could not execute its program.
  public static let notExecuted: Int32 = 127

  /// Starts a program and returns the id of its process, without waiting for anything. It begins in
  /// a session of its own, without standard input, with an environment that is only what is given
  /// here, and with all signals as usual. Its output goes where ours goes. That the program cannot
  /// be executed is told by the status ``notExecuted``. It must be called while there is only one
  /// thread.
  public static func start(
    _ program: [UInt8], _ arguments: [[UInt8]], environment: [[UInt8]]
  ) throws(KernelError) -> Int32 {
    let null = try FileSystem.openForUpdating("/dev/null")
    let words = StringVector([program] + arguments)
    let variables = StringVector(environment)
    defer {
      words.free()
      variables.free()
    }
    let number = null.rawValue
    var none = sigset_t()
    sigemptyset(&none)
    let name = words.start[0]
    let child = try Syscall.check("fork") { fork() }
    if child > 0 { return child }
    // From here on the child allocates nothing, because it shares our memory as it was.
    _ = setsid()
    _ = dup2(number, 0)
    let usual = 0
    // Whoever started us may have had signals ignored.
    for number in Int32(1)...31 { _ = swabel_signal(number, usual) }
    _ = sigprocmask(SIG_SETMASK, &none, nil)
    if let name { _ = execve(name, words.start, variables.start) }
    _exit(notExecuted)
  }

  /// The id of a child that has ended, and how it did; nil if there is none, or no children at all.
  /// Each is told once.
  public static func reap() -> (id: Int32, ending: Ending)? {
    var status: Int32 = 0
    let child = Syscall.retrying { waitpid(-1, &status, Int32(WNOHANG)) }
    guard child > 0 else { return nil }
    // WIFEXITED, WEXITSTATUS and WTERMSIG, which Swift does not import.
    let signal = status & 0x7F
    return (child, signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal))
  }

  /// Ends a child, and whatever it has started that is in its session.
  public static func end(_ id: Int32) {
    guard id > 1 else { return }
    _ = kill(-id, SIGKILL)
  }
}

/// C strings in a list that ends with a null pointer, as execve(2) takes them.
private struct StringVector {
  let start: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ texts: [[UInt8]]) {
    count = texts.count
    start = .allocate(capacity: texts.count + 1)
    for (index, octets) in texts.enumerated() {
      let text = UnsafeMutablePointer<CChar>.allocate(capacity: octets.count + 1)
      for i in octets.indices { text[i] = CChar(bitPattern: octets[i]) }
      text[octets.count] = 0
      start[index] = text
    }
    start[texts.count] = nil
  }

  func free() {
    for index in 0..<count { start[index]?.deallocate() }
    start.deallocate()
  }
}
