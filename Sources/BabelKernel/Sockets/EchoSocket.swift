import BabelWire
import CLinux

/// A socket for ICMP echo (RFC 792, RFC 4443 §4) with one address. It never waits.
///
/// The kernel has sockets for this that need no privilege where `net.ipv4.ping_group_range` says
/// so; elsewhere a raw socket does the same for root.
public struct EchoSocket: ~Copyable {
  /// The descriptor to poll for reading.
  public let descriptor: FileDescriptor
  private let address: IPAddress
  private let isRaw: Bool
  /// What our own requests are known by, beside the socket.
  private let mark: UInt64

  private static let protocolICMP: Int32 = 1
  private static let protocolICMPv6: Int32 = 58
  /// Octets before the payload: type, code, checksum, identifier, number.
  private static let headerCount = 8
  /// Octets of the payload: the mark, the time, and what makes the packet as long as that of other
  /// ping programs.
  private static let payloadCount = 56

  /// An answer.
  public struct Answer: Equatable, Sendable {
    /// The number of the request.
    public let number: UInt16
    /// Microseconds since the request was sent.
    public let time: Int64
  }

  /// Opens a socket for an address. With a way all its packets leave by that.
  public init(to address: IPAddress, through way: ProbeWay? = nil) throws(KernelError) {
    let opened = try EchoSocket.open(address.family, way)
    descriptor = FileDescriptor(owning: opened.number)
    self.address = address
    isRaw = opened.isRaw
    mark = Entropy.uint64()
  }

  private static func open(
    _ family: AddressFamily, _ way: ProbeWay?
  ) throws(KernelError) -> (number: Int32, isRaw: Bool) {
    let opened = try open(family)
    do throws(KernelError) {
      try way?.apply(to: opened.number)
      return opened
    } catch {
      _ = CLinux.close(opened.number)
      throw error
    }
  }

  private static func open(
    _ family: AddressFamily
  ) throws(KernelError) -> (number: Int32, isRaw: Bool) {
    let kind = family == .ipv4 ? AF_INET : AF_INET6
    let protocolNumber = family == .ipv4 ? protocolICMP : protocolICMPv6
    let plain = socket(kind, Int32(SWB_SOCK_DGRAM | SWB_SOCK_FLAGS), protocolNumber)
    if plain >= 0 { return (plain, false) }
    let raw = try Syscall.check("open a socket for echo requests") {
      socket(kind, Int32(SWB_SOCK_RAW | SWB_SOCK_FLAGS), protocolNumber)
    }
    return (raw, true)
  }

  private var family: AddressFamily { address.family }

  /// Answers of others do not count, and the first source address stays. It is done for each
  /// request, because there may be no route at first.
  private func connect() throws(KernelError) {
    let (number, address) = (descriptor.rawValue, address)
    try Syscall.check("no way to \(address)") {
      address.family == .ipv4
        ? withIPv4Address(address) { CLinux.connect(number, $0, $1) }
        : withIPv6Address(address, port: 0, scope: 0) { CLinux.connect(number, $0, $1) }
    }
  }

  /// Sends a request. False if there is no room now.
  public func send(_ number: UInt16) throws(KernelError) -> Bool {
    try connect()
    var packet: [UInt8] = [family == .ipv4 ? 8 : 128, 0, 0, 0]
    // The kernel puts the identifier of an unprivileged socket here.
    packet.append(contentsOf: [
      UInt8(truncatingIfNeeded: mark >> 8), UInt8(truncatingIfNeeded: mark),
    ])
    packet.append(contentsOf: [UInt8(number >> 8), UInt8(number & 255)])
    for value in [mark, UInt64(bitPattern: MonotonicClock.microseconds())] {
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        packet.append(UInt8(truncatingIfNeeded: value >> shift))
      }
    }
    while packet.count < Self.headerCount + Self.payloadCount {
      packet.append(UInt8(packet.count))
    }
    // For IPv6 the kernel always does this.
    if family == .ipv4 {
      let sum = Self.checksum(packet)
      (packet[2], packet[3]) = (UInt8(sum >> 8), UInt8(sum & 255))
    }
    return try descriptor.write(packet) != nil
  }

  /// The next answer to a request of this socket; nil if there is none now. Throws what the network
  /// reported, after which the socket can still be used.
  public func receive() throws(KernelError) -> Answer? {
    var buffer = [UInt8](repeating: 0, count: 2048)
    // Others' answers come to a raw socket, too.
    for _ in 0..<64 {
      guard let count = try descriptor.read(into: &buffer) else { return nil }
      if let answer = answer(in: buffer[..<count]) { return answer }
    }
    return nil
  }

  private func answer(in octets: ArraySlice<UInt8>) -> Answer? {
    var message = octets
    if isRaw, family == .ipv4 {
      guard let first = message.first else { return nil }
      message = message.dropFirst(Int(first & 15) * 4)
    }
    let bytes = Array(message)
    guard bytes.count >= Self.headerCount + 16, bytes[0] == (family == .ipv4 ? 0 : 129) else {
      return nil
    }
    func number(at offset: Int) -> UInt64 {
      bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard number(at: Self.headerCount) == mark else { return nil }
    let sent = Int64(bitPattern: number(at: Self.headerCount + 8))
    return Answer(
      number: UInt16(bytes[6]) << 8 | UInt16(bytes[7]),
      time: min(max(0, MonotonicClock.microseconds() &- sent), Self.longestTime))
  }

  /// The other end sends back when the request left, and may say anything: an hour at most.
  private static let longestTime: Int64 = 3_600_000_000

  /// The checksum of the Internet (RFC 1071) over an even number of octets.
  private static func checksum(_ octets: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for index in stride(from: 0, to: octets.count - 1, by: 2) {
      sum += UInt32(octets[index]) << 8 | UInt32(octets[index + 1])
    }
    while sum >> 16 != 0 { sum = sum & 0xFFFF + sum >> 16 }
    return ~UInt16(sum)
  }
}
