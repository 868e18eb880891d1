import BabelCore
import BabelKernel
import BabelWire

/// The WireGuard interfaces whose peers are neighbours (`wireguard-peers`): what is known of each,
/// and the way to change it. Whoever writes waits for the answer, because routes come after it.
final class WireGuardPeers {
  /// Microseconds between two looks at a device, and after a program did not answer in time.
  static let spacing: Int64 = 5_000_000
  private static let longSpacing: Int64 = 30_000_000
  /// A look takes no more than one part in so many of the time.
  private static let share: Int64 = 50
  /// Most interfaces.
  static let limit = 64

  private struct Row {
    let name: InterfaceName
    let ifindex: Int32
    let place: WireGuardControl.Place
    var table = AllowedIPs()
    /// Our public key; nil before the device has told it.
    var ownKey: [UInt8]?
    /// The last look.
    var device: WireGuardDevice?
    /// When the next one is due.
    var due: Int64 = 0
    /// Why the device cannot be read or written; nil if it can.
    var fault: KernelError?
  }

  private var rows: [Row] = []

  /// There are none.
  init() {}

  // MARK: Interfaces

  /// Whether there are any.
  var isManaging: Bool { !rows.isEmpty }
  /// Their names.
  var names: [InterfaceName] { rows.map { $0.name } }
  /// When the next look is due; nil if never.
  var deadline: Int64? { rows.map { $0.due }.min() }
  /// Whether an interface is one of them.
  func contains(_ name: InterfaceName) -> Bool { index(of: name) != nil }
  /// Whether an interface is one of them and bound to a link.
  func contains(_ name: InterfaceName, on ifindex: Int32) -> Bool {
    index(of: name).map { rows[$0].ifindex == ifindex } ?? false
  }

  /// An interface is one of them from now on. False if there is no room.
  func add(_ name: InterfaceName, _ ifindex: Int32, at place: WireGuardControl.Place) -> Bool {
    forget(name)
    guard rows.count < Self.limit else { return false }
    rows.append(Row(name: name, ifindex: ifindex, place: place))
    return true
  }

  /// An interface is none of them any more, or its device is gone.
  func forget(_ name: InterfaceName) { rows.removeAll { $0.name == name } }

  private func index(of name: InterfaceName) -> Int? { rows.firstIndex { $0.name == name } }

  // MARK: What is known

  /// Our public key on an interface; nil if it is not known.
  func ownKey(on name: InterfaceName) -> [UInt8]? { index(of: name).flatMap { rows[$0].ownKey } }

  /// Our link-local address on an interface, as others compute it; nil if it is not known.
  func ownAddress(on name: InterfaceName) -> IPAddress? {
    ownKey(on: name).flatMap { IPAddress(wireGuardKey: $0) }
  }

  /// The peers of an interface.
  func peers(on name: InterfaceName) -> [AllowedIPs.Peer] {
    index(of: name).map { rows[$0].table.peers } ?? []
  }

  /// What an interface has told last.
  func device(_ name: InterfaceName) -> WireGuardDevice? {
    index(of: name).flatMap { rows[$0].device }
  }

  /// What somebody else gave to the peers of an interface, and on which link.
  func operatorEntries(on name: InterfaceName) -> (ifindex: Int32, entries: [WireGuardEntry])? {
    index(of: name).map { (rows[$0].ifindex, rows[$0].table.operatorEntries) }
  }

  /// How many prefixes we gave to the peer with a key.
  func ownCount(on name: InterfaceName, of key: [UInt8]) -> Int {
    index(of: name).map { row in rows[row].table.ownEntries.filter { $0.key == key }.count } ?? 0
  }

  /// Why an interface cannot be read or written; nil if it can.
  func fault(on name: InterfaceName) -> KernelError? { index(of: name).flatMap { rows[$0].fault } }

  // MARK: Looks

  /// Whether it is time to look at an interface.
  func isDue(_ name: InterfaceName, at now: Int64) -> Bool {
    index(of: name).map { rows[$0].due <= now } ?? false
  }

  /// Reads a device. Nil if that fails.
  func look(at name: InterfaceName, _ now: Int64) -> WireGuardDevice? {
    guard let index = index(of: name) else { return nil }
    do throws(KernelError) {
      let device = try WireGuardControl.device(name, at: rows[index].place)
      let taken = MonotonicClock.microseconds() - now
      rows[index].device = device
      rows[index].ownKey = device.publicKey
      rows[index].fault = nil
      rows[index].due = now + max(Self.spacing, taken * Self.share)
      return device
    } catch {
      fail(index, error, now)
      return nil
    }
  }

  private func fail(_ index: Int, _ error: KernelError, _ now: Int64) {
    rows[index].fault = error
    // Waiting for a program that hangs must not take much of the time.
    rows[index].due =
      now + (error.errno == ErrorNumber.timedOut ? Self.longSpacing : Self.spacing)
  }

  /// The device has these peers; see ``AllowedIPs/meet(_:)``.
  func meet(_ device: WireGuardDevice, on name: InterfaceName) -> [ForwardingKey] {
    index(of: name).map { rows[$0].table.meet(device) } ?? []
  }

  /// Compares with what a device has told; see ``AllowedIPs/compare(_:record:)``.
  func compare(
    _ device: WireGuardDevice, on name: InterfaceName, record: Set<WireGuardEntry>?
  ) -> AllowedIPs.Findings {
    index(of: name).map { rows[$0].table.compare(device, record: record) } ?? AllowedIPs.Findings()
  }

  // MARK: Wishes

  /// A route is to lead to a gateway on an interface, and nowhere else.
  func want(
    _ entry: ForwardingKey, through gateway: IPAddress, on name: InterfaceName
  ) -> AllowedIPs.Answer {
    drop(entry, except: name)
    return index(of: name).map { rows[$0].table.want(entry, through: gateway) } ?? .refused
  }

  /// A route leads to none of the interfaces, or only to one.
  func drop(_ entry: ForwardingKey, except name: InterfaceName? = nil) {
    for index in rows.indices where rows[index].name != name { rows[index].table.drop(entry) }
  }

  /// Makes the wishes on an interface those of some routes. Returns those that cannot be fulfilled.
  func align(_ wanted: [ForwardingKey: IPAddress], on name: InterfaceName) -> [ForwardingKey] {
    index(of: name).map { rows[$0].table.align(wanted) } ?? []
  }

  /// Prefixes of which a refused wish may be fulfilled now.
  func takeFreed() -> [Prefix] {
    var prefixes: [Prefix] = []
    for index in rows.indices { prefixes += rows[index].table.takeFreed() }
    return prefixes
  }

  // MARK: Changes

  /// Gives prefixes to peers, before routes are changed. Returns the wishes that could not be
  /// fulfilled.
  func give(at now: Int64) -> [ForwardingKey] {
    var refused: [ForwardingKey] = []
    for index in rows.indices {
      let entries = rows[index].table.takeGiving()
      guard !entries.isEmpty else { continue }
      // A program that does not answer is not waited for again and again.
      if rows[index].fault != nil {
        refused += rows[index].table.noteNotGiven(entries)
        continue
      }
      do throws(KernelError) {
        try WireGuardControl.give(entries, on: rows[index].name, at: rows[index].place)
        rows[index].table.noteGiven(entries)
      } catch {
        fail(index, error, now)
        refused += rows[index].table.noteNotGiven(entries)
      }
    }
    return refused
  }

  /// Takes prefixes from peers, after routes were changed, but for those that the kernel may still
  /// have routes for.
  func take(except held: Set<Prefix> = [], at now: Int64) {
    for index in rows.indices where rows[index].table.hasTaking && rows[index].fault == nil {
      let prefixes = rows[index].table.takeTaking(except: held)
      guard !prefixes.isEmpty else { continue }
      do throws(KernelError) {
        try WireGuardControl.take(prefixes, on: rows[index].name, at: rows[index].place)
        rows[index].table.noteTaken(prefixes)
      } catch {
        fail(index, error, now)
        rows[index].table.noteNotTaken(prefixes)
      }
    }
  }

  /// Takes from the peers of an interface all that we gave them, and forgets the interface. Throws
  /// if it cannot be written.
  func release(_ name: InterfaceName) throws(KernelError) {
    guard let index = index(of: name) else { return }
    rows[index].table.dropAll()
    let prefixes = rows[index].table.takeTaking()
    let place = rows[index].place
    forget(name)
    try WireGuardControl.take(prefixes, on: name, at: place)
  }
}
