import BabelCore
import BabelKernel

/// babeld's local configuration socket: who is connected, and what they are told.
///
/// Requests are executed by the daemon; this type only moves lines.
final class ControlServer {
  /// Clients served at the same time; more are turned away at once. babeld serves four, Althea's
  /// fork 128.
  static let connectionLimit = 128
  /// Requests of one client worked on in one turn of the loop.
  private static let requestsPerTurn = 32
  /// Microseconds spent on clients in one turn of the loop, before packets get theirs.
  private static let turnTime: Int64 = 10_000
  /// Most octets that may wait for all clients together: four that are as far behind as one may
  /// be.
  private static let backlogLimit = 4 * OutputQueue.limit

  /// Whether clients may change anything.
  let isReadWrite: Bool
  /// How lines are written.
  var form: LineForm
  private let listener: LocalListener
  private var connections: [ControlConnection] = []
  /// Poll indices of this turn: the listener, then the connections in order.
  private var listenerIndex = 0
  private var indices: [Int] = []
  private var buffer = [UInt8](repeating: 0, count: 4096)
  /// Who comes first in the next turn, and whether the last one had to be broken off.
  private var first = 0
  private var isBehind = false

  /// Listens.
  init(_ server: LocalServer, _ access: SocketRights, _ form: LineForm) throws(KernelError) {
    isReadWrite = server.isReadWrite
    self.form = form
    do throws(KernelError) {
      switch server.endpoint {
      case .port(let port): listener = try LocalListener(port: port)
      case .path(let path):
        // As babeld, by the mask of the process: who starts it decides who may connect.
        listener = try LocalListener(
          path: String(decoding: path, as: UTF8.self),
          mode: access.mode ?? (0o777 & ~OwnProcess.fileModeMask), userID: access.user,
          groupID: access.group)
      }
    } catch {
      let failure = KernelError(operation: "local_server_socket", errno: error.errno)
      guard case .path(let path) = server.endpoint else { throw failure }
      throw failure.withCure(
        for: String(decoding: path, as: UTF8.self), in: WritableDirectory.runtime)
    }
  }

  /// Whether somebody wants events.
  var hasMonitors: Bool { connections.contains { $0.isMonitoring } }

  /// When a client will have stalled, and whether there is work that needs no event.
  var deadline: Int64? {
    if isBehind { return 0 }
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

  /// Accepts, reads, answers and writes after a wait. Clients take turns: who had to wait comes
  /// first the next time.
  func serve(_ poll: borrowing PollSet, _ daemon: Daemon, at now: Instant) {
    let isConnecting = poll.isReadable(listenerIndex)
    let began = MonotonicClock.microseconds()
    let count = min(connections.count, indices.count)
    isBehind = false
    for step in 0..<count {
      if step > 0, MonotonicClock.microseconds() - began >= Self.turnTime {
        first = (first + step) % count
        isBehind = true
        break
      }
      let position = (first + step) % count
      serve(connections[position], poll, indices[position], daemon, at: now)
    }
    indices.removeAll(keepingCapacity: true)
    connections.removeAll { $0.isOver }
    if isConnecting { accept(daemon, at: now) }
  }

  private func serve(
    _ connection: ControlConnection, _ poll: borrowing PollSet, _ index: Int, _ daemon: Daemon,
    at now: Instant
  ) {
    let isGone = poll.isHungUp(index)
    if connection.wantsToRead, poll.isReadable(index) || isGone,
      let remark = connection.read(&buffer)
    {
      daemon.log.write(.client, subject: 0, remark)
    }
    let answers = answer(connection, daemon, at: now)
    if answers || isGone || poll.isWritable(index) || connection.ending != nil {
      _ = connection.write(from: daemon.node, at: now)
    }
    if !connection.checkDeadline(at: now) {
      daemon.log.write(.client, subject: 1, "control socket: a client does not read, cut off")
    }
  }

  /// Executes what a client has asked for; true if there was something.
  private func answer(
    _ connection: ControlConnection, _ daemon: Daemon, at now: Instant
  ) -> Bool {
    var left = Self.requestsPerTurn
    while left > 0, let request = connection.nextRequest() {
      daemon.answer(request, on: connection, isReadWrite: isReadWrite, at: now)
      left -= 1
    }
    return left < Self.requestsPerTurn
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
        let connection = ControlConnection(socket)
        connection.output.append(form.protocolName)
        connection.output.append(daemon.banner)
        connections.append(connection)
        _ = connection.write(from: daemon.node, at: now)
      } catch {
        daemon.log.write(.client, subject: 3, error.description)
        return
      }
    }
  }

  /// Tells everybody who monitors about a change of a table row.
  func report(_ notice: Notice, _ log: Log) {
    guard hasMonitors else { return }
    let line = form.line(notice)
    guard !line.isEmpty else { return }
    var backlog = 0
    var slowest: ControlConnection?
    for connection in connections {
      connection.report(notice, line)
      backlog += connection.output.count
      if connection.output.count > slowest?.output.count ?? 0 { slowest = connection }
    }
    guard let slowest, slowest.output.isOverfull || backlog > Self.backlogLimit else { return }
    slowest.end(.now)
    log.write(.client, subject: 4, "control socket: a monitor is too far behind, cut off")
  }

  /// Octets that wait for clients.
  private var backlog: Int {
    connections.reduce(0) { $0 + ($1.isOver ? 0 : $1.output.count) }
  }

  /// Writes what waits for clients until it is less than `octets` or `deadline` (microseconds)
  /// has come: at the end of the daemon.
  func drain(to octets: Int, _ daemon: Daemon, until deadline: Int64) {
    repeat {
      for connection in connections where !connection.isOver && connection.wantsToWrite {
        _ = connection.write(from: daemon.node, at: .now)
      }
      guard backlog > octets else { return }
      var poll = PollSet()
      for connection in connections where !connection.isOver && connection.wantsToWrite {
        poll.add(connection.connection.descriptor, .write)
      }
      do throws(KernelError) { _ = try poll.wait(until: deadline) } catch { return }
    } while MonotonicClock.microseconds() < deadline
  }
}
