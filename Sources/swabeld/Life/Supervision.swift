import BabelKernel

/// Tells a service manager such as systemd that we are ready, alive or stopping.
struct Supervision {
  private let socket: NotifySocket?
  /// When the watchdog is to be told again that the loop turns, in microseconds of the monotonic
  /// clock; nil when nobody watches.
  private(set) var deadline: Int64?

  /// Finds out whether somebody wants to be told. For a daemon in the background nobody does.
  /// Whoever started it learns from the end of the first process that it runs, and a
  /// `NOTIFY_SOCKET` that it inherited belongs to another service.
  init(isInBackground: Bool) { socket = isInBackground ? nil : NotifySocket() }

  /// Says that the loop begins.
  mutating func ready(_ status: String, at now: Int64) {
    guard let socket else { return }
    socket.send("READY=1\nMAINPID=\(OwnProcess.id)\nSTATUS=\(status)")
    schedule(after: now)
  }

  /// Says that the loop still turns, if it is time to. `status` is called only then.
  mutating func turn(_ status: () -> String, at now: Int64) {
    guard let socket, let deadline, deadline <= now else { return }
    socket.send("WATCHDOG=1\nSTATUS=\(status())")
    schedule(after: now)
  }

  /// Says that the daemon begins to end.
  func stopping() { socket?.send("STOPPING=1\nSTATUS=stopping") }

  /// Says that the daemon begins to restart itself. The next life says when it is ready.
  func restarting(at now: Int64) {
    socket?.send("RELOADING=1\nMONOTONIC_USEC=\(now)\nSTATUS=restarting")
  }

  /// Plans the next message after half of the interval, as sd_watchdog_enabled(3) advises.
  private mutating func schedule(after now: Int64) {
    deadline = socket?.watchdogInterval.map { now + $0 / 2 }
  }
}
