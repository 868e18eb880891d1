import BabelCore
import BabelKernel
import BabelWire

/// The interfaces we run on, in the order in which they were asked for, and what else is remembered
/// about interfaces.
struct InterfaceTable {
  private var rows: [BabelInterface] = []
  /// Interfaces that match a pattern but were flushed, until their link is gone.
  private var flushed: [InterfaceName] = []
  /// Links of which the log has said that they have too many addresses.
  private var toldFullLinks: Set<Int32> = []
  /// When an interface that could not be brought up is tried again.
  private(set) var retryDue: Instant?

  // MARK: Interfaces

  /// How many there are.
  var count: Int { rows.count }
  /// Their positions, which are valid until one is removed.
  var indices: Range<Int> { rows.indices }
  /// All of them.
  var all: [BabelInterface] { rows }

  /// The interface at a position.
  subscript(_ index: Int) -> BabelInterface {
    get { rows[index] }
    _modify { yield &rows[index] }
  }

  /// The position of the interface of a name.
  func index(of name: InterfaceName) -> Int? { rows.firstIndex { $0.name == name } }
  /// Whether we run on an interface, up or not.
  func contains(_ name: InterfaceName) -> Bool { index(of: name) != nil }
  /// The interface that is bound to a link.
  func first(on ifindex: Int32) -> BabelInterface? { rows.first { $0.ifindex == ifindex } }
  /// The interface that is bound to a link and exchanges packets there.
  func firstUp(on ifindex: Int32) -> BabelInterface? {
    rows.first { $0.ifindex == ifindex && $0.isUp }
  }
  /// The interface to which the node gave a number.
  func first(_ id: InterfaceID) -> BabelInterface? { rows.first { $0.id == id } }

  /// Adds an interface at the end.
  mutating func append(_ row: BabelInterface) { rows.append(row) }
  /// Removes the interface at a position.
  mutating func remove(at index: Int) { rows.remove(at: index) }

  // MARK: Losses

  /// The link of a name went down or away, if only for a moment: its routes are gone. (The mirror
  /// knows already.)
  mutating func lostRoutes(_ ifindex: Int32) {
    for index in rows.indices where rows[index].ifindex == ifindex { rows[index].loseRoutes() }
  }

  /// A link is gone. One that has its number from now on, and perhaps its name, is another.
  mutating func lostLink(_ ifindex: Int32) {
    for index in rows.indices where rows[index].ifindex == ifindex { rows[index].loseLink() }
  }

  /// A link lost the addresses that packets of a family leave from, if only for a moment: with
  /// them go its multicast groups, and perhaps its routes.
  mutating func lostAddresses(_ ifindex: Int32, _ family: AddressFamily) {
    for index in rows.indices
    where rows[index].ifindex == ifindex && rows[index].parameters.control == family {
      rows[index].loseAddresses()
    }
  }

  // MARK: Names that were flushed

  /// Whether an interface that matches a pattern is not to be run on.
  func isFlushed(_ name: InterfaceName) -> Bool { flushed.contains(name) }
  /// Notes that an interface is not to be run on, though it matches a pattern.
  mutating func flush(_ name: InterfaceName) { flushed.append(name) }
  /// Forgets flushed names that fulfil a condition.
  mutating func forgetFlushed(where condition: (InterfaceName) -> Bool) {
    flushed.removeAll(where: condition)
  }

  // MARK: What is to be done later, and what was told

  /// Asks for another look at an interface that could not be brought up, instead of one that was
  /// asked for before.
  mutating func retry(at time: Instant) { retryDue = time }

  /// Asks for another look at all interfaces, at a time or before.
  mutating func retry(notLaterThan time: Instant) { retryDue = min(retryDue ?? time, time) }

  /// Whether the time for another look has come, which is forgotten then.
  mutating func takeRetry(at now: Instant) -> Bool {
    guard let retryDue, retryDue <= now else { return false }
    self.retryDue = nil
    return true
  }

  /// Notes which links have too many addresses; returns those that had not before.
  mutating func takeNewFullLinks(_ full: Set<Int32>) -> [Int32] {
    let new = full.ordered().filter { !toldFullLinks.contains($0) }
    toldFullLinks = full
    return new
  }
}
