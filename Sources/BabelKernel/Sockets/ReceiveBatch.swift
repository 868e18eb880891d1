import BabelWire
import CLinux

/// A datagram as the kernel delivered it; its octets are in a ``ReceiveBatch``.
public struct ReceivedDatagram: Equatable, Sendable {
  /// Octets received.
  public let count: Int
  /// Source address.
  public let source: IPAddress
  /// Source port.
  public let port: UInt16
  /// Index of the interface it came in on.
  public let ifindex: Int32
  /// Destination address.
  public let destination: IPAddress
  /// Whether the datagram was longer than the room for it, so that its rest is lost.
  public let isTruncated: Bool
  /// When it arrived, in microseconds of ``MonotonicClock``; nil unless
  /// ``UDPSocket/enableArrivalTimes()`` was called.
  public let arrival: Int64?
}

/// Memory into which several datagrams are received with one system call (`recvmmsg`). It is made
/// once and used for every call, so each call overwrites what the one before received.
///
/// Each datagram has a part of its own that is as long as the longest one may be. Most are much
/// shorter; the pages they do not reach are never touched, and so take no real memory.
public final class ReceiveBatch {
  /// How many datagrams one call receives at most.
  public static var size: Int { 16 }

  /// Octets of the longest datagram that is received whole.
  public let room: Int
  private let data: UnsafeMutableRawPointer
  private let controls: UnsafeMutableRawPointer
  private let names: UnsafeMutablePointer<sockaddr_in6>
  private let vectors: UnsafeMutablePointer<iovec>
  private let messages: UnsafeMutablePointer<swabel_mmsghdr>
  /// Datagrams that the last call received.
  private var count = 0

  /// Octets for the control messages of one datagram: IPV6_PKTINFO (20 octets), the time of
  /// arrival (16), and some to spare, so that neither is lost if the kernel adds another one.
  private static var controlRoom: Int {
    ControlMessage.space(20) + ControlMessage.space(16) + 64
  }

  /// Allocates the memory. `room` is the length, in octets, of the longest datagram that is
  /// received whole; less than 1 counts as 1.
  public init(room: Int) {
    let room = max(1, room)
    let size = Self.size
    self.room = room
    data = .allocate(byteCount: room * size, alignment: 16)
    controls = .allocate(byteCount: Self.controlRoom * size, alignment: 16)
    names = .allocate(capacity: size)
    names.initialize(repeating: sockaddr_in6(), count: size)
    vectors = .allocate(capacity: size)
    vectors.initialize(repeating: iovec(), count: size)
    messages = .allocate(capacity: size)
    messages.initialize(repeating: swabel_mmsghdr(), count: size)
    for i in 0..<size {
      vectors[i].iov_base = data + i * room
      vectors[i].iov_len = numericCast(room)
      messages[i].msg_hdr.msg_name = UnsafeMutableRawPointer(names + i)
      messages[i].msg_hdr.msg_iov = vectors + i
      messages[i].msg_hdr.msg_iovlen = 1
      messages[i].msg_hdr.msg_control = controls + i * Self.controlRoom
    }
  }

  deinit {
    data.deallocate()
    controls.deallocate()
    names.deallocate()
    vectors.deallocate()
    messages.deallocate()
  }

  /// Receives what waits, at most ``size`` datagrams, in place of those received before, and
  /// returns how many came.
  ///
  /// The kernel also stops early when the network has reported an error for a datagram that was
  /// sent earlier. It keeps that error, and the next call throws it, once. So fewer than ``size``
  /// usually means that no more are waiting, but does not prove it.
  public func receive(from socket: borrowing UDPSocket) throws(KernelError) -> Int {
    count = 0
    for i in 0..<Self.size {
      messages[i].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
      messages[i].msg_hdr.msg_controllen = numericCast(Self.controlRoom)
    }
    let number = socket.descriptor.rawValue
    let received = Syscall.retrying {
      swabel_recvmmsg(number, messages, UInt32(Self.size), 0, nil)
    }
    if received < 0 {
      if Syscall.errno == ErrorNumber.wouldBlock { return 0 }
      throw Syscall.failure("receive")
    }
    count = Int(received)
    return count
  }

  /// Calls `body` with the datagram at an index below what ``receive(from:)`` returned, and its
  /// octets. Not called for any other index.
  public func withDatagram(
    _ index: Int, _ body: (_ datagram: ReceivedDatagram, _ octets: Span<UInt8>) -> Void
  ) {
    guard index >= 0, index < count else { return }
    let header = messages[index].msg_hdr
    let length = min(Int(messages[index].msg_len), room)
    let control = UnsafeRawBufferPointer(
      start: controls + index * Self.controlRoom,
      count: min(Int(header.msg_controllen), Self.controlRoom))
    var arrival = ArrivalRecord()
    arrival.read(control)
    let (source, port) = withUnsafeBytes(of: names[index]) {
      ($0.address(at: 8), UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)))
    }
    let datagram = ReceivedDatagram(
      count: length, source: source, port: port, ifindex: arrival.ifindex,
      destination: arrival.destination,
      isTruncated: Int(header.msg_flags) & SWB_MSG_TRUNC != 0, arrival: arrival.monotonic)
    let octets = UnsafeBufferPointer<UInt8>(
      start: UnsafePointer((data + index * room).assumingMemoryBound(to: UInt8.self)),
      count: length)
    body(datagram, octets.span)
  }
}

/// What the control messages of a received datagram say.
private struct ArrivalRecord {
  var ifindex: Int32 = 0
  var destination = IPAddress.unspecified
  var monotonic: Int64?

  mutating func read(_ control: UnsafeRawBufferPointer) {
    var result = self
    ControlMessage.forEach(in: control) { level, type, data in
      if level == Int32(SWB_IPPROTO_IPV6), type == Int32(IPV6_PKTINFO), data.count >= 20 {
        result.destination = data.address(at: 0)
        result.ifindex = data.loadUnaligned(fromByteOffset: 16, as: Int32.self)
      }
      if level == SOL_SOCKET, type == Int32(SWB_SO_TIMESTAMPNS_NEW), data.count >= 16 {
        let seconds = data.loadUnaligned(fromByteOffset: 0, as: Int64.self)
        let nanoseconds = data.loadUnaligned(fromByteOffset: 8, as: Int64.self)
        // The kernel notes arrivals in wall time, which somebody may set; we need monotonic time.
        // So we compute how long the datagram has waited. If that is negative or over a minute,
        // the wall clock was set meanwhile, and the time of arrival is not known.
        let wall = MonotonicClock.wallMicroseconds()
        let age = wall &- (seconds &* 1_000_000 &+ nanoseconds / 1000)
        if age >= 0, age < 60_000_000 { result.monotonic = MonotonicClock.microseconds() - age }
      }
    }
    self = result
  }
}
