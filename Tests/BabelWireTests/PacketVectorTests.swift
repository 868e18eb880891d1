import BabelWire
import Testing

/// Packets captured from babeld and packets made up for each rule, compared field by field.
@Suite struct `Packet vectors` {
  @Test func `all 118 vectors are here`() {
    #expect(PacketVector.all.count == 118)
  }

  // The source address and port of a datagram are judged by the core, which has tests of its
  // own for these two (§4); the packets themselves are sound.
  static let judgedByTheCore: Set<String> = ["source not link-local", "source port"]

  @Test(arguments: PacketVector.all.filter { $0.expect == "drop-packet" })
  func `a packet to be dropped is dropped as a whole, §4.2`(_ vector: PacketVector) throws {
    let fault: PacketFault? =
      switch vector.dropReason {
      case "magic": .magic
      case "version": .version
      case "shorter than header": .short
      case "body length exceeds datagram": .bodyLength
      default: nil
      }
    if let fault {
      #expect(throws: fault) { try vector.decoded() }
    } else {
      #expect(Self.judgedByTheCore.contains(vector.dropReason ?? ""))
      #expect(
        try vector.decoded() == [
          .tlv(
            .hello(
              Hello(
                isUnicast: false, seqno: Seqno(50), interval: Interval(centiseconds: 400),
                transmitTimestamp: nil)))
        ])
    }
  }

  @Test(arguments: PacketVector.all.filter { $0.expect != "drop-packet" })
  func `each TLV decodes as the vector says, §4.2 §4.3 §4.4 §4.5 §4.6`(_ vector: PacketVector)
    throws
  {
    let items = try #require(vector.decode)
    let decoded = try vector.decoded()
    #expect(decoded.count == items.count)
    for (item, found) in zip(items, decoded) {
      switch found {
      case .ignored(let type, let fault):
        #expect(item.ignored != nil, "\(item.tlv) was ignored: \(fault)")
        #expect(type == item.expectedType(vector))
      case .tlv(let tlv):
        #expect(item.ignored == nil, "\(item.tlv) should be ignored: \(item.ignored ?? "")")
        expectFields(of: tlv, toMatch: item, in: vector)
      }
    }
    let hasIgnored = items.contains { $0.ignored != nil }
    #expect(hasIgnored == (vector.expect == "ignore-tlv"))
  }
}

extension PacketVector.Item {
  func expectedType(_ vector: PacketVector) -> UInt8 {
    let types: [String: UInt8] = [
      "Pad1": 0, "PadN": 1, "AckRequest": 2, "Ack": 3, "Hello": 4, "IHU": 5, "RouterId": 6,
      "NextHop": 7, "Update": 8, "RouteRequest": 9, "SeqnoRequest": 10, "MAC": 16, "PC": 17,
      "ChallengeRequest": 18, "ChallengeReply": 19,
    ]
    if tlv == "Unknown" { return type ?? 0 }
    if tlv == "Truncated" { return octetsFromHex(bytesHex ?? "00")[0] }
    return types[tlv] ?? 255
  }

  var flagBits: UInt16 { UInt16((flags ?? "0x0").dropFirst(2), radix: 16) ?? 0 }
  var timestamp: PacketVector.Sub? {
    subtlvs?.first { $0.sub == "Timestamp" && $0.ignored == nil }
  }
  var routerID: RouterID? {
    routerId.flatMap { UInt64($0, radix: 16) }.map { RouterID($0) }
  }
  func octets(_ range: OctetRange, of vector: PacketVector) -> [UInt8] {
    Array(vector.octets[range.offset..<range.offset + range.count])
  }
}

private func expectFields(
  of tlv: TLV, toMatch item: PacketVector.Item, in vector: PacketVector
) {
  switch tlv {
  case .pad1: #expect(item.tlv == "Pad1")
  case .padN(let count): #expect(item.tlv == "PadN" && count == item.len)
  case .acknowledgmentRequest(let request):
    #expect(item.tlv == "AckRequest" && request.opaque == item.opaque)
    #expect(request.interval.centiseconds == item.intervalCs)
  case .acknowledgment(let answer):
    #expect(item.tlv == "Ack" && answer.opaque == item.opaque)
  case .hello(let hello):
    #expect(item.tlv == "Hello" && hello.seqno.rawValue == item.seqno)
    #expect(hello.isUnicast == item.unicast && hello.isUnicast == (item.flagBits >> 15 == 1))
    #expect(hello.interval.centiseconds == item.intervalCs)
    #expect(hello.isScheduled == item.scheduled)
    #expect(hello.transmitTimestamp == item.timestamp?.transmit)
  case .ihu(let ihu):
    #expect(item.tlv == "IHU" && ihu.rxcost.rawValue == item.rxcost)
    #expect(ihu.interval.centiseconds == item.intervalCs)
    #expect(ihu.address == item.address.flatMap { IPAddress($0) })
    #expect(ihu.timestamps?.origin == item.timestamp?.origin)
    #expect(ihu.timestamps?.receive == item.timestamp?.receive)
  case .routerID(let routerID):
    #expect(item.tlv == "RouterId" && routerID == item.routerID)
  case .nextHop(let address):
    #expect(item.tlv == "NextHop" && address == item.address.flatMap { IPAddress($0) })
  case .wildcardRetraction:
    #expect(item.tlv == "Update" && item.ae == 0 && item.metric == 65535)
  case .wildcardRequest: #expect(item.tlv == "RouteRequest" && item.wildcard == true)
  case .update(let update): expectFields(of: update, toMatch: item)
  case .routeRequest(let request):
    #expect(item.tlv == "RouteRequest")
    expectPrefixes(request.destination, request.source, toMatch: item)
  case .seqnoRequest(let request):
    #expect(item.tlv == "SeqnoRequest" && request.seqno.rawValue == item.seqno)
    #expect(request.hopCount == item.hopCount && request.routerID == item.routerID)
    expectPrefixes(request.destination, request.source, toMatch: item)
  case .mac(let range):
    #expect(item.tlv == "MAC" && item.where == "trailer")
    #expect(item.octets(range, of: vector) == octetsFromHex(item.macHex ?? "-"))
  case .packetCounter(let counter):
    #expect(item.tlv == "PC" && counter.counter == item.pc)
    #expect(item.octets(counter.index, of: vector) == octetsFromHex(item.indexHex ?? "-"))
  case .challengeRequest(let range):
    #expect(item.tlv == "ChallengeRequest")
    #expect(item.octets(range, of: vector) == octetsFromHex(item.nonceHex ?? "-"))
  case .challengeReply(let range):
    #expect(item.tlv == "ChallengeReply")
    #expect(item.octets(range, of: vector) == octetsFromHex(item.nonceHex ?? "-"))
  case .pathRequest, .pathReply: Issue.record("the vectors have none")
  }
}

private func expectFields(of update: Update, toMatch item: PacketVector.Item) {
  #expect(item.tlv == "Update" && update.encoding.rawValue == item.ae)
  #expect(UInt16(update.flags) == item.flagBits && update.omitted == item.omitted)
  #expect(update.interval.centiseconds == item.intervalCs)
  #expect(update.seqno.rawValue == item.seqno && update.metric.rawValue == item.metric)
  expectPrefixes(update.destination, update.source, toMatch: item)
  if !update.isRetraction || item.routerId != nil { #expect(update.routerID == item.routerID) }
  if !update.isRetraction || item.nextHop != nil {
    #expect(update.nextHop == item.nextHop.flatMap { IPAddress($0) })
  }
}

private func expectPrefixes(
  _ destination: Prefix, _ source: Prefix, toMatch item: PacketVector.Item
) {
  #expect(destination.description == item.prefix && destination.length == item.plen)
  let expected = item.sourcePrefix.flatMap { Prefix($0) } ?? .any(destination.family)
  #expect(source == expected)
}
