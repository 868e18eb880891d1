import BabelWire
import CLinux

// These functions write struct sockaddr_in6 octet by octet: family, port, flow, address, scope. The
// C libraries name the parts of in6_addr differently, but the layout is the same.

/// Runs `body` with the `sockaddr_in6` of an address.
func withIPv6Address<Result>(
  _ address: IPAddress, port: UInt16, scope: UInt32,
  _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  var storage = sockaddr_in6()
  withUnsafeMutableBytes(of: &storage) {
    $0.storeBytes(of: UInt16(AF_INET6), toByteOffset: 0, as: UInt16.self)
    $0.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
    $0.store(address, at: 8)
    $0.storeBytes(of: scope, toByteOffset: 24, as: UInt32.self)
  }
  let size = socklen_t(MemoryLayout<sockaddr_in6>.size)
  return withUnsafePointer(to: &storage) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
  }
}

/// Runs `body` with the `sockaddr_in` of an IPv4 address: family, port, address.
func withIPv4Address<Result>(
  _ address: IPAddress, port: UInt16 = 0, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  var storage = sockaddr_in()
  withUnsafeMutableBytes(of: &storage) {
    $0.storeBytes(of: UInt16(AF_INET), toByteOffset: 0, as: UInt16.self)
    $0.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
    $0.storeBytes(of: address.ipv4Bits.bigEndian, toByteOffset: 4, as: UInt32.self)
  }
  let size = socklen_t(MemoryLayout<sockaddr_in>.size)
  return withUnsafePointer(to: &storage) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
  }
}

/// Runs `body` with the `sockaddr_un` of a path; nil if the path is empty or too long.
func withUnixAddress<Result>(
  _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result? {
  var storage = sockaddr_un()
  let octets = Array(path.utf8)
  // Two octets of family, then the path with its final zero.
  let room = MemoryLayout<sockaddr_un>.size - 3
  guard !octets.isEmpty, octets.count <= room, !octets.contains(0) else { return nil }
  withUnsafeMutableBytes(of: &storage) {
    $0.storeBytes(of: UInt16(AF_UNIX), toByteOffset: 0, as: UInt16.self)
    for i in octets.indices { $0[2 + i] = octets[i] }
  }
  let size = socklen_t(MemoryLayout<sockaddr_un>.size)
  return withUnsafePointer(to: &storage) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
  }
}

/// Sets an integer socket option.
func setOption(
  _ descriptor: Int32, _ level: Int, _ option: Int, _ value: Int32,
  _ operation: @autoclosure () -> String
) throws(KernelError) {
  var value = value
  try Syscall.check(operation()) {
    setsockopt(
      descriptor, Int32(level), Int32(option), &value, socklen_t(MemoryLayout<Int32>.size))
  }
}

/// Asks for a receive buffer of `octets`, beyond the limit of the system if we have the right to.
/// The kernel doubles the number. It is no error if the buffer becomes smaller than wanted.
func enlargeReceiveBuffer(_ descriptor: Int32, octets: Int32) {
  var wanted = octets
  let size = socklen_t(MemoryLayout<Int32>.size)
  let forced = setsockopt(descriptor, SOL_SOCKET, Int32(SWB_SO_RCVBUFFORCE), &wanted, size)
  if forced != 0 { _ = setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &wanted, size) }
}

/// The size of a buffer (`SO_RCVBUF`, `SO_SNDBUF`) as the kernel accounts it, in octets; 0 if it
/// does not tell.
func bufferSize(_ descriptor: Int32, _ option: Int32) -> Int {
  var value: Int32 = 0
  var size = socklen_t(MemoryLayout<Int32>.size)
  return getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? Int(value) : 0
}
