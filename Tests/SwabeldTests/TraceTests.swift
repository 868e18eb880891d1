import BabelCore
import BabelKernel
import BabelWire
import Testing

@testable import swabeld

private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct `Requests for packets` {
  private func request(_ text: String) -> TraceRequest? {
    if case .request(let request) = TraceRequest.read(octets(text)) { request } else { nil }
  }

  @Test func `are read word by word`() throws {
    #expect(request("trace")?.form == .words && request("capture")?.form == .octets)
    let all = try #require(request(" trace  neighbour fe80::1 for 10 packets 3 # now"))
    #expect(all.neighbour == IPAddress("fe80::1") && all.interface == nil)
    #expect(all.seconds == 10 && all.packets == 3)
    #expect(
      request("capture packets 1 interface wg0 neighbour fe80::1")?.interface
        == InterfaceName("wg0"))
    for wrong in [
      "trace wg0", "trace interface", "trace for 0", "trace for 1 for 2", "trace neighbour wg0",
      "trace interface a interface b", "trace for 1 x", "trace packets 1000000001",
      "capture x.pcap",
    ] { #expect(TraceRequest.read(octets(wrong)) == .mistake, "\(wrong)") }
    for other in ["", "tracer", "show trace", "events --follow"] {
      #expect(TraceRequest.read(octets(other)) == .other, "\(other)")
    }
  }

  @Test func `need a Unix socket, or the statement that trusts a port`() {
    var configuration = Configuration()
    for isReadWrite in [false, true] {
      let path = LocalServer(endpoint: .path(octets("/x")), isReadWrite: isReadWrite)
      #expect(ClientRights(path, configuration).maySeePackets)
      let port = LocalServer(endpoint: .port(1), isReadWrite: isReadWrite)
      configuration.trustsLocalPort = false
      #expect(!ClientRights(port, configuration).maySeePackets)
      configuration.trustsLocalPort = true
      #expect(ClientRights(port, configuration).maySeePackets)
    }
  }
}

@Suite struct `A tap of packets` {
  private let here: IPAddress
  private let there: IPAddress
  private let group: IPAddress

  init() throws {
    here = try #require(IPAddress("fe80::1"))
    there = try #require(IPAddress("fe80::2"))
    group = try #require(IPAddress("ff02::1:6"))
  }

  private func tap(_ text: String, heardOn: [String] = []) throws -> PacketTap {
    guard case .request(let request) = TraceRequest.read(octets(text)) else {
      throw Unexpected()
    }
    return PacketTap(request, heardOn: heardOn.compactMap { InterfaceName($0) }, at: 0)
  }

  private struct Unexpected: Error {}

  private func packet(
    from source: IPAddress, to destination: IPAddress, on name: String,
    _ fate: PacketSighting.Fate
  ) throws -> PacketSighting {
    PacketSighting(
      time: 1_796_000_000_123_456, interface: try #require(InterfaceName(name)), source: source,
      sourcePort: 6696, destination: destination, port: 6696, format: .standard, fate: fate)
  }

  @Test func `a neighbour's packets are those from it, to it, and to the group where it is`() throws
  {
    var tap = try tap("trace neighbour fe80::2", heardOn: ["e0"])
    #expect(try tap.wants(packet(from: there, to: group, on: "e0", .received)))
    #expect(try !tap.wants(packet(from: here, to: group, on: "e0", .received)))
    #expect(try tap.wants(packet(from: here, to: group, on: "e0", .sent(isSigned: false))))
    #expect(try tap.wants(packet(from: here, to: there, on: "e1", .sent(isSigned: false))))
    #expect(try !tap.wants(packet(from: here, to: group, on: "e1", .sent(isSigned: false))))
    #expect(try tap.wants(packet(from: there, to: here, on: "e1", .dropped(.wrongMAC))))
    #expect(try tap.wants(packet(from: here, to: group, on: "e1", .sent(isSigned: false))))
  }

  @Test func `a flood makes a bounded number of lines, and the rest is counted`() throws {
    var tap = try tap("trace")
    var shown = 0
    var told = 0
    for millisecond in 0..<Int64(10_000) {
      for _ in 0..<10 where tap.admits(waiting: 0, at: millisecond * 1000) {
        shown += 10
        let missing = tap.show(cost: 10)
        told += Int(missing?.split(separator: " ")[1] ?? "0") ?? 0
      }
    }
    #expect(shown <= 2000 * 12 + 10 && shown > 2000 * 11)
    let leftOut = 100_000 - shown / 10
    #expect(told <= leftOut && told > leftOut - 100)
    #expect(tap.farewell == "end packets \(shown / 10) left-out \(leftOut)\n")
  }

  @Test func `who does not read is shown nothing more`() throws {
    var tap = try tap("capture packets 2")
    let first = tap.admits(waiting: PacketTap.backlogLimit - 1, at: 0)
    #expect(first && tap.show(cost: 1) == nil && !tap.isComplete)
    let second = tap.admits(waiting: PacketTap.backlogLimit, at: 0)
    let third = tap.admits(waiting: 0, at: 0)
    #expect(!second && third && tap.show(cost: 1) == "left-out 1 packets\n" && tap.isComplete)
  }

  @Test func `a captured packet becomes one of IP with right checksums`() throws {
    var lines = PacketLines()
    let bytes: [UInt8] = [42, 2, 0, 8, 4, 6, 0, 0, 0x12, 0x34, 1, 144, 0xFF]
    let packet = try packet(from: there, to: group, on: "wg0", .received)
    let (text, _) = lines.lines(.octets, packet, bytes.span)
    #expect(
      String(decoding: text, as: UTF8.self)
        == "packet 1796000000.123456 recv wg0 fe80::2 6696 ff02::1:6 6696 "
        + "2a0200080406000012340190ff\n")
    let captured = try #require(CapturedPacket(text.dropLast()))
    #expect(captured.time == packet.time && captured.payload == bytes)
    let whole = captured.ipPacket
    #expect(whole.count == 40 + 8 + bytes.count && whole[0] == 0x60 && whole[6] == 17)
    // What stands in the header is zero when it is added to the rest.
    let pseudo = Array(whole[8..<40]) + [0, 0, 0, UInt8(8 + bytes.count), 0, 0, 0, 17]
    #expect(sum(pseudo + whole[40...]) == 0xFFFF)
  }

  @Test func `over IPv4 its header has a checksum, too`() throws {
    let line = "packet 1796000000.000001 sent l0 10.0.0.1 6696 224.0.0.111 6696 2a020000"
    let whole = try #require(CapturedPacket(octets(line))).ipPacket
    #expect(whole.count == 32 && whole[0] == 0x45 && sum(Array(whole[..<20])) == 0xFFFF)
    let pseudo = Array(whole[12..<20]) + [0, 17, 0, 12]
    #expect(sum(pseudo + whole[20...]) == 0xFFFF)
  }

  private func sum(_ octets: [UInt8]) -> UInt32 {
    var sum: UInt32 = 0
    for (index, octet) in octets.enumerated() {
      sum += index % 2 == 0 ? UInt32(octet) << 8 : UInt32(octet)
    }
    while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
    return sum
  }

  @Test(arguments: [
    "", "packet", "packet 1.000001 recv l0 fe80::1 1 10.0.0.1 1 00",
    "packet 1.1 recv l0 fe80::1 1 fe80::2 1 00", "packet 1.000001 recv l0 fe80::1 1 fe80::2 1 0",
    "packet 1.000001 recv l0 fe80::1 65536 fe80::2 1 00", "end packets 1 left-out 0",
    "packet 1.000001 recv l0 fe80::1 1 fe80::2 1 0G",
    "packet 99999999999.000001 recv l0 fe80::1 1 fe80::2 1 00",
  ])
  func `lines that are no packets are passed over`(line: String) {
    #expect(CapturedPacket(octets(line)) == nil)
  }
}
