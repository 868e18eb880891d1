import BabelWire

/// What a decoded TLV says, by the names that the vectors have for it.
private struct Facts {
  private var all: [(name: String, word: String)] = []

  subscript(_ name: [UInt8]) -> String? {
    all.first { $0.name.utf8.elementsEqual(name) }?.word
  }

  init(_ tlv: TLV, _ packet: [UInt8]) {
    switch tlv {
    case .pad1, .pathRequest, .pathReply: break
    case .padN(let count): add("len", count)
    case .acknowledgmentRequest(let request):
      add("opaque", Int(request.opaque))
      add("interval_cs", Int(request.interval.centiseconds))
    case .acknowledgment(let answer): add("opaque", Int(answer.opaque))
    case .hello(let hello):
      add("seqno", Int(hello.seqno.rawValue))
      add("interval_cs", Int(hello.interval.centiseconds))
      add("unicast", hello.isUnicast ? "true" : "false")
      add("scheduled", hello.isScheduled ? "true" : "false")
      add("transmit", hello.transmitTimestamp)
    case .ihu(let ihu):
      add("rxcost", Int(ihu.rxcost.rawValue))
      add("interval_cs", Int(ihu.interval.centiseconds))
      add("address", ihu.address?.description)
      add("origin", ihu.timestamps?.origin)
      add("receive", ihu.timestamps?.receive)
    case .routerID(let id): add("router_id", Self.digits(id))
    case .nextHop(let address): add("address", address.description)
    case .wildcardRetraction: add("metric", 65535)
    case .wildcardRequest: add("wildcard", "true")
    case .update(let update): add(update)
    case .routeRequest(let request): add(request.destination, request.source)
    case .seqnoRequest(let request):
      add("seqno", Int(request.seqno.rawValue))
      add("hop_count", Int(request.hopCount))
      add("router_id", Self.digits(request.routerID))
      add(request.destination, request.source)
    case .mac(let range): add("mac_hex", Self.hex(packet, range))
    case .packetCounter(let counter):
      add("pc", counter.counter)
      add("index_hex", Self.hex(packet, counter.index))
    case .challengeRequest(let range), .challengeReply(let range):
      add("nonce_hex", Self.hex(packet, range))
    }
  }

  private mutating func add(_ name: String, _ word: String?) {
    if let word { all.append((name, word)) }
  }
  private mutating func add(_ name: String, _ number: Int) { add(name, "\(number)") }
  private mutating func add(_ name: String, _ number: UInt32?) {
    add(name, number.map { "\($0)" })
  }

  private mutating func add(_ destination: Prefix, _ source: Prefix) {
    add("prefix", destination.description)
    add("plen", destination.length)
    if !source.isDefault { add("source_prefix", source.description) }
  }

  private mutating func add(_ update: Update) {
    add("ae", Int(update.encoding.rawValue))
    add("flags", Int(update.flags))
    add("omitted", Int(update.omitted))
    add("interval_cs", Int(update.interval.centiseconds))
    add("seqno", Int(update.seqno.rawValue))
    add("metric", Int(update.metric.rawValue))
    add(update.destination, update.source)
    add("router_id", update.routerID.map(Self.digits))
    add("next_hop", update.nextHop?.description)
  }

  private static func digits(_ id: RouterID) -> String { hexadecimal(id.rawValue, 16) }

  private static func hexadecimal(_ number: UInt64, _ width: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  private static func hex(_ packet: [UInt8], _ range: OctetRange) -> String {
    packet[range.offset..<range.offset + range.count]
      .reduce("") { $0 + hexadecimal(UInt64($1), 2) }
  }
}

extension Findings {
  /// Packets of babeld and made-up ones decode as the vectors say; octets that they begin and end
  /// with are the same where we write them.
  mutating func checkPackets(_ file: [UInt8]) {
    let vectors = JSONValue(file)?.elements ?? []
    expect("vectors", Int64(vectors.count), 118)
    var compared = 0
    for vector in vectors { compared += check(vector) }
    expect(compared > 900, "only \(compared) words of the vectors were compared")
    checkEncoding()
  }

  private mutating func check(_ vector: JSONValue) -> Int {
    let name = vector["name"].word ?? "?"
    let packet = vector["hex"].octets
    let source = vector["src"].word.flatMap { IPAddress($0) } ?? .unspecified
    let group = vector["dst"].word.flatMap { IPAddress($0) }?.isMulticast ?? false
    var found: [DecodedTLV] = []
    do throws(PacketFault) {
      var decoder = try PacketDecoder(packet.span, from: source, toMulticast: group)
      while let item = decoder.next(in: packet.span) { found.append(item) }
    } catch {
      let reasons = [
        (PacketFault.magic, "magic"), (.version, "version"), (.short, "shorter than header"),
        (.bodyLength, "body length exceeds datagram"),
      ]
      let word = reasons.first { $0.0 == error }?.1
      expect("\(name) is dropped", word, vector["drop_reason"].word ?? "not at all")
      return 1
    }
    // A source that the node judges, later.
    if vector["expect"].word == "drop-packet" {
      expect(vector["drop_reason"].word?.utf8.starts(with: "source".utf8) == true, name)
      return 1
    }
    let items = vector["decode"].elements
    expect("TLVs of \(name)", Int64(found.count), Int64(items.count))
    var compared = 0
    for (item, decoded) in zip(items, found) {
      switch decoded {
      case .ignored:
        expect(item["ignored"].word != nil, "\(name): a TLV is ignored")
        compared += 1
      case .tlv(let tlv):
        expect(item["ignored"].word == nil, "\(name): a TLV is not ignored")
        compared += compare(Facts(tlv, packet), item, of: name)
      }
    }
    return compared
  }

  /// Compares what a vector names, sub-TLVs included.
  private mutating func compare(_ facts: Facts, _ item: JSONValue, of name: String) -> Int {
    var compared = 0
    let kind = item["tlv"].word ?? ""
    let subs = item["subtlvs"].elements.filter {
      $0["sub"].word == "Timestamp" && $0["ignored"].word == nil
    }
    for member in item.members + subs.flatMap({ $0.members }) {
      guard let found = facts[member.key], var wanted = member.value.word else { continue }
      let key = String(decoding: member.key, as: UTF8.self)
      if key == "flags" {
        wanted = UInt16(wanted.dropFirst(2), radix: 16).map { "\($0)" } ?? wanted
      } else if key == "address" || key == "next_hop" {
        wanted = IPAddress(wanted)?.description ?? wanted
      }
      expect("\(name): \(key) of \(kind)", found, wanted)
      compared += 1
    }
    return compared
  }

  /// Octet by octet what RFC 8966 §4.6 and RFC 9616 §3 ask for.
  private mutating func checkEncoding() {
    var encoder = PacketEncoder(limit: 512)
    let prefix = Prefix(IPAddress(high: 0x2001_0DB8_0001_0002, low: 0), length: 64)
    let wide = Prefix(IPAddress(ipv4: 0xFF00_0000), length: 8)
    guard let prefix, let wide else { return expect(false, "a prefix is missing") }
    var fits = encoder.append(
      Hello(
        isUnicast: false, seqno: Seqno(0xFFFF), interval: Interval(centiseconds: 0x8001),
        transmitTimestamp: 0xFFFF_FFFE))
    fits =
      encoder.append(
        IHU(
          address: IPAddress(high: 0xFE80_0000_0000_0000, low: 0xFFFF_FFFF_8000_0000),
          rxcost: Metric(0x8000), interval: Interval(centiseconds: 0xFFFE),
          timestamps: IHUTimestamps(origin: 0x8000_0000, receive: 0x7FFF_FFFF))) && fits
    for (destination, nextHop) in [(prefix, UpdateNextHop.packetSource), (wide, .ipv6)] {
      fits =
        encoder.append(
          OutgoingUpdate(
            destination: destination, source: .any(destination.family),
            routerID: RouterID(0x8000_0000_FFFF_FFFF), seqno: Seqno(0x8000), metric: Metric(0xFFFE),
            interval: Interval(centiseconds: 1600), nextHop: nextHop)) && fits
    }
    fits =
      encoder.append(
        SeqnoRequest(
          destination: prefix, source: .any(.ipv6), seqno: Seqno(0x8000), hopCount: 255,
          routerID: RouterID(0x8000_0000_FFFF_FFFF))) && fits
    expect(fits, "a packet has no room")
    let wanted: [UInt8] =
      [42, 2, 0, 109]
      + [4, 12, 0, 0, 255, 255, 128, 1, 3, 4, 255, 255, 255, 254]
      + [5, 24, 3, 0, 128, 0, 255, 254, 255, 255, 255, 255, 128, 0, 0, 0]
      + [3, 8, 128, 0, 0, 0, 127, 255, 255, 255]
      + [6, 10, 0, 0, 128, 0, 0, 0, 255, 255, 255, 255]
      + [8, 18, 2, 128, 64, 0, 6, 64, 128, 0, 255, 254, 32, 1, 13, 184, 0, 1, 0, 2]
      + [8, 11, 4, 128, 8, 0, 6, 64, 128, 0, 255, 254, 255]
      + [10, 22, 2, 64, 128, 0, 255, 0, 128, 0, 0, 0, 255, 255, 255, 255]
      + [32, 1, 13, 184, 0, 1, 0, 2]
    let bytes = encoder.bytes
    expect("octets of a packet", Int64(bytes.count), Int64(wanted.count))
    for (index, octet) in wanted.enumerated() where index < bytes.count {
      expect("octet \(index) of a packet", Int64(bytes[index]), Int64(octet))
    }
  }

  /// Signatures of both kinds are known as genuine, and a change of one bit is noticed.
  mutating func checkSignatures(_ file: [UInt8]) {
    let vectors = JSONValue(file)?.elements ?? []
    expect(vectors.count >= 10, "only \(vectors.count) vectors")
    for vector in vectors {
      let name = vector["name"].word ?? "?"
      var packet = vector["full_packet_hex"].octets
      let octets = vector["key_hex"].octets
      let key =
        vector["algorithm"].word == "hmac-sha256"
        ? MACKey(hmacSHA256: octets) : MACKey(blake2s128: octets)
      func address(_ key: String) -> IPAddress {
        vector[key].word.flatMap { IPAddress($0) } ?? .unspecified
      }
      func port(_ key: String) -> UInt16 { vector[key].word.flatMap { UInt16($0) } ?? 0 }
      let addresses = PacketAddresses(
        source: address("src"), sourcePort: port("src_port"), destination: address("dst"),
        destinationPort: port("dst_port"))
      expect(Self.verdict(packet, key, addresses) == .valid, "\(name) is not genuine")
      guard packet.count > 4 else { continue }
      packet[4] ^= 0x80
      expect(Self.verdict(packet, key, addresses) != .valid, "\(name) is genuine when changed")
    }
  }

  private static func verdict(
    _ packet: [UInt8], _ key: MACKey, _ addresses: PacketAddresses
  ) -> PacketSeal.Verdict? {
    do throws(PacketFault) {
      let decoder = try PacketDecoder(packet.span, from: addresses.source, toMulticast: false)
      return PacketSeal.verify(
        packet.span, body: decoder.body, trailer: decoder.trailer, keys: [key],
        between: addresses
      ).verdict
    } catch {
      return nil
    }
  }
}
