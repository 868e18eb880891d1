import BabelCore
import BabelKernel

/// One client of the control socket.
///
/// Requests are answered one after the other: while a dump is being written, or while a client
/// does not read its answers, its further requests wait in the socket.
final class ControlConnection {
  /// How a connection ends.
  enum Ending {
    /// The client said `quit` or closed its side; what is queued is still written.
    case polite
    /// Nothing more is written.
    case now
  }

  /// The socket.
  let connection: LocalConnection
  /// Octets to be written.
  var output = OutputQueue()
  /// Whether the client wants live events.
  private(set) var isMonitoring = false
  /// Set when the connection is to be closed.
  private(set) var ending: Ending?
  private var lines = RequestLines()
  private var cursor: DumpCursor?
  /// When the client last took something, or had nothing to take.
  private var lastProgress: Int64

  /// Microseconds a client may leave its answers unread.
  private static let patience: Int64 = 10_000_000

  /// Takes over a connection.
  init(_ connection: consuming LocalConnection, at now: Instant) {
    self.connection = connection
    lastProgress = now.microseconds
  }

  /// Whether a request may be worked on.
  private var wantsRequest: Bool {
    ending == nil && cursor == nil && output.count < OutputQueue.comfortable
  }

  /// Whether the socket is worth reading.
  var wantsToRead: Bool { wantsRequest && !lines.hasLine }

  /// Whether there is a request to be worked on now.
  var hasRequest: Bool { wantsRequest && lines.hasLine }

  /// Whether the socket is worth writing.
  var wantsToWrite: Bool { !output.isEmpty || cursor != nil }

  /// Whether the connection can be dropped.
  var isOver: Bool {
    switch ending {
    case nil: false
    case .polite: output.isEmpty && cursor == nil
    case .now: true
    }
  }

  /// When the client has been silent for too long; nil if it owes us nothing.
  var deadline: Int64? { wantsToWrite ? lastProgress + Self.patience : nil }

  /// Reads what is there. Returns a remark for the log if the connection had to be cut.
  func read(_ buffer: inout [UInt8]) -> String? {
    do throws(KernelError) {
      switch try connection.read(into: &buffer) {
      case .octets(let count): lines.append(buffer[..<count])
      case .nothingYet: break
      case .closed: end(.polite)
      }
    } catch {
      end(.now)
    }
    if lines.isTooLong {
      end(.now)
      return "control socket: a request is longer than \(RequestLines.limit) octets"
    }
    return nil
  }

  /// The next request, if it may be worked on.
  func nextRequest() -> [UInt8]? { wantsRequest ? lines.next() : nil }

  /// Begins a dump; with `monitoring`, live events follow.
  func beginDump(of node: borrowing BabelNode, at now: Instant, monitoring: Bool) {
    if monitoring { isMonitoring = true }
    cursor = DumpCursor(of: node, at: now, forMonitor: isMonitoring, into: &output)
  }

  /// Stops live events.
  func stopMonitoring() { isMonitoring = false }

  /// Ends the connection. A client that closed its side is still sent what it asked for.
  func end(_ how: Ending) {
    if case .now = ending { return }
    ending = how
    isMonitoring = false
  }

  /// Queues an event line if the client is to have it now. Cuts off a client that is too far
  /// behind; returns false in that case.
  func report(_ notice: Notice, _ line: [UInt8]) -> Bool {
    guard isMonitoring else { return true }
    if cursor != nil, cursor?.admits(notice) == false { return true }
    output.append(line)
    guard output.isOverfull else { return true }
    end(.now)
    return false
  }

  /// Writes a piece of a dump, and what the socket takes. False if the client has stalled.
  func write(from node: borrowing BabelNode, at now: Instant) -> Bool {
    if output.isEmpty, cursor == nil { lastProgress = now.microseconds }
    if cursor?.feed(&output, from: node, at: now) == true {
      cursor = nil
      output.append("ok\n")
    }
    do throws(KernelError) {
      guard let count = try output.drain(into: connection) else {
        end(.now)
        return true
      }
      if count > 0 { lastProgress = now.microseconds }
    } catch {
      end(.now)
      return true
    }
    if let deadline, deadline <= now.microseconds {
      end(.now)
      return false
    }
    return true
  }
}
