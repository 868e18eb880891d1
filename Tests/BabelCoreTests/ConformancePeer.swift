import BabelCore
import BabelWire

/// A scripted neighbour that speaks raw packets.
final class Peer {
  unowned let bench: Bench
  let address: IPAddress
  let interface: InterfaceID
  let name: InterfaceName
  let hello: UInt16
  /// The rxcost that it sends in IHUs.
  var rxcost: UInt16
  /// Whether it sends Hellos and IHUs regularly.
  var isTalking = false {
    didSet { if isTalking, !oldValue { nextDue = bench.now } }
  }
  private(set) var nextDue: Int64?
  private(set) var helloSeqno: UInt16 = 1000

  /// The name of the bench's first interface.
  static let firstName = InterfaceName(octets: Array("p0".utf8))!

  init(_ bench: Bench, number: UInt64, interface: InterfaceID, hello: UInt16, rxcost: UInt16) {
    self.bench = bench
    address = IPAddress(high: 0xFE80_0000_0000_0000, low: number)
    self.interface = interface
    name = InterfaceName(octets: Array("p\(interface.rawValue)".utf8))!
    self.hello = hello
    self.rxcost = rxcost
  }

  func sendWhatIsDue(at now: Int64) {
    guard isTalking else {
      nextDue = nil
      return
    }
    guard let due = nextDue, due <= now else { return }
    nextDue = now + Int64(hello) * 10_000
    say()
  }

  /// The next Hello with an IHU.
  func say() {
    send {
      _ = $0.append(self.nextHello())
      _ = $0.append(self.ihu())
    }
  }

  func nextHello(skipping: UInt16 = 0) -> Hello {
    helloSeqno = helloSeqno &+ skipping
    defer { helloSeqno = helloSeqno &+ 1 }
    return Hello(
      isUnicast: false, seqno: Seqno(helloSeqno), interval: Interval(centiseconds: hello),
      transmitTimestamp: nil)
  }

  func ihu(interval: UInt16? = nil) -> IHU {
    IHU(
      address: Example.ownAddress, rxcost: Metric(rxcost),
      interval: Interval(centiseconds: interval ?? UInt16(clamping: 3 * Int(hello))),
      timestamps: nil)
  }

  /// Sends one packet.
  func send(toMulticast: Bool = true, _ fill: (inout PacketEncoder) -> Void) {
    var encoder = PacketEncoder(limit: 1452)
    fill(&encoder)
    deliver(encoder.bytes, toMulticast: toMulticast)
  }

  /// Sends the octets of a body.
  func send(body: [UInt8], trailer: [UInt8] = [], toMulticast: Bool = true) {
    let count = body.count
    deliver(
      [42, 2, UInt8(count >> 8), UInt8(count & 255)] + body + trailer, toMulticast: toMulticast)
  }

  func deliver(_ bytes: [UInt8], toMulticast: Bool = true) {
    bench.deliver(bytes, from: address, on: interface, toMulticast: toMulticast)
  }

  /// Announces a prefix, or retracts it with metric 65535.
  func announce(
    _ prefix: Prefix, seqno: UInt16 = 10, metric: UInt16, from origin: RouterID = Example.origin,
    interval: UInt16 = 1600, toMulticast: Bool = true
  ) {
    send(toMulticast: toMulticast) {
      _ = $0.append(
        OutgoingUpdate(
          destination: prefix, source: .any(prefix.family), routerID: origin,
          seqno: Seqno(seqno), metric: Metric(metric),
          interval: Interval(centiseconds: interval),
          nextHop: prefix.family == .ipv4 ? .ipv6 : .packetSource))
    }
  }

  func retract(_ prefix: Prefix) { announce(prefix, metric: 65535) }

  func request(_ prefix: Prefix, toMulticast: Bool = false) {
    send(toMulticast: toMulticast) {
      _ = $0.append(RouteRequest(destination: prefix, source: .any(prefix.family)))
    }
  }

  func requestSeqno(
    _ prefix: Prefix, _ seqno: UInt16, of origin: RouterID = Example.origin, hops: UInt8 = 64,
    toMulticast: Bool = false
  ) {
    send(toMulticast: toMulticast) {
      _ = $0.append(
        SeqnoRequest(
          destination: prefix, source: .any(prefix.family), seqno: Seqno(seqno),
          hopCount: hops, routerID: origin))
    }
  }
}
