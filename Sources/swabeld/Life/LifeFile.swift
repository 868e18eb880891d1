import BabelCore
import BabelKernel
import BabelWire

/// Our own file beside babeld's state file, with `.swabeld` at the end of its name. It may lie on
/// flash memory, so it is written seldom: when a start has succeeded, when less than half of a
/// block of seqnos is left, when we run on an interface for the first time, and at the end.
struct LifeFile {
  /// The path; nil if there is to be none.
  private(set) var path: String?
  /// The path before the next life was found to have another one; nil if it has not.
  private var formerPath: String?
  /// The last seqno of the block that is reserved.
  private var reserved: Seqno?
  /// The interfaces that this life ran on, the tables it put routes into, and whether the file
  /// lacks some of them, or an address that was made.
  private var interfaces: Set<InterfaceName> = []
  private var tables: Set<UInt32> = []
  private var lacksPlaces = false
  /// What is known of gateways at the end.
  private var gateways: [GatewayRecord] = []
  /// What operators gave to the peers of WireGuard interfaces.
  private var operators: [SavedLife.Operators] = []
  /// Link-local addresses that are ours to take back.
  private var madeAddresses: [SavedLife.MadeAddress] = []
  /// The time before which no other block is reserved.
  private var nextReservation = Instant(microseconds: 0)

  /// How many seqnos a block has. After a crash the next life begins with the seqno behind the
  /// block. Neighbours that run babeld accept a jump by up to 100.
  private static let block: UInt16 = 64
  /// The next block is reserved when fewer than so many seqnos are left.
  private static let reserve = 32
  /// Microseconds between two reservations. Without this pause neighbours that ask for a new seqno
  /// ten times a second would make us write all the time.
  private static let reservationSpacing: Int64 = 60_000_000

  init(beside stateFile: StateFile) {
    let path = stateFile.path + ".swabeld"
    let kind = FileSystem.kind(of: path)
    self.path = stateFile.isWanted && (kind == nil || kind == .file) ? path : nil
  }

  /// What an earlier life left. Nil if there is nothing, or if it cannot be read, which is logged.
  func read(_ log: Log) -> SavedLife? {
    guard let path else { return nil }
    let reason: String
    do throws(KernelError) {
      let text = try FileSystem.read(path, limit: SavedLife.textLimit)
      do throws(SavedLife.Fault) {
        return try SavedLife(text)
      } catch {
        reason = error.reason
      }
    } catch {
      if error.errno == ErrorNumber.noEntry { return nil }
      reason = error.description
    }
    log.write(
      "\(path) is ignored: \(reason). What an earlier process knew is lost: routes that it left "
        + "stay only if neighbours confirm them, and neighbours are asked for our last sequence "
        + "number.")
    return nil
  }

  /// The file that the next life reads is another one: what is written from now on is for it.
  mutating func move(to next: LifeFile) {
    guard let path, let nextPath = next.path, !path.utf8.elementsEqual(nextPath.utf8) else {
      return
    }
    formerPath = path
    self.path = nextPath
  }

  /// Finds out what would keep a next life from going on where this one ends, if it reads `next`.
  /// Nil if nothing would; else a reason in words for an operator.
  func obstacle(
    to next: LifeFile, _ node: borrowing BabelNode, keeping sysctls: [SavedSysctls.Entry],
    at now: Instant
  ) -> String? {
    guard let path = next.path else { return nil }
    guard let life = life(of: node, keeping: sysctls, at: now) else {
      return "\(path) has room for \(SavedLife.sourceLimit) rows of the source table, and there "
        + "are more: the routes could not stay"
    }
    do throws(KernelError) {
      try FileSystem.rehearseWriting(path, life.text)
      return nil
    } catch {
      let cure = error.withCure(for: path, in: WritableDirectory.state)
      return "\(cure): the routes could not stay without these notes; make room or name another "
        + "state-file"
    }
  }

  /// Notes that we run, before anything is announced.
  mutating func begin(_ node: borrowing BabelNode, _ log: Log) {
    guard path != nil, !reserve(node, log) else { return }
    log.write(
      "Without these notes restart and stop --keep-routes are refused, and a start after a crash "
        + "has to ask neighbours for our last sequence number.")
  }

  /// Notes that this life runs on an interface; the file says so when it is written next.
  mutating func note(_ interface: InterfaceName) {
    if interfaces.insert(interface).inserted { lacksPlaces = true }
  }

  /// Notes that routes are put into tables of the kernel; likewise.
  mutating func note(_ numbers: [UInt32]) {
    for table in numbers where tables.insert(table).inserted { lacksPlaces = true }
  }

  /// Notes what is known of gateways, for a life that goes on where this one ends.
  mutating func note(_ records: [GatewayRecord]) { gateways = records }

  /// Notes what an operator gave to the peers of a WireGuard interface. It is written at once,
  /// because whatever else they have after a crash is taken for ours.
  mutating func note(
    _ row: SavedLife.Operators, _ node: borrowing BabelNode, _ log: Log
  ) {
    if operators.contains(row) { return }
    operators.removeAll { $0.interface == row.interface }
    operators.append(row)
    reserve(node, log)
  }

  /// Forgets that.
  mutating func forgetOperators(of interface: InterfaceName) {
    operators.removeAll { $0.interface == interface }
    lacksPlaces = true
  }

  /// Notes a link-local address that is ours to take back, in place of a former one of the
  /// interface; nil if there is none any more. The file says so after the present turn of the loop:
  /// an address that it does not name stays for ever after a crash.
  mutating func note(_ made: SavedLife.MadeAddress?, of interface: InterfaceName) {
    let former = madeAddresses.first { $0.interface == interface }
    guard former != made else { return }
    madeAddresses.removeAll { $0.interface == interface }
    if let made { madeAddresses.append(made) }
    lacksPlaces = true
    nextReservation = Instant(microseconds: 0)
  }

  /// Reserves more seqnos if few are left, and names what the file lacks.
  mutating func keepReserve(_ node: borrowing BabelNode, at now: Instant, _ log: Log) {
    guard let reserved, now >= nextReservation else { return }
    guard lacksPlaces || reserved.distance(from: node.seqno) < Self.reserve else { return }
    nextReservation = now + Self.reservationSpacing
    reserve(node, log)
  }

  /// The last seqno of a block; behind 65535 comes 0.
  static func lastReserved(from seqno: Seqno) -> Seqno {
    Seqno(seqno.rawValue &+ (block - 1))
  }

  /// Returns whether the file was written.
  @discardableResult
  private mutating func reserve(_ node: borrowing BabelNode, _ log: Log) -> Bool {
    guard path != nil else { return false }
    let last = Self.lastReserved(from: node.seqno)
    reserved = last
    lacksPlaces = false
    var life = SavedLife(.running, routerID: node.routerID, seqno: last)
    life.operators = operators
    life.madeAddresses = madeAddresses
    // The next life looks there for routes of ours, also if it does not run there.
    life.tables = tables.ordered()
    for name in interfaces.ordered().prefix(SavedLife.helloLimit) {
      life.hellos.append(SavedLife.Hello(interface: name, seqno: Seqno(0)))
    }
    return write(life, log)
  }

  /// Notes that we stopped in good order, and what a next life needs. With `sysctls` our routes
  /// stay in the kernel, and these settings are for the next life to give back; false if it will
  /// not be able to go on where we stop.
  @discardableResult
  func end(
    _ node: borrowing BabelNode, keeping sysctls: [SavedSysctls.Entry]? = nil, at now: Instant,
    _ log: Log
  ) -> Bool {
    guard path != nil, let life = life(of: node, keeping: sysctls, at: now) else { return false }
    guard write(life, log) else { return false }
    removeFormer(log)
    return true
  }

  /// What a next life needs; nil if not all of that has room that a life needs to go on with
  /// `sysctls`.
  private func life(
    of node: borrowing BabelNode, keeping sysctls: [SavedSysctls.Entry]?, at now: Instant
  ) -> SavedLife? {
    var life = SavedLife(
      sysctls == nil ? .stopped : .kept, routerID: node.routerID, seqno: node.seqno)
    if sysctls != nil {
      life.tables = tables.ordered()
      life.operators = operators
      life.madeAddresses = madeAddresses
    }
    for interface in node.interfaces() {
      guard let seqno = node.nextHelloSeqno(of: interface.id) else { continue }
      life.hellos.append(SavedLife.Hello(interface: interface.name, seqno: seqno))
      if sysctls != nil, let record = node.authenticationRecord(of: interface.id) {
        life.authentications.append(
          SavedLife.Authentication(interface: interface.name, record: record))
      }
    }
    let most = sysctls == nil ? SavedLife.sourcesOfStopped : SavedLife.sourceLimit
    var position: UInt32? = 0
    while let start = position, life.sources.count < most {
      position = node.forEachSource(from: start, limit: 1000, at: now) { life.sources.append($0) }
    }
    if let sysctls {
      life.heard = node.helloRecords(limit: SavedLife.senderLimit, at: now)
      life.links = node.linkRecords(limit: SavedLife.senderLimit, at: now)
      // A life that does not know all of its feasibility distances cannot go on.
      guard position == nil else { return nil }
      life.sysctls = sysctls
      life.gateways = gateways
    }
    return life
  }

  /// Nobody may take old notes for true who comes back to their path.
  private func removeFormer(_ log: Log) {
    guard let formerPath, FileSystem.exists(formerPath) else { return }
    do throws(KernelError) {
      try FileSystem.remove(formerPath)
    } catch {
      log.write("\(error): it tells of the past now.")
    }
  }

  /// Lets another user rewrite the file.
  func give(to account: (user: UInt32, group: UInt32)) throws(KernelError) {
    guard let path, FileSystem.exists(path) else { return }
    try FileSystem.setOwner(path, userID: account.user, groupID: account.group)
  }

  /// Returns whether the file was written.
  @discardableResult
  private func write(_ life: SavedLife, _ log: Log) -> Bool {
    guard let path else { return false }
    var life = life
    life.boot = Self.boot
    life.savedAt = MonotonicClock.bootMicroseconds() / 1_000_000
    do throws(KernelError) {
      do throws(KernelError) {
        try FileSystem.writeAtomically(path, life.text)
      } catch {
        // The old content must not stay, because it tells of the past. Even a part of the new
        // content is better.
        guard FileSystem.exists(path) else { throw error }
        try FileSystem.rewrite(path, life.text)
      }
      return true
    } catch {
      log.write("Couldn't write \(path): \(error)")
      return false
    }
  }

  /// The kernel's identifier of this boot; empty if it does not tell.
  static var boot: [UInt8] {
    do throws(KernelError) {
      let text = try FileSystem.read("/proc/sys/kernel/random/boot_id", limit: 256)
      return Array(text.prefix { $0 > 0x20 })
    } catch {
      return []
    }
  }
}
