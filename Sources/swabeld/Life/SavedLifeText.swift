import BabelCore
import BabelKernel
import BabelWire

/// The text form of a saved life, one item a line, so that an operator can read it:
/// ```
/// swabeld-state 1
/// kept
/// router-id 02:11:22:ff:fe:33:44:55
/// seqno 34241
/// boot 0f4b6a2e-… 81234
/// table 254
/// hello wg0 1209
/// heard wg0 fe80::2 multicast 65535 4410 400 2130
/// link wg0 fe80::2 2130 7611 1 1 1 0 212 0 0 64424509 600 20110 1200 1310
/// source 2001:db8::/48 ::/0 02:00:00:00:00:00:00:0a 34180 428 163
/// mac wg0 5c1f3a… 88211
/// peer wg0 fe80::2 0e99b2… 4410 218
/// gateway uplink eth0 up 0
/// sysctl ipv4/conf/wg0/rp_filter 1 0
/// wireguard wg0 7
/// allowed wg0 6b1f…c2 10.20.9.0/24
/// made wg0 7 fe80::2c6a:4719:1719:a665
/// end
/// ```
/// The second line tells how the life ended: `running`, `stopped` or `kept`. `seqno` is the largest
/// that may have been announced. `boot` names the boot and the seconds since then. `table` is a
/// table of the kernel that routes were put into. `hello` is the seqno of an interface's next
/// Hello. `heard` is what came of a neighbour's Hellos: the last sixteen as bits, the seqno of
/// the next one, the interval in centiseconds, milliseconds since one came or was missed.
/// `link` is what was measured of the link to a neighbour: milliseconds since its last Hello, the
/// seqno of our next unicast Hello to it, or `-`, 1 if it measures losses, too, eight numbers of
/// losses (docs/loss.md), and the smoothed round-trip time with its deviation, now and as it is
/// remembered, in microseconds, as far as these are known.
/// `source` is a row of the source table: prefix, source prefix, router-id, seqno, metric,
/// seconds until it is forgotten; `former` is one whose prefix no neighbour can believe that we
/// announce any more. `mac` is our index on an interface with keys, and the counter
/// of the last packet. `peer` is the index of a neighbour there, and the highest counter of its
/// packets to the group and to us. `gateway` says whether the uplink of a gateway worked, and how
/// many failures are not forgiven. `sysctl` is a setting of the kernel, what it was before we
/// changed it, and what we set. `wireguard` names an interface whose peers are neighbours, and the
/// number of its link; `allowed` is a peer there, by its public key, and a prefix that the operator
/// allowed to it. `made` is a link-local address that we gave to the link of this number. Words
/// that are not known are passed over: a later version may add some.
extension SavedLife {
  /// Why a text cannot be read.
  struct Fault: Error {
    /// In words for an operator.
    let reason: String
  }

  private static let title = Array("swabeld-state 1".utf8)

  // MARK: Writing

  /// The text.
  var text: [UInt8] {
    var text = Self.title
    let word =
      switch ending {
      case .running: "running"
      case .stopped: "stopped"
      case .kept: "kept"
      }
    text += Array("\n\(word)\nrouter-id \(routerID)\nseqno \(seqno)\n".utf8)
    if !boot.isEmpty { text += Array("boot ".utf8) + boot + Array(" \(savedAt)\n".utf8) }
    for table in tables.prefix(Self.tableLimit) { text += Array("table \(table)\n".utf8) }
    for hello in hellos.prefix(Self.helloLimit) {
      text += Array("hello ".utf8) + hello.interface.octets + Array(" \(hello.seqno)\n".utf8)
    }
    for record in heard.prefix(Self.senderLimit) {
      let kind = record.isUnicast ? "unicast" : "multicast"
      text += Array("heard ".utf8) + record.interface.octets
      text += Array(" \(record.address) \(kind) \(record.bits)".utf8)
      text += Array(" \(record.expected) \(record.interval) \(record.silence)\n".utf8)
    }
    for record in links.prefix(Self.senderLimit) {
      text += Array("link ".utf8) + record.interface.octets
      text += Array(" \(record.address) \(record.silence) ".utf8)
      text += Array((record.unicastSeqno.map { "\($0)" } ?? "-").utf8)
      text += Array(record.isMutual ? " 1".utf8 : " 0".utf8)
      for number in record.losses + record.roundTrip { text += Array(" \(number)".utf8) }
      text.append(0x0A)
    }
    for record in sources.prefix(Self.sourceLimit) {
      text += Array((record.isAnnounced ? "source " : "former ").utf8)
      record.destination.appendText(to: &text)
      text.append(0x20)
      record.source.appendText(to: &text)
      text.append(0x20)
      record.routerID.appendText(to: &text)
      text += Array(" \(record.seqno) \(record.metric) \(record.secondsLeft)\n".utf8)
    }
    appendAuthentications(to: &text)
    for record in gateways.prefix(Gateway.limit) {
      text += Array("gateway ".utf8) + record.name + [0x20] + record.interface.octets
      text += Array(" \(record.isUp ? "up" : "down") \(record.flaps)\n".utf8)
    }
    for entry in sysctls.prefix(Self.sysctlLimit) {
      text += Array("sysctl \(entry.name) \(entry.before) \(entry.wanted)\n".utf8)
    }
    for row in operators.prefix(Self.helloLimit) { Self.append(row, to: &text) }
    for row in madeAddresses.prefix(Self.helloLimit) {
      text += Array("made ".utf8) + row.interface.octets
      text += Array(" \(row.ifindex) \(row.address)\n".utf8)
    }
    return text + Array("end\n".utf8)
  }

  private func appendAuthentications(to text: inout [UInt8]) {
    var senders = 0
    for authentication in authentications.prefix(Self.helloLimit) {
      let name = authentication.interface.octets
      let record = authentication.record
      text += Array("mac ".utf8) + name + [0x20]
      Self.appendHexadecimal(record.index, to: &text)
      text += Array(" \(record.sent)\n".utf8)
      for sender in record.senders where senders < Self.senderLimit {
        senders += 1
        text += Array("peer ".utf8) + name + Array(" \(sender.address) ".utf8)
        Self.appendHexadecimal(sender.index, to: &text)
        text += Array(" \(sender.multicast) \(sender.unicast)\n".utf8)
      }
    }
  }

  private static func append(_ row: Operators, to text: inout [UInt8]) {
    text += Array("wireguard ".utf8) + row.interface.octets + Array(" \(row.ifindex)\n".utf8)
    for entry in row.entries.prefix(allowedLimit) {
      text += Array("allowed ".utf8) + row.interface.octets + [0x20]
      appendHexadecimal(entry.key, to: &text)
      text.append(0x20)
      entry.prefix.appendText(to: &text)
      text.append(0x0A)
    }
  }

  private static func appendHexadecimal(_ octets: [UInt8], to text: inout [UInt8]) {
    for octet in octets {
      for digit in [octet >> 4, octet & 15] {
        text.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
      }
    }
  }

  // MARK: Reading

  /// Reads a text.
  init(_ text: [UInt8]) throws(Fault) {
    guard text.count <= Self.textLimit else { throw Fault(reason: "it is too long") }
    let lines = text.split(separator: 0x0A)
    guard let first = lines.first, first.starts(with: "swabeld-state ".utf8) else {
      throw Fault(reason: "it was not written by swabeld")
    }
    guard first.elementsEqual(Self.title) else { throw Fault(reason: "its version is not known") }
    guard lines[lines.count - 1].elementsEqual("end".utf8) else {
      throw Fault(reason: "its end is missing")
    }
    guard let ending = Self.ending(lines[1]) else { throw Fault(reason: "line 2 is malformed") }
    self.init(ending, routerID: RouterID(0), seqno: Seqno(0))
    var hasSeqno = false
    for index in 2..<max(2, lines.count - 1) {
      let words = lines[index].split(separator: 0x20)
      guard let word = words.first, take(word, Array(words.dropFirst()), &hasSeqno) else {
        throw Fault(reason: "line \(index + 1) is malformed")
      }
    }
    guard hasSeqno, routerID.isValid else { throw Fault(reason: "it is incomplete") }
  }

  private static func ending(_ line: ArraySlice<UInt8>) -> Ending? {
    if line.elementsEqual("running".utf8) { return .running }
    if line.elementsEqual("stopped".utf8) { return .stopped }
    return line.elementsEqual("kept".utf8) ? .kept : nil
  }

  /// Takes one line. Returns false if it is malformed.
  private mutating func take(
    _ word: ArraySlice<UInt8>, _ values: [ArraySlice<UInt8>], _ hasSeqno: inout Bool
  ) -> Bool {
    if word.elementsEqual("router-id".utf8) {
      guard values.count == 1, let id = RouterID(Self.string(values[0])) else { return false }
      routerID = id
    } else if word.elementsEqual("seqno".utf8) {
      guard values.count == 1, let value = Self.decimal(values[0], upTo: 0xFFFF) else {
        return false
      }
      seqno = Seqno(UInt16(value))
      hasSeqno = true
    } else if word.elementsEqual("boot".utf8) {
      guard values.count == 2, let seconds = Self.decimal(values[1], upTo: .max) else {
        return false
      }
      boot = Array(values[0])
      savedAt = Int64(seconds)
    } else if word.elementsEqual("hello".utf8) {
      guard values.count == 2, hellos.count < Self.helloLimit,
        let name = InterfaceName(octets: values[0]),
        let value = Self.decimal(values[1], upTo: 0xFFFF)
      else { return false }
      hellos.append(Hello(interface: name, seqno: Seqno(UInt16(value))))
    } else if word.elementsEqual("table".utf8) {
      guard values.count == 1, tables.count < Self.tableLimit,
        let table = Self.decimal(values[0], upTo: .max)
      else { return false }
      tables.append(table)
    } else if word.elementsEqual("heard".utf8) {
      guard heard.count < Self.senderLimit, let record = Self.heard(values) else { return false }
      heard.append(record)
    } else if word.elementsEqual("link".utf8) {
      guard links.count < Self.senderLimit, let record = Self.link(values) else { return false }
      links.append(record)
    } else if word.elementsEqual("source".utf8) || word.elementsEqual("former".utf8) {
      let isAnnounced = word.elementsEqual("source".utf8)
      guard sources.count < Self.sourceLimit, let record = Self.source(values, isAnnounced) else {
        return false
      }
      sources.append(record)
    } else if word.elementsEqual("mac".utf8) {
      return takeIndex(values)
    } else if word.elementsEqual("peer".utf8) {
      return takeSender(values)
    } else if word.elementsEqual("gateway".utf8) {
      guard gateways.count < Gateway.limit, let record = Self.gateway(values) else { return false }
      gateways.append(record)
    } else if word.elementsEqual("sysctl".utf8) {
      return takeSysctl(values)
    } else if word.elementsEqual("wireguard".utf8) {
      return takeWireGuard(values)
    } else if word.elementsEqual("allowed".utf8) {
      return takeAllowed(values)
    } else if word.elementsEqual("made".utf8) {
      return takeMade(values)
    }
    return true
  }

  private static func heard(_ values: [ArraySlice<UInt8>]) -> HelloRecord? {
    // A later version may add values, and one before this did not say how long nothing came.
    guard values.count >= 6, let interface = InterfaceName(octets: values[0]),
      let address = IPAddress(string(values[1])), let bits = decimal(values[3], upTo: 0xFFFF),
      let seqno = decimal(values[4], upTo: 0xFFFF), let interval = decimal(values[5], upTo: 0xFFFF),
      let silence = values.count > 6 ? decimal(values[6], upTo: .max) : 0
    else { return nil }
    let isUnicast = values[2].elementsEqual("unicast".utf8)
    guard isUnicast || values[2].elementsEqual("multicast".utf8) else { return nil }
    return HelloRecord(
      interface: interface, address: address, isUnicast: isUnicast, bits: UInt16(bits),
      expected: Seqno(UInt16(seqno)), interval: UInt16(interval), silence: silence)
  }

  private static func gateway(_ values: [ArraySlice<UInt8>]) -> GatewayRecord? {
    guard values.count == 4, let interface = InterfaceName(octets: values[1]),
      let flaps = decimal(values[3], upTo: 0xFFFF)
    else { return nil }
    let isUp = values[2].elementsEqual("up".utf8)
    guard isUp || values[2].elementsEqual("down".utf8) else { return nil }
    return GatewayRecord(
      name: Array(values[0]), interface: interface, isUp: isUp, flaps: Int(flaps))
  }

  private static func link(_ values: [ArraySlice<UInt8>]) -> LinkRecord? {
    let losses = 5..<5 + LinkRecord.lossCount
    guard values.count >= losses.upperBound, let interface = InterfaceName(octets: values[0]),
      let address = IPAddress(string(values[1])), let silence = decimal(values[2], upTo: .max),
      let mutual = decimal(values[4], upTo: 1)
    else { return nil }
    let hasSeqno = !values[3].elementsEqual("-".utf8)
    let seqno = hasSeqno ? decimal(values[3], upTo: 0xFFFF) : nil
    var numbers: [UInt32] = []
    for value in values[5...].prefix(losses.count + 3) {
      guard let number = decimal(value, upTo: .max) else { return nil }
      numbers.append(number)
    }
    guard !hasSeqno || seqno != nil else { return nil }
    return LinkRecord(
      interface: interface, address: address, silence: silence,
      unicastSeqno: seqno.map { Seqno(UInt16($0)) }, isMutual: mutual == 1,
      losses: Array(numbers.prefix(losses.count)),
      roundTrip: Array(numbers.dropFirst(losses.count)))
  }

  private static func source(
    _ values: [ArraySlice<UInt8>], _ isAnnounced: Bool
  ) -> SourceRecord? {
    guard values.count == 6, let destination = Prefix(string(values[0])),
      let source = Prefix(string(values[1])), source.family == destination.family,
      let routerID = RouterID(string(values[2])), let seqno = decimal(values[3], upTo: 0xFFFF),
      let metric = decimal(values[4], upTo: 0xFFFF), let left = decimal(values[5], upTo: .max)
    else { return nil }
    return SourceRecord(
      destination: destination, source: source, routerID: routerID, seqno: Seqno(UInt16(seqno)),
      metric: Metric(UInt16(metric)), secondsLeft: left, isAnnounced: isAnnounced)
  }

  private mutating func takeIndex(_ values: [ArraySlice<UInt8>]) -> Bool {
    guard values.count == 3, authentications.count < Self.helloLimit,
      let interface = InterfaceName(octets: values[0]), let index = Self.index(values[1]),
      let sent = Self.decimal(values[2], upTo: .max)
    else { return false }
    authentications.append(
      Authentication(
        interface: interface, record: AuthenticationRecord(index: index, sent: sent, senders: [])))
    return true
  }

  /// A sender belongs to the interface that the last `mac` line names.
  private mutating func takeSender(_ values: [ArraySlice<UInt8>]) -> Bool {
    guard values.count == 5, let last = authentications.indices.last,
      authentications[last].interface == InterfaceName(octets: values[0]),
      authentications[last].record.senders.count < Self.senderLimit,
      let address = IPAddress(Self.string(values[1])), let index = Self.index(values[2]),
      let multicast = Self.decimal(values[3], upTo: .max),
      let unicast = Self.decimal(values[4], upTo: .max)
    else { return false }
    authentications[last].record.senders.append(
      SenderRecord(address: address, index: index, multicast: multicast, unicast: unicast))
    return true
  }

  /// Only settings that we may have changed are taken: whoever can write the file must not be able
  /// to set others with our rights.
  private mutating func takeSysctl(_ values: [ArraySlice<UInt8>]) -> Bool {
    guard values.count == 3, sysctls.count < Self.sysctlLimit,
      let before = Self.decimal(values[1], upTo: 0xFFFF),
      let wanted = Self.decimal(values[2], upTo: 0xFFFF),
      let entry = SavedSysctls.Entry(name: values[0], before: Int(before), wanted: Int(wanted))
    else { return false }
    sysctls.append(entry)
    return true
  }

  private mutating func takeWireGuard(_ values: [ArraySlice<UInt8>]) -> Bool {
    guard values.count == 2, operators.count < Self.helloLimit,
      let interface = InterfaceName(octets: values[0]),
      let ifindex = Self.decimal(values[1], upTo: UInt32(Int32.max))
    else { return false }
    operators.append(Operators(interface: interface, ifindex: Int32(ifindex), entries: []))
    return true
  }

  /// A prefix belongs to the interface that the last `wireguard` line names.
  private mutating func takeAllowed(_ values: [ArraySlice<UInt8>]) -> Bool {
    guard values.count == 3, let last = operators.indices.last,
      operators[last].interface == InterfaceName(octets: values[0]),
      operators[last].entries.count < Self.allowedLimit, values[1].count == 64,
      let key = hexOctets(values[1]), let prefix = Prefix(Self.string(values[2]))
    else { return false }
    operators[last].entries.append(WireGuardEntry(prefix: prefix, key: key))
    return true
  }

  /// Only link-local addresses are taken: whoever can write the file must not be able to have
  /// others removed with our rights.
  private mutating func takeMade(_ values: [ArraySlice<UInt8>]) -> Bool {
    guard values.count == 3, madeAddresses.count < Self.helloLimit,
      let interface = InterfaceName(octets: values[0]),
      let ifindex = Self.decimal(values[1], upTo: UInt32(Int32.max)),
      let address = IPAddress(Self.string(values[2])), address.isLinkLocal
    else { return false }
    madeAddresses.append(
      MadeAddress(interface: interface, ifindex: Int32(ifindex), address: address))
    return true
  }

  private static func string(_ octets: ArraySlice<UInt8>) -> String {
    String(decoding: octets, as: UTF8.self)
  }

  /// An index of 1 to 32 octets (RFC 8967 §4.1 has ten) in hexadecimal.
  private static func index(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
    (2...64).contains(digits.count) ? hexOctets(digits) : nil
  }

  /// The value of decimal digits; nil for anything else, and beyond `limit`.
  private static func decimal(_ octets: ArraySlice<UInt8>, upTo limit: UInt32) -> UInt32? {
    guard !octets.isEmpty else { return nil }
    var value: UInt64 = 0
    for octet in octets {
      guard octet >= 0x30, octet <= 0x39 else { return nil }
      value = value * 10 + UInt64(octet - 0x30)
      guard value <= UInt64(limit) else { return nil }
    }
    return UInt32(value)
  }
}
