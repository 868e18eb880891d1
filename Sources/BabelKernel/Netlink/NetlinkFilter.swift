import CLinux

/// A program that the kernel runs on each message before it gives it to us (classic BPF).
enum NetlinkFilter {
  /// Drops notifications whose `nlmsg_pid` (offset 12) is the address of one of our sockets.
  static func attach(_ number: Int32, _ portIDs: [UInt32]) throws(KernelError) {
    let load = UInt16(BPF_LD | BPF_W | BPF_ABS)
    let jumpIfEqual = UInt16(BPF_JMP | BPF_JEQ | BPF_K)
    let answer = UInt16(BPF_RET | BPF_K)
    guard portIDs.count <= 64 else { die("too many port ids for a jump") }
    var program = [sock_filter(code: load, jt: 0, jf: 0, k: 12)]
    for (i, portID) in portIDs.enumerated() {
      // The filter reads numbers in network byte order, but netlink writes them in that of the
      // machine.
      program.append(
        sock_filter(
          code: jumpIfEqual, jt: UInt8(portIDs.count - i), jf: 0, k: portID.bigEndian))
    }
    program.append(sock_filter(code: answer, jt: 0, jf: 0, k: .max))
    program.append(sock_filter(code: answer, jt: 0, jf: 0, k: 0))
    let count = UInt16(program.count)
    try Syscall.check("attach netlink filter") {
      program.withUnsafeMutableBufferPointer { instructions in
        var description = sock_fprog(len: count, filter: instructions.baseAddress)
        return setsockopt(
          number, SOL_SOCKET, SO_ATTACH_FILTER, &description,
          socklen_t(MemoryLayout<sock_fprog>.size))
      }
    }
  }
}
