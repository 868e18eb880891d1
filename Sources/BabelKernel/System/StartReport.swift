import CLinux

/// A connection from a daemon in the background to the process that was started. That process waits
/// until the daemon is ready or has failed, so that its exit status tells which.
public final class StartReport {
  private final class Line {
    let descriptor: FileDescriptor

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
  }

  private var line: Line?

  private init(_ line: Line) { self.line = line }

  /// Goes on as a background process in a session of its own. In the process that was started this
  /// function does not return. That process writes to standard error what the background process
  /// tells it. It exits with 0 after ``ready()``, and else with the status of the background
  /// process. Descriptors stay as they are. It must be called while there is only one thread.
  public static func daemonise() throws(KernelError) -> StartReport {
    var ends: [Int32] = [-1, -1]
    try Syscall.check("socketpair") {
      socketpair(AF_UNIX, Int32(SWB_SOCK_STREAM | SWB_SOCK_CLOEXEC), 0, &ends)
    }
    let child = try Syscall.check("fork") { fork() }
    if child > 0 {
      _ = CLinux.close(ends[1])
      follow(child, ends[0])
    }
    _ = CLinux.close(ends[0])
    let report = StartReport(Line(FileDescriptor(owning: ends[1])))
    try Syscall.check("setsid") { setsid() }
    return report
  }

  /// Sends a line, given without its newline, to the process that was started. It is no error if
  /// that process is gone.
  public func tell(_ text: String) { send(Array((text + "\n").utf8)) }

  /// Says that the daemon runs, so that the process that was started may end.
  public func ready() {
    send([0])
    line = nil
  }

  private func send(_ octets: [UInt8]) {
    guard let number = line?.descriptor.rawValue else { return }
    let flags = Int32(SWB_MSG_NOSIGNAL)
    octets.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
      _ = Syscall.retrying { CLinux.send(number, bytes.baseAddress, bytes.count, flags) }
    }
  }

  /// Waits for the background process, in the process that was started. A zero octet says that the
  /// daemon is ready.
  private static func follow(_ child: Int32, _ line: Int32) -> Never {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Syscall.retrying {
        buffer.withUnsafeMutableBytes { CLinux.read(line, $0.baseAddress, $0.count) }
      }
      if count <= 0 { break }
      let end = buffer[..<count].firstIndex(of: 0)
      complain(Array(buffer[..<(end ?? count)]))
      if end != nil { _exit(0) }
    }
    var status: Int32 = 0
    _ = Syscall.retrying { waitpid(child, &status, 0) }
    // WIFEXITED and WEXITSTATUS, which Swift does not import.
    if status & 0x7F == 0 { _exit(status >> 8 & 0xFF) }
    complain(
      Array("swabeld: the daemon was ended by signal \(status & 0x7F) at its start\n".utf8))
    _exit(1)
  }

  /// Writes to standard error. If that fails there is nobody left to be told.
  private static func complain(_ text: [UInt8]) {
    do throws(KernelError) {
      _ = try FileDescriptor.write(text, to: 2)
    } catch {
      return
    }
  }
}
