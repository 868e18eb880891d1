import CLinux

/// The CMSG_* macros, which Swift does not import. A control message has a header of one size_t and
/// two ints, and everything is rounded up to the size of a word.
package enum ControlMessage {
  private static func up(_ count: Int) -> Int {
    let word = MemoryLayout<Int>.size
    return (count + word - 1) & ~(word - 1)
  }
  /// Octets before the data.
  static var header: Int { up(MemoryLayout<cmsghdr>.size) }
  /// `CMSG_SPACE`: octets taken by a message with `count` octets of data.
  static func space(_ count: Int) -> Int { header + up(count) }
  /// `CMSG_LEN`: the length field of a message with `count` octets of data.
  static func length(_ count: Int) -> Int { header + count }

  /// Calls `body` with level, type and data of each message; stops at a bad length.
  package static func forEach(
    in control: UnsafeRawBufferPointer,
    _ body: (_ level: Int32, _ type: Int32, _ data: UnsafeRawBufferPointer) -> Void
  ) {
    var offset = 0
    let fields = MemoryLayout<Int>.size
    while offset + header <= control.count {
      // musl declares the length as 32 bits plus padding; on a little-endian machine the low half
      // is first in both, and lengths here are far below 2^16.
      #if _endian(little)
        let length = Int(clamping: control.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      #else
        let length = control.loadUnaligned(fromByteOffset: offset, as: Int.self)
      #endif
      guard length >= header, length <= control.count - offset else { return }
      let level = control.loadUnaligned(fromByteOffset: offset + fields, as: Int32.self)
      let type = control.loadUnaligned(fromByteOffset: offset + fields + 4, as: Int32.self)
      body(
        level, type, UnsafeRawBufferPointer(rebasing: control[offset + header..<offset + length]))
      offset += up(length)
    }
  }

  /// Appends a message: returns where its data goes, and moves `used` behind it.
  static func append(
    level: Int32, type: Int32, count: Int, to control: UnsafeMutableRawBufferPointer,
    used: inout Int
  ) -> UnsafeMutableRawBufferPointer {
    let start = used
    let fields = MemoryLayout<Int>.size
    control.storeBytes(of: length(count), toByteOffset: start, as: Int.self)
    control.storeBytes(of: level, toByteOffset: start + fields, as: Int32.self)
    control.storeBytes(of: type, toByteOffset: start + fields + 4, as: Int32.self)
    used += space(count)
    return UnsafeMutableRawBufferPointer(
      rebasing: control[start + header..<start + header + count])
  }
}
