import CLinux

/// An open file descriptor with one owner. It is closed when the owner goes away.
public struct FileDescriptor: ~Copyable, Sendable {
  /// The number; valid while this value lives.
  public let rawValue: Int32

  /// Takes ownership of an open descriptor.
  public init(owning number: Int32) { rawValue = number }

  /// Another descriptor for what a number (0, 1 or 2) stands for.
  public static func copy(of number: Int32) throws(KernelError) -> FileDescriptor {
    FileDescriptor(owning: try Syscall.check("dup") { dup(number) })
  }

  deinit { if rawValue >= 0 { _ = CLinux.close(rawValue) } }

  /// Reads up to `buffer.count` octets; 0 at the end of the file, nil if nothing is there now.
  public func read(into buffer: inout [UInt8]) throws(KernelError) -> Int? {
    let number = rawValue
    let count = Syscall.retrying {
      buffer.withUnsafeMutableBytes { CLinux.read(number, $0.baseAddress, $0.count) }
    }
    if count >= 0 { return count }
    if Syscall.errno == ErrorNumber.wouldBlock { return nil }
    throw Syscall.failure("read")
  }

  /// Writes what is accepted now, from `start` on; nil if nothing is accepted.
  public func write(_ bytes: [UInt8], from start: Int = 0) throws(KernelError) -> Int? {
    try FileDescriptor.write(bytes, from: start, to: rawValue)
  }

  /// Writes to a descriptor that somebody else owns, such as 1 or 2.
  public static func write(
    _ bytes: [UInt8], from start: Int = 0, to number: Int32
  ) throws(KernelError) -> Int? {
    guard start < bytes.count else { return 0 }
    let count = Syscall.retrying {
      bytes.withUnsafeBytes { (all: UnsafeRawBufferPointer) -> Int in
        let rest = UnsafeRawBufferPointer(rebasing: all[start...])
        return CLinux.write(number, rest.baseAddress, rest.count)
      }
    }
    if count >= 0 { return count }
    if Syscall.errno == ErrorNumber.wouldBlock { return nil }
    throw Syscall.failure("write")
  }
}
