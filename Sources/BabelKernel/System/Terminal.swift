import CLinux

/// A terminal whose keys are read one by one, without an echo. Whoever takes it must give it back
/// (``giveBack()``), also to stop for a while.
public struct Terminal: ~Copyable {
  /// Its keys, to poll.
  public let keys: FileDescriptor
  /// Standard output, to poll.
  public let output: FileDescriptor
  /// Whether standard input is a terminal. If it is not, there are no keys, and nothing to take.
  public let hasKeys: Bool
  private let former: termios

  /// Columns and rows.
  public struct Size: Equatable, Sendable {
    /// Characters in a row.
    public let columns: Int
    /// Rows.
    public let rows: Int

    /// Makes a size.
    public init(columns: Int, rows: Int) {
      self.columns = columns
      self.rows = rows
    }
  }

  /// Whether a descriptor (0, 1 or 2) is a terminal.
  public static func isTerminal(_ number: Int32) -> Bool { isatty(number) == 1 }

  /// The size of the terminal on standard output; nil if it does not say.
  public static var size: Size? {
    // struct winsize: rows, columns, and both in pixels.
    var words: [UInt16] = [0, 0, 0, 0]
    let result = words.withUnsafeMutableBytes {
      swabel_ioctl(1, UInt(SWB_TIOCGWINSZ), $0.baseAddress)
    }
    guard result == 0, words[0] > 0, words[1] > 0 else { return nil }
    return Size(columns: Int(words[1]), rows: Int(words[0]))
  }

  /// Takes the terminal on standard input, if it is one.
  public init() throws(KernelError) {
    let isTerminal = Terminal.isTerminal(0)
    var settings = termios()
    if isTerminal { try Syscall.check("use the terminal") { tcgetattr(0, &settings) } }
    let input = try FileDescriptor.copy(of: 0)
    output = try FileDescriptor.copy(of: 1)
    keys = input
    hasKeys = isTerminal
    former = settings
    take()
  }

  /// Takes it again after it was given back.
  public func take() {
    guard hasKeys else { return }
    var settings = former
    settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
    _ = tcsetattr(0, TCSANOW, &settings)
  }

  /// Leaves it as it was before.
  public func giveBack() {
    guard hasKeys else { return }
    var settings = former
    _ = tcsetattr(0, TCSANOW, &settings)
  }

  /// Stops this process and those that run with it until somebody continues them, as ctrl-Z does.
  /// Where nobody could, the kernel does nothing.
  public static func stopProcess() { _ = kill(0, SIGTSTP) }
}

/// What somebody at a terminal, or the system, wants of a program, as a descriptor to poll.
public struct TerminalSignals: ~Copyable {
  /// A wish.
  public enum Wish: Equatable, Sendable {
    /// The program is to end.
    case end
    /// The terminal has another size.
    case resize
  }

  /// The descriptor, which becomes readable when there is a wish.
  public let descriptor: FileDescriptor

  private static let resized: Int32 = 28

  /// Blocks the signals; ignores SIGPIPE, so that a write to a closed pipe fails.
  public init() throws(KernelError) {
    var mask = sigset_t()
    sigemptyset(&mask)
    for number in [SIGINT, SIGTERM, SIGHUP, Self.resized] { sigaddset(&mask, number) }
    try Syscall.check("block signals") { sigprocmask(SIG_BLOCK, &mask, nil) }
    let ignore = 1
    _ = swabel_signal(SIGPIPE, ignore)
    let number = try Syscall.check("signalfd") { signalfd(-1, &mask, Int32(SWB_SFD_FLAGS)) }
    descriptor = FileDescriptor(owning: number)
  }

  /// The next wish; nil if there is none.
  public func next() throws(KernelError) -> Wish? {
    // struct signalfd_siginfo: 128 octets, the first four are the number.
    var record = [UInt8](repeating: 0, count: 128)
    guard let count = try descriptor.read(into: &record), count >= 4 else { return nil }
    let number = Int32(truncatingIfNeeded: record.span.nativeUInt32(at: 0))
    return number == Self.resized ? .resize : .end
  }
}
