import BabelCore
import BabelKernel
import BabelWire

/// What begins and ends with the process: the signals it gets, what a service manager is told, the
/// kernel settings that are put back at the end, and the notes from one life to the next.
final class DaemonLife {
  private let signals: SignalDescriptor
  private var file: LifeFile
  private var sysctls: SavedSysctls
  private var supervision: Supervision
  /// Hello seqnos of an earlier life; each is taken once.
  private var formerHellos: [SavedLife.Hello] = []
  /// Packet counters of an earlier life, likewise.
  private var formerAuthentications: [SavedLife.Authentication] = []
  /// Neighbours of an earlier life, likewise.
  private var formerNeighbours: [HelloRecord] = []
  /// What operators had given to peers of WireGuard, likewise.
  private var formerOperators: [SavedLife.Operators] = []

  init(
    _ signals: consuming SignalDescriptor, _ file: LifeFile, _ sysctls: SavedSysctls,
    isInBackground: Bool
  ) {
    self.signals = signals
    self.file = file
    self.sysctls = sysctls
    supervision = Supervision(isInBackground: isInBackground)
  }

  // MARK: Signals

  /// Lets the loop wait for signals; returns the place in the poll set.
  func addSignals(to poll: inout PollSet) -> Int { poll.add(signals.descriptor, .read) }

  /// The next signal that has come; nil if there is none.
  func nextSignal() throws(KernelError) -> Signal? { try signals.next() }

  // MARK: The service manager

  /// When ``turn(_:at:)`` has something to tell, in microseconds; nil if nobody watches.
  var watchdogDue: Int64? { supervision.deadline }

  /// Says that the loop begins.
  func ready(_ status: String, at now: Int64) { supervision.ready(status, at: now) }

  /// Says that the loop still turns, if it is time to. `status` is called only then.
  func turn(_ status: () -> String, at now: Int64) { supervision.turn(status, at: now) }

  /// Says that the daemon begins to end.
  func stopping() { supervision.stopping() }

  /// Says that the daemon begins to restart itself.
  func restarting(at now: Int64) { supervision.restarting(at: now) }

  // MARK: Notes from one life to the next

  /// Keeps what interfaces are to take over from an earlier life, and the settings that it did not
  /// put back.
  func inherit(_ former: SavedLife?) {
    // After a crash it is not known what the last seqno was.
    formerHellos = former.map { $0.ending == .running ? [] : $0.hellos } ?? []
    if let former, former.ending != .stopped, !former.boot.isEmpty, former.boot == LifeFile.boot {
      formerOperators = former.operators
    }
    guard let former, former.canBeResumed(boot: LifeFile.boot) else { return }
    formerAuthentications = former.authentications
    formerNeighbours = former.heard
    sysctls.inherit(former.sysctls)
  }

  /// The seqno of the first Hello on an interface, if an earlier life has left one.
  func takeHelloSeqno(of name: InterfaceName) -> Seqno? {
    formerHellos.firstIndex { $0.interface == name }.map { formerHellos.remove(at: $0).seqno }
  }

  /// The packet counters on an interface with keys, if an earlier life has left them.
  func takeAuthentication(of name: InterfaceName) -> AuthenticationRecord? {
    formerAuthentications.firstIndex { $0.interface == name }.map {
      formerAuthentications.remove(at: $0).record
    }
  }

  /// The addresses of the neighbours on an interface that an earlier life has left.
  func takeNeighbours(of name: InterfaceName) -> [IPAddress] {
    let found = formerNeighbours.filter { $0.interface == name }.map { $0.address }
    if !found.isEmpty { formerNeighbours.removeAll { $0.interface == name } }
    return found
  }

  /// What an operator had given to the peers of a WireGuard interface when an earlier life wrote
  /// that down; nil if none did, or if that was another link.
  func takeOperators(of name: InterfaceName, on ifindex: Int32) -> Set<WireGuardEntry>? {
    formerOperators.firstIndex { $0.interface == name && $0.ifindex == ifindex }.map {
      Set(formerOperators.remove(at: $0).entries)
    }
  }

  /// Notes what an operator gave to the peers of a WireGuard interface; see `LifeFile`.
  func note(
    operators entries: [WireGuardEntry], of name: InterfaceName, on ifindex: Int32,
    _ node: borrowing BabelNode, _ log: Log
  ) {
    file.note(
      SavedLife.Operators(interface: name, ifindex: ifindex, entries: entries), node, log)
  }

  /// Forgets that.
  func forgetOperators(of name: InterfaceName) { file.forgetOperators(of: name) }

  /// Notes a link-local address that is ours to take back; nil if there is none any more.
  func note(made address: IPAddress?, of name: InterfaceName, on ifindex: Int32) {
    file.note(
      address.map { SavedLife.MadeAddress(interface: name, ifindex: ifindex, address: $0) },
      of: name)
  }

  /// Whether there is a file for notes, so that a next life can go on where this one ends.
  var canBeContinued: Bool { file.path != nil }

  /// What would keep a next life that reads `next` from going on where this one ends; nil reads our
  /// file. See `LifeFile`.
  func obstacle(
    to next: LifeFile?, _ node: borrowing BabelNode, at now: Instant
  ) -> String? {
    file.obstacle(to: next ?? file, node, keeping: sysctls.entries, at: now)
  }

  /// Writes for a next life that reads `next`.
  func move(to next: LifeFile) { file.move(to: next) }

  /// Notes that we run, before anything is announced.
  func begin(_ node: borrowing BabelNode, _ log: Log) { file.begin(node, log) }

  /// Notes that we run on an interface: a next life that does not takes its routes back.
  func note(_ interface: InterfaceName) { file.note(interface) }

  /// Notes that routes are put into tables of the kernel: likewise.
  func note(_ tables: [UInt32]) { file.note(tables) }

  /// Notes what is known of gateways, for a next life that goes on where this one ends.
  func note(_ gateways: [GatewayRecord]) { file.note(gateways) }

  /// Reserves more seqnos for a next life if few are left.
  func keepReserve(_ node: borrowing BabelNode, at now: Instant, _ log: Log) {
    file.keepReserve(node, at: now, log)
  }

  /// Notes that we stopped in good order, and what a next life needs.
  func end(_ node: borrowing BabelNode, at now: Instant, _ log: Log) {
    file.end(node, at: now, log)
  }

  /// Notes that our routes stay in the kernel, and all that a next life needs to go on. False if it
  /// will not be able to.
  func endKeepingRoutes(_ node: borrowing BabelNode, at now: Instant, _ log: Log) -> Bool {
    file.end(node, keeping: sysctls.entries, at: now, log)
  }

  /// Lets another user rewrite the notes.
  func giveFile(to account: (user: UInt32, group: UInt32)) throws(KernelError) {
    try file.give(to: account)
  }

  // MARK: Settings of the kernel

  /// Gives a setting a value until the end.
  func require(_ sysctl: String, _ value: Int) throws(KernelError) {
    _ = try sysctls.require(sysctl, value)
  }

  /// Puts back one setting; see `SavedSysctls`.
  func restore(_ sysctl: String, renamed: String?) throws(KernelError) {
    try sysctls.restore(sysctl, renamed: renamed)
  }

  /// Puts back settings that could not be put back earlier, because their link was being renamed.
  func restoreLate() throws(KernelError) { try sysctls.restoreLate() }

  /// Puts back all settings; what cannot be put back is logged.
  func restoreAll(_ log: Log) { sysctls.giveBack(log) }
}
