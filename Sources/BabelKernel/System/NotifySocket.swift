import CLinux

/// The socket on which a service manager hears from its services (`sd_notify`): datagrams of
/// `NAME=value` lines to the socket named by `NOTIFY_SOCKET`.
///
/// Errors are ignored here, because a service must also run without a manager, and where it may not
/// open Unix sockets.
public struct NotifySocket: Sendable {
  private let address: [UInt8]
  /// Microseconds within which the manager wants to hear from us again; nil if it does not.
  public let watchdogInterval: Int64?

  /// Reads the environment; nil when nobody wants to be told.
  public init?() {
    guard let name = OwnProcess.environment("NOTIFY_SOCKET") else { return nil }
    var octets = Array(name.utf8)
    // The length of sun_path; a name without a file begins with a zero, written as @.
    guard octets.count >= 2, octets.count <= 107 else { return nil }
    if octets[0] == UInt8(ascii: "@") { octets[0] = 0 }
    guard octets[0] == 0 || octets[0] == UInt8(ascii: "/") else { return nil }
    address = octets
    watchdogInterval = Self.interval(
      OwnProcess.environment("WATCHDOG_USEC"), process: OwnProcess.environment("WATCHDOG_PID"))
  }

  /// Whether a service manager wants to be told and takes this process for the service, so that
  /// its end would be the end of the service: it was started by the manager itself. A shell or a
  /// script that inherited the environment of another service starts programs with the same
  /// variable, but those are not meant.
  public static var isMainProcess: Bool {
    guard OwnProcess.environment("NOTIFY_SOCKET") != nil else { return false }
    // systemd tells the number of the process since version 248.
    if let text = OwnProcess.environment("SYSTEMD_EXEC_PID") {
      return Int32(text) == OwnProcess.id
    }
    return getppid() == 1
  }

  /// `WATCHDOG_USEC`; nil if `WATCHDOG_PID` names another process.
  static func interval(_ text: String?, process: String?) -> Int64? {
    guard let text, let interval = Int64(text), interval > 0 else { return nil }
    if let process, Int32(process) != OwnProcess.id { return nil }
    return interval
  }

  /// Sends lines, such as `READY=1\nSTATUS=up`. It never waits.
  public func send(_ lines: String) {
    let number = socket(AF_UNIX, Int32(SWB_SOCK_DGRAM | SWB_SOCK_FLAGS), 0)
    guard number >= 0 else { return }
    let descriptor = FileDescriptor(owning: number)
    var storage = sockaddr_un()
    withUnsafeMutableBytes(of: &storage) {
      $0.storeBytes(of: UInt16(AF_UNIX), toByteOffset: 0, as: UInt16.self)
      for i in address.indices { $0[2 + i] = address[i] }
    }
    let size = socklen_t(2 + address.count)
    let octets = Array(lines.utf8)
    _ = withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
        octets.withUnsafeBytes {
          sendto(
            descriptor.rawValue, $0.baseAddress, $0.count, Int32(SWB_MSG_NOSIGNAL), target, size)
        }
      }
    }
  }
}
