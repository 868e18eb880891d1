import BabelWire
import TestSupport
import Testing

@testable import BabelCore

/// The rows of routes, and how the routes of one neighbour are found.
struct RouteRowsTests {
  /// Rows of a neighbour, and what is to be in them.
  struct Learned {
    var list = Neighbour.Routes()
    var rows: Set<RouteRow> = []
    /// Rows that a job has still to look at.
    var waiting: Set<RouteRow> = []
  }

  static func route(_ number: Int) -> Route {
    let update = Update(
      encoding: .ipv6, flags: 0, omitted: 0, interval: Interval(centiseconds: 1600),
      seqno: Seqno(1), metric: Metric(96),
      destination: Prefix(mapped: IPAddress(high: 0x2001_0DB8 << 32, low: 0), mappedLength: 64),
      source: .any(.ipv6), routerID: RouterID(1), nextHop: IPAddress(high: 0xFE80 << 48, low: 1))
    return Route(
      update, to: DestinationRow(UInt32(number)), via: NextHopRow(0), by: RouterRow(0),
      metric: Metric(96), epoch: 0, at: Instant(microseconds: 0))
  }

  @Test func `rows are as small as they are said to be`() {
    #expect(MemoryLayout<Destination>.stride <= 64)
    #expect(MemoryLayout<Route>.stride <= 40)
    #expect(MemoryLayout<RouteBlock>.stride <= 16)
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `a job comes by every route that was there, and by no other`(seed: UInt64) throws {
    var chance = Chance(seed: seed)
    var table = RouteRows()
    var neighbours = [Learned(), Learned(), Learned()]
    var numbers: [RouteRow: Int] = [:]
    for step in 0..<20_000 {
      let n = chance.below(neighbours.count)
      // There are times of growth, and times at which more is lost.
      let losses = step / 1000 % 2 == 0 ? 300 : 600
      if chance.happens(permille: 1) {
        table.awaitJob(&neighbours[n].list)
        neighbours[n].waiting = neighbours[n].rows
      } else if chance.happens(permille: losses), let row = neighbours[n].rows.min() {
        table.remove(row, from: &neighbours[n].list)
        neighbours[n].rows.remove(row)
        neighbours[n].waiting.remove(row)
        numbers[row] = nil
      } else if chance.happens(permille: 300), !neighbours[n].waiting.isEmpty {
        let next = table.nextOfJob(&neighbours[n].list)
        let row = try #require(next)
        #expect(neighbours[n].waiting.remove(row) != nil)
      } else {
        let row = table.insert(Self.route(step), to: &neighbours[n].list)
        #expect(numbers.updateValue(step, forKey: row) == nil)
        neighbours[n].rows.insert(row)
      }
      #expect(table.count == numbers.count)
    }
    for (row, number) in numbers {
      #expect(table[row].destination == DestinationRow(UInt32(number)))
    }
    for n in neighbours.indices {
      #expect(neighbours[n].list.count == neighbours[n].rows.count)
      table.awaitJob(&neighbours[n].list)
      while let row = table.nextOfJob(&neighbours[n].list) {
        #expect(neighbours[n].rows.remove(row) != nil)
        table.remove(row, from: &neighbours[n].list)
      }
      #expect(neighbours[n].rows.isEmpty)
    }
    // Nothing that was used is lost: the same number of rows has room in the same place.
    #expect(table.count == 0)
    let former = table.capacity
    for step in 0..<Int(former) {
      _ = table.insert(Self.route(step), to: &neighbours[0].list)
    }
    #expect(table.capacity == former)
  }
}
