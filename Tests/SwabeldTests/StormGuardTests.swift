import BabelCore
import BabelKernel
import BabelWire
import Testing

@testable import swabeld

@Suite struct `Floods of one socket` {
  private let guardian = StormGuard()
  private let seal = StormFilter.Seal(index: [1, 2, 3, 4, 5, 6, 7, 8], counter: 9)

  private func address(_ number: UInt64) -> IPAddress {
    IPAddress(high: 0xFE80 << 48, low: number)
  }

  private func at(_ milliseconds: Int64) -> Instant {
    Instant(microseconds: 100_000_000 + milliseconds * 1000)
  }

  private func source(_ number: UInt64, on ifindex: Int32 = 1) -> StormGuard.Source {
    StormGuard.Source(ifindex: ifindex, address: address(number))
  }

  /// Calls the review when it is due, at the latest at `time`.
  @discardableResult
  private func review(
    _ time: Instant, full: Int = 0, seal: StormFilter.Seal? = nil
  ) -> StormGuard.Outcome? {
    guardian.needsReview(at: time, fillPercent: full)
      ? guardian.review(at: time, fillPercent: full) { _ in seal } : nil
  }

  /// A neighbour that has been usable for long enough at time 0.
  private func befriend(_ number: UInt64) {
    guardian.saw(source(number), isUsable: true, at: at(-500))
    review(at(0))
  }

  /// A flood of strangers on an interface, so many in a millisecond. Returns how many of them were
  /// looked at. As in the kernel, only the share that the filter allows arrives.
  private func flood(_ range: Range<Int64>, perMillisecond: Int, on ifindex: Int32 = 1) -> Int {
    var admitted = 0
    for time in range {
      let filter = guardian.filter(port: 6696)
      let share = filter?.links.first { $0.ifindex == ifindex }?.share ?? StormFilter.everything
      let passing = (UInt64(perMillisecond) * UInt64(share)) >> 32
      for i in 0..<max(1, passing) {
        let stranger = address(1000 + UInt64(time) * 1000 + i)
        if guardian.admits(stranger, on: ifindex, at: at(time)) { admitted += 1 }
      }
      review(at(time))
    }
    return admitted
  }

  @Test func `a neighbour of an earlier life is heard in a flood`() {
    guardian.expect(source(1), at: at(0))
    _ = flood(0..<3000, perMillisecond: 300)
    #expect(guardian.filter(port: 6696)?.links.first?.senders.count == 1)
    for _ in 0..<5000 { #expect(guardian.admits(address(1), on: 1, at: at(3000))) }
    // It comes, and stays known after the flood.
    guardian.saw(source(1), isUsable: true, at: at(3000))
    for time in stride(from: Int64(3000), to: 20_000, by: 50) { review(at(time)) }
    _ = flood(20_000..<21_000, perMillisecond: 300)
    #expect(guardian.filter(port: 6696)?.links.first?.senders.count == 1)
  }

  @Test func `a neighbour of an earlier life that does not come is forgotten in peace`() {
    guardian.expect(source(1), at: at(0))
    for time in stride(from: Int64(0), to: 10_050, by: 50) { review(at(time)) }
    _ = flood(20_000..<21_000, perMillisecond: 300)
    #expect(guardian.filter(port: 6696)?.links.first?.senders.isEmpty == true)
  }

  @Test func `in peace everything is looked at and nothing is filtered`() {
    var reviews = 0
    for time in 0..<Int64(2000) {
      #expect(guardian.admits(address(UInt64(time)), on: 1, at: at(time)))
      if let outcome = review(at(time)) {
        reviews += 1
        #expect(!outcome.needsFilter && outcome.began.isEmpty && outcome.ended.isEmpty)
      }
      #expect(guardian.deadline == nil)
    }
    #expect(reviews == 2, "one a second")
    #expect(guardian.filter(port: 6696) == nil)
    #expect(!guardian.needsReview(at: at(1999), fillPercent: 0))
  }

  @Test func `what came in hours of peace is not held against anybody`() {
    befriend(2)
    befriend(4)
    for second in 0..<Int64(10_000) {
      for number in UInt64(2)..<5 {
        #expect(guardian.admits(address(number), on: 1, at: at(second * 1000)))
      }
      review(at(second * 1000))
    }
    // First more strangers come than there is budget for, then one neighbour floods.
    for number in 0..<UInt64(StormGuard.burst + 1) {
      _ = guardian.admits(address(1000 + number), on: 1, at: at(10_000_000))
    }
    #expect(review(at(10_000_000))?.began == [], "too many once are no flood")
    #expect(overflow(4, at: 10_000_050, nil))
    let limited = guardian.filter(port: 6696)?.links.first?.senders.filter {
      $0.share != StormFilter.everything
    }
    #expect(limited?.map { $0.address } == [address(4)])
  }

  @Test func `an index of any length is asked for in the name of whom somebody floods`() {
    befriend(2)
    let odd = StormFilter.Seal(index: [1, 2, 3], counter: 9)
    #expect(overflow(2, at: 50, odd))
    #expect(guardian.filter(port: 6696)?.links.first?.senders.first?.seal == odd)
    let excessive = StormFilter.Seal(index: Array(repeating: 1, count: 33), counter: 9)
    #expect(overflow(2, at: 100, excessive))
    let sender = guardian.filter(port: 6696)?.links.first?.senders.first
    #expect(sender.map { $0.share < StormFilter.everything } == true, "no filter could ask for it")
  }

  @Test func `nothing is remembered of an interface whose number may go to another`() {
    befriend(2)
    guardian.saw(source(3), isUsable: true, at: at(0))
    _ = flood(0..<100, perMillisecond: 300)
    guardian.forget(ifindex: 1, at: at(100))
    #expect(review(at(100))?.needsFilter == true)
    #expect(guardian.filter(port: 6696) == nil)
    #expect(guardian.deadline == nil)
    _ = flood(20_000..<20_100, perMillisecond: 300)
    #expect(guardian.filter(port: 6696)?.links.first?.senders == [])
  }

  @Test func `a neighbourhood of 500 that starts at once loses nothing`() {
    for packet in 0..<Int64(15) {
      for neighbour in 0..<UInt64(500) {
        #expect(guardian.admits(address(neighbour), on: 1, at: at(packet * 125)))
        guardian.saw(source(neighbour), isUsable: true, at: at(packet * 125))
      }
      review(at(packet * 125))
    }
    review(at(2000))
    for neighbour in 0..<UInt64(500) {
      for _ in 0..<100 { #expect(guardian.admits(address(neighbour), on: 1, at: at(2000))) }
    }
  }

  @Test func `in a flood the kernel is asked within 20 ms to hold strangers back`() {
    befriend(2)
    let admitted = flood(0..<20, perMillisecond: 300)
    #expect(admitted <= StormGuard.burst + 40)
    let filter = guardian.filter(port: 6696)
    #expect(filter?.links.map { $0.ifindex } == [1])
    #expect(filter?.links.first?.senders == [StormFilter.Sender(address(2))])
    #expect(filter?.links.first.map { $0.share < StormFilter.everything / 16 } == true)
    #expect(guardian.admits(address(2), on: 1, at: at(20)), "the neighbour is heard")
    #expect(guardian.admits(address(3), on: 2, at: at(20)), "another link is not concerned")
  }

  @Test func `strangers still get their budget while a flood lasts`() {
    _ = flood(0..<1000, perMillisecond: 300)
    let before = guardian.refusedInAll
    let admitted = flood(1000..<6000, perMillisecond: 300)
    #expect((5000...10_100).contains(admitted), "about 2,000 a second: \(admitted)")
    #expect(guardian.refusedInAll - before < 60_000, "the kernel refuses, not we")
  }

  @Test func `who proves during a flood to have our key is trusted at once`() {
    _ = flood(0..<100, perMillisecond: 300)
    guardian.saw(source(3), isUsable: true, isProved: true, at: at(100))
    #expect(review(at(100))?.needsFilter == true)
    let senders = guardian.filter(port: 6696)?.links.first?.senders
    #expect(senders?.map { $0.address } == [address(3)])
    #expect(review(at(101)) == nil)
  }

  @Test func `who comes during a flood is not trusted, who goes is remembered until its end`() {
    befriend(2)
    _ = flood(0..<100, perMillisecond: 300)
    guardian.saw(source(3), isUsable: true, at: at(100))
    guardian.lost(source(2))
    _ = flood(100..<4000, perMillisecond: 300)
    var senders = guardian.filter(port: 6696)?.links.first?.senders.map { $0.address }
    #expect(senders == [address(2)])
    var ended: Int64?
    for time in Int64(4000)..<20_000 {
      guard let outcome = review(at(time)) else { continue }
      if outcome.ended == [1] { ended = time }
      if guardian.deadline == nil { break }
    }
    #expect(ended.map { (14_000...16_000).contains($0) } == true)
    #expect(guardian.filter(port: 6696) == nil)
    _ = flood(20_000..<20_100, perMillisecond: 300)
    senders = guardian.filter(port: 6696)?.links.first?.senders.map { $0.address }
    #expect(senders == [address(3)])
  }

  /// The queue overflows with what one neighbour sends.
  private func overflow(_ number: UInt64, at time: Int64, _ seal: StormFilter.Seal?) -> Bool {
    for _ in 0..<10_000 { _ = guardian.admits(address(number), on: 1, at: at(time)) }
    return review(at(time), full: 90, seal: seal)?.needsFilter == true
  }

  @Test func `in whose name somebody floods, its packets must be sealed, others pass`() {
    befriend(2)
    befriend(4)
    #expect(overflow(2, at: 50, seal))
    let senders = guardian.filter(port: 6696)?.links.first?.senders
    #expect(senders?.last == StormFilter.Sender(address(4)))
    #expect(senders?.first?.seal == seal && senders?.first?.share == StormFilter.everything)
    #expect(senders?.first.map { $0.unsealedShare < StormFilter.everything / 16 } == true)
    // A later seal replaces it. If even that does not help, only a part passes.
    let later = StormFilter.Seal(index: seal.index, counter: 99)
    #expect(overflow(2, at: 100, later))
    #expect(guardian.filter(port: 6696)?.links.first?.senders.first?.seal == later)
    #expect(overflow(2, at: 150, later))
    #expect(
      guardian.filter(port: 6696)?.links.first?.senders.first?.share
        == StormFilter.everything / 4 * 3)
    for time in stride(from: Int64(200), to: 60_000, by: 50) { review(at(time)) }
    #expect(guardian.filter(port: 6696) == nil)
    #expect(guardian.deadline == nil)
  }

  @Test func `a neighbour without keys that floods is heard as far as we can work`() {
    befriend(2)
    befriend(4)
    for round in 1...4 { #expect(overflow(2, at: Int64(round) * 50, nil)) }
    let senders = guardian.filter(port: 6696)?.links.first?.senders
    #expect(senders?.first.map { $0.share < StormFilter.everything / 3 } == true)
    #expect(senders?.last == StormFilter.Sender(address(4)))
  }

  @Test func `a filter names no more neighbours and links than fit, the oldest first`() {
    for number in 0..<UInt64(300) { guardian.saw(source(number), isUsable: true, at: at(-3000)) }
    review(at(0))
    _ = flood(0..<20, perMillisecond: 300)
    let senders = guardian.filter(port: 6696)?.links.first?.senders
    #expect(senders?.count == StormGuard.senderLimit)
    #expect(senders?.first?.address == address(0) && senders?.last?.address == address(255))
    for time in Int64(20)..<40 {
      for ifindex in Int32(2)...20 {
        _ = flood(time..<time + 1, perMillisecond: 300, on: ifindex)
      }
    }
    #expect(guardian.filter(port: 6696)?.links.count == StormGuard.linkLimit)
  }
}
