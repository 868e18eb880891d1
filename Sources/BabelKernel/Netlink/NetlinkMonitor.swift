/// Receives the notifications by which the kernel tells of changes of links, addresses and routes.
/// It never waits.
public struct NetlinkMonitor: ~Copyable, Sendable {
  private let socket: NetlinkSocket
  /// The size of the receive buffer in octets, unless another one is configured.
  public static let usualBuffer = 4 << 20
  private var buffer = [UInt8](unfilled: NetlinkSocket.bufferCount)

  /// Starts listening. Changes made by the netlink sockets with the given port ids (see
  /// ``RouteWriter/portID``) are dropped inside the kernel. `receiveBuffer` is in octets; one
  /// event takes about a thousand.
  public init(
    ignoring portIDs: [UInt32] = [], receiveBuffer: Int32 = Int32(usualBuffer)
  ) throws(KernelError) {
    socket = try NetlinkSocket(
      groups: NetlinkOption.monitorGroups, receiveBuffer: receiveBuffer, ignoring: portIDs)
  }

  /// The descriptor to poll for reading.
  public var descriptor: FileDescriptor {
    _read { yield socket.descriptor }
  }

  /// Appends waiting events, at most about `limit`, so that a storm can be worked on in slices.
  /// Returns whether the limit was reached.
  @discardableResult
  public mutating func receive(
    into events: inout [KernelEvent], limit: Int = 256
  ) throws(KernelError) -> Bool {
    // The limit counts datagrams, so that the loop also ends if none of them holds an event.
    for _ in 0..<limit {
      do throws(KernelError) {
        guard let count = try socket.receive(into: &buffer) else { return false }
        let bytes = buffer.span
        var cursor = NetlinkMessageCursor(count: count)
        while let message = cursor.next(in: bytes) {
          if let event = KernelEvent(message, in: bytes) { events.append(event) }
        }
      } catch {
        guard
          error.errno == ErrorNumber.noBufferSpace || error.errno == ErrorNumber.messageTooLong
        else { throw error }
        events.append(.overflow)
      }
    }
    return true
  }
}
