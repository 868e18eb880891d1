import BabelWire
import CLinux

/// A stream connection to a program on this machine (Unix or TCP on ::1). It never waits.
public struct LocalConnection: ~Copyable, Sendable {
  /// The descriptor to poll.
  public let descriptor: FileDescriptor

  /// Takes over a connected socket.
  public init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Connects to a Unix socket.
  public init(path: String) throws(KernelError) {
    let socket = try openStream(AF_UNIX)
    let number = socket.rawValue
    let operation = "connect to \(path)"
    let result = withUnixAddress(path) { name, size in
      Syscall.retrying { connect(number, name, size) }
    }
    guard let result else {
      throw KernelError(operation: operation, errno: ErrorNumber.invalid)
    }
    if result < 0 { throw Syscall.failure(operation) }
    descriptor = socket
  }

  /// Starts to connect to TCP `[::1]:port`. The descriptor becomes writable when the connection is
  /// there.
  public init(port: UInt16) throws(KernelError) {
    let socket = try openStream(AF_INET6)
    let number = socket.rawValue
    let loopback = IPAddress(high: 0, low: 1)
    let result = withIPv6Address(loopback, port: port, scope: 0) { name, size in
      Syscall.retrying { connect(number, name, size) }
    }
    if result < 0, Syscall.errno != EINPROGRESS {
      throw Syscall.failure("connect to [::1]:\(port)")
    }
    descriptor = socket
  }

  /// Throws what became of a connection that was started and is now writable, if it failed.
  public func checkConnected() throws(KernelError) {
    var failure: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    let number = descriptor.rawValue
    try Syscall.check("connect") { getsockopt(number, SOL_SOCKET, SO_ERROR, &failure, &size) }
    if failure != 0 { throw KernelError(operation: "connect", errno: failure) }
  }

  /// The process that listens at the other end of a Unix socket. Nil for TCP, and if it is not in
  /// our process namespace.
  public var listeningProcess: Int32? {
    // struct ucred: process, user, group.
    var credentials: [Int32] = [0, 0, 0]
    var size = socklen_t(12)
    let result = getsockopt(
      descriptor.rawValue, SOL_SOCKET, Int32(SWB_SO_PEERCRED), &credentials, &size)
    return result == 0 && size == 12 && credentials[0] > 0 ? credentials[0] : nil
  }

  /// What reading brought.
  public enum Received: Equatable, Sendable {
    /// So many octets were read into the buffer.
    case octets(Int)
    /// There is nothing to read now.
    case nothingYet
    /// The other side has closed.
    case closed
  }

  /// Reads into `buffer`, up to its `count`. A reset connection counts as closed.
  public func read(into buffer: inout [UInt8]) throws(KernelError) -> Received {
    do throws(KernelError) {
      guard let count = try descriptor.read(into: &buffer) else { return .nothingYet }
      return count == 0 ? .closed : .octets(count)
    } catch {
      if error.errno == ECONNRESET { return .closed }
      throw error
    }
  }

  /// Writes `bytes` from `start` on. Returns how many octets were taken: 0 if there is no room
  /// now, nil if the other side is gone.
  public func write(_ bytes: [UInt8], from start: Int = 0) throws(KernelError) -> Int? {
    guard start < bytes.count else { return 0 }
    let number = descriptor.rawValue
    let count = Syscall.retrying {
      bytes.withUnsafeBytes { (all: UnsafeRawBufferPointer) -> Int in
        let rest = UnsafeRawBufferPointer(rebasing: all[start...])
        return send(number, rest.baseAddress, rest.count, Int32(SWB_MSG_NOSIGNAL))
      }
    }
    if count >= 0 { return count }
    switch Syscall.errno {
    case ErrorNumber.wouldBlock: return 0
    case EPIPE, ECONNRESET: return nil
    default: throw Syscall.failure("write to local socket")
    }
  }

  /// Tells the other side that nothing more will be written; it can still write.
  public func finish() { _ = shutdown(descriptor.rawValue, Int32(SHUT_WR)) }
}

/// Opens a non-blocking stream socket.
func openStream(_ family: Int32) throws(KernelError) -> FileDescriptor {
  let number = try Syscall.check("open stream socket") {
    socket(family, Int32(SWB_SOCK_STREAM | SWB_SOCK_FLAGS), 0)
  }
  return FileDescriptor(owning: number)
}
