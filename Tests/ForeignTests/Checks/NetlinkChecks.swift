import BabelKernel
import BabelWire
import CLinux

/// Writes messages as the kernel of a little-endian machine does, octet by octet.
private struct KernelOctets {
  private(set) var all: [UInt8] = []

  mutating func add(_ octets: [UInt8]) { all += octets }
  mutating func add(_ number: UInt16) { all += [UInt8(number & 0xFF), UInt8(number >> 8)] }
  mutating func add(_ number: UInt32) {
    for shift: UInt32 in [0, 8, 16, 24] {
      all.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }
  mutating func add(_ number: UInt64) {
    add(UInt32(truncatingIfNeeded: number))
    add(UInt32(truncatingIfNeeded: number >> 32))
  }

  private mutating func pad() { while all.count & 3 != 0 { all.append(0xEE) } }

  /// An attribute with octets up to the next multiple of four that mean nothing.
  mutating func attribute(_ type: UInt16, _ value: [UInt8]) {
    add(UInt16(4 + value.count))
    add(type)
    all += value
    pad()
  }

  mutating func attribute(_ type: UInt16, _ value: UInt32) {
    add(UInt16(8))
    add(type)
    add(value)
  }

  /// A message; its length is the true one unless another is named.
  mutating func message(
    _ type: UInt16, length: UInt32? = nil, flags: UInt16 = 0, _ body: [UInt8]
  ) {
    add(length ?? UInt32(16 + body.count))
    add(type)
    add(flags)
    add(UInt32.max)
    add(UInt32(0x8000_0000))
    all += body
    pad()
  }

  static func octets(_ write: (inout KernelOctets) -> Void) -> [UInt8] {
    var octets = KernelOctets()
    write(&octets)
    return octets.all
  }
}

extension Findings {
  /// Messages of the kernel with attributes of odd lengths and numbers of 32 and 64 bits.
  mutating func checkNetlink() {
    checkLink()
    checkAddress()
    checkRoutes()
    checkImpossibleLengths()
    checkAnswer()
    checkControlMessages()
    checkWhatIsWritten()
    checkTunnel()
  }

  private static func events(_ octets: [UInt8]) -> [KernelEvent] {
    var found: [KernelEvent] = []
    var cursor = NetlinkMessageCursor(count: octets.count)
    while let message = cursor.next(in: octets.span) {
      if let event = KernelEvent(message, in: octets.span) { found.append(event) }
    }
    return found
  }

  /// `struct ifinfomsg` with attributes.
  private static func linkBody(_ ifindex: UInt32, _ name: String) -> [UInt8] {
    KernelOctets.octets {
      $0.add([0, 0] as [UInt8])
      $0.add(UInt16(65534))
      $0.add(ifindex)
      $0.add(UInt32.max)
      $0.add(UInt32(0))
      $0.attribute(3, Array(name.utf8) + [0])
      $0.attribute(1, [2, 0, 0xFF, 0xFE, 0x80, 1, 7])
      $0.attribute(4, .max)
      $0.attribute(10, 0x7FFF_FFFF)
      // Sixty-four bits of statistics that we do not read.
      $0.attribute(23, [UInt8](repeating: 0xFF, count: 201))
      $0.attribute(18, KernelOctets.octets { $0.attribute(1, Array("wireguard".utf8) + [0]) })
    }
  }

  private mutating func checkLink() {
    var octets = KernelOctets()
    // The lengths of the messages are odd, too: the next one begins at a multiple of four.
    octets.message(16, Self.linkBody(0x7FFF_FFFF, "wg0") + [9])
    octets.message(16, Self.linkBody(0x8000_0000, "wg1") + [9, 9, 9])
    octets.message(17, Self.linkBody(1, "abcdefghijklmno"))
    let events = Self.events(octets.all)
    expect("links", Int64(events.count), 2)
    guard case .linkChanged(let link)? = events.first,
      case .linkRemoved(let gone)? = events.last
    else { return expect(false, "a link is not read") }
    expect("ifindex", Int64(link.ifindex), 0x7FFF_FFFF)
    expect("MTU", Int64(link.mtu), 0xFFFF_FFFF)
    expect("flags", Int64(link.flags), 0xFFFF_FFFF)
    expect("master", Int64(link.master), 0x7FFF_FFFF)
    expect("name", link.name.description, "wg0")
    expect("octets of an address", Int64(link.hardwareAddress.count), 7)
    expect(link.kind == .wireguard, "kind")
    expect("name", gone.name.description, "abcdefghijklmno")
  }

  private mutating func checkAddress() {
    func body(_ ifindex: UInt32, _ flags: UInt32) -> [UInt8] {
      KernelOctets.octets {
        $0.add([2, 32, 0x80, 0] as [UInt8])
        $0.add(ifindex)
        $0.attribute(3, Array("e0.1".utf8) + [0])
        $0.attribute(1, [255, 255, 255, 255])
        $0.attribute(2, [128, 0, 0, 1])
        $0.attribute(8, flags)
      }
    }
    var octets = KernelOctets()
    octets.message(20, body(0x7FFF_FFFF, 0x8000_0080))
    octets.message(20, body(0xFFFF_FFFF, 0))
    let events = Self.events(octets.all)
    expect("addresses", Int64(events.count), 1)
    guard case .addressChanged(let address)? = events.first else {
      return expect(false, "an address is not read")
    }
    expect("address", address.address.description, "128.0.0.1")
    expect("peer", address.network.description, "255.255.255.255")
    expect("flags", Int64(address.flags), 0x8000_0080)
    expect("ifindex", Int64(address.ifindex), 0x7FFF_FFFF)
  }

  private mutating func checkRoutes() {
    func body(_ table: UInt32, _ metric: UInt32, _ expires: UInt32) -> [UInt8] {
      KernelOctets.octets {
        $0.add([10, 33, 0, 0, 252, 42, 0, 1] as [UInt8])
        $0.add(UInt32(0))
        $0.attribute(1, [0xFE, 0x80, 0, 1, 0x80] + [UInt8](repeating: 0, count: 11))
        $0.attribute(15, table)
        $0.attribute(6, metric)
        $0.attribute(4, 0x7FFF_FFFF)
        $0.attribute(30, 0xFFFF_FFFE)
        // Preference, one octet.
        $0.attribute(20, [3])
        $0.attribute(
          12,
          KernelOctets.octets {
            for word in [UInt32.max, .max, expires, .max, 0, 0, 0, 0] { $0.add(word) }
          })
      }
    }
    for (expires, lifetime) in [(0x7FFF_FFFF, 21_474_836_470_000), (1, 10_000)] as [(UInt32, Int64)]
    {
      var octets = KernelOctets()
      octets.message(24, flags: 0x100, body(0xFFFF_FFFF, 0x8000_0000, expires) + [1])
      octets.message(25, body(0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFFF))
      let events = Self.events(octets.all)
      guard events.count == 2, case .routeAdded(let route, true) = events[0],
        case .routeRemoved(let other) = events[1]
      else { return expect(false, "a route is not read") }
      expect("table", Int64(route.table), 0xFFFF_FFFF)
      expect("metric", Int64(route.metric), 0x8000_0000)
      expect("interface", route.ifindex.map { Int64($0) }, 0x7FFF_FFFF)
      expect("next hop", Int64(route.nexthopID), 0xFFFF_FFFE)
      expect("lifetime", route.lifetime, lifetime)
      expect("destination", route.destination.description, "fe80:1:8000::/33")
      expect(!route.isDead && other.isDead && other.lifetime == nil, "the time that is left")
      expect("table", Int64(other.table), 0x8000_0000)
      expect("metric", Int64(other.metric), 0xFFFF_FFFF)
    }
  }

  /// A walk ends where a length cannot be; nothing is added to it before.
  private mutating func checkImpossibleLengths() {
    let good = Self.linkBody(1, "e0")
    for length in [0, 15, 1 << 20, 0x7FFF_FFFC, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFC, .max]
      as [UInt32]
    {
      var octets = KernelOctets()
      octets.message(16, good)
      octets.message(16, length: length, good)
      octets.message(16, good)
      expect("links before the length \(length)", Int64(Self.events(octets.all).count), 1)
    }
    for length in [0, 3, 0x7FFF, 0x8000, 0xFFFF] as [UInt16] {
      var octets = KernelOctets()
      octets.message(
        16,
        good
          + KernelOctets.octets {
            $0.add(length)
            $0.add(UInt16(4))
            $0.add(UInt32(68))
          })
      guard case .linkChanged(let link)? = Self.events(octets.all).first else {
        return expect(false, "a link before the length \(length)")
      }
      expect("MTU before the length \(length)", Int64(link.mtu), 0xFFFF_FFFF)
    }
  }

  private mutating func checkAnswer() {
    for (code, length) in [(-17, 16), (-105, .max), (-2_147_483_647, 0x8000_0000)]
      as [(Int32, UInt32)]
    {
      let octets = KernelOctets.octets {
        $0.message(
          2,
          KernelOctets.octets {
            $0.add(UInt32(bitPattern: code))
            $0.add(length)
            for _ in 0..<4 { $0.add(UInt32.max) }
          })
      }
      var cursor = NetlinkMessageCursor(count: octets.count)
      let message = cursor.next(in: octets.span)
      let answer = message.flatMap { NetlinkAnswer($0, in: octets.span) }
      expect("error", answer.map { Int64($0.errno) }, -Int64(code))
      expect("sequence", message.map { Int64($0.sequence) }, 0xFFFF_FFFF)
      expect("sender", message.map { Int64($0.portID) }, 0x8000_0000)
    }
    expect((0..<RouteWriter.windowCount).contains(RouteWriter.slot(.max)), "a place for an answer")
  }

  /// Two control messages with data of an odd length, whose header has the size of this machine's
  /// words, then one whose length cannot be.
  private mutating func checkControlMessages() {
    let word = MemoryLayout<Int>.size
    for length in [0x7FFF_FFFF, 0x8000_0000, .max, 3] as [UInt32] {
      let octets = KernelOctets.octets {
        for (number, count) in [(7, 5), (8, 20)] as [(UInt32, Int)] {
          $0.add(UInt32(word + 8 + count))
          if word == 8 { $0.add(UInt32(0)) }
          $0.add(UInt32.max)
          $0.add(number)
          $0.add([UInt8](repeating: 0x80, count: (count + word - 1) / word * word))
        }
        $0.add(length)
        for _ in 0..<8 { $0.add(UInt32(0)) }
      }
      var found: [(level: Int32, type: Int32, count: Int)] = []
      octets.withUnsafeBytes { raw in
        ControlMessage.forEach(in: raw) { found.append(($0, $1, $2.count)) }
      }
      expect("control messages", Int64(found.count), 2)
      expect("data", found.first.map { Int64($0.count) }, 5)
      expect("data", found.last.map { Int64($0.count) }, 20)
      expect("type", found.last.map { Int64($0.type) }, 8)
      expect("level", found.last.map { Int64($0.level) }, -1)
    }
  }

  /// What is written reads the same, at multiples of four.
  private mutating func checkWhatIsWritten() {
    for family in [AddressFamily.ipv4, .ipv6] {
      let destination = Prefix(mapped: IPAddress(ipv4: 0xFF00_0000), mappedLength: 104)
      for gateway in [
        IPAddress(ipv4: 0x8000_0001), IPAddress(high: 0xFE80_0000_0000_0000, low: .max),
      ] where family == .ipv4 || gateway.family == .ipv6 {
        var route = KernelRoute(
          destination: family == .ipv4 ? destination : .any(.ipv6), table: .max, metric: .max,
          gateway: gateway, ifindex: .max)
        route.typeOfService = 0xFF
        var builder = NetlinkBuilder(capacity: 512)
        builder.route(route, type: 24, flags: 0xFFFF, sequence: .max)
        builder.route(route, type: 25, flags: 0, sequence: 0)
        let events = Self.events(builder.bytes)
        expect("octets beyond a multiple of four", Int64(builder.count & 3), 0)
        expect(events == [.routeAdded(route, replacing: true), .routeRemoved(route)], "\(route)")
      }
    }
    let source = Prefix(mapped: IPAddress(ipv4: 0xFF00_0000), mappedLength: 105)
    let rule = KernelRule(source: source, table: 0x8000_0000, priority: .max)
    var builder = NetlinkBuilder(capacity: 128)
    builder.rule(rule, type: 32, flags: 0, sequence: 1)
    let bytes = builder.bytes
    expect(KernelRule(message: 16..<bytes.count, in: bytes.span) == rule, "\(rule)")
  }

  /// Counters of a tunnel beyond 32 bits, and the time of a handshake after 2038 and 2106.
  private mutating func checkTunnel() {
    for seconds in Self.edges {
      let lines = [
        "public_key=" + String(repeating: "8f", count: 32),
        "last_handshake_time_sec=\(seconds)", "rx_bytes=18446744073709551615",
        "tx_bytes=\(seconds)", "errno=0\n\n",
      ]
      let peer = WireGuardDevice(text: Array(lines.joined(separator: "\n").utf8))?.peers.first
      expect("handshake", peer?.handshake, seconds)
      expect(peer?.received == .max, "octets received")
      expect("octets sent", peer.map { Int64(clamping: $0.sent) }, seconds)
    }
  }
}
