/// A packet in words: a line for each TLV, with the names of the RFCs, for people who look for a
/// fault. Prefixes are complete, and router-id and next hop stand in the Updates that they count
/// for.
///
/// MACs are left out, so that a text that is shown to others helps nobody to guess a key.
public struct PacketText {
  /// The lines.
  public private(set) var octets: [UInt8] = []
  /// How many lines there are.
  public private(set) var lineCount = 0
  private let format: WireFormat

  /// Most lines of one packet; what is left of it is one line more.
  public static let lineLimit = 1000
  /// Most octets that are shown of something that cannot be read.
  private static let rawLimit = 32

  /// Writes the lines of a packet, however malformed it is.
  ///
  /// `source` is where it came from, `toMulticast` says whether it was sent to the group, and
  /// `format` how Updates are written on the link.
  public init(
    _ datagram: borrowing Span<UInt8>, from source: IPAddress, toMulticast: Bool,
    format: WireFormat = .standard
  ) {
    self.format = format
    do throws(PacketFault) {
      var decoder = try PacketDecoder(
        datagram, from: source, toMulticast: toMulticast, format: format)
      writeAll(&decoder, datagram)
    } catch {
      begin("no Babel packet")
      appendRaw(datagram, from: 0)
      end()
    }
  }

  private mutating func writeAll(
    _ decoder: inout PacketDecoder, _ datagram: borrowing Span<UInt8>
  ) {
    var padding: UInt32 = 0
    var start = decoder.position
    while let item = decoder.next(in: datagram) {
      let (first, next) = (start, decoder.position)
      start = next
      if item == .tlv(.pad1) {
        padding += 1
        continue
      }
      endPadding(&padding)
      guard lineCount < Self.lineLimit else {
        begin("and")
        add("more octets", UInt32(clamping: datagram.count - first))
        return end()
      }
      write(item, datagram.extracting(min(first + 2, next)..<next))
    }
    endPadding(&padding)
  }

  private mutating func endPadding(_ count: inout UInt32) {
    guard count > 0 else { return }
    begin("Pad1")
    if count > 1 { add("times", count) }
    end()
    count = 0
  }

  private mutating func write(_ item: DecodedTLV, _ payload: Span<UInt8>) {
    switch item {
    case .tlv(let tlv): write(tlv, payload)
    case .ignored(let type, let fault):
      if let name = TLVType.name(type) { begin(name) } else { begin("TLV", UInt32(type)) }
      add("ignored:")
      add(fault.description)
      appendRaw(payload, from: 0)
    }
    end()
  }

  private mutating func write(_ tlv: TLV, _ payload: Span<UInt8>) {
    switch tlv {
    case .pad1: begin("Pad1")
    case .padN(let count): begin("PadN", UInt32(clamping: count))
    case .acknowledgmentRequest(let request):
      begin("Acknowledgment Request")
      add("opaque", UInt32(request.opaque))
      add(request.interval)
      addSubTLVs(of: tlv, payload, from: 6)
    case .acknowledgment(let answer):
      begin("Acknowledgment")
      add("opaque", UInt32(answer.opaque))
      addSubTLVs(of: tlv, payload, from: 2)
    case .hello(let hello):
      begin(hello.isUnicast ? "Hello unicast" : "Hello")
      add("seqno", UInt32(hello.seqno.rawValue))
      if hello.isScheduled { add(hello.interval) } else { add("unscheduled") }
      addSubTLVs(of: tlv, payload, from: 6)
    case .ihu(let ihu):
      begin("IHU")
      if let address = ihu.address { add(address) } else { add("to whoever receives it") }
      add("rxcost", ihu.rxcost)
      add(ihu.interval)
      let encoding = payload.isEmpty ? nil : AddressEncoding(rawValue: payload[0])
      addSubTLVs(of: tlv, payload, from: 6 + (encoding?.addressOctetCount ?? 0))
    case .routerID(let id):
      begin("Router-Id")
      add(id)
      addSubTLVs(of: tlv, payload, from: 10)
    case .nextHop(let address):
      begin("Next Hop")
      add(address)
      addSubTLVs(
        of: tlv, payload, from: 2 + AddressEncoding(address: address).addressOctetCount)
    case .update(let update): write(update, payload)
    case .wildcardRetraction:
      begin("Update")
      add("of all prefixes retraction")
      addSubTLVs(of: tlv, payload, from: 10)
    case .routeRequest, .wildcardRequest, .seqnoRequest: writeRequest(tlv, payload)
    case .mac, .packetCounter, .challengeRequest, .challengeReply:
      writeAuthentication(tlv, payload)
    case .pathRequest(let request): write(request)
    case .pathReply(let reply): write(reply)
    }
  }

  private mutating func write(_ update: Update, _ payload: Span<UInt8>) {
    begin("Update")
    add(update.destination)
    if update.isRetraction { add("retraction") } else { add("metric", update.metric) }
    add("seqno", UInt32(update.seqno.rawValue))
    if !update.isRetraction {
      if let routerID = update.routerID {
        add("router-id")
        add(routerID)
      }
      if let nextHop = update.nextHop {
        add("next-hop")
        add(nextHop)
      }
    }
    if update.interval == .infinite { add("interval infinite") } else { add(update.interval) }
    add(update.encoding.description)
    let flags = (
      update.flags & Update.defaultPrefixFlag != 0, update.flags & Update.routerIDFlag != 0
    )
    if flags.0 || flags.1 { add(flags.0 ? flags.1 ? "flags PR" : "flags P" : "flags R") }
    if update.omitted > 0 { add("omitted", UInt32(update.omitted)) }
    if format == .althea, let price = update.attributes.price { add("price", price) }
    let length = update.encoding.octetCount(prefixLength: update.destination.length)
    addSubTLVs(
      of: .update(update), payload,
      from: Update.fixedCount(format) + length - Int(update.omitted))
  }

  private mutating func writeRequest(_ tlv: TLV, _ payload: Span<UInt8>) {
    switch tlv {
    case .wildcardRequest:
      begin("Route Request")
      add("for all prefixes")
      addSubTLVs(of: tlv, payload, from: 2)
    case .routeRequest(let request):
      begin("Route Request")
      add(request.destination)
      addSubTLVs(of: tlv, payload, from: 2 + Self.octetCount(request.destination))
    case .seqnoRequest(let request):
      begin("Seqno Request")
      add(request.destination)
      add("seqno", UInt32(request.seqno.rawValue))
      add("router-id")
      add(request.routerID)
      add("hop-count", UInt32(request.hopCount))
      addSubTLVs(of: tlv, payload, from: 14 + Self.octetCount(request.destination))
    case .pad1, .padN, .acknowledgmentRequest, .acknowledgment, .hello, .ihu, .routerID, .nextHop,
      .update, .wildcardRetraction, .mac, .packetCounter, .challengeRequest, .challengeReply,
      .pathRequest, .pathReply:
      break
    }
  }

  /// Octets of a prefix that is written in full.
  private static func octetCount(_ prefix: Prefix) -> Int { (prefix.length + 7) / 8 }

  private mutating func writeAuthentication(_ tlv: TLV, _ payload: Span<UInt8>) {
    switch tlv {
    case .packetCounter(let counter):
      begin("PC", counter.counter)
      add("index")
      addHex(payload, from: 4, most: PacketCounter.maximumIndexCount)
    case .challengeRequest, .challengeReply:
      if case .challengeRequest = tlv {
        begin("Challenge Request")
      } else {
        begin("Challenge Reply")
      }
      add("nonce")
      addHex(payload, from: 0, most: Self.rawLimit)
    case .mac:
      begin("MAC")
      add("octets", UInt32(clamping: payload.count))
    case .pad1, .padN, .acknowledgmentRequest, .acknowledgment, .hello, .ihu, .routerID, .nextHop,
      .update, .wildcardRetraction, .routeRequest, .wildcardRequest, .seqnoRequest, .pathRequest,
      .pathReply:
      break
    }
  }

  // MARK: Sub-TLVs

  /// Most sub-TLVs of one TLV that are named.
  private static let subTLVLimit = 16

  /// Goes through all sub-TLVs of a TLV that was read without a fault.
  @inline(never)
  private mutating func addSubTLVs(of tlv: TLV, _ payload: Span<UInt8>, from start: Int) {
    var position = start
    var count = 0
    while position < payload.count {
      guard count < Self.subTLVLimit else { return add("; more sub-TLVs") }
      count += 1
      let type = payload[position]
      guard type != 0 else {
        var padding: UInt32 = 0
        while position < payload.count, payload[position] == 0 {
          position += 1
          padding += 1
        }
        add("; Pad1")
        if padding > 1 { add("times", padding) }
        continue
      }
      guard position + 1 < payload.count else { return }
      let first = position + 2
      let end = first + Int(payload[position + 1])
      guard end <= payload.count else { return }
      addSubTLV(type, payload.extracting(first..<end), of: tlv)
      position = end
    }
  }

  private mutating func addSubTLV(_ type: UInt8, _ octets: Span<UInt8>, of tlv: TLV) {
    switch (type, tlv) {
    case (1, _): add("; PadN", UInt32(clamping: octets.count))
    case (SubTLV.timestamp, .hello) where octets.count >= 4:
      add("; Timestamp", octets.uint32(at: 0))
    case (SubTLV.measuresLoss, .hello(let hello)) where hello.measuresLoss:
      add("; measures loss")
    case (SubTLV.timestamp, .ihu) where octets.count >= 8:
      add("; Timestamp origin", octets.uint32(at: 0))
      add("receive", octets.uint32(at: 4))
    case (SubTLV.sourcePrefix, .update(let update)): addSource(update.source)
    case (SubTLV.sourcePrefix, .routeRequest(let request)): addSource(request.source)
    case (SubTLV.sourcePrefix, .seqnoRequest(let request)): addSource(request.source)
    case (SubTLV.price, .update) where octets.count >= 4:
      add("; price", octets.uint32(at: 0))
    case (SubTLV.pathRoundTripTime, .update) where octets.count >= 4,
      (SubTLV.altheaPathRoundTripTime, .update) where octets.count >= 4:
      add("; path RTT us", octets.uint32(at: 0))
    default:
      add("; sub-TLV", UInt32(type))
      addHex(octets, from: 0, most: Self.rawLimit)
      add("skipped")
    }
  }

  private mutating func addSource(_ prefix: Prefix) {
    add("; Source Prefix")
    add(prefix)
  }

  // MARK: Words

  @inline(never)
  mutating func begin(_ name: String) {
    octets.append(0x20)
    add(name)
  }

  @inline(never)
  private mutating func begin(_ name: String, _ number: UInt32) {
    begin(name)
    add(number)
  }

  private mutating func end() {
    octets.append(0x0A)
    lineCount += 1
  }

  @inline(never)
  mutating func add(_ word: String) {
    // A semicolon stands behind the word before it.
    if word.utf8.first != UInt8(ascii: ";") { octets.append(0x20) }
    octets.append(contentsOf: word.utf8)
  }

  @inline(never)
  private mutating func add(_ number: UInt32) {
    octets.append(0x20)
    appendDecimal(number, to: &octets)
  }

  @inline(never)
  mutating func add(_ word: String, _ number: UInt32) {
    add(word)
    add(number)
  }

  @inline(never)
  mutating func add(_ word: String, _ metric: Metric) {
    add(word)
    if metric.isInfinite { add("infinite") } else { add(UInt32(metric.rawValue)) }
  }

  @inline(never)
  mutating func add(_ address: IPAddress) {
    octets.append(0x20)
    address.appendText(to: &octets)
  }

  @inline(never)
  mutating func add(_ prefix: Prefix) {
    octets.append(0x20)
    prefix.appendText(to: &octets)
  }

  @inline(never)
  mutating func add(_ id: RouterID) {
    octets.append(0x20)
    id.appendText(to: &octets)
  }

  /// An interval in seconds.
  @inline(never)
  private mutating func add(_ interval: Interval) {
    let hundredths = UInt32(interval.centiseconds)
    add("interval", hundredths / 100)
    if hundredths % 100 != 0 {
      octets.append(UInt8(ascii: "."))
      octets.append(UInt8(0x30 + hundredths % 100 / 10))
      octets.append(UInt8(0x30 + hundredths % 10))
    }
    octets.append(UInt8(ascii: "s"))
  }

  @inline(never)
  private mutating func addHex(_ bytes: Span<UInt8>, from start: Int, most: Int) {
    octets.append(0x20)
    guard start < bytes.count else { return octets.append(UInt8(ascii: "-")) }
    let end = min(bytes.count, start + most)
    for index in start..<end { appendHex(bytes[index], to: &octets) }
    if end < bytes.count { octets.append(contentsOf: "...".utf8) }
  }

  /// The first octets of what cannot be read.
  private mutating func appendRaw(_ bytes: borrowing Span<UInt8>, from start: Int) {
    guard start < bytes.count else { return }
    add("; octets")
    addHex(bytes.extracting(start..<bytes.count), from: 0, most: Self.rawLimit)
  }
}

extension TLVType {
  /// The name of a type in the RFCs; nil if none has it.
  static func name(_ type: UInt8) -> String? {
    switch type {
    case pad1: "Pad1"
    case padN: "PadN"
    case acknowledgmentRequest: "Acknowledgment Request"
    case acknowledgment: "Acknowledgment"
    case hello: "Hello"
    case ihu: "IHU"
    case routerID: "Router-Id"
    case nextHop: "Next Hop"
    case update: "Update"
    case routeRequest: "Route Request"
    case seqnoRequest: "Seqno Request"
    case mac: "MAC"
    case packetCounter: "PC"
    case challengeRequest: "Challenge Request"
    case challengeReply: "Challenge Reply"
    case pathRequest: "Path Request"
    case pathReply: "Path Reply"
    default: nil
    }
  }
}

/// Appends two hexadecimal digits.
public func appendHex(_ octet: UInt8, to text: inout [UInt8]) {
  text.append(hexDigit(octet >> 4))
  text.append(hexDigit(octet & 15))
}
