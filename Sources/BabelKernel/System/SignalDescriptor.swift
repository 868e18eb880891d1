import CLinux

/// A signal the daemon listens to.
public enum Signal: Int32, Sendable, CaseIterable {
  /// SIGHUP.
  case hangup = 1
  /// SIGINT.
  case interrupt = 2
  /// SIGQUIT.
  case quit = 3
  /// SIGUSR1.
  case user1 = 10
  /// SIGUSR2.
  case user2 = 12
  /// SIGTERM.
  case terminate = 15
  /// SIGCHLD: a program that we started has ended.
  case child = 17
}

/// Signals as a descriptor to poll. They are blocked for the process and read from the descriptor,
/// so that no code of ours runs inside a signal handler.
public struct SignalDescriptor: ~Copyable, Sendable {
  /// The descriptor, which becomes readable when a signal is pending.
  public let descriptor: FileDescriptor

  /// Blocks all of ``Signal`` in the calling thread and those it starts; ignores SIGPIPE.
  public init() throws(KernelError) {
    var mask = sigset_t()
    sigemptyset(&mask)
    for signal in Signal.allCases { sigaddset(&mask, signal.rawValue) }
    try Syscall.check("block signals") { sigprocmask(SIG_BLOCK, &mask, nil) }
    let ignore = 1
    _ = swabel_signal(SIGPIPE, ignore)
    // If whoever started us ignores it, the kernel would not tell how children end.
    let usual = 0
    _ = swabel_signal(Signal.child.rawValue, usual)
    let number = try Syscall.check("signalfd") { signalfd(-1, &mask, Int32(SWB_SFD_FLAGS)) }
    descriptor = FileDescriptor(owning: number)
  }

  /// The next pending signal; nil if there is none.
  public func next() throws(KernelError) -> Signal? {
    // struct signalfd_siginfo: 128 octets, the first four are the number.
    var record = [UInt8](repeating: 0, count: 128)
    guard let count = try descriptor.read(into: &record), count >= 4 else { return nil }
    return Signal(rawValue: Int32(truncatingIfNeeded: record.span.nativeUInt32(at: 0)))
  }
}
