import BabelCore
import BabelKernel
import BabelWire

/// A file of packets in the form of pcap, which tcpdump and Wireshark read. Packets begin with
/// their IP header, which is made anew: the daemon has only what is inside.
struct CaptureFile: ~Copyable {
  private let path: String
  private let file: FileDescriptor
  /// How many packets were written.
  private(set) var count: UInt64 = 0

  private init(_ path: String, _ file: consuming FileDescriptor) {
    self.path = path
    self.file = file
  }

  /// Makes the file, or uses standard output (`-`), and writes what stands at its beginning.
  static func make(_ path: String) throws(KernelError) -> CaptureFile {
    let isOutput = path.utf8.elementsEqual("-".utf8)
    let file = CaptureFile(
      path,
      isOutput
        ? try FileDescriptor.copy(of: 1) : try FileSystem.openForWriting(path, mode: 0o600))
    // Magic number for microseconds, version 2.4, no offset of time, the longest packet, and
    // LINKTYPE_RAW.
    var head: [UInt8] = []
    Self.append(0xA1B2_C3D4, to: &head)
    Self.append(0x0004_0002, to: &head)
    Self.append(0, to: &head)
    Self.append(0, to: &head)
    Self.append(262_144, to: &head)
    Self.append(101, to: &head)
    try file.write(head)
    return file
  }

  /// Writes the packet of a line of the daemon. A line that is none is passed over.
  mutating func write(line: [UInt8]) throws(KernelError) {
    guard let packet = CapturedPacket(line) else { return }
    let octets = packet.ipPacket
    var record: [UInt8] = []
    Self.append(UInt32(truncatingIfNeeded: packet.time / 1_000_000), to: &record)
    Self.append(UInt32(truncatingIfNeeded: packet.time % 1_000_000), to: &record)
    Self.append(UInt32(clamping: octets.count), to: &record)
    Self.append(UInt32(clamping: octets.count), to: &record)
    try write(record + octets)
    count += 1
  }

  /// Least significant octet first, as the magic number says.
  private static func append(_ word: UInt32, to octets: inout [UInt8]) {
    for shift: UInt32 in [0, 8, 16, 24] {
      octets.append(UInt8(truncatingIfNeeded: word >> shift))
    }
  }

  private func write(_ octets: [UInt8]) throws(KernelError) {
    var start = 0
    while start < octets.count {
      do throws(KernelError) {
        guard let written = try file.write(octets, from: start), written > 0 else {
          throw KernelError(operation: "write", errno: ErrorNumber.wouldBlock)
        }
        start += written
      } catch {
        throw KernelError(operation: "write \(path)", errno: error.errno)
      }
    }
  }
}

/// A packet as the daemon tells of it:
/// `packet SECONDS recv|sent NAME SOURCE PORT DESTINATION PORT OCTETS`.
struct CapturedPacket: Equatable {
  /// Microseconds since 1970.
  let time: Int64
  let source: IPAddress
  let sourcePort: UInt16
  let destination: IPAddress
  let destinationPort: UInt16
  /// What UDP carries.
  let payload: [UInt8]

  /// Reads a line; nil if it is another one.
  init?(_ line: [UInt8]) {
    let words = line.split(separator: 0x20)
    guard words.count == 9, words[0].elementsEqual("packet".utf8),
      let time = Self.microseconds(words[1]),
      let source = IPAddress(octets: Array(words[4])), let sourcePort = Self.port(words[5]),
      let destination = IPAddress(octets: Array(words[6])),
      let destinationPort = Self.port(words[7]), source.family == destination.family,
      let payload = words[8].elementsEqual("-".utf8) ? [] : hexOctets(words[8]),
      payload.count <= Self.longest
    else { return nil }
    self.time = time
    self.source = source
    self.sourcePort = sourcePort
    self.destination = destination
    self.destinationPort = destinationPort
    self.payload = payload
  }

  /// More does not fit into a packet of IPv4.
  private static let longest = 65_507

  private static func microseconds(_ word: ArraySlice<UInt8>) -> Int64? {
    let parts = word.split(separator: UInt8(ascii: "."))
    guard parts.count == 2, parts[1].count == 6, let seconds = number(parts[0]),
      let rest = number(parts[1]), seconds < 1 << 32
    else { return nil }
    return seconds * 1_000_000 + rest
  }

  private static func port(_ word: ArraySlice<UInt8>) -> UInt16? {
    number(word).flatMap { UInt16(exactly: $0) }
  }

  private static func number(_ word: ArraySlice<UInt8>) -> Int64? {
    guard (1...12).contains(word.count) else { return nil }
    var number: Int64 = 0
    for octet in word {
      guard octet >= 0x30, octet <= 0x39 else { return nil }
      number = number * 10 + Int64(octet - 0x30)
    }
    return number
  }

  /// The packet from its IP header on.
  var ipPacket: [UInt8] {
    let length = 8 + payload.count
    var addresses: [UInt8] = []
    for address in [source, destination] {
      if address.family == .ipv4 {
        Self.append(UInt64(address.ipv4Bits), 4, to: &addresses)
      } else {
        Self.append(address.high, 8, to: &addresses)
        Self.append(address.low, 8, to: &addresses)
      }
    }
    var datagram: [UInt8] = []
    Self.append(UInt64(sourcePort), 2, to: &datagram)
    Self.append(UInt64(destinationPort), 2, to: &datagram)
    Self.append(UInt64(length), 2, to: &datagram)
    Self.append(0, 2, to: &datagram)
    datagram += payload
    // UDP's number, and the length again (RFC 768, RFC 8200 §8.1).
    let sum = Self.sum(addresses) + Self.sum(datagram) + 17 + UInt64(length)
    let check = Self.folded(sum)
    datagram[6] = UInt8(truncatingIfNeeded: (check == 0 ? 0xFFFF : check) >> 8)
    datagram[7] = UInt8(truncatingIfNeeded: check == 0 ? 0xFFFF : check)
    return (source.family == .ipv4 ? ipv4Header(length, addresses) : ipv6Header(length, addresses))
      + datagram
  }

  /// Packets of Babel are for the link, so the hop limit is 1.
  private func ipv6Header(_ length: Int, _ addresses: [UInt8]) -> [UInt8] {
    var header: [UInt8] = [0x60, 0, 0, 0]
    Self.append(UInt64(length), 2, to: &header)
    return header + [17, 1] + addresses
  }

  private func ipv4Header(_ length: Int, _ addresses: [UInt8]) -> [UInt8] {
    var header: [UInt8] = [0x45, 0]
    Self.append(UInt64(20 + length), 2, to: &header)
    header += [0, 0, 0, 0, 1, 17, 0, 0] + addresses
    let check = Self.folded(Self.sum(header))
    header[10] = UInt8(truncatingIfNeeded: check >> 8)
    header[11] = UInt8(truncatingIfNeeded: check)
    return header
  }

  private static func append(_ number: UInt64, _ count: Int, to octets: inout [UInt8]) {
    for index in 0..<count {
      octets.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * (count - 1 - index))))
    }
  }

  /// The sum of 16-bit words.
  private static func sum(_ octets: [UInt8]) -> UInt64 {
    var sum: UInt64 = 0
    for (index, octet) in octets.enumerated() {
      sum += index % 2 == 0 ? UInt64(octet) << 8 : UInt64(octet)
    }
    return sum
  }

  /// The checksum of the Internet (RFC 1071).
  private static func folded(_ sum: UInt64) -> UInt16 {
    var sum = sum
    while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
    return ~UInt16(truncatingIfNeeded: sum)
  }
}
