import BabelWire

/// Keeps the prefixes of the peers of a WireGuard device, in the kernel or in a program behind a
/// tunnel. A call ends when the change is in effect: routes may be changed after it.
public enum WireGuardControl {
  /// Microseconds that a program has for an answer.
  private static let patience: Int64 = 1_000_000
  /// Most octets of an answer.
  private static let answerLimit = 16 << 20

  /// Where a device is.
  public enum Place: Equatable, Sendable {
    /// In the kernel.
    case kernel
    /// In a program that makes a tunnel, as wireguard-go does.
    case program
  }

  /// All that a device tells of its peers, and its own public key.
  public static func device(
    _ name: InterfaceName, at place: Place
  ) throws(KernelError) -> WireGuardDevice {
    let limit = WireGuardPeer.keptPrefixLimit
    if place == .kernel { return try WireGuardQuery.device(name, prefixLimit: limit) }
    var answer = try ask(name, WireGuardDevice.textRequest)
    // The answer has the private key, too.
    defer { for index in answer.indices { answer[index] = 0 } }
    guard let device = WireGuardDevice(text: answer, prefixLimit: limit, withOwnKey: true) else {
      throw KernelError(operation: "ask WireGuard for \(name)", errno: ErrorNumber.invalid)
    }
    return device
  }

  /// Gives prefixes to peers. What another peer has is taken from it at the same instant. Peers
  /// that are not there get nothing.
  public static func give(
    _ entries: [WireGuardEntry], on name: InterfaceName, at place: Place
  ) throws(KernelError) {
    try change(WireGuardPeerChange.giving(entries), on: name, at: place)
  }

  /// Takes prefixes from whoever has them.
  public static func take(
    _ prefixes: [Prefix], on name: InterfaceName, at place: Place
  ) throws(KernelError) {
    try change(WireGuardPeerChange.taking(prefixes), on: name, at: place)
  }

  private static func change(
    _ messages: [[WireGuardPeerChange]], on name: InterfaceName, at place: Place
  ) throws(KernelError) {
    guard !messages.isEmpty else { return }
    if place == .kernel { return try WireGuardQuery.change(name, messages) }
    let answer = try ask(name, WireGuardPeerChange.text(messages.flatMap { $0 }))
    guard WireGuardDevice(text: answer) != nil else {
      throw KernelError(operation: "change WireGuard of \(name)", errno: ErrorNumber.invalid)
    }
  }

  /// Asks the program that stands behind a tunnel, and waits for the answer.
  private static func ask(
    _ name: InterfaceName, _ request: [UInt8]
  ) throws(KernelError) -> [UInt8] {
    let operation = "ask WireGuard for \(name)"
    let connection = try LocalConnection(path: "/var/run/wireguard/\(name).sock")
    let due = MonotonicClock.microseconds() + patience
    var sent = 0
    while sent < request.count {
      guard let count = try connection.write(request, from: sent) else {
        throw KernelError(operation: operation, errno: ErrorNumber.brokenPipe)
      }
      sent += count
      if sent < request.count { try wait(connection, .write, until: due, operation) }
    }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    defer { for index in buffer.indices { buffer[index] = 0 } }
    while !WireGuardDevice.isComplete(text: answer) {
      switch try connection.read(into: &buffer) {
      case .nothingYet: try wait(connection, .read, until: due, operation)
      case .octets(let count): append(buffer[..<count], to: &answer)
      case .closed: return answer
      }
      guard answer.count <= answerLimit else {
        throw KernelError(operation: operation, errno: ErrorNumber.messageTooLong)
      }
    }
    return answer
  }

  /// Adds a piece. If all needs another place in memory, the former one is wiped: it may hold a
  /// key.
  private static func append(_ piece: ArraySlice<UInt8>, to answer: inout [UInt8]) {
    if answer.capacity < answer.count + piece.count {
      var larger: [UInt8] = []
      larger.reserveCapacity(2 * (answer.count + piece.count))
      larger += answer
      for index in answer.indices { answer[index] = 0 }
      answer = larger
    }
    answer += piece
  }

  private static func wait(
    _ connection: borrowing LocalConnection, _ interest: PollSet.Interest, until due: Int64,
    _ operation: String
  ) throws(KernelError) {
    guard MonotonicClock.microseconds() < due else {
      throw KernelError(operation: operation, errno: ErrorNumber.timedOut)
    }
    var poll = PollSet()
    poll.add(connection.descriptor, interest)
    _ = try poll.wait(until: due)
  }
}
