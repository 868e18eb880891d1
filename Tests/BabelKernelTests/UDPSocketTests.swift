import BabelWire
import CLinux
import Testing

@testable import BabelKernel

@Suite(.serialized, .timeLimit(.minutes(1))) struct `Datagrams between two namespaces` {
  let port: UInt16 = 6696

  /// Waits for one datagram, at most two seconds, and returns it with its octets.
  private func receive(
    _ socket: borrowing UDPSocket, room: Int = 100
  ) throws -> (ReceivedDatagram, [UInt8]) {
    var poll = PollSet()
    let index = poll.add(socket.descriptor, .read)
    let ready = try poll.wait(until: MonotonicClock.microseconds() + 2_000_000)
    let isReadable = poll.isReadable(index)
    #expect(ready == 1 && isReadable)
    let batch = ReceiveBatch(room: room)
    let count = try batch.receive(from: socket)
    #expect(count == 1)
    var found: (ReceivedDatagram, [UInt8])?
    batch.withDatagram(0) { datagram, octets in
      found = (datagram, octets.indices.map { octets[$0] })
    }
    batch.withDatagram(1) { _, _ in Issue.record("there is no second datagram") }
    return try #require(found)
  }

  /// Two namespaces joined by `v0` (fe80::1) and `v1` (fe80::2).
  func withPair(
    _ body: (borrowing NetworkNamespace, borrowing NetworkNamespace) throws -> Void
  ) throws {
    let left = try NetworkNamespace.make()
    let right = try NetworkNamespace.make()
    try left.enter {
      try run("ip link add v0 type veth peer name v1 netns \(right.path)")
      try run("ip link set v0 up; ip addr add fe80::1/64 dev v0 nodad")
      try run("ip addr add fe80::11/64 dev v0 nodad")
    }
    try right.enter { try run("ip link set v1 up; ip addr add fe80::2/64 dev v1 nodad") }
    // A link drops packets until a task of the kernel has noticed the carrier.
    for _ in 0..<200 {
      let isReady =
        try left.enter { try link("v0").isRunning } && right.enter { try link("v1").isRunning }
      if isReady { break }
      usleep(10_000)
    }
    usleep(10_000)
    try body(left, right)
  }

  @Test func `a multicast arrives with its interface, source and destination`() throws {
    try withPair { left, right in
      let group = try address("ff02::1:6")
      let (sender, out) = try left.enter { (try UDPSocketBox(port), try link("v0").ifindex) }
      let (receiver, into) = try right.enter { (try UDPSocketBox(port), try link("v1").ifindex) }
      try receiver.socket.join(group, on: into)
      let hasTimes = receiver.socket.enableArrivalTimes()
      let lacksTrafficClass = sender.socket.lacksTrafficClass
      let room = sender.socket.receiveBufferOctets
      #expect(hasTimes && !lacksTrafficClass && room >= 4 << 20)
      let nothing = try ReceiveBatch(room: 100).receive(from: receiver.socket)
      #expect(nothing == 0)
      let before = MonotonicClock.microseconds()
      let hello: [UInt8] = [42, 2, 0, 0]
      let pinned = try address("fe80::11")
      let isSent = try sender.socket.send(
        hello.span, to: group, ifindex: out, sourceAddress: pinned, dontFragment: true)
      #expect(isSent)
      let (datagram, octets) = try receive(receiver.socket)
      #expect(datagram.count == 4 && octets == hello && !datagram.isTruncated)
      #expect(datagram.source == pinned && datagram.port == port)
      #expect(datagram.ifindex == into && datagram.destination == group)
      let arrival = try #require(datagram.arrival)
      #expect(arrival >= before - 1000 && arrival <= MonotonicClock.microseconds() + 1000)
      try receiver.socket.leave(group, on: into)
      #expect(throws: KernelError.self) { try receiver.socket.leave(group, on: into) }
    }
  }

  @Test(arguments: [AddressFamily.ipv4, .ipv6])
  func `groups are joined on more links than one socket may have`(family: AddressFamily) throws {
    let namespace = try NetworkNamespace.make()
    try namespace.enter {
      for i in 0..<24 { try run("ip link add v\(i) type bridge; ip link set v\(i) up") }
      let box = try UDPSocketBox(port, family: family)
      let group = try address(family == .ipv4 ? "224.0.0.111" : "ff02::1:6")
      var reader = try KernelReader()
      let links = try reader.links().filter { !$0.isLoopback }.map { $0.ifindex }
      try #require(links.count == 24)
      // This is done many times, so that the test notices a membership that was not given up.
      for _ in 0..<30 {
        for ifindex in links { try box.socket.join(group, on: ifindex) }
        for ifindex in links { try box.socket.leave(group, on: ifindex) }
      }
      #expect(throws: KernelError.self) { try box.socket.leave(group, on: links[20]) }
    }
  }

  @Test func `a socket that would stay deaf does not let others join for it`() throws {
    // A netlink socket has none of these options, as if the kernel did not know them.
    let number = socket(AF_NETLINK, Int32(SWB_SOCK_DGRAM), 0)
    try #require(number >= 0)
    defer { close(number) }
    let group = try address("224.0.0.111")
    let error = #expect(throws: KernelError.self) {
      try Membership(group: group, ifindex: 1, family: .ipv4).heedOthers(number)
    }
    #expect(error?.errno == ErrorNumber.noSuchOption)
    // Without the option of IPv6 the kernel gives every socket what arrives for any group.
    try Membership(group: try address("ff02::1:6"), ifindex: 1, family: .ipv6).heedOthers(number)
  }

  @Test func `a long datagram is cut and known to be`() throws {
    try withPair { left, right in
      let (sender, out) = try left.enter { (try UDPSocketBox(port), try link("v0").ifindex) }
      let receiver = try right.enter { try UDPSocketBox(port) }
      let long = [UInt8](repeating: 7, count: 1200)
      let peer = try address("fe80::2")
      let isSent = try sender.socket.send(long.span, to: peer, ifindex: out)
      #expect(isSent)
      let (datagram, _) = try receive(receiver.socket)
      #expect(datagram.isTruncated && datagram.count == 100 && datagram.destination == peer)
      #expect(datagram.arrival == nil)
    }
  }

  @Test func `a datagram that must not be fragmented is refused above the MTU`() throws {
    try withPair { left, _ in
      let (sender, out) = try left.enter { (try UDPSocketBox(port), try link("v0").ifindex) }
      let peer = try address("fe80::2")
      let long = [UInt8](repeating: 7, count: 1500)
      let isSent = try sender.socket.send(long.span, to: peer, ifindex: out)
      #expect(isSent)
      let error = #expect(throws: KernelError.self) {
        try sender.socket.send(long.span, to: peer, ifindex: out, dontFragment: true)
      }
      #expect(error?.errno == ErrorNumber.messageTooLong)
    }
  }

  @Test(arguments: [AddressFamily.ipv4, .ipv6])
  func `a full socket is waited for, whatever its family, and only so long`(
    family: AddressFamily
  ) throws {
    try NetworkNamespace.make().enter {
      // Nobody has the address, so packets wait in the kernel until they are too many.
      try run("ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up")
      try run("ip addr add 10.9.0.1/24 dev d0; ip addr add fe80::1/64 dev d0 nodad")
      try run("sysctl -qw net.ipv4.neigh.d0.unres_qlen_bytes=100000000")
      try run("sysctl -qw net.ipv6.neigh.d0.unres_qlen_bytes=100000000")
      let socket = try UDPSocket(port: port, family: family)
      let out = try link("d0").ifindex
      let began = MonotonicClock.microseconds()
      let hasRoom = socket.waitForRoom(until: began + 1_000_000)
      #expect(hasRoom && MonotonicClock.microseconds() - began < 500_000)
      let octets = [UInt8](repeating: 0, count: 1400)
      let peer = try address(family == .ipv4 ? "10.9.0.7" : "fe80::7")
      let emptiness = socket.sendFillPercent
      var isFull = false
      for _ in 0..<10_000 where !isFull {
        isFull = try !socket.send(octets.span, to: peer, ifindex: out)
      }
      let fullness = socket.sendFillPercent
      #expect(emptiness == 0 && fullness == 100)
      let full = MonotonicClock.microseconds()
      let hasMore = socket.waitForRoom(until: full + 20_000)
      #expect(isFull && !hasMore && MonotonicClock.microseconds() - full >= 20_000)
    }
  }

  @Test func `a port that another socket shares is found taken`() throws {
    try NetworkNamespace.make().enter {
      #expect(try !UDPSocket.isPortTaken(port))
      let first = try UDPSocketBox(port)
      #expect(try UDPSocket.isPortTaken(port))
      let second = try UDPSocketBox(port)
      let ports = (first.socket.port, second.socket.port)
      #expect(ports == (port, port))
    }
  }

  @Test func `who has a port is counted`() throws {
    let text = """
        sl  local_address                         remote_address                        st
       42: 00000000000000000000000000000000:1A28 00000000000000000000000000000000:0000 07
       43: 000080FE00000000FF11220201000000:1A28 00000000000000000000000000000000:0000 07
       44: 0000000000000000FFFF000000000000:1A28 00000000000000000000000000000000:0000 07
       45: 00000000000000000000FFFF00000000:1A28 00000000000000000000000000000000:0000 07
       46: 00000000000000000000000000000000:1A29 00000000000000000000000000000000:0000 07
      """
    #expect(UDPSocket.holderCount(ofPort: port, Array(text.utf8)) == 2)
    #expect(UDPSocket.holderCount(ofPort: port, []) == 0)
    try NetworkNamespace.make().enter {
      let first = try UDPSocket(port: port)
      let ipv4 = try UDPSocket(port: port, family: .ipv4)
      #expect(UDPSocket.holderCount(ofPort: port) == 1)
      let second = try UDPSocket(port: port)
      #expect(UDPSocket.holderCount(ofPort: port) == 2)
      #expect(first.port == ipv4.port && second.port == port)
    }
  }
}

/// Lets a socket be returned from a generic closure.
final class UDPSocketBox {
  let socket: UDPSocket
  init(_ port: UInt16, family: AddressFamily = .ipv6) throws {
    socket = try UDPSocket(port: port, family: family)
  }
}
