import BabelCore
import BabelKernel
import BabelWire
import Testing

// The program has no public interface, so its parts are tested from inside.
@testable import swabeld

@Suite struct `Requests of the control socket` {
  private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func `octets are cut into lines however they come`() {
    var lines = RequestLines()
    lines.append(octets("du")[...])
    #expect(lines.next() == nil)
    #expect(!lines.hasLine)
    lines.append(octets("mp\nmonitor\nq")[...])
    #expect(lines.hasLine)
    #expect(lines.next() == octets("dump"))
    #expect(lines.next() == octets("monitor"))
    #expect(lines.next() == nil)
    lines.append(octets("uit\n")[...])
    #expect(lines.next() == octets("quit"))
  }

  @Test func `a line of 1023 octets is the longest`() {
    var lines = RequestLines()
    lines.append([UInt8](repeating: 0x78, count: 1023)[...])
    #expect(!lines.isTooLong)
    lines.append([0x0a])
    #expect(!lines.isTooLong)
    #expect(lines.next()?.count == 1023)
    lines.append([UInt8](repeating: 0x78, count: 1024)[...])
    #expect(lines.isTooLong)
  }

  @Test func `many short lines are not one long line`() {
    var lines = RequestLines()
    lines.append([UInt8](repeating: 0x0a, count: 4096)[...])
    #expect(!lines.isTooLong)
  }
}

@Suite struct `Links and addresses` {
  private func link(_ name: String, _ index: Int32, flags: UInt32 = 0x1043) throws -> KernelLink {
    KernelLink(ifindex: index, name: try #require(InterfaceName(name)), flags: flags, mtu: 1500)
  }

  private func address(_ text: String, flags: UInt32 = 0, index: Int32 = 2) throws
    -> KernelAddress
  {
    KernelAddress(
      ifindex: index, address: try #require(IPAddress(text)), prefixLength: 24, flags: flags)
  }

  @Test func `a state has usable link-local and the primary IPv4 address`() throws {
    var table = LinkTable()
    table.update(try link("eth0", 2))
    table.update(try address("fe80::2", flags: 0x40))
    table.update(try address("fe80::1"))
    table.update(try address("10.0.0.9", flags: 0x01))
    table.update(try address("10.0.0.1"))
    let name = try #require(InterfaceName("eth0"))
    let state = table.state(name, detectingCarrier: true)
    #expect(state.isUp)
    #expect(state.mtu == 1500)
    #expect(state.linkLocals == [IPAddress("fe80::1")])
    #expect(state.ipv4 == IPAddress("10.0.0.1"))
    table.update(try address("fe80::2"))
    #expect(
      table.state(name, detectingCarrier: true).linkLocals
        == ["fe80::2", "fe80::1"].map { IPAddress($0) })
  }

  @Test func `a missing carrier counts only with link-detect`() throws {
    var table = LinkTable()
    table.update(try link("eth0", 2, flags: 0x1003))
    let name = try #require(InterfaceName("eth0"))
    #expect(table.state(name, detectingCarrier: false).isUp)
    #expect(!table.state(name, detectingCarrier: true).isUp)
  }

  @Test func `unless told otherwise a missing carrier counts where there was one before`() throws {
    var table = LinkTable()
    let name = try #require(InterfaceName("eth0"))
    let without = try link("eth0", 2, flags: 0x1003)
    table.update(without)
    #expect(table.state(name, detectingCarrier: nil).isUp)
    table.update(try link("eth0", 2))
    #expect(table.state(name, detectingCarrier: nil).isUp)
    table.update(without)
    #expect(!table.state(name, detectingCarrier: nil).isUp)
    #expect(table.state(name, detectingCarrier: false).isUp)
    // The table does not forget this when all links are read again.
    table.removeAll()
    table.update(without)
    #expect(!table.state(name, detectingCarrier: nil).isUp)
    // Another link of the same name is another link.
    table.remove(without)
    table.update(try link("eth0", 3, flags: 0x1003))
    #expect(table.state(name, detectingCarrier: nil).isUp)
  }

  @Test func `a renamed link is found under its new name alone`() throws {
    var table = LinkTable()
    table.update(try link("eth0", 2))
    #expect(table.update(try link("lan", 2)))
    #expect(table.link(try #require(InterfaceName("eth0"))) == nil)
    #expect(table.link(try #require(InterfaceName("lan")))?.ifindex == 2)
  }

  @Test func `a name may move to a new link before the old one is gone`() throws {
    var table = LinkTable()
    table.update(try link("eth0", 2))
    table.update(try link("eth0", 3))
    table.remove(try link("eth0", 2))
    #expect(table.link(try #require(InterfaceName("eth0")))?.ifindex == 3)
  }

  @Test func `small and unknown MTUs are corrected as in babeld`() throws {
    var table = LinkTable()
    var small = try link("eth0", 2)
    small.mtu = 100
    table.update(small)
    #expect(table.state(small.name, detectingCarrier: false).mtu == 512)
    small.mtu = 0
    table.update(small)
    #expect(table.state(small.name, detectingCarrier: false).mtu == 1280)
  }
}
