import BabelWire
import CLinux

/// Tells the kernel which datagrams shall reach the socket while a link is flooded: all those of
/// senders that we know, and of all others only a share, picked at random. The others take no room
/// in the socket.
///
/// It becomes a program (classic BPF) that the kernel runs on each datagram.
public struct StormFilter: Equatable, Sendable {
  /// A part of all datagrams. The number is one less than how many of 2^32 datagrams pass.
  public typealias Share = UInt32
  /// All datagrams.
  public static let everything: Share = .max

  /// A sender whose packets pass.
  public struct Sender: Equatable, Sendable {
    /// The address that its packets come from. Only the last 32 bits are compared. That is no loss,
    /// because an attacker who can choose his address could forge the whole one as well.
    public let address: IPAddress
    /// How many of its packets pass.
    public var share: Share
    /// The seal that its packets should have; nil if they need none.
    public var seal: Seal?
    /// How many of its packets pass without that seal.
    public var unsealedShare: Share

    /// Makes a sender.
    public init(
      _ address: IPAddress, share: Share = everything, seal: Seal? = nil,
      unsealedShare: Share = everything
    ) {
      self.address = address
      self.share = share
      self.seal = seal
      self.unsealedShare = unsealedShare
    }
  }

  /// What the packets of a sender who signs them have in common (RFC 8967 §4.1): they end with a
  /// PC TLV that has this index and a higher counter. babeld, BIRD and swabeld put it there.
  public struct Seal: Equatable, Sendable {
    /// The present index of the sender, of any length that RFC 8967 (§3.1) allows.
    public let index: [UInt8]
    /// The highest counter seen from it.
    public let counter: UInt32

    /// Makes a seal.
    public init(index: [UInt8], counter: UInt32) {
      self.index = index
      self.counter = counter
    }

    /// Whether the filter can check this seal. It cannot if the index is longer than 32 octets.
    public var fitsFilter: Bool { index.count <= 32 }
  }

  /// A flooded link.
  public struct Link: Equatable, Sendable {
    /// Its interface.
    public let ifindex: Int32
    /// The share that passes of everything that is not a Babel packet of a known sender.
    public let share: Share
    /// The senders that are known.
    public let senders: [Sender]

    /// Makes a link.
    public init(ifindex: Int32, share: Share, senders: [Sender]) {
      self.ifindex = ifindex
      self.share = share
      self.senders = senders
    }
  }

  /// The links that are flooded. Everything passes that arrives on other links.
  public let links: [Link]
  /// The port our neighbours send from.
  public let port: UInt16

  /// Makes a filter.
  public init(links: [Link], port: UInt16) {
    self.links = links
    self.port = port
  }
}

extension UDPSocket {
  /// Lets the kernel filter what this socket receives; nil ends that. Returns false if the kernel
  /// has no room for the program.
  public func filter(_ filter: StormFilter?) -> Bool {
    let number = descriptor.rawValue
    var nothing: Int32 = 0
    let size = socklen_t(MemoryLayout<Int32>.size)
    guard let filter else {
      return setsockopt(number, SOL_SOCKET, SO_DETACH_FILTER, &nothing, size) == 0
    }
    var program = StormProgram(family: family, port: filter.port).make(filter.links)
    guard program.count <= Int(BPF_MAXINSNS) else { return false }
    let count = UInt16(program.count)
    return program.withUnsafeMutableBufferPointer { instructions in
      var description = sock_fprog(len: count, filter: instructions.baseAddress)
      return setsockopt(
        number, SOL_SOCKET, SO_ATTACH_FILTER, &description,
        socklen_t(MemoryLayout<sock_fprog>.size)) == 0
    }
  }

  /// How full the socket's room for waiting datagrams is, in percent; 0 if the kernel does not
  /// tell (Linux before 4.12).
  public var fillPercent: Int {
    // Octets in use, and octets granted, are the first two of nine numbers.
    var values = InlineArray<9, UInt32>(repeating: 0)
    let wanted = socklen_t(MemoryLayout<InlineArray<9, UInt32>>.size)
    var size = wanted
    let number = descriptor.rawValue
    let status = withUnsafeMutableBytes(of: &values) {
      getsockopt(number, SOL_SOCKET, Int32(SWB_SO_MEMINFO), $0.baseAddress, &size)
    }
    guard status == 0, size >= 8, values[1] > 0 else { return 0 }
    return Int(clamping: UInt64(values[0]) * 100 / UInt64(values[1]))
  }
}

/// Writes the program. To the program a datagram begins with its UDP header. What stands before
/// that header, and facts that are no part of the datagram, have negative offsets.
private struct StormProgram {
  let family: AddressFamily
  let port: UInt16

  private static let load = UInt16(BPF_LD | BPF_W | BPF_ABS)
  private static let loadHalf = UInt16(BPF_LD | BPF_H | BPF_ABS)
  private static let loadIndexed = UInt16(BPF_LD | BPF_W | BPF_IND)
  private static let loadHalfIndexed = UInt16(BPF_LD | BPF_H | BPF_IND)
  private static let loadOctetIndexed = UInt16(BPF_LD | BPF_B | BPF_IND)
  private static let ifEqual = UInt16(BPF_JMP | BPF_JEQ | BPF_K)
  private static let ifGreater = UInt16(BPF_JMP | BPF_JGT | BPF_K)
  private static let ifAtLeastX = UInt16(BPF_JMP | BPF_JGE | BPF_X)
  private static let jump = UInt16(BPF_JMP | BPF_JA)
  private static let answer = UInt16(BPF_RET | BPF_K)
  private static let add = UInt16(BPF_ALU | BPF_ADD | BPF_K)
  private static let subtract = UInt16(BPF_ALU | BPF_SUB | BPF_K)
  private static let copyToX = UInt16(BPF_MISC | BPF_TAX)

  // SKF_AD_OFF, SKF_NET_OFF and offsets from them. They are macros, which Swift cannot import.
  private static let ifindex = UInt32(bitPattern: -0x1000 + 8)
  private static let random = UInt32(bitPattern: -0x1000 + 56)
  private var source: UInt32 {
    // The last 32 bits of the source address in the header of IPv4 or IPv6.
    UInt32(bitPattern: -0x10_0000 + (family == .ipv4 ? 12 : 20))
  }
  // Offsets in the UDP header and the header of a packet (RFC 8966 §4.2).
  private static let udpHeader = 8
  private static let udpLength: UInt32 = 4
  private static let magic = UInt32(udpHeader)
  private static let bodyLength = UInt32(udpHeader + 2)
  private static let packetHeader = 4
  /// The type of a PC TLV.
  private static let packetCounter: UInt32 = 17

  private static func step(
    _ code: UInt16, _ k: UInt32, then: UInt8 = 0, otherwise: UInt8 = 0
  ) -> sock_filter {
    sock_filter(code: code, jt: then, jf: otherwise, k: k)
  }
  private static var pass: sock_filter { step(answer, .max) }
  private static var drop: sock_filter { step(answer, 0) }

  func make(_ links: [StormFilter.Link]) -> [sock_filter] {
    let blocks = links.map { block($0) }
    var program = [Self.step(Self.load, Self.ifindex)]
    var ahead = links.count * 2 + 1
    for (i, link) in links.enumerated() {
      ahead -= 2
      let key = UInt32(bitPattern: link.ifindex)
      program.append(Self.step(Self.ifEqual, key, otherwise: 1))
      program.append(Self.step(Self.jump, UInt32(ahead)))
      ahead += blocks[i].count
    }
    program.append(Self.pass)
    for block in blocks { program += block }
    return program
  }

  /// Appends code that lets a share pass and drops the rest.
  private func sample(_ share: StormFilter.Share) -> [sock_filter] {
    if share == StormFilter.everything { return [Self.pass] }
    return [
      Self.step(Self.load, Self.random), Self.step(Self.ifGreater, share, then: 1), Self.pass,
      Self.drop,
    ]
  }

  private func block(_ link: StormFilter.Link) -> [sock_filter] {
    let rest = sample(link.share)
    let senders = link.senders.map { (key: UInt32(truncatingIfNeeded: $0.address.low), $0) }
      .ordered { $0.key < $1.key }
    let search = find(senders[...])
    // A datagram that is no Babel packet skips the search for its sender.
    var head = [
      Self.step(Self.loadHalf, 0), Self.step(Self.ifEqual, UInt32(port), then: 1),
      Self.step(Self.jump, UInt32(search.count + 10)),
      Self.step(Self.loadHalf, Self.magic), Self.step(Self.ifEqual, 0x2A02, then: 1),
      Self.step(Self.jump, UInt32(search.count + 7)),
      Self.step(Self.loadHalf, Self.bodyLength),
      Self.step(Self.add, UInt32(Self.udpHeader + Self.packetHeader)),
      Self.step(Self.copyToX, 0),
      Self.step(Self.loadHalf, Self.udpLength), Self.step(Self.ifAtLeastX, 0, then: 1),
      Self.step(Self.jump, UInt32(search.count + 1)),
      Self.step(Self.load, source),
    ]
    head += search
    return head + rest
  }

  /// Appends code that looks up the address in the accumulator, and goes on behind this code if the
  /// address is not found.
  private func find(
    _ senders: ArraySlice<(key: UInt32, StormFilter.Sender)>
  ) -> [sock_filter] {
    guard senders.count > 4 else {
      return senders.reduce(into: []) { steps, sender in
        let own = judge(sender.1)
        steps.append(
          Self.step(Self.ifEqual, sender.key, otherwise: UInt8(clamping: own.count)))
        steps += own
      }
    }
    let middle = senders.startIndex + senders.count / 2
    let low = find(senders[..<middle])
    let high = find(senders[middle...])
    return [
      Self.step(Self.ifGreater, senders[middle - 1].key, otherwise: 1),
      Self.step(Self.jump, UInt32(low.count + 1)),
    ] + low + [Self.step(Self.jump, UInt32(high.count))] + high
  }

  /// Appends code that decides about the packets of one sender.
  private func judge(_ sender: StormFilter.Sender) -> [sock_filter] {
    let genuine = sample(sender.share)
    guard let seal = sender.seal, seal.fitsFilter else { return genuine }
    // Here X is the offset where the last TLV of the body must begin, which holds type, length,
    // counter and index.
    let count = UInt32(seal.index.count)
    let back = 6 + count
    var checks: [(sock_filter, sock_filter)] = [
      (
        Self.step(Self.loadHalfIndexed, 0),
        Self.step(Self.ifEqual, Self.packetCounter << 8 | (4 + count), then: 1)
      ),
      (Self.step(Self.loadIndexed, 2), Self.step(Self.ifGreater, seal.counter, then: 1)),
    ]
    var at = 0
    while at < seal.index.count {
      let width = seal.index.count - at >= 4 ? 4 : 1
      let value = seal.index[at..<at + width].reduce(0) { $0 << 8 | UInt32($1) }
      checks.append(
        (
          Self.step(width == 4 ? Self.loadIndexed : Self.loadOctetIndexed, 6 + UInt32(at)),
          Self.step(Self.ifEqual, value, then: 1)
        ))
      at += width
    }
    var steps = [
      Self.step(Self.loadHalf, Self.bodyLength),
      Self.step(Self.add, UInt32(Self.udpHeader + Self.packetHeader)),
      Self.step(Self.subtract, back), Self.step(Self.copyToX, 0),
    ]
    for (i, check) in checks.enumerated() {
      let left = (checks.count - i - 1) * 3 + genuine.count
      steps += [check.0, check.1, Self.step(Self.jump, UInt32(left))]
    }
    return steps + genuine + sample(sender.unsealedShare)
  }
}
