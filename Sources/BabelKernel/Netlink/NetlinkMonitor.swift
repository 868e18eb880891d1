import CLinux

/// Hears of changes of links, addresses and routes. Non-blocking.
public struct NetlinkMonitor: ~Copyable, Sendable {
  private let socket: NetlinkSocket
  private var buffer = [UInt8](repeating: 0, count: NetlinkSocket.bufferCount)

  /// Starts listening. Changes made by the netlink sockets with the given port ids (see
  /// ``RouteWriter/portID``) are dropped inside the kernel. `receiveBuffer` is in octets; one
  /// event takes about a thousand.
  public init(
    ignoring portIDs: [UInt32] = [], receiveBuffer: Int32 = 4 << 20
  ) throws(KernelError) {
    // Subscribed only after the filter is in place, so that not even the first can slip by.
    let socket = try NetlinkSocket(
      groups: NetlinkOption.monitorGroups, receiveBuffer: receiveBuffer)
    if !portIDs.isEmpty {
      try NetlinkMonitor.attachFilter(socket.descriptor.rawValue, portIDs)
    }
    self.socket = socket
  }

  /// Runs `body` with the descriptor to poll for reading.
  public var descriptor: FileDescriptor {
    _read { yield socket.descriptor }
  }

  /// Appends waiting events, at most about `limit`, so that a storm can be worked on in slices.
  /// Returns whether the limit was reached.
  @discardableResult
  public mutating func receive(
    into events: inout [KernelEvent], limit: Int = 256
  ) throws(KernelError) -> Bool {
    // Datagrams without an event count too: the loop must end.
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

  /// Drops notifications whose `nlmsg_pid` (offset 12) is one of ours.
  private static func attachFilter(_ number: Int32, _ portIDs: [UInt32]) throws(KernelError) {
    let load = UInt16(BPF_LD | BPF_W | BPF_ABS)
    let jumpIfEqual = UInt16(BPF_JMP | BPF_JEQ | BPF_K)
    let answer = UInt16(BPF_RET | BPF_K)
    guard portIDs.count <= 64 else { die("too many port ids for a jump") }
    var program = [sock_filter(code: load, jt: 0, jf: 0, k: 12)]
    for (i, portID) in portIDs.enumerated() {
      // The filter loads in network byte order, netlink writes in the machine's.
      program.append(
        sock_filter(
          code: jumpIfEqual, jt: UInt8(portIDs.count - i), jf: 0, k: portID.bigEndian))
    }
    program.append(sock_filter(code: answer, jt: 0, jf: 0, k: .max))
    program.append(sock_filter(code: answer, jt: 0, jf: 0, k: 0))
    let count = UInt16(program.count)
    try Syscall.check("attach netlink filter") {
      program.withUnsafeMutableBufferPointer { instructions in
        var description = sock_fprog(len: count, filter: instructions.baseAddress)
        return setsockopt(
          number, SOL_SOCKET, SO_ATTACH_FILTER, &description,
          socklen_t(MemoryLayout<sock_fprog>.size))
      }
    }
  }
}
