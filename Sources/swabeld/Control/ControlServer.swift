import BabelCore
import BabelKernel

/// babeld's local configuration socket: who is connected, and what they are told.
///
/// Requests are executed by the daemon; this type only moves lines.
final class ControlServer {
  /// Clients served at the same time; more are turned away at once. babeld serves four.
  static let connectionLimit = 64
  /// Requests of one client worked on in one turn of the loop.
  private static let requestsPerTurn = 32

  /// Whether clients may change anything.
  let isReadWrite: Bool
  private let listener: LocalListener
  private var connections: [ControlConnection] = []
  /// Poll indices of this turn: the listener, then the connections in order.
  private var listenerIndex = 0
  private var indices: [Int] = []
  private var buffer = [UInt8](repeating: 0, count: 4096)

  /// Listens.
  init(_ server: LocalServer) throws(KernelError) {
    isReadWrite = server.isReadWrite
    do throws(KernelError) {
      switch server.endpoint {
      case .port(let port): listener = try LocalListener(port: port)
      case .path(let path):
        // As babeld, by the mask of the process: who starts it decides who may connect.
        listener = try LocalListener(
          path: String(decoding: path, as: UTF8.self), mode: 0o777 & ~OwnProcess.fileModeMask)
      }
    } catch {
      throw KernelError(operation: "local_server_socket", errno: error.errno)
    }
  }

  /// Whether somebody wants events.
  var hasMonitors: Bool { connections.contains { $0.isMonitoring } }

  /// When a client will have stalled, and whether there is work that needs no event.
  var deadline: Int64? {
    var earliest: Int64?
    for connection in connections {
      if connection.hasRequest { return 0 }
      if let deadline = connection.deadline { earliest = min(earliest ?? deadline, deadline) }
    }
    return earliest
  }

  /// Adds what is to be waited for.
  func addInterests(to poll: inout PollSet) {
    listenerIndex = poll.add(listener.descriptor, .read)
    indices.removeAll(keepingCapacity: true)
    for connection in connections {
      var interest = PollSet.Interest()
      if connection.wantsToRead { interest.insert(.read) }
      if connection.wantsToWrite { interest.insert(.write) }
      indices.append(poll.add(connection.connection.descriptor, interest))
    }
  }

  /// Accepts, reads, answers and writes after a wait.
  func serve(_ poll: borrowing PollSet, _ daemon: Daemon, at now: Instant) {
    let isConnecting = poll.isReadable(listenerIndex)
    for (position, connection) in connections.enumerated() where position < indices.count {
      let index = indices[position]
      if connection.wantsToRead, poll.isReadable(index) || poll.isHungUp(index),
        let remark = connection.read(&buffer)
      {
        daemon.log.write(.client, subject: 0, remark)
      }
      work(on: connection, daemon, at: now)
    }
    indices.removeAll(keepingCapacity: true)
    connections.removeAll { $0.isOver }
    if isConnecting { accept(daemon, at: now) }
  }

  private func work(on connection: ControlConnection, _ daemon: Daemon, at now: Instant) {
    var left = Self.requestsPerTurn
    while left > 0, let request = connection.nextRequest() {
      daemon.answer(request, on: connection, isReadWrite: isReadWrite, at: now)
      left -= 1
    }
    write(connection, daemon, at: now)
  }

  private func write(_ connection: ControlConnection, _ daemon: Daemon, at now: Instant) {
    guard connection.wantsToWrite else { return }
    if !connection.write(from: daemon.node, at: now) {
      daemon.log.write(.client, subject: 1, "control socket: a client does not read, cut off")
    }
  }

  /// At most a few newcomers a turn: the others wait in the kernel.
  private func accept(_ daemon: Daemon, at now: Instant) {
    for _ in 0..<8 {
      do throws(KernelError) {
        guard let socket = try listener.accept() else { return }
        guard connections.count < Self.connectionLimit else {
          daemon.log.write(.client, subject: 2, "control socket: too many clients")
          continue  // closes it
        }
        let connection = ControlConnection(socket, at: now)
        connection.output.append(daemon.banner)
        connections.append(connection)
        write(connection, daemon, at: now)
      } catch {
        daemon.log.write(.client, subject: 3, error.description)
        return
      }
    }
  }

  /// Tells everybody who monitors about a change of a table row. `line` is made only if needed.
  func report(_ notice: Notice, _ log: Log) {
    guard hasMonitors else { return }
    var line: [UInt8] = []
    switch notice {
    case .interface(let event, let status): StatusLine.append(event, status, to: &line)
    case .neighbour(let event, let status): StatusLine.append(event, status, to: &line)
    case .originated(let event, let status): StatusLine.append(event, status, to: &line)
    case .route(let event, let status): StatusLine.append(event, status, to: &line)
    default: return
    }
    for connection in connections where !connection.report(notice, line) {
      log.write(.client, subject: 4, "control socket: a monitor is too far behind, cut off")
    }
  }

  /// Writes what can be written without waiting, at the end.
  func flush(_ daemon: Daemon, at now: Instant) {
    for connection in connections { write(connection, daemon, at: now) }
  }
}
