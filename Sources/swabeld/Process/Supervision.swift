import BabelKernel

/// What a service manager such as systemd is told: that we are ready, alive, stopping.
struct Supervision {
  private let socket: NotifySocket?
  /// When the watchdog is to be told again that the loop turns, in microseconds of the monotonic
  /// clock; nil when nobody watches.
  private(set) var deadline: Int64?

  /// Finds out whether somebody wants to be told. Nobody does of a daemon in the background: who
  /// started it hears by the end of the first process that it runs, and a `NOTIFY_SOCKET` it
  /// inherited is about another service.
  init(isInBackground: Bool) { socket = isInBackground ? nil : NotifySocket() }

  /// The loop begins.
  mutating func ready(_ status: String, at now: Int64) {
    guard let socket else { return }
    socket.send("READY=1\nMAINPID=\(OwnProcess.id)\nSTATUS=\(status)")
    schedule(after: now)
  }

  /// The loop turns; tells so if it is time. `status` is asked for only then.
  mutating func turn(_ status: () -> String, at now: Int64) {
    guard let socket, let deadline, deadline <= now else { return }
    socket.send("WATCHDOG=1\nSTATUS=\(status())")
    schedule(after: now)
  }

  /// The end begins.
  func stopping() { socket?.send("STOPPING=1\nSTATUS=stopping") }

  /// Twice as often as needed, as sd_watchdog_enabled(3) advises.
  private mutating func schedule(after now: Int64) {
    deadline = socket?.watchdogInterval.map { now + $0 / 2 }
  }
}
