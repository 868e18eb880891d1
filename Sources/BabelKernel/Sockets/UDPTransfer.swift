import BabelWire
import CLinux

extension UDPSocket {
  /// Waits until there is room for another datagram, at most until `deadline`, in microseconds of
  /// ``MonotonicClock``. Returns whether there is.
  public func waitForRoom(until deadline: Int64) -> Bool {
    var poll = PollSet()
    let index = poll.add(descriptor, .write)
    do throws(KernelError) {
      _ = try poll.wait(until: deadline)
    } catch {
      // The next attempt to send tells what is wrong.
      return false
    }
    return poll.isWritable(index)
  }

  /// How full the send buffer is, in percent, at most 100; 0 if the kernel does not tell. A
  /// datagram takes room while the link is busy, and while the kernel looks for the link-layer
  /// address of its destination: three seconds if there is none.
  public var sendFillPercent: Int {
    var queued: Int32 = 0
    let result = swabel_ioctl(descriptor.rawValue, UInt(SWB_SIOCOUTQ), &queued)
    guard result == 0, queued > 0, sendBufferOctets > 0 else { return 0 }
    return Int(min(Int64(queued) * 100 / Int64(sendBufferOctets), 100))
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
