import BabelWire
import CLinux

extension UDPSocket {
  /// Receives one datagram into `buffer` (all of its `count` octets may be used); nil if none is
  /// waiting. Errors that the network reports for earlier datagrams are thrown once each.
  public func receive(into buffer: inout [UInt8]) throws(KernelError) -> ReceivedDatagram? {
    let number = descriptor.rawValue
    var from = sockaddr_in6()
    var header = msghdr()
    var arrival = ArrivalRecord()
    // Room for IPV6_PKTINFO (20 octets), a time (16) and something unexpected.
    let room = ControlMessage.space(20) + ControlMessage.space(16) + 64
    let count = buffer.withUnsafeMutableBytes { (data: UnsafeMutableRawBufferPointer) -> Int in
      withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { control in
        var vector = iovec(iov_base: data.baseAddress, iov_len: numericCast(data.count))
        return withUnsafeMutablePointer(to: &vector) { vector in
          withUnsafeMutablePointer(to: &from) { from in
            header.msg_name = UnsafeMutableRawPointer(from)
            header.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
            header.msg_iov = vector
            header.msg_iovlen = 1
            header.msg_control = control.baseAddress
            header.msg_controllen = numericCast(room)
            let count = Syscall.retrying { recvmsg(number, &header, 0) }
            if count >= 0 {
              let used = min(Int(header.msg_controllen), room)
              arrival.read(UnsafeRawBufferPointer(rebasing: control[..<used]))
            }
            return count
          }
        }
      }
    }
    if count < 0 {
      if Syscall.errno == ErrorNumber.wouldBlock { return nil }
      throw Syscall.failure("receive")
    }
    let (source, port) = withUnsafeBytes(of: &from) {
      ($0.address(at: 8), UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)))
    }
    return ReceivedDatagram(
      count: count, source: source, port: port, ifindex: arrival.ifindex,
      destination: arrival.destination,
      isTruncated: Int(header.msg_flags) & SWB_MSG_TRUNC != 0, arrival: arrival.monotonic)
  }

  /// Sends one datagram. `sourceAddress`, if given, must be ours; nil lets the kernel choose.
  /// `dontFragment` makes the kernel refuse what does not fit (`messageTooLong`). Returns false
  /// if there is no room now.
  public func send(
    _ bytes: Span<UInt8>, to destination: IPAddress, port: UInt16? = nil, ifindex: Int32,
    sourceAddress: IPAddress? = nil, dontFragment: Bool = false
  ) throws(KernelError) -> Bool {
    let number = descriptor.rawValue
    let room = ControlMessage.space(20) + ControlMessage.space(4)
    let scope = UInt32(bitPattern: ifindex)
    let probes = dontFragment && family == .ipv4
    if probes { setIPv4Probing(true) }
    defer { if probes { setIPv4Probing(false) } }
    let count = bytes.withUnsafeBytes { data in
      withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { control -> Int in
        control.initializeMemory(as: UInt8.self, repeating: 0)
        var used = 0
        if let sourceAddress {
          let data = ControlMessage.append(
            level: Int32(SWB_IPPROTO_IPV6), type: Int32(IPV6_PKTINFO), count: 20, to: control,
            used: &used)
          data.store(sourceAddress, at: 0)
          data.storeBytes(of: ifindex, toByteOffset: 16, as: Int32.self)
        }
        if dontFragment, !probes {
          let data = ControlMessage.append(
            level: Int32(SWB_IPPROTO_IPV6), type: Int32(IPV6_DONTFRAG), count: 4, to: control,
            used: &used)
          data.storeBytes(of: 1, toByteOffset: 0, as: Int32.self)
        }
        var vector = iovec(
          iov_base: UnsafeMutableRawPointer(mutating: data.baseAddress),
          iov_len: numericCast(data.count))
        return withUnsafeMutablePointer(to: &vector) { vector in
          withIPv6Address(destination, port: port ?? self.port, scope: scope) { name, size in
            var header = msghdr()
            header.msg_name = UnsafeMutableRawPointer(mutating: name)
            header.msg_namelen = size
            header.msg_iov = vector
            header.msg_iovlen = 1
            header.msg_control = used == 0 ? nil : control.baseAddress
            header.msg_controllen = numericCast(used)
            return Syscall.retrying { sendmsg(number, &header, Int32(SWB_MSG_NOSIGNAL)) }
          }
        }
      }
    }
    if count >= 0 { return true }
    let errno = Syscall.errno
    if errno == ErrorNumber.wouldBlock || errno == ErrorNumber.noBufferSpace { return false }
    throw KernelError(operation: "send to \(destination)", errno: errno)
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
        // The stamp is wall time; what counts is how long the datagram has waited. A wait beyond
        // a minute can only be a clock that was set meanwhile.
        let wall = MonotonicClock.wallMicroseconds()
        let age = wall &- (seconds &* 1_000_000 &+ nanoseconds / 1000)
        if age >= 0, age < 60_000_000 { result.monotonic = MonotonicClock.microseconds() - age }
      }
    }
    self = result
  }
}
