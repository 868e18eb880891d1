import BabelCore
import BabelKernel
import BabelWire
import TestSupport
import Testing

// The program has no public interface, so its parts are tested from inside.
@testable import swabeld

@Suite struct `What addresses offer for redistribution` {
  private let one: KernelLink
  private let duplicate: UInt32 = 0x08

  init() throws { one = try Self.link(2, "l0") }

  private static func link(_ ifindex: Int32, _ name: String) throws -> KernelLink {
    KernelLink(ifindex: ifindex, name: try #require(InterfaceName(name)), flags: 0x1043)
  }

  private static func address(
    _ text: String, on ifindex: Int32 = 2, length: UInt8 = 64, flags: UInt32 = 0
  ) throws -> KernelAddress {
    KernelAddress(
      ifindex: ifindex, address: try #require(IPAddress(text)), prefixLength: length, flags: flags)
  }

  @Test func `an address that somebody else turns out to have is offered no more`() throws {
    var links = LinkTable()
    _ = links.take(.linkChanged(one))
    let good = try Self.address("fd91::1", flags: 0x40)
    let added = links.take(.addressChanged(good)).added
    #expect(added.count == 1)
    let refused = try Self.address("fd91::1", flags: 0x40 | duplicate)
    #expect(links.take(.addressChanged(refused)) == OfferChanges(removed: added))
    #expect(links.take(.addressChanged(refused)) == OfferChanges())
    #expect(links.take(.addressChanged(good)) == OfferChanges(added: added))
  }

  @Test func `the same address with two prefix lengths is one offer`() throws {
    var links = LinkTable()
    _ = links.take(.linkChanged(one))
    let first = try Self.address("10.0.0.1", length: 24)
    let second = try Self.address("10.0.0.1", length: 32)
    let added = links.take(.addressChanged(first)).added
    #expect(links.take(.addressChanged(second)) == OfferChanges())
    #expect(links.take(.addressRemoved(first)) == OfferChanges())
    #expect(links.take(.addressRemoved(second)) == OfferChanges(removed: added))
  }

  @Test func `a link may have very many addresses, and one has too many`() throws {
    var links = LinkTable()
    _ = links.take(.linkChanged(one))
    func address(_ number: Int) -> KernelAddress {
      KernelAddress(
        ifindex: 2, address: IPAddress(high: 0xFD91_0000_0000_0000, low: UInt64(number)),
        prefixLength: 128)
    }
    let began = ContinuousClock.now
    for number in 0..<LinkTable.addressLimit {
      _ = links.take(.addressChanged(address(number)))
    }
    #expect(links.fullLinks == [])
    #expect(ContinuousClock.now - began < .seconds(5), "each takes the same time")
    let excessive = address(LinkTable.addressLimit)
    #expect(links.take(.addressChanged(excessive)) == OfferChanges())
    #expect(links.fullLinks == [2])
    for number in stride(from: 0, to: LinkTable.addressLimit, by: 2) {
      #expect(links.take(.addressRemoved(address(number))).removed.count == 1)
    }
    #expect(links.take(.addressChanged(excessive)).added.count == 1)
    let left = stride(from: 1, to: LinkTable.addressLimit, by: 2).map { address($0) }
    #expect(links.addresses(of: 2) == left + [excessive])
  }

  /// A model of the kernel: what it would answer, beside the events that it sends.
  private struct Kernel {
    var links: [Int32: KernelLink] = [:]
    var addresses: [KernelAddress] = []

    /// A table read at start.
    var table: LinkTable {
      var table = LinkTable()
      for link in links.values.sorted(by: { $0.ifindex < $1.ifindex }) { table.update(link) }
      for address in addresses { table.update(address) }
      return table
    }

    /// Changes something at random; returns the events that the kernel sends.
    mutating func step(_ random: inout Chance) throws -> [KernelEvent] {
      let ifindex = Int32.random(in: 2...4, using: &random)
      guard let link = links[ifindex] else {
        let free = ["l0", "l1", "l2", "l3"].compactMap { InterfaceName($0) }.filter { name in
          !links.values.contains { $0.name == name }
        }
        let name = try #require(free.randomElement(using: &random))
        let new = KernelLink(ifindex: ifindex, name: name)
        links[ifindex] = new
        return [.linkChanged(new)]
      }
      switch Int.random(in: 0..<10, using: &random) {
      case 0: return remove(link, &random)
      case 1: return try rename(link, &random)
      case 2: return flags(link, &random)
      case 3...4:
        guard let gone = addresses.filter({ $0.ifindex == ifindex }).randomElement(using: &random)
        else { return [] }
        addresses.removeAll { $0 == gone }
        return [.addressRemoved(gone)]
      default: return try addressChanges(ifindex, &random)
      }
    }

    private mutating func remove(
      _ link: KernelLink, _ random: inout Chance
    ) -> [KernelEvent] {
      let gone = addresses.filter { $0.ifindex == link.ifindex }
      addresses.removeAll { $0.ifindex == link.ifindex }
      links[link.ifindex] = nil
      // The kernel tells of the addresses before, unless those messages were lost.
      let events = Bool.random(using: &random) ? gone.map { KernelEvent.addressRemoved($0) } : []
      return events + [.linkRemoved(link)]
    }

    private mutating func rename(
      _ link: KernelLink, _ random: inout Chance
    ) throws -> [KernelEvent] {
      let name = try #require(InterfaceName("n\(UInt16.random(in: 0 ... .max, using: &random))"))
      guard !links.values.contains(where: { $0.name == name }) else { return [] }
      links[link.ifindex]?.name = name
      return links[link.ifindex].map { [.linkChanged($0)] } ?? []
    }

    private mutating func flags(
      _ link: KernelLink, _ random: inout Chance
    ) -> [KernelEvent] {
      links[link.ifindex]?.flags = [0x1002, 0x1003, 0x1043].randomElement(using: &random) ?? 0
      return links[link.ifindex].map { [.linkChanged($0)] } ?? []
    }

    private mutating func addressChanges(
      _ ifindex: Int32, _ random: inout Chance
    ) throws -> [KernelEvent] {
      let texts = ["fd91::1", "fd91::2", "fe80::1", "10.0.0.1", "10.0.0.2", "127.0.0.1"]
      let text = try #require(texts.randomElement(using: &random))
      let flags = try #require([0, 0x40, 0x48, 0x08, 0x20, 0x80].randomElement(using: &random))
      let address = try `What addresses offer for redistribution`.address(
        text, on: ifindex, length: Bool.random(using: &random) ? 24 : 32, flags: UInt32(flags))
      addresses.removeAll {
        $0.ifindex == ifindex && $0.address == address.address
          && $0.prefixLength == address.prefixLength
      }
      addresses.append(address)
      return [.addressChanged(address)]
    }
  }

  @Test(arguments: 1...40)
  func `what is told of live comes to what is found at start`(seed: UInt64) throws {
    var random = Chance(seed: seed)
    var kernel = Kernel()
    var links = LinkTable()
    var offered: Set<KernelOffer> = []
    for _ in 0..<300 {
      for event in try kernel.step(&random) {
        let changes = links.take(event)
        #expect(offered.isSuperset(of: changes.removed), "seed \(seed): removed, not offered")
        offered.subtract(changes.removed)
        #expect(offered.isDisjoint(with: changes.added), "seed \(seed): added twice")
        offered.formUnion(changes.added)
      }
      try #require(offered == Set(kernel.table.offers()), "seed \(seed)")
    }
  }
}
