import CLinux

/// Random octets of the kernel (`getrandom`).
public enum Entropy {
  /// Fills the array. It waits only if the machine has just started and has no entropy yet.
  public static func fill(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { fill($0) }
  }

  /// A random 64-bit number.
  public static func uint64() -> UInt64 {
    var value: UInt64 = 0
    withUnsafeMutableBytes(of: &value) { fill($0) }
    return value
  }

  private static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = Syscall.retrying { getrandom(rest.baseAddress, rest.count, 0) }
      // Without random octets we end, because router-ids and nonces must not be predictable.
      if count <= 0 { die("getrandom failed") }
      done += count
    }
  }
}
