import BabelWire

/// Asks the kernel for its WireGuard devices.
public enum WireGuardQuery {
  /// Datagrams of an answer at most.
  private static let datagramLimit = 4096

  /// What a device of the kernel tells, and of each peer its first prefixes. The kernel answers
  /// before the call returns.
  public static func device(_ name: InterfaceName) throws(KernelError) -> WireGuardDevice {
    try device(name, prefixLimit: WireGuardPeer.prefixLimit)
  }

  /// The same with so many prefixes of each peer.
  static func device(
    _ name: InterfaceName, prefixLimit: Int
  ) throws(KernelError) -> WireGuardDevice {
    let operation = "ask WireGuard for \(name)"
    let socket = try NetlinkSocket(
      receiveBuffer: 256 << 10, family: GenericNumber.netlinkFamily)
    var buffer = [UInt8](repeating: 0, count: NetlinkSocket.bufferCount)
    // The answer has the private key, too.
    defer { for index in buffer.indices { buffer[index] = 0 } }
    let family = try family(over: socket, &buffer, operation)
    var request = NetlinkBuilder(capacity: 64)
    request.wireGuardQuestion(name, family: family, sequence: 2)
    var device = WireGuardDevice(prefixLimit: prefixLimit)
    try exchange(request, 2, over: socket, &buffer, operation) { body, bytes in
      device.read(message: body, in: bytes)
      return false
    }
    return device
  }

  /// Asks the kernel for changes of a device, one message after the other; the first that it
  /// refuses ends that.
  static func change(
    _ name: InterfaceName, _ changes: [[WireGuardPeerChange]]
  ) throws(KernelError) {
    let operation = "change WireGuard of \(name)"
    let socket = try NetlinkSocket(
      receiveBuffer: 64 << 10, family: GenericNumber.netlinkFamily)
    var buffer = [UInt8](repeating: 0, count: NetlinkSocket.bufferCount)
    let family = try family(over: socket, &buffer, operation)
    var sequence: UInt32 = 2
    for change in changes {
      var request = NetlinkBuilder(capacity: NetlinkBuilder.wireGuardCount(change))
      request.wireGuardChange(name, change, family: family, sequence: sequence)
      try exchange(request, sequence, over: socket, &buffer, operation) { _, _ in false }
      sequence += 1
    }
  }

  /// The number of the family.
  private static func family(
    over socket: borrowing NetlinkSocket, _ buffer: inout [UInt8], _ operation: String
  ) throws(KernelError) -> UInt16 {
    var request = NetlinkBuilder(capacity: 64)
    request.familyQuestion("wireguard", sequence: 1)
    var family: UInt16?
    try exchange(request, 1, over: socket, &buffer, operation) { body, bytes in
      family = family ?? genericFamily(message: body, in: bytes)
      return true
    }
    guard let family else {
      throw KernelError(operation: operation, errno: ErrorNumber.noEntry)
    }
    return family
  }

  /// Sends a request and hands over the messages of the answer, until one ends it or `take` says
  /// that it was the last.
  private static func exchange(
    _ request: borrowing NetlinkBuilder, _ sequence: UInt32, over socket: borrowing NetlinkSocket,
    _ buffer: inout [UInt8], _ operation: String, _ take: (Range<Int>, Span<UInt8>) -> Bool
  ) throws(KernelError) {
    try socket.send(request)
    for _ in 0..<datagramLimit {
      guard let count = try socket.receive(into: &buffer) else { return }
      let bytes = buffer.span
      var cursor = NetlinkMessageCursor(count: count)
      while let message = cursor.next(in: bytes) {
        guard message.sequence == sequence else { continue }
        if message.type == NetlinkType.done { return }
        if message.type == NetlinkType.error {
          guard let answer = NetlinkAnswer(message, in: bytes), answer.errno != 0 else { return }
          throw KernelError(
            operation: operation, errno: answer.errno, kernelMessage: answer.text)
        }
        if take(message.body, bytes) { return }
      }
    }
  }
}
