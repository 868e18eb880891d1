import BabelWire

/// The first octet chooses how the packet came, the others are the datagram.
enum PacketTrial {
  static func run(_ octets: [UInt8]) {
    var input = Octets(octets)
    let choice = input.next8()
    let source =
      choice & 1 == 0
      ? IPAddress(high: 0xFE80_0000_0000_0000, low: 1) : IPAddress(ipv4: 0xC000_0201)
    let datagram = input.rest
    let span = datagram.span
    let text = PacketText(
      span, from: source, toMulticast: choice & 2 != 0,
      format: choice & 4 == 0 ? .standard : .althea)
    precondition(text.lineCount > 0 || datagram.count >= 4)
    precondition(text.lineCount <= PacketText.lineLimit + 2)
    precondition(text.octets.count <= 1500 * text.lineCount, "lines are not long")
    precondition(text.octets.allSatisfy { $0 == 0x0A || ($0 >= 0x20 && $0 < 0x7F) })
    do throws(PacketFault) {
      var decoder = try PacketDecoder(
        span, from: source, toMulticast: choice & 2 != 0,
        format: choice & 4 == 0 ? .standard : .althea)
      precondition(decoder.trailer.offset + decoder.trailer.count == datagram.count)
      var found = 0
      while let item = decoder.next(in: span) {
        found += 1
        precondition(found <= datagram.count, "every TLV takes at least one octet")
        if case .tlv(let tlv) = item { check(tlv, octets: datagram.count) }
      }
      precondition(decoder.next(in: span) == nil, "the end stays the end")
    } catch {
      precondition(!error.description.utf8.isEmpty)
    }
  }
}

private func check(_ tlv: TLV, octets: Int) {
  switch tlv {
  case .update(let update):
    precondition(update.isRetraction || (update.routerID != nil && update.nextHop != nil))
    precondition(update.routerID?.isValid != false && update.interval.centiseconds != 0)
    precondition(update.nextHop.map { ($0.family == .ipv4) == (update.encoding == .ipv4) } ?? true)
    check(update.destination, update.source)
    precondition((update.destination.family == .ipv6) == (update.encoding == .ipv6))
  case .routeRequest(let request): check(request.destination, request.source)
  case .seqnoRequest(let request):
    check(request.destination, request.source)
    precondition(request.routerID.isValid && request.hopCount > 0)
  case .routerID(let id): precondition(id.isValid)
  case .ihu(let ihu): precondition(ihu.interval.centiseconds != 0)
  case .acknowledgmentRequest(let request): precondition(request.interval.centiseconds != 0)
  case .mac(let range), .challengeRequest(let range), .challengeReply(let range):
    check(range, octets)
  case .packetCounter(let counter): check(counter.index, octets)
  case .padN(let count): precondition(count <= 255)
  case .pathRequest(let request):
    precondition(request.hop > 0 && request.destination.family == request.source.family)
  case .pathReply(let reply):
    precondition(
      reply.hop > 0 && reply.routerID.isValid && (0...100).contains(reply.step.loss ?? 0))
  case .pad1, .acknowledgment, .hello, .nextHop, .wildcardRequest, .wildcardRetraction: break
  }
}

private func check(_ range: OctetRange, _ octets: Int) {
  precondition(range.offset >= 4 && range.count >= 0 && range.offset + range.count <= octets)
}

private func check(_ destination: Prefix, _ source: Prefix) {
  precondition(destination.family == source.family)
  for prefix in [destination, source] {
    precondition((0...(prefix.family == .ipv4 ? 32 : 128)).contains(prefix.length))
    precondition(Prefix(prefix.address, length: prefix.length) == prefix, "no stray bits")
    precondition(Prefix(prefix.description) == prefix, "text reads back")
  }
}
