import BabelCore
import BabelKernel
import BabelWire

/// Keeps whoever floods a socket from drowning out our neighbours.
///
/// All datagrams of a socket wait in one queue, so a flood must be kept out of it. While there is
/// one, the kernel hands over everything from known neighbours, and only a share of the rest
/// (``StormFilter``). A neighbour is known if it has been usable for ``probation`` before the
/// flood. On each link we look at only so many datagrams of strangers a second, whether they are
/// Hellos of a new neighbour, wrong signatures or noise.
///
/// In peace there is no filter, and nothing is dropped.
final class StormGuard {
  /// Who sent a datagram.
  struct Source: Hashable {
    let ifindex: Int32
    let address: IPAddress
  }

  /// The result of a review.
  struct Outcome {
    /// Whether the kernel must get another filter, or none.
    var needsFilter = false
    /// Links on which a flood began.
    var began: [Int32] = []
    /// Links on which a flood ended.
    var ended: [Int32] = []
  }

  private struct Neighbour {
    /// If there is no room for all neighbours, those that came first are kept.
    let order: UInt64
    let usableSince: Instant
    /// Whether the packets of the neighbour pass during a flood.
    var isTrusted = false
    /// Whether the neighbour is not there, or not yet. It is kept until the flood is over, because
    /// it may come back.
    var isLost = false
    /// Datagrams since the last review.
    var count = 0
    /// The share of them that passes, and whether they must be sealed to pass.
    var share = StormFilter.everything
    var seal: StormFilter.Seal?
    var unsealedShare = StormFilter.everything
    var sealedAt = Instant(microseconds: 0)

    var isLimited: Bool { share != StormFilter.everything || seal != nil }
  }

  private struct Link {
    /// Datagrams of strangers that may be looked at now.
    var tokens = StormGuard.burst
    var refilledAt: Instant
    /// Datagrams of strangers since the last review, and how many of them were refused.
    var strangers = 0
    var refused = 0
    /// The share of them that the kernel lets pass.
    var share = StormFilter.everything
    /// When the last flood was; nil if that is long ago.
    var floodedAt: Instant?
  }

  /// Datagrams of strangers looked at per second and link.
  static let rate: Int64 = 2000
  /// How many of them are looked at in a burst, as when all neighbours start at the same time.
  static let burst = 4096
  /// Microseconds between two reviews.
  static let period: Int64 = 50_000
  /// Microseconds for which datagrams are counted at most, also without a flood.
  static let countingTime: Int64 = 1_000_000
  /// Refused datagrams that make a review due at once.
  static let patience = 512
  /// Fewer datagrams of one neighbour between two reviews are no flood.
  static let heavy = 256
  /// Microseconds that a neighbour must have been usable.
  static let probation: Int64 = 500_000
  /// Microseconds without a flood until newcomers are trusted again.
  static let calm: Int64 = 10_000_000
  /// Microseconds that a neighbour's packets must be sealed once it was abused.
  static let sealing: Int64 = 30_000_000
  /// Neighbours that a filter names; Linux before 6.7 has no room for many more.
  static let senderLimit = 256
  /// Flooded links that a filter names.
  static let linkLimit = 16
  /// From how many percent of the queue on there is a flood, even if strangers send little.
  static let pressing = 40
  /// From how many percent of the queue on the flood comes from a known neighbour.
  static let overflowing = 70

  private var neighbours: [Source: Neighbour] = [:]
  private var links: [Int32: Link] = [:]
  private var arrived: UInt64 = 0
  private var reviewedAt = Instant(microseconds: 0)
  private var refused = 0
  /// Whether there is a neighbour that the filter does not name.
  private var isFilterOld = false
  /// How many datagrams of strangers were dropped unread.
  private(set) var refusedInAll: UInt64 = 0
  /// When ``review(at:fillPercent:seal:)`` must be called even if nothing arrives.
  private(set) var deadline: Instant?

  // MARK: Who is known

  /// Notes whether a neighbour has a finite cost. The neighbour is known when it has had one for a
  /// while. If it has proved that it has our key, it is known at once, even during a flood.
  func saw(_ source: Source, isUsable: Bool, isProved: Bool = false, at now: Instant) {
    neighbours[source]?.isLost = false
    guard neighbours[source]?.isTrusted != true else { return }
    guard isUsable else {
      neighbours[source] = nil
      return
    }
    if neighbours[source] == nil {
      arrived += 1
      neighbours[source] = Neighbour(order: arrived, usableSince: now)
      plan(now + Self.probation)
    }
    guard isProved else { return }
    neighbours[source]?.isTrusted = true
    guard links[source.ifindex]?.floodedAt != nil else { return }
    isFilterOld = true
    plan(now)
  }

  /// Notes that a neighbour of an earlier life will come back, so that it is heard even if this
  /// life begins in a flood. If it does not come, it is forgotten when there is no flood.
  func expect(_ source: Source, at now: Instant) {
    guard neighbours[source] == nil else { return }
    arrived += 1
    neighbours[source] = Neighbour(
      order: arrived, usableSince: now, isTrusted: true, isLost: true)
    plan(now + Self.calm)
  }

  /// Notes that a neighbour is gone.
  func lost(_ source: Source) {
    if neighbours[source]?.isTrusted == true, links[source.ifindex]?.floodedAt != nil {
      neighbours[source]?.isLost = true
    } else {
      neighbours[source] = nil
    }
  }

  /// Forgets all about a link: its interface has left, or its name belongs to another link now. The
  /// next link with the same number is another one.
  func forget(ifindex: Int32, at now: Instant) {
    for source in neighbours.keys where source.ifindex == ifindex { neighbours[source] = nil }
    guard let link = links.removeValue(forKey: ifindex), link.floodedAt != nil else { return }
    isFilterOld = true
    plan(now)
  }

  // MARK: Datagrams

  /// Whether to look at a datagram.
  func admits(_ source: IPAddress, on ifindex: Int32, at now: Instant) -> Bool {
    let key = Source(ifindex: ifindex, address: source)
    if let index = neighbours.index(forKey: key), neighbours.values[index].isTrusted {
      neighbours.values[index].count += 1
      return true
    }
    var link = links[ifindex] ?? Link(refilledAt: now)
    defer { links[ifindex] = link }
    link.strangers += 1
    let earned = (now - link.refilledAt) * Self.rate / 1_000_000
    if earned > 0 {
      link.tokens = Int(min(Int64(link.tokens) + earned, Int64(Self.burst)))
      link.refilledAt =
        link.tokens == Self.burst ? now : link.refilledAt + earned * 1_000_000 / Self.rate
    }
    guard link.tokens > 0 else {
      link.refused += 1
      refused += 1
      refusedInAll &+= 1
      return false
    }
    link.tokens -= 1
    return true
  }

  // MARK: Reviews

  /// Whether ``review(at:fillPercent:seal:)`` must be called after a turn of the loop;
  /// `fillPercent` says how full the queue is then. Without a flood it is called about once a
  /// second while datagrams arrive.
  func needsReview(at now: Instant, fillPercent: Int) -> Bool {
    if let deadline, deadline <= now { return true }
    if refused >= Self.patience || fillPercent >= Self.overflowing { return true }
    // Counting also starts anew without a flood. Otherwise the datagrams of hours would be compared
    // with what may come in a second.
    if now - reviewedAt >= Self.countingTime { return true }
    return now - reviewedAt >= Self.period && (refused > 0 || fillPercent >= Self.pressing)
  }

  /// Compares what came since the last review with what may come. `seal` tells what the packets
  /// of a neighbour have in common; nil if it does not sign them.
  func review(
    at now: Instant, fillPercent: Int, seal: (Source) -> StormFilter.Seal?
  ) -> Outcome {
    var outcome = Outcome(needsFilter: isFilterOld)
    isFilterOld = false
    let elapsed = min(max(now - reviewedAt, 1000), Self.countingTime)
    reviewedAt = now
    refused = 0
    deadline = nil
    if fillPercent >= Self.pressing { press() }
    for ifindex in links.keys.ordered() {
      review(ifindex, elapsed, at: now, &outcome)
    }
    if fillPercent >= Self.overflowing { restrain(elapsed, at: now, seal, &outcome) }
    relent(at: now, isQuiet: fillPercent < Self.pressing, &outcome)
    trust(at: now)
    return outcome
  }

  /// The queue fills up although strangers send no more than they may. So we are too slow for that
  /// much.
  private func press() {
    guard
      let worst = links.max(by: { ($0.value.strangers, $0.key) < ($1.value.strangers, $1.key) })?
        .key
    else { return }
    links[worst]?.tokens = 0
    links[worst]?.refused += 1
  }

  private func review(
    _ ifindex: Int32, _ elapsed: Int64, at now: Instant, _ outcome: inout Outcome
  ) {
    guard var link = links[ifindex] else { return }
    let allowed = max(1, Self.rate * elapsed / 1_000_000)
    let seen = Int64(link.strangers)
    if link.refused > 0, seen > 4 * allowed {
      let share = UInt64(link.share) * UInt64(2 * allowed) / UInt64(seen)
      link.share = StormFilter.Share(clamping: max(1, share))
      if link.floodedAt == nil { outcome.began.append(ifindex) }
      link.floodedAt = now
      outcome.needsFilter = true
    } else if link.share != StormFilter.everything {
      link.floodedAt = now
      if seen < allowed / 2 {
        let (share, overflow) = link.share.multipliedReportingOverflow(by: 2)
        link.share = overflow ? StormFilter.everything : share | 1
        outcome.needsFilter = true
      }
    }
    link.strangers = 0
    link.refused = 0
    if let floodedAt = link.floodedAt {
      if now - floodedAt >= Self.calm {
        link.floodedAt = nil
        outcome.ended.append(ifindex)
      }
      plan(
        link.share == StormFilter.everything ? floodedAt + Self.calm : now + Self.period)
    }
    let isIdle = link.floodedAt == nil && now - link.refilledAt > Self.calm
    links[ifindex] = isIdle ? nil : link
  }

  /// The queue overflows although strangers are held back. If much of it comes from one address,
  /// that neighbour floods us, or somebody who forges its address. Then only packets with its index
  /// and a new counter pass. If the link has no keys, as many pass as we can work on.
  private func restrain(
    _ elapsed: Int64, at now: Instant, _ seal: (Source) -> StormFilter.Seal?,
    _ outcome: inout Outcome
  ) {
    let total = neighbours.values.reduce(0) { $0 + $1.count }
    for (source, neighbour) in neighbours
    where neighbour.isTrusted && neighbour.count >= max(total / 4, Self.heavy) {
      // If the flood goes on although packets must be sealed, somebody knows the counter, or
      // repeats packets that were heard.
      if let found = seal(source), found.fitsFilter, found != neighbour.seal {
        let allowed = UInt64(max(1, Self.rate * elapsed / 1_000_000))
        let share = UInt64(StormFilter.everything) * allowed / UInt64(neighbour.count)
        neighbours[source]?.seal = found
        neighbours[source]?.sealedAt = now
        neighbours[source]?.unsealedShare = StormFilter.Share(clamping: share)
      } else {
        neighbours[source]?.share = max(1, neighbour.share / 4 * 3)
      }
      var link = links[source.ifindex] ?? Link(refilledAt: now)
      if link.floodedAt == nil { outcome.began.append(source.ifindex) }
      link.floodedAt = now
      links[source.ifindex] = link
      outcome.needsFilter = true
    }
  }

  /// Begins to count anew, and ends restrictions on neighbours that are no longer needed.
  private func relent(at now: Instant, isQuiet: Bool, _ outcome: inout Outcome) {
    for (source, neighbour) in neighbours where neighbour.isLimited {
      links[source.ifindex]?.floodedAt = now
    }
    for index in neighbours.values.indices {
      neighbours.values[index].count = 0
      guard neighbours.values[index].isLimited else { continue }
      if isQuiet, neighbours.values[index].share != StormFilter.everything {
        let (share, overflow) = neighbours.values[index].share.multipliedReportingOverflow(by: 2)
        neighbours.values[index].share = overflow ? StormFilter.everything : share
        outcome.needsFilter = true
      }
      if neighbours.values[index].seal != nil,
        now - neighbours.values[index].sealedAt >= Self.sealing
      {
        neighbours.values[index].seal = nil
        outcome.needsFilter = true
      }
      plan(now + Self.period)
    }
  }

  private func trust(at now: Instant) {
    for (source, neighbour) in neighbours
    where !neighbour.isTrusted || neighbour.isLost {
      guard links[source.ifindex]?.floodedAt == nil else { continue }
      if neighbour.isLost {
        // One that is expected may come after the end of a flood that has not been noticed yet.
        if now - neighbour.usableSince >= Self.calm {
          neighbours[source] = nil
        } else {
          plan(neighbour.usableSince + Self.calm)
        }
      } else if now - neighbour.usableSince >= Self.probation {
        neighbours[source]?.isTrusted = true
      } else {
        plan(neighbour.usableSince + Self.probation)
      }
    }
  }

  private func plan(_ due: Instant) { deadline = min(deadline ?? due, due) }

  // MARK: The filter

  /// The filter for the kernel, which names at most so many neighbours; nil if everything shall
  /// pass.
  func filter(port: UInt16, senders limit: Int = senderLimit) -> StormFilter? {
    var flooded = links.filter { $0.value.share != StormFilter.everything }.map { $0.key }
    for (source, neighbour) in neighbours
    where neighbour.isLimited && !flooded.contains(source.ifindex) {
      flooded.append(source.ifindex)
    }
    guard !flooded.isEmpty else { return nil }
    // Equal shares go by number: which links are named must not depend on hashing.
    flooded = flooded.ordered { (strangersShare($0), $0) < (strangersShare($1), $1) }
    flooded = Array(flooded.prefix(Self.linkLimit))
    let known = neighbours.filter { $0.value.isTrusted && flooded.contains($0.key.ifindex) }
      .ordered { $0.value.order < $1.value.order }.prefix(limit)
    return StormFilter(
      links: flooded.map { ifindex in
        StormFilter.Link(
          ifindex: ifindex, share: strangersShare(ifindex),
          senders: known.filter { $0.key.ifindex == ifindex }.map {
            StormFilter.Sender(
              $0.key.address, share: $0.value.share, seal: $0.value.seal,
              unsealedShare: $0.value.unsealedShare)
          })
      }, port: port)
  }

  private func strangersShare(_ ifindex: Int32) -> StormFilter.Share {
    links[ifindex]?.share ?? StormFilter.everything
  }
}
