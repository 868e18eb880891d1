import BabelWire

private let neighbour = IPAddress(high: 0xFE80_0000_0000_0000, low: 1)

/// One thing to be sent.
private enum Item: Equatable {
  case hello(Hello)
  case ihu(IHU)
  case acknowledgmentRequest(AcknowledgmentRequest)
  case acknowledgment(Acknowledgment)
  case routeRequest(RouteRequest)
  case seqnoRequest(SeqnoRequest)
  case wildcardRequest, wildcardRetraction
  case update(OutgoingUpdate)
  case challengeRequest(UInt8)
  case challengeReply(UInt8)
  case pathRequest(PathRequest)
  case pathReply(PathReply)
}

extension Octets {
  fileprivate mutating func prefix(_ family: AddressFamily) -> Prefix {
    let length = Int(next8())
    if family == .ipv4 {
      return Prefix(IPAddress(ipv4: next32()), length: length % 33) ?? .ipv4Default
    }
    let address = IPAddress(high: next64(), low: length & 1 == 0 ? 0 : next64())
    let prefix = Prefix(mapped: address, mappedLength: UInt8(length % 129))
    return prefix.family == .ipv6 ? prefix : .ipv6Default
  }

  private mutating func routerID() -> RouterID { RouterID(0x0200_0000_0000_0000 | UInt64(next8())) }
  private mutating func interval() -> Interval { Interval(centiseconds: max(1, next16())) }

  private mutating func update(_ choice: UInt8) -> OutgoingUpdate {
    let family: AddressFamily = choice & 1 == 0 ? .ipv4 : .ipv6
    let routerID = routerID()
    var destination = prefix(family)
    if family == .ipv6, choice & 2 != 0 {
      destination = Prefix(
        mapped: IPAddress(high: destination.address.high, low: routerID.rawValue), mappedLength: 128
      )
    }
    let nextHops: [UpdateNextHop] = [
      .ipv4(IPAddress(ipv4: 0xC000_0200 | UInt32(choice >> 6))), .ipv6,
    ]
    return OutgoingUpdate(
      destination: destination, source: choice & 4 == 0 ? .any(family) : prefix(family),
      routerID: routerID, seqno: Seqno(next16()),
      metric: choice & 8 == 0 ? Metric(next16()) : .infinity, interval: interval(),
      nextHop: family == .ipv6 ? .packetSource : nextHops[Int(choice >> 4) & 1])
  }

  private mutating func address(_ choice: UInt8) -> IPAddress? {
    switch choice & 3 {
    case 0: return nil
    case 1: return IPAddress(ipv4: next32())
    case 2: return IPAddress(high: 0xFE80_0000_0000_0000, low: next64())
    default:
      let address = IPAddress(high: next64(), low: next64())
      return address.family == .ipv6 ? address : nil
    }
  }

  private mutating func pathStep(_ choice: UInt8) -> PathStep {
    PathStep(
      status: PathStatus(rawValue: choice & 7) ?? .unknown, metric: Metric(next16()),
      linkCost: Metric(next16()), roundTripTime: choice & 8 == 0 ? nil : next32() >> 1,
      history: next16(), prefixLength: choice & 16 == 0 ? nil : next8() & 0x7F,
      nextHop: address(choice))
  }

  fileprivate mutating func item() -> Item {
    let choice = next8()
    let family: AddressFamily = choice & 1 == 0 ? .ipv4 : .ipv6
    switch next8() & 15 {
    case 0:
      return .hello(
        Hello(
          isUnicast: choice & 1 != 0, seqno: Seqno(next16()),
          interval: Interval(centiseconds: next16()),
          transmitTimestamp: choice & 2 == 0 ? nil : next32()))
    case 1:
      return .ihu(
        IHU(
          address: address(choice), rxcost: Metric(next16()), interval: interval(),
          timestamps: choice & 4 == 0 ? nil : IHUTimestamps(origin: next32(), receive: next32())))
    case 2:
      return .acknowledgmentRequest(AcknowledgmentRequest(opaque: next16(), interval: interval()))
    case 3: return .acknowledgment(Acknowledgment(opaque: next16()))
    case 4:
      return .routeRequest(
        RouteRequest(
          destination: prefix(family), source: choice & 2 == 0 ? .any(family) : prefix(family)))
    case 5:
      return .seqnoRequest(
        SeqnoRequest(
          destination: prefix(family), source: choice & 2 == 0 ? .any(family) : prefix(family),
          seqno: Seqno(next16()), hopCount: max(1, next8()), routerID: routerID()))
    case 6: return .wildcardRequest
    case 7: return .wildcardRetraction
    case 8: return .challengeRequest(choice % 193)
    case 9: return .challengeReply(choice % 193)
    case 10:
      return .pathRequest(
        PathRequest(
          nonce: next32(), hop: max(1, next8()),
          destination: family == .ipv4
            ? IPAddress(ipv4: 0x0A00_0000 | next32() & 0xFF_FFFF)
            : IPAddress(high: 0x2001_0DB8_0000_0000, low: next64()),
          source: choice & 2 == 0 ? .any(family) : prefix(family)))
    case 11:
      return .pathReply(
        PathReply(
          nonce: next32(), hop: max(1, next8()), routerID: routerID(), step: pathStep(choice)))
    default: return .update(update(choice))
    }
  }
}

extension PacketEncoder {
  fileprivate mutating func append(_ item: Item) -> Bool {
    switch item {
    case .hello(let hello): append(hello)
    case .ihu(let ihu): append(ihu)
    case .acknowledgmentRequest(let request): append(request)
    case .acknowledgment(let answer): append(answer)
    case .routeRequest(let request): append(request)
    case .seqnoRequest(let request): append(request)
    case .wildcardRequest: appendWildcardRequest()
    case .wildcardRetraction: appendWildcardRetraction(seqno: Seqno(1))
    case .update(let update): append(update)
    case .pathRequest(let request): append(request)
    case .pathReply(let reply): append(reply)
    case .challengeRequest(let count):
      appendChallengeRequest(nonce: [UInt8](repeating: 7, count: Int(count)))
    case .challengeReply(let count):
      appendChallengeReply(nonce: [UInt8](repeating: 7, count: Int(count)))
    }
  }
}

private func isSame(_ item: Item, _ tlv: TLV) -> Bool {
  switch (item, tlv) {
  case (.hello(let a), .hello(let b)): return a == b
  case (.ihu(let a), .ihu(let b)): return a == b
  case (.acknowledgmentRequest(let a), .acknowledgmentRequest(let b)): return a == b
  case (.acknowledgment(let a), .acknowledgment(let b)): return a == b
  case (.routeRequest(let a), .routeRequest(let b)): return a == b
  case (.seqnoRequest(let a), .seqnoRequest(let b)): return a == b
  case (.wildcardRequest, .wildcardRequest), (.wildcardRetraction, .wildcardRetraction): return true
  case (.challengeRequest(let a), .challengeRequest(let b)): return Int(a) == b.count
  case (.challengeReply(let a), .challengeReply(let b)): return Int(a) == b.count
  case (.pathRequest(let a), .pathRequest(let b)): return a == b
  case (.pathReply(let a), .pathReply(let b)): return a == b
  case (.update(let a), .update(let b)):
    guard a.destination == b.destination, a.source == b.source, a.seqno == b.seqno,
      a.metric == b.metric, a.interval == b.interval
    else { return false }
    if a.metric.isInfinite { return true }
    switch a.nextHop {
    case .ipv4(let address): return a.routerID == b.routerID && b.nextHop == address
    case .named(let address): return a.routerID == b.routerID && b.nextHop == address
    case .ipv6, .packetSource: return a.routerID == b.routerID && b.nextHop == neighbour
    }
  default: return false
  }
}

/// Decodes a packet and compares it with what was put into it.
private func check(_ encoder: PacketEncoder, _ expected: [Item]) {
  let bytes = encoder.bytes
  precondition(bytes.count == encoder.count && bytes.count <= encoder.limit)
  let span = bytes.span
  guard var decoder = try? PacketDecoder(span, from: neighbour, toMulticast: false) else {
    preconditionFailure("the header is wrong")
  }
  var left = expected[...]
  while let found = decoder.next(in: span) {
    guard case .tlv(let tlv) = found else { preconditionFailure("sent something to be ignored") }
    switch tlv {
    case .routerID, .nextHop, .pad1, .padN: continue
    default: break
    }
    guard let item = left.popFirst(), isSame(item, tlv) else {
      preconditionFailure("something else came out than went in")
    }
  }
  precondition(left.isEmpty, "something was lost")
}

/// Any octets as a list of TLVs to be sent: every packet within its limit, and read back as meant.
enum EncodingTrial {
  static func run(_ octets: [UInt8]) {
    var input = Octets(octets)
    var encoder = PacketEncoder(
      limit: Int(input.next16()) % 3000, trailerReserve: Int(input.next8()) * 2,
      bodyReserve: Int(input.next8() & 63))
    var expected: [Item] = []
    while !input.isEmpty {
      let item = input.item()
      let before = encoder
      if encoder.append(item) {
        expected.append(item)
        continue
      }
      precondition(
        encoder.bytes == before.bytes && encoder.timestampOffset == before.timestampOffset)
      check(encoder, expected)
      encoder.reset()
      expected = []
      if encoder.append(item) {
        expected.append(item)
      } else {
        switch item {
        case .challengeRequest(let count), .challengeReply(let count): precondition(count > 100)
        default: preconditionFailure("does not fit into an empty packet")
        }
      }
    }
    if input.next8() & 1 == 0 { encoder.padTrailer(to: Int(input.next16())) }
    check(encoder, expected)
  }
}
