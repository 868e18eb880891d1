import BabelCore
import BabelKernel
import BabelWire
import Foundation
import Testing

@testable import swabeld

@Suite struct `Saved life` {
  private static let routerID = RouterID(0x0200_0000_0000_000A)

  private func links() throws -> [LinkRecord] {
    let near = try LinkRecord(
      interface: #require(InterfaceName("wg0")), address: #require(IPAddress("fe80::2")),
      silence: 2130, unicastSeqno: Seqno(65535), isMutual: true,
      losses: [2, 1, 30, 212, 7, 2, 64_424_509, 600], roundTrip: [20_110, 1200, 1310])
    let far = try LinkRecord(
      interface: #require(InterfaceName("wg1")), address: #require(IPAddress("fe80::3")),
      silence: 0, unicastSeqno: nil, isMutual: false, losses: [0, 0, 0, 0, 0, 0, 0, 32],
      roundTrip: [])
    return [try #require(near), try #require(far)]
  }

  private func life() throws -> SavedLife {
    var life = SavedLife(.kept, routerID: Self.routerID, seqno: Seqno(34241))
    life.boot = Array("0f4b6a2e-0000-4000-8000-000000000001".utf8)
    life.savedAt = 81_234
    life.hellos = [
      SavedLife.Hello(interface: try #require(InterfaceName("wg-été")), seqno: Seqno(65535))
    ]
    life.tables = [254, 4_294_967_295]
    life.heard = [
      HelloRecord(
        interface: try #require(InterfaceName("wg0")), address: try #require(IPAddress("fe80::2")),
        isUnicast: true, bits: 0xFFFE, expected: Seqno(65535), interval: 400, silence: 2130)
    ]
    life.links = try links()
    life.sources = [
      SourceRecord(
        destination: try #require(Prefix("2001:db8::/48")),
        source: try #require(Prefix("2001:db8:1::/64")), routerID: RouterID(0x0A),
        seqno: Seqno(34180), metric: Metric(428), secondsLeft: 163),
      SourceRecord(
        destination: try #require(Prefix("10.0.0.0/8")), source: .ipv4Default,
        routerID: RouterID(0x0B), seqno: Seqno(0), metric: Metric(0), secondsLeft: 20,
        isAnnounced: false),
    ]
    life.authentications = [
      SavedLife.Authentication(
        interface: try #require(InterfaceName("wg0")),
        record: AuthenticationRecord(
          index: [0, 1, 0xAB, 0xFF], sent: .max,
          senders: [
            SenderRecord(
              address: try #require(IPAddress("fe80::2")), index: [9], multicast: 4410, unicast: 0)
          ]))
    ]
    life.gateways = [
      GatewayRecord(
        name: Array("up".utf8), interface: try #require(InterfaceName("eth0")), isUp: true,
        flaps: 2),
      GatewayRecord(
        name: Array("x".utf8), interface: try #require(InterfaceName("wg0")), isUp: false,
        flaps: 16),
    ]
    life.sysctls = [
      try #require(
        SavedSysctls.Entry(
          name: Array("ipv4/conf/wg0/rp_filter".utf8)[...], before: 1, wanted: 0))
    ]
    life.operators = [
      SavedLife.Operators(
        interface: try #require(InterfaceName("wg0")), ifindex: 7,
        entries: [
          WireGuardEntry(
            prefix: try #require(Prefix("10.20.9.0/24")),
            key: (0..<32).map { UInt8($0 * 8) })
        ]),
      SavedLife.Operators(
        interface: try #require(InterfaceName("wg1")), ifindex: .max, entries: []),
    ]
    life.madeAddresses = [
      SavedLife.MadeAddress(
        interface: try #require(InterfaceName("wg1")), ifindex: .max,
        address: try #require(IPAddress("fe80::2c6a:4719:1719:a665")))
    ]
    return life
  }

  private func fault(_ text: String) -> String? {
    do throws(SavedLife.Fault) {
      _ = try SavedLife(Array(text.utf8))
      return nil
    } catch {
      return error.reason
    }
  }

  @Test func `what is written is read`() throws {
    let life = try life()
    #expect(try SavedLife(life.text) == life)
    var running = SavedLife(.running, routerID: Self.routerID, seqno: Seqno(0))
    #expect(try SavedLife(running.text) == running)
    running.boot = Array("x".utf8)
    #expect(try SavedLife(running.text) == running)
  }

  @Test func `its age is counted in whole seconds, never too high`() throws {
    let life = try life()
    #expect(life.age(atBootMicroseconds: 81_234_100_000) == 0)
    #expect(life.age(atBootMicroseconds: 81_235_500_000) == 500_000)
    #expect(life.age(atBootMicroseconds: 81_304_000_000) == 69_000_000)
    #expect(life.age(atBootMicroseconds: 0) == 0)
  }

  @Test func `each part of a text is recognised as one`() throws {
    let text = try life().text
    for count in 0..<text.count - 1 {
      #expect(throws: SavedLife.Fault.self) { try SavedLife(Array(text[..<count])) }
    }
  }

  @Test func `no single changed octet does harm`() throws {
    let text = try life().text
    for index in text.indices {
      for octet: UInt8 in [0, 0x0A, 0x20, 0x2D, 0x39, 0xFF] {
        var changed = text
        changed[index] = octet
        _ = try? SavedLife(changed)
      }
    }
  }

  @Test func `a later version's words are passed over`() {
    let text =
      "swabeld-state 1\nrunning\nrouter-id 02:00:00:00:00:00:00:0a\nmoon x y\nseqno 7\nend\n"
    #expect(fault(text) == nil)
  }

  @Test(arguments: [
    ("", "it was not written by swabeld"),
    ("34177\n", "it was not written by swabeld"),
    ("swabeld-state 2\nrunning\nend\n", "its version is not known"),
    ("swabeld-state 1\nrunning\n", "its end is missing"),
    ("swabeld-state 1\nend\n", "line 2 is malformed"),
    ("swabeld-state 1\nasleep\nend\n", "line 2 is malformed"),
    ("swabeld-state 1\nrunning\nend\n", "it is incomplete"),
    ("swabeld-state 1\nrunning\nseqno 65536\nend\n", "line 3 is malformed"),
    ("swabeld-state 1\nrunning\nseqno\nend\n", "line 3 is malformed"),
    ("swabeld-state 1\nrunning\nrouter-id ff:ff:ff:ff:ff:ff:ff:ff\nend\n", "line 3 is malformed"),
    ("swabeld-state 1\nrunning\nseqno 7\nhello a/b 7\nend\n", "line 4 is malformed"),
    ("swabeld-state 1\nrunning\nboot x 4294967296\nend\n", "line 3 is malformed"),
    (
      "swabeld-state 1\nrunning\nsource ::/0 0.0.0.0/0 0:0:0:0:0:0:0:1 1 1 1\nend\n",
      "line 3 is malformed"
    ),
    ("swabeld-state 1\nrunning\n   \nend\n", "line 3 is malformed"),
    ("swabeld-state 1\nkept\npeer wg0 fe80::2 09 1 1\nend\n", "line 3 is malformed"),
    ("swabeld-state 1\nkept\nmac wg0 0g 1\nend\n", "line 3 is malformed"),
    ("swabeld-state 1\nkept\nmac wg0 012 1\nend\n", "line 3 is malformed"),
    ("swabeld-state 1\nkept\nmac a 01 1\npeer b fe80::2 09 1 1\nend\n", "line 4 is malformed"),
    ("swabeld-state 1\nkept\nlink wg0 fe80::2 9 - 0 0 0 0 0 0 0 0\nend\n", "line 3 is malformed"),
    (
      "swabeld-state 1\nkept\nlink wg0 fe80::2 9 - 0 3 0 0 0 0 0 0 32\nend\n",
      "line 3 is malformed"
    ),
    (
      "swabeld-state 1\nkept\nlink wg0 fe80::2 9 x 0 0 0 0 0 0 0 0 32\nend\n",
      "line 3 is malformed"
    ),
    ("swabeld-state 1\nkept\nsysctl kernel/core_pattern 1 0\nend\n", "line 3 is malformed"),
    ("swabeld-state 1\nkept\nsysctl ipv4/conf/a/b/rp_filter 1 0\nend\n", "line 3 is malformed"),
    ("swabeld-state 1\nkept\nmade wg0 7 2001:db8::1\nend\n", "line 3 is malformed"),
    ("swabeld-state 1\nkept\nmade wg0 fe80::1\nend\n", "line 3 is malformed"),
  ])
  func `faults are named`(text: String, reason: String) { #expect(fault(text) == reason) }

  @Test func `tables are bounded, in writing and in reading`() throws {
    var life = try life()
    life.sources = Array(repeating: life.sources[0], count: SavedLife.sourceLimit + 1)
    life.hellos = Array(repeating: life.hellos[0], count: SavedLife.helloLimit + 1)
    let text = life.text
    #expect(text.count <= SavedLife.textLimit)
    let read = try SavedLife(text)
    #expect(read.sources.count == SavedLife.sourceLimit)
    #expect(read.hellos.count == SavedLife.helloLimit)
    let line = "hello a 1\n"
    let many = String(repeating: line, count: SavedLife.helloLimit + 1)
    #expect(fault("swabeld-state 1\nrunning\n\(many)end\n") == "line 4099 is malformed")
    #expect(
      fault("swabeld-state 1\n" + String(repeating: "x", count: SavedLife.textLimit))
        == "it is too long")
  }

  @Test func `only a life that kept its routes in this boot is gone on with`() throws {
    var life = try life()
    #expect(life.canBeResumed(boot: life.boot))
    #expect(!life.canBeResumed(boot: [1]) && !life.canBeResumed(boot: []))
    life.ending = .stopped
    #expect(!life.canBeResumed(boot: life.boot))
    life.ending = .running
    #expect(!life.canBeResumed(boot: life.boot))
    life.ending = .kept
    life.boot = []
    #expect(!life.canBeResumed(boot: []))
  }

  @Test func `sources have less time left, over a boot as far as it is known`() throws {
    let life = try life()
    #expect(life.sources(boot: life.boot, seconds: 81_300).map { $0.secondsLeft } == [97])
    #expect(life.sources(boot: [1], seconds: 10).map { $0.secondsLeft } == [153, 10])
    // If the clock goes backwards, no row is kept longer for that.
    #expect(life.sources(boot: life.boot, seconds: 0).map { $0.secondsLeft } == [163, 20])
  }
}

@Suite struct `File of the running life` {
  private let path = NSTemporaryDirectory() + "swabeld-life-\(UInt64.random(in: 0 ... .max))"
  private let log = Log()

  private func node(seqno: UInt16 = 100) -> BabelNode {
    BabelNode(
      NodeParameters(routerID: RouterID(10), seqno: Seqno(seqno), seed: 1), filters: FilterSet())
  }

  @Test func `a block of 64 seqnos is reserved, and no more is written until it is used`() throws {
    var file = LifeFile(beside: StateFile(path: path))
    let own = try #require(file.path)
    #expect(own == path + ".swabeld")
    file.begin(node(), log)
    let life = try #require(file.read(log))
    #expect(life.ending == .running && life.routerID == RouterID(10) && life.seqno == Seqno(163))
    #expect(!life.boot.isEmpty && life.savedAt > 0)
    try FileSystem.remove(own)
    let late = Instant(microseconds: 3_600_000_000)
    file.keepReserve(node(seqno: 131), at: late, log)
    #expect(!FileSystem.exists(own))
    file.keepReserve(node(seqno: 132), at: late, log)
    #expect(file.read(log)?.seqno == Seqno(195))
    // However many seqnos are asked for, a block is reserved at most once a minute then.
    try FileSystem.remove(own)
    file.keepReserve(node(seqno: 1000), at: late + 59_000_000, log)
    #expect(!FileSystem.exists(own))
    file.keepReserve(node(seqno: 1000), at: late + 60_000_000, log)
    #expect(file.read(log)?.seqno == Seqno(1063))
    file.end(node(seqno: 1001), at: late, log)
    let last = try #require(file.read(log))
    #expect(last.ending == .stopped && last.seqno == Seqno(1001))
    try FileSystem.remove(own)
  }

  @Test func `the block goes on across the wrap`() throws {
    var file = LifeFile(beside: StateFile(path: path))
    file.begin(node(seqno: 65_530), log)
    #expect(file.read(log)?.seqno == Seqno(57))
    try FileSystem.remove(try #require(file.path))
  }

  @Test(arguments: [65_471, 65_472, 65_473, 65_535, 0] as [UInt16])
  func `a block that ends at the last seqno or the first is none too large`(seqno: UInt16) throws {
    var file = LifeFile(beside: StateFile(path: path))
    file.begin(node(seqno: seqno), log)
    #expect(file.read(log)?.seqno == Seqno(seqno &+ 63))
    try FileSystem.remove(try #require(file.path))
  }

  @Test func `without a state file there is none`() {
    #expect(LifeFile(beside: StateFile(path: "")).path == nil)
    #expect(LifeFile(beside: StateFile(path: "/dev/null")).path == nil)
  }

  @Test func `a bad file is as good as none`() throws {
    let file = LifeFile(beside: StateFile(path: path))
    try FileSystem.createExclusively(path + ".swabeld", Array("nonsense".utf8))
    #expect(file.read(log) == nil)
    // The file stays until a start has succeeded.
    #expect(FileSystem.exists(path + ".swabeld"))
    try FileSystem.remove(path + ".swabeld")
  }
}

@Suite struct `Members of a group` {
  @Test func `interfaces are found by the group's address`() {
    let text = """
      1    lo              ff020000000000000000000000000001     1 0000000C 0
      7    wg0             ff020000000000000000000000010006     1 00000004 0
      7    wg0             ff020000000000000000000000000001     1 0000000C 0
      9    eth0            ff020000000000000000000000010006     1 00000004 0
      x    y               ff020000000000000000000000010006
      8    short
      """
    let group = IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)
    #expect(GroupMembership.parse(Array(text.utf8), [group]) == [7, 9])
    #expect(GroupMembership.parse([], [group]) == [])
  }
}
