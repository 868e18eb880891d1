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
  /// here, and with all signals as usual. Its output goes where ours goes, or into the descriptor
  /// `output`. That the program cannot be executed is told by the status ``notExecuted``. It must
  /// be called while there is only one thread.
  public static func start(
    _ program: [UInt8], _ arguments: [[UInt8]], environment: [[UInt8]], output: Int32? = nil
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
    if let output {
      _ = dup2(output, 1)
      _ = dup2(output, 2)
    }
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
    return (child, ending(status))
  }

  /// WIFEXITED, WEXITSTATUS and WTERMSIG, which Swift does not import.
  private static func ending(_ status: Int32) -> Ending {
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal)
  }

  /// Runs a program and waits until it ends; returns how it did and the first `limit` octets of its
  /// output. One that has not ended at `deadline`, in microseconds of ``MonotonicClock``, is
  /// killed, and `timedOut` is thrown. Its environment is ours, and the rest is as with
  /// ``start(_:_:environment:output:)``.
  public static func answer(
    of program: [UInt8], _ arguments: [[UInt8]], until deadline: Int64, limit: Int = 4096
  ) throws(KernelError) -> (ending: Ending, output: [UInt8]) {
    var ends: [Int32] = [-1, -1]
    try Syscall.check("socketpair") {
      socketpair(AF_UNIX, Int32(SWB_SOCK_STREAM | SWB_SOCK_FLAGS), 0, &ends)
    }
    let reader = FileDescriptor(owning: ends[0])
    let child: Int32
    do {
      let writer = FileDescriptor(owning: ends[1])
      child = try start(
        program, arguments, environment: OwnProcess.environment, output: writer.rawValue)
    }
    var output: [UInt8] = []
    var poll = PollSet()
    while true {
      var status: Int32 = 0
      let ended = Syscall.retrying { waitpid(child, &status, Int32(WNOHANG)) }
      // What it has written is there once it has ended.
      let isOpen = try take(from: reader, into: &output, limit)
      if ended == child { return (ending(status), output) }
      if ended < 0 { throw Syscall.failure("wait for a program") }
      let now = MonotonicClock.microseconds()
      if now >= deadline {
        end(child)
        throw KernelError(
          operation: "run \(String(decoding: program, as: UTF8.self))",
          errno: ErrorNumber.timedOut)
      }
      poll.removeAll()
      if isOpen { poll.add(reader, .read) }
      // A program that has closed its output may end without a sign that can be waited for here.
      _ = try poll.wait(until: min(deadline, now + 5000))
    }
  }

  /// Takes what can be read now, and keeps what there is room for. Returns false at the end.
  private static func take(
    from reader: borrowing FileDescriptor, into output: inout [UInt8], _ limit: Int
  ) throws(KernelError) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 4096)
    // A program that writes without end must not keep us here.
    for _ in 0..<16 {
      guard let count = try reader.read(into: &chunk) else { return true }
      guard count > 0 else { return false }
      output += chunk[..<min(count, limit - output.count)]
    }
    return true
  }

  /// Ends a child, and whatever it has started that is in its session.
  public static func end(_ id: Int32) {
    guard id > 1 else { return }
    _ = kill(-id, SIGKILL)
    // It may not have begun its session yet.
    _ = kill(id, SIGKILL)
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
