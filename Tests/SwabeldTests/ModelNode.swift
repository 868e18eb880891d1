import BabelCore
import BabelKernel
import BabelWire

@testable import swabeld

/// A node as far as the mirror meets it: it wants the best route of each destination forwarded that
/// is not known to be refused, and holds a destination as unreachable when it has lost its routes.
struct ModelNode: ForwardingWishes {
  struct Candidate {
    let path: ForwardingPath
    var isRefused = false
  }
  struct Entry {
    let key: ForwardingKey
    /// The best first.
    var candidates: [Candidate] = []
    var isHeld = false
    /// An earlier life left it, and no neighbour has announced the destination since.
    var isAdopted = false
    /// What the kernel was asked for last.
    var asked = ForwardingTarget.absent
  }

  private(set) var entries: [Entry]
  /// Changes that the kernel is to be asked for.
  private(set) var changes: [ForwardingChange] = []
  /// What there is to redistribute.
  private(set) var offers: Set<KernelOffer> = []
  private var unconfirmed: Set<KernelOffer> = []
  private var down: Set<InterfaceID> = []
  /// Entries that are still to be taken back, because their interface left.
  private var departing: [Int] = []

  /// A node that wants nothing yet for these pairs of destination and source.
  init(_ pairs: [(destination: Prefix, source: Prefix)]) {
    entries = pairs.map {
      Entry(
        key: ForwardingKey(
          destination: $0.destination, source: $0.source, table: KernelRoute.mainTable))
    }
  }

  /// Hands over the changes asked for.
  mutating func takeChanges() -> [ForwardingChange] {
    defer { changes = [] }
    return changes
  }

  private mutating func reselect(_ index: Int) {
    let entry = entries[index]
    let best = entry.candidates.first { !$0.isRefused && !down.contains($0.path.interface) }
    let none = entry.isAdopted ? entry.asked : entry.isHeld ? .unreachable : .absent
    let target = best.map { ForwardingTarget.via($0.path) } ?? none
    guard target != entry.asked else { return }
    changes.append(ForwardingChange(key: entry.key, old: entry.asked, new: target))
    entries[index].asked = target
  }

  // MARK: What happens in the network

  /// The neighbours announce other ways to a destination.
  mutating func announce(_ index: Int, _ paths: [ForwardingPath]) {
    let former = entries[index].candidates
    entries[index].candidates = paths.map { path in
      former.first { $0.path == path } ?? Candidate(path: path)
    }
    entries[index].isHeld = paths.isEmpty && entries[index].asked != .absent
    entries[index].isAdopted = false
    reselect(index)
  }

  /// The hold of a lost destination is over.
  mutating func endHold(_ index: Int) {
    entries[index].isHeld = false
    reselect(index)
  }

  /// Takes over an entry that an earlier life left. False if there is another one.
  mutating func adopt(_ key: ForwardingKey, _ target: ForwardingTarget) -> Bool {
    guard let index = entries.firstIndex(where: { $0.key == key }),
      entries[index].asked == .absent, entries[index].candidates.isEmpty,
      case .via(let path) = target, !down.contains(path.interface)
    else { return false }
    entries[index].asked = target
    entries[index].isAdopted = true
    return true
  }

  /// Entries of an earlier life that nobody has confirmed are taken back.
  mutating func sweep() {
    for index in entries.indices where entries[index].isAdopted {
      entries[index].isAdopted = false
      reselect(index)
    }
  }

  /// We run on an interface no longer. Its entries are taken back one after another, by
  /// ``continueDeparture(_:)``.
  mutating func removeInterface(_ id: InterfaceID) {
    down.insert(id)
    departing = Array(entries.indices)
  }

  /// Whether there are entries to take back.
  var isDeparting: Bool { !departing.isEmpty }

  /// Takes back some of the entries of interfaces that left.
  mutating func continueDeparture(_ count: Int) {
    for index in departing.prefix(count) {
      if case .via(let path) = entries[index].asked, down.contains(path.interface) {
        entries[index].isAdopted = false
      }
      reselect(index)
    }
    departing.removeFirst(min(count, departing.count))
  }

  /// An interface went down, with or without its routes in the kernel, or came up.
  mutating func interfaceChanged(_ id: InterfaceID, isUp: Bool, kernelRoutesLost: Bool) {
    if isUp { down.remove(id) } else { down.insert(id) }
    for index in entries.indices {
      if kernelRoutesLost, case .via(let path) = entries[index].asked, path.interface == id {
        entries[index].asked = .absent
      }
      if case .via(let path) = entries[index].asked, down.contains(path.interface) {
        entries[index].isAdopted = false
      }
      if entries[index].asked == .absent { entries[index].isAdopted = false }
      reselect(index)
    }
  }

  // MARK: What the mirror tells

  mutating func forwardingFailed(_ key: ForwardingKey) {
    guard let index = entries.firstIndex(where: { $0.key == key }) else { return }
    if case .via(let path) = entries[index].asked {
      for number in entries[index].candidates.indices
      where entries[index].candidates[number].path == path {
        entries[index].candidates[number].isRefused = true
      }
    } else {
      entries[index].isHeld = false
    }
    entries[index].asked = .absent
    entries[index].isAdopted = false
    reselect(index)
  }

  mutating func forwardingMayWork(_ destination: Prefix?) {
    for index in entries.indices
    where destination == nil || entries[index].key.destination == destination {
      for number in entries[index].candidates.indices {
        entries[index].candidates[number].isRefused = false
      }
      reselect(index)
    }
  }

  mutating func snapshotBegins() { unconfirmed = offers }

  mutating func offerAdded(_ offer: KernelOffer) {
    offers.insert(offer)
    unconfirmed.remove(offer)
  }

  /// False if it is not known while others are offered for the same prefix.
  mutating func offerRemoved(_ offer: KernelOffer) -> Bool {
    unconfirmed.remove(offer)
    if offers.remove(offer) != nil { return true }
    return !offers.contains { $0.destination == offer.destination }
  }

  // MARK: What the mirror asks

  func desiredForwarding(_ key: ForwardingKey) -> ForwardingTarget {
    entries.first { $0.key == key }?.asked ?? .absent
  }

  func forEachDesiredForwarding(
    from position: UInt32, limit: Int, _ body: (ForwardingKey, ForwardingTarget) -> Void
  ) -> UInt32? {
    for entry in entries[Int(position)...] where entry.asked != .absent {
      body(entry.key, entry.asked)
    }
    return nil
  }

  func unconfirmedOffers() -> [KernelOffer] {
    unconfirmed.sorted { $0.destination < $1.destination }
  }

  func isUnconfirmed(_ offer: KernelOffer) -> Bool { unconfirmed.contains(offer) }

  func usesInterface(_ id: InterfaceID) -> Bool {
    entries.contains {
      if case .via(let path) = $0.asked { return path.interface == id }
      return false
    }
  }
}
