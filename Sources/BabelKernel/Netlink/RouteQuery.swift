import BabelWire

/// Asks the kernel which entry of its routing tables packets to an address follow.
///
/// The answer can prove that an entry exists. It cannot prove that an entry does not exist. An
/// entry with a longer prefix or a smaller metric may hide it, or a rule that looks into another
/// table first, and the kernel may skip an entry whose gateway does not answer.
public struct RouteQuery: ~Copyable, Sendable {
  private let socket: NetlinkSocket
  private var request = NetlinkBuilder(capacity: 64)
  private var buffer = [UInt8](unfilled: 4 << 10)
  private var sequence: UInt32 = 0

  /// Opens the socket.
  public init() throws(KernelError) { socket = try NetlinkSocket(receiveBuffer: 64 << 10) }

  /// The entry that packets of this machine to `destination` follow; nil if there is none, or if it
  /// refuses them. Kernels before 4.13 answer with a route to this one address instead of the
  /// entry.
  public mutating func entry(to destination: IPAddress) throws(KernelError) -> KernelRoute? {
    sequence &+= 1
    request.removeAll()
    request.routeQuestion(destination, sequence: sequence)
    try socket.send(request)
    // The kernel has answered before the call returns.
    guard let count = try socket.receive(into: &buffer) else { return nil }
    let buffer = buffer
    let bytes = buffer.span
    var cursor = NetlinkMessageCursor(count: count)
    while let message = cursor.next(in: bytes) {
      guard message.sequence == sequence, message.type == NetlinkType.newRoute else { continue }
      return KernelRoute(message: message.body, in: bytes)
    }
    return nil
  }
}

extension NetlinkBuilder {
  /// Appends a question for the entry that packets to an address follow.
  mutating func routeQuestion(_ destination: IPAddress, sequence: UInt32) {
    begin(type: NetlinkType.getRoute, flags: NetlinkFlag.request, sequence: sequence)
    append(destination.familyNumber)
    append(UInt8(destination.family == .ipv4 ? 32 : 128))
    for _ in 0..<6 { append(UInt8(0)) }
    // IPv6 names the table in any case, and refuses a question with this flag.
    let table = destination.family == .ipv4 ? RouteFlag.lookUpTable : 0
    append(RouteFlag.matchEntry | table)
    attribute(RouteAttribute.destination, destination)
    end()
  }
}
