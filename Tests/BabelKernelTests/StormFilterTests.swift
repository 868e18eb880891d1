import BabelKernel
import BabelWire
import CLinux
import Testing

private let hello: [UInt8] = [42, 2, 0, 8, 4, 6, 0, 0, 0, 1, 0, 100]

/// A Hello and a PC TLV.
private func sealed(_ counter: UInt8, _ index: [UInt8]) -> [UInt8] {
  let tlv = [17, UInt8(4 + index.count), 0, 0, 0, counter] + index
  return [42, 2, 0, UInt8(8 + tlv.count)] + hello[4...] + tlv
}

/// Returns how many datagrams waited.
private func drain(_ socket: borrowing UDPSocket) throws -> Int {
  let batch = ReceiveBatch(room: 1500)
  var total = 0
  while true {
    let count = try batch.receive(from: socket)
    total += count
    if count < ReceiveBatch.size { return total }
  }
}

extension `Datagrams between two namespaces` {
  /// A socket at each end; `body` also gets the receiver's interface, and a function that sends
  /// from one of the addresses of the left and says how many of `copies` arrived.
  private func withFlood(
    _ body: (
      _ receiver: borrowing UDPSocket, _ ifindex: Int32,
      _ arrive: (_ from: String, _ payload: [UInt8], _ copies: Int) throws -> Int
    ) throws -> Void
  ) throws {
    try withPair { left, right in
      let (sender, out) = try left.enter { (try UDPSocketBox(port), try link("v0").ifindex) }
      let (receiver, into) = try right.enter { (try UDPSocketBox(port), try link("v1").ifindex) }
      let peer = try address("fe80::2")
      try body(receiver.socket, into) { source, payload, copies in
        let from = try address(source)
        for _ in 0..<copies {
          let isSent = try sender.socket.send(
            payload.span, to: peer, ifindex: out, sourceAddress: from)
          #expect(isSent)
        }
        return try drain(receiver.socket)
      }
    }
  }

  private func filter(
    _ ifindex: Int32, share: StormFilter.Share, _ senders: [StormFilter.Sender]
  ) -> StormFilter {
    let link = StormFilter.Link(ifindex: ifindex, share: share, senders: senders)
    return StormFilter(links: [link], port: port)
  }

  @Test func `while a link is flooded, packets of known senders pass and nothing else`() throws {
    try withFlood { receiver, ifindex, arrive in
      let known = StormFilter.Sender(try address("fe80::11"))
      #expect(try arrive("fe80::1", [], 3) == 3)
      let isSet = receiver.filter(filter(ifindex, share: 0, [known]))
      #expect(isSet)
      #expect(try arrive("fe80::11", hello, 3) == 3)
      #expect(try arrive("fe80::11", [42, 2, 0, 0], 3) == 3)
      #expect(try arrive("fe80::11", hello + [1, 1, 0], 3) == 3, "with a trailer")
      #expect(try arrive("fe80::1", hello, 3) == 0)
      var bad = hello
      bad[0] = 41
      #expect(try arrive("fe80::11", bad, 3) == 0, "another magic")
      bad = hello
      bad[1] = 3
      #expect(try arrive("fe80::11", bad, 3) == 0, "another version")
      #expect(try arrive("fe80::11", Array(hello.dropLast()), 3) == 0, "cut")
      for count in 0..<4 { #expect(try arrive("fe80::11", Array(hello[..<count]), 3) == 0) }
      let isOver = receiver.filter(nil)
      #expect(isOver)
      #expect(try arrive("fe80::1", [], 3) == 3)
    }
  }

  @Test func `a filter takes a share at random, and leaves other links alone`() throws {
    try withFlood { receiver, ifindex, arrive in
      let known = StormFilter.Sender(try address("fe80::11"), share: 1 << 30)
      let isSet = receiver.filter(filter(ifindex, share: 1 << 31, [known]))
      #expect(isSet)
      // The bound is four and a half standard deviations, which chance exceeds once in 100,000
      // runs.
      let strangers = try arrive("fe80::1", hello, 1000)
      #expect((429...571).contains(strangers))
      let few = try arrive("fe80::11", hello, 1000)
      #expect((188...312).contains(few))
      let isOther = receiver.filter(filter(ifindex + 1, share: 0, []))
      #expect(isOther)
      #expect(try arrive("fe80::1", hello, 10) == 10)
    }
  }

  @Test func `of a sender whose name is abused, only what continues its counter passes`() throws {
    try withFlood { receiver, ifindex, arrive in
      let index: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
      let seal = StormFilter.Seal(index: index, counter: 20)
      let known = StormFilter.Sender(try address("fe80::11"), seal: seal, unsealedShare: 0)
      let isSet = receiver.filter(filter(ifindex, share: 0, [known]))
      #expect(isSet)
      #expect(try arrive("fe80::11", sealed(21, index), 3) == 3)
      #expect(try arrive("fe80::11", sealed(21, index) + [16, 2, 9, 9], 3) == 3)
      #expect(try arrive("fe80::11", sealed(20, index), 3) == 0, "heard before")
      #expect(try arrive("fe80::11", hello, 3) == 0, "unsealed")
      #expect(try arrive("fe80::11", sealed(21, index.reversed()), 3) == 0, "another index")
      #expect(try arrive("fe80::11", sealed(21, Array(index[..<4])), 3) == 0, "a shorter one")
      #expect(try arrive("fe80::11", [42, 2, 0, 0], 3) == 0)
    }
  }

  @Test(arguments: [0, 1, 3, 6, 31, 32])
  func `the counter of a sender with an index of any length is looked at`(length: Int) throws {
    try withFlood { receiver, ifindex, arrive in
      let index = (0..<UInt8(length)).map { $0 &* 7 &+ 1 }
      let seal = StormFilter.Seal(index: index, counter: 20)
      let known = StormFilter.Sender(try address("fe80::11"), seal: seal, unsealedShare: 0)
      let isSet = receiver.filter(filter(ifindex, share: 0, [known]))
      #expect(isSet)
      #expect(try arrive("fe80::11", sealed(21, index), 3) == 3)
      #expect(try arrive("fe80::11", sealed(20, index), 3) == 0, "heard before")
      #expect(try arrive("fe80::11", hello, 3) == 0, "unsealed")
      #expect(try arrive("fe80::11", sealed(21, index + [9]), 3) == 0, "a longer one")
      for place in index.indices {
        var other = index
        other[place] ^= 1
        #expect(try arrive("fe80::11", sealed(21, other), 1) == 0, "another at \(place)")
      }
    }
  }

  @Test func `a filter finds each of many senders, and has room for all it may name`() throws {
    try withPair { left, right in
      let (sender, out) = try left.enter { (try UDPSocketBox(port), try link("v0").ifindex) }
      let (receiver, into) = try right.enter { (try UDPSocketBox(port), try link("v1").ifindex) }
      let peer = try address("fe80::2")
      let all = try (0..<256).map { try address("fe80::5:\(String($0 * 7, radix: 16))") }
      try left.enter {
        for i in stride(from: 0, to: 256, by: 5) {
          try run("ip addr add \(all[i])/64 dev v0 nodad")
        }
        try run("ip addr add fe80::5:1/64 dev v0 nodad")
      }
      let links = (0..<16).map { number in
        let senders = number == 7 ? all.reversed().map { StormFilter.Sender($0) } : []
        return StormFilter.Link(ifindex: into + 7 - Int32(number), share: 0, senders: senders)
      }
      for _ in 0..<3 {
        let isSet = receiver.socket.filter(StormFilter(links: links, port: port))
        #expect(isSet)
      }
      var sent = 0
      for i in stride(from: 0, to: 256, by: 5) {
        let isSent = try sender.socket.send(
          hello.span, to: peer, ifindex: out, sourceAddress: all[i])
        #expect(isSent)
        sent += 1
      }
      let stranger = try address("fe80::5:1")
      _ = try sender.socket.send(hello.span, to: peer, ifindex: out, sourceAddress: stranger)
      #expect(try drain(receiver.socket) == sent)
    }
  }

  @Test func `a filter knows senders on a socket for IPv4, too`() throws {
    try withPair { left, right in
      let (sender, out) = try left.enter {
        try run("ip addr add 10.9.0.1/24 dev v0; ip addr add 10.9.0.11/24 dev v0")
        return (try UDPSocketBox(port, family: .ipv4), try link("v0").ifindex)
      }
      let (receiver, into) = try right.enter {
        try run("ip addr add 10.9.0.2/24 dev v1")
        return (try UDPSocketBox(port, family: .ipv4), try link("v1").ifindex)
      }
      let known = StormFilter.Sender(try address("10.9.0.11"))
      let isSet = receiver.socket.filter(filter(into, share: 0, [known]))
      #expect(isSet)
      let peer = try address("10.9.0.2")
      for source in ["10.9.0.1", "10.9.0.11", "10.9.0.1", "10.9.0.11"] {
        let isSent = try sender.socket.send(
          hello.span, to: peer, ifindex: out, sourceAddress: try address(source))
        #expect(isSent)
      }
      usleep(50_000)
      #expect(try drain(receiver.socket) == 2)
    }
  }

  @Test func `a socket says how full it is`() throws {
    try NetworkNamespace.make().enter {
      try run("ip link set lo up")
      let socket = try UDPSocket(port: port, receiveBuffer: 8192)
      let empty = socket.fillPercent
      #expect(empty == 0)
      let loopback = try address("::1")
      for _ in 0..<50 { _ = try socket.send(hello.span, to: loopback, ifindex: 0) }
      let full = socket.fillPercent
      #expect(full > 50)
    }
  }
}
