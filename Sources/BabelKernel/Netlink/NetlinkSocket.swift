import CLinux

/// A socket of netlink, of its family for routes mostly. It never waits.
struct NetlinkSocket: ~Copyable, Sendable {
  /// The descriptor to poll.
  let descriptor: FileDescriptor
  /// The address of this socket. The notifications of changes that we make through the socket carry
  /// it.
  let portID: UInt32
  /// Whether the kernel checks requests strictly. Such a kernel can also dump a single table.
  let isStrict: Bool

  /// Opens a socket that is subscribed to `groups` (RTMGRP bits). It does not hear of changes that
  /// the sockets with the addresses `ignoring` make. `family` is that of routes, or another one.
  init(
    groups: UInt32 = 0, receiveBuffer: Int32, ignoring portIDs: [UInt32] = [], family: Int32 = 0
  ) throws(KernelError) {
    let number = try Syscall.check("open netlink socket") {
      socket(AF_NETLINK, Int32(SWB_SOCK_RAW | SWB_SOCK_FLAGS), family)
    }
    let owner = FileDescriptor(owning: number)
    enlargeReceiveBuffer(number, octets: receiveBuffer)
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    // Both options are only a help. Kernels before 4.12 lack the first, and those before 4.20 the
    // second.
    let level = Int32(SWB_SOL_NETLINK)
    _ = setsockopt(number, level, Int32(NetlinkOption.extendedAcknowledgment), &on, size)
    let strict = setsockopt(number, level, Int32(NetlinkOption.strictCheck), &on, size)
    // The filter is set before the subscription, so that it catches even the first message.
    if !portIDs.isEmpty { try NetlinkFilter.attach(number, portIDs) }
    var name = sockaddr_nl()
    name.nl_family = numericCast(AF_NETLINK)
    name.nl_groups = groups
    try Syscall.check("bind netlink socket") {
      NetlinkSocket.with(&name) { bind(number, $0, $1) }
    }
    var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
    try Syscall.check("getsockname") {
      withUnsafeMutablePointer(to: &name) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
      }
    }
    descriptor = owner
    portID = name.nl_pid
    isStrict = strict == 0
  }

  private static func with<Result>(
    _ name: inout sockaddr_nl, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_nl>.size))
      }
    }
  }

  /// Asks the kernel for one change over a socket of its own, and throws the error that it answers.
  /// The request must ask for an acknowledgment.
  static func request(
    _ request: borrowing NetlinkBuilder, _ operation: String
  ) throws(KernelError) {
    let socket = try NetlinkSocket(receiveBuffer: 64 << 10)
    try socket.send(request)
    var buffer = [UInt8](repeating: 0, count: 1024)
    guard let count = try socket.receive(into: &buffer) else {
      throw KernelError(operation: operation, errno: ErrorNumber.wouldBlock)
    }
    let bytes = buffer.span
    var cursor = NetlinkMessageCursor(count: count)
    while let message = cursor.next(in: bytes) {
      guard let answer = NetlinkAnswer(message, in: bytes), answer.errno != 0 else { continue }
      throw KernelError(operation: operation, errno: answer.errno, kernelMessage: answer.text)
    }
  }

  /// Sends messages to the kernel, which works on them before the call returns.
  func send(_ messages: borrowing NetlinkBuilder) throws(KernelError) {
    let number = descriptor.rawValue
    let count = Syscall.retrying {
      messages.withBytes { CLinux.send(number, $0.baseAddress, $0.count, 0) }
    }
    if count < 0 { throw Syscall.failure("send to netlink") }
  }

  /// Receives one datagram of messages. Nil if there is none. Throws `noBufferSpace` if messages
  /// were lost for lack of room, and `messageTooLong` if `buffer` was too small.
  func receive(into buffer: inout [UInt8]) throws(KernelError) -> Int? {
    let number = descriptor.rawValue
    // Any process may send to a netlink socket. Datagrams that do not come from the kernel are
    // skipped.
    for _ in 0..<NetlinkSocket.foreignLimit {
      var name = sockaddr_nl()
      var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
      let count = buffer.withUnsafeMutableBytes { data in
        withUnsafeMutablePointer(to: &name) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
            Syscall.retrying {
              recvfrom(
                number, data.baseAddress, data.count, Int32(SWB_MSG_TRUNC), name, &length)
            }
          }
        }
      }
      if count < 0 {
        if Syscall.errno == ErrorNumber.wouldBlock { return nil }
        throw Syscall.failure("receive from netlink")
      }
      if name.nl_pid != 0 { continue }
      if count > buffer.count {
        throw KernelError(operation: "receive from netlink", errno: ErrorNumber.messageTooLong)
      }
      return count
    }
    return nil
  }

  /// How many foreign datagrams are skipped in one call at most, so that a flood of them cannot
  /// stop us.
  private static var foreignLimit: Int { 64 }

  /// The size of buffers for receiving in octets. In a dump the kernel fills no more.
  static var bufferCount: Int { 32 << 10 }
}

/// What the kernel answered to one request.
package struct NetlinkAnswer {
  /// 0 for success, else the positive error number.
  package let errno: Int32
  /// What the kernel says in words; may be empty.
  package let text: String
  /// Where the answer repeats the body of the request; empty if it does not.
  package let request: Range<Int>
  /// `nlmsg_type` of the request.
  package let requestType: UInt16
  /// `nlmsg_flags` of the request.
  package let requestFlags: UInt16

  /// Reads the body of an NLMSG_ERROR message:
  /// `struct nlmsgerr { s32 error; struct nlmsghdr request; … }`; nil if malformed.
  package init?(_ message: NetlinkMessage, in bytes: Span<UInt8>) {
    let body = message.body
    let fixed = 4 + NetlinkMessage.headerCount
    guard message.type == NetlinkType.error, body.count >= fixed, body.upperBound <= bytes.count
    else { return nil }
    let start = body.lowerBound
    let code = Int32(bitPattern: bytes.nativeUInt32(at: start))
    guard code <= 0, code > Int32.min else { return nil }
    errno = -code
    let length = Int(clamping: bytes.nativeUInt32(at: start + 4))
    requestType = bytes.nativeUInt16(at: start + 8)
    requestFlags = bytes.nativeUInt16(at: start + 10)
    var attributes = start + fixed
    let isRepeated = message.flags & NetlinkFlag.capped == 0 && code != 0
    if isRepeated, length >= NetlinkMessage.headerCount, length <= body.count - 4 {
      request = start + fixed..<start + 4 + length
      attributes = min(start + 4 + netlinkAligned(length), body.upperBound)
    } else {
      request = attributes..<attributes
    }
    var words: [UInt8] = []
    if message.flags & NetlinkFlag.answerAttributes != 0 {
      var cursor = NetlinkAttributeCursor(attributes..<body.upperBound)
      while let attribute = cursor.next(in: bytes) {
        if attribute.type == AnswerAttribute.message { words = attribute.text(in: bytes) }
      }
    }
    text = String(decoding: words, as: UTF8.self)
  }
}
