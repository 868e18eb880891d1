import BabelWire

/// Reads the kernel's tables. The kernel produces a piece each time it is asked, so nothing here
/// waits, and a table of any size can be read in slices. While a dump of routes goes on, small
/// tables are read over sockets of their own, so they do not disturb it.
public struct KernelReader: ~Copyable, Sendable {
  private var socket: NetlinkSocket
  private var request = NetlinkBuilder(capacity: 64)
  /// Empty while no dump of routes is under way, which is most of the time.
  private var buffer: [UInt8] = []
  private var sequence: UInt32 = 0
  /// The tables that the present dump of routes reads.
  private var tables: [UInt32] = []
  /// Which routes of the tables are wanted.
  private var selection = Selection()
  /// The parts of the present dump that are still to be asked for; the last one comes next.
  private var pending: [RoutePart] = []
  private var isDumping = false
  /// Whether the kernel still has pieces of the part that was asked for last.
  private var isAnswering = false
  private var isInconsistent = false

  private struct RoutePart: Sendable {
    let family: UInt8
    /// The table to dump; nil for all tables, if the kernel cannot dump a single one.
    let table: UInt32?
  }

  /// Which routes a dump is about.
  public struct Selection: Equatable, Sendable {
    /// Only those of one protocol number.
    public var kernelProtocol: UInt8?
    /// Only those that leave by one interface.
    public var ifindex: Int32?

    /// Makes a selection; nil means any.
    public init(kernelProtocol: UInt8? = nil, ifindex: Int32? = nil) {
      self.kernelProtocol = kernelProtocol
      self.ifindex = ifindex
    }

    func contains(_ route: KernelRoute) -> Bool {
      (kernelProtocol == nil || kernelProtocol == route.kernelProtocol)
        && (ifindex == nil || ifindex == route.ifindex)
    }
  }

  /// The state of a dump in slices.
  public enum Progress: Equatable, Sendable {
    /// There is more: call again.
    case more
    /// The dump is complete. If it is not consistent, the table changed meanwhile, and an entry may
    /// be missing or appear twice. The monitor has heard of each change.
    case finished(isConsistent: Bool)
  }

  /// Opens the socket.
  public init() throws(KernelError) { socket = try KernelReader.open() }

  /// All links. Throws `busy` if they changed so often meanwhile that the list may be incomplete.
  public mutating func links() throws(KernelError) -> [KernelLink] {
    try table(
      "read links", request: { $0.linkDump(sequence: $1) },
      row: { message, bytes in
        message.type == NetlinkType.newLink ? KernelLink(message: message.body, in: bytes) : nil
      })
  }

  /// All addresses of both families; throws as ``links()`` does.
  public mutating func addresses() throws(KernelError) -> [KernelAddress] {
    try table(
      "read addresses", request: { $0.addressDump(sequence: $1) },
      row: { message, bytes in
        message.type == NetlinkType.newAddress
          ? KernelAddress(message: message.body, in: bytes) : nil
      })
  }

  /// All rules that look packets from a prefix up in a table, both families; throws as
  /// ``links()`` does.
  public mutating func rules() throws(KernelError) -> [KernelRule] {
    try table(
      "read rules", request: { $0.ruleDump(sequence: $1) },
      row: { message, bytes in
        message.type == NetlinkType.newRule ? KernelRule(message: message.body, in: bytes) : nil
      })
  }

  /// All next-hop objects; throws as ``links()`` does, and `notSupported` before Linux 5.3.
  public mutating func nexthops() throws(KernelError) -> [KernelNexthop] {
    try table(
      "read next-hop objects", request: { $0.nexthopDump(sequence: $1) },
      row: { message, bytes in
        message.type == NetlinkType.newNexthop
          ? KernelNexthop(message: message.body, in: bytes) : nil
      })
  }

  /// All routes of some tables, in one go; cache entries are left out. A dump that the kernel
  /// calls inconsistent is repeated a few times.
  public mutating func routes(
    tables: [UInt32], _ selection: Selection = Selection()
  ) throws(KernelError) -> [KernelRoute] {
    var result: [KernelRoute] = []
    for _ in 0..<KernelReader.attemptLimit {
      result.removeAll()
      startRoutes(tables: tables, selection)
      var progress = Progress.more
      while progress == .more { progress = try continueRoutes(into: &result) }
      if progress == .finished(isConsistent: true) { break }
    }
    return result
  }

  /// Begins a sliced dump of the routes of some tables, both families. A dump that was going on is
  /// given up.
  ///
  /// For IPv4, a route that the dump lacks does not exist. For IPv6 this is not sure: between two
  /// pieces of a dump the kernel remembers only how many routes it has passed. If a prefix before
  /// that place is removed meanwhile, the kernel leaves out a route that nobody touched, and does
  /// not say so.
  public mutating func startRoutes(tables: [UInt32], _ selection: Selection = Selection()) {
    self.tables = tables
    self.selection = selection
    pending = []
    isInconsistent = false
    isDumping = false
    for family in [FamilyNumber.ipv6, FamilyNumber.ipv4] {
      if socket.isStrict {
        for table in tables.reversed() { pending.append(RoutePart(family: family, table: table)) }
      } else {
        pending.append(RoutePart(family: family, table: nil))
      }
    }
  }

  /// Appends the next piece, at most a few hundred routes. After an error the dump is over.
  public mutating func continueRoutes(
    into routes: inout [KernelRoute]
  ) throws(KernelError) -> Progress {
    if !isDumping {
      guard let part = pending.popLast() else {
        buffer = []
        return .finished(isConsistent: !isInconsistent)
      }
      // A kernel that does not check requests strictly ignores the selection, so we select here.
      let asked = socket.isStrict ? selection : Selection()
      try send { $0.routeDump(family: part.family, table: part.table, asked, sequence: $1) }
      isDumping = true
    }
    let wanted = tables
    let selection = selection
    let state: DumpState
    do throws(KernelError) {
      state = try receivePiece("read routes") { message, bytes in
        guard message.type == NetlinkType.newRoute,
          let route = KernelRoute(message: message.body, in: bytes), !route.isCloned,
          wanted.contains(route.table), selection.contains(route)
        else { return }
        routes.append(route)
      }
    } catch {
      isDumping = false
      // A table that nobody has used yet does not exist.
      guard error.errno == ErrorNumber.noEntry else {
        pending = []
        throw error
      }
      return .more
    }
    if state.wasInterrupted { isInconsistent = true }
    if state.isDone { isDumping = false }
    return .more
  }
}

// MARK: - One dump

extension KernelReader {
  private struct DumpState {
    var isDone = false
    var wasInterrupted = false
  }

  /// Attempts at a dump of routes that is interrupted by changes.
  private static var attemptLimit: Int { 4 }
  /// Attempts at a small table, which takes a millisecond.
  private static var tableAttemptLimit: Int { 16 }
  /// Milliseconds to wait for the kernel at most. In fact it answers at once.
  private static var patience: Int64 { 1000 }

  /// Reads a whole table.
  private mutating func table<Row>(
    _ operation: String, request: (inout NetlinkBuilder, UInt32) -> Void,
    row: (NetlinkMessage, Span<UInt8>) -> Row?
  ) throws(KernelError) -> [Row] {
    if isDumping || !pending.isEmpty {
      var other = try KernelReader()
      return try other.table(operation, request: request, row: row)
    }
    for _ in 0..<KernelReader.tableAttemptLimit {
      var rows: [Row] = []
      try send(request)
      var isConsistent = true
      while true {
        let state = try receivePiece(operation) { message, bytes in
          if let row = row(message, bytes) { rows.append(row) }
        }
        if state.wasInterrupted { isConsistent = false }
        if state.isDone { break }
      }
      if isConsistent { return rows }
    }
    throw KernelError(operation: operation, errno: ErrorNumber.busy)
  }

  private mutating func send(
    _ build: (inout NetlinkBuilder, UInt32) -> Void
  ) throws(KernelError) {
    // A socket can carry only one dump at a time. So a dump that was given up ends by closing its
    // socket.
    if isAnswering { socket = try KernelReader.open() }
    if buffer.isEmpty { buffer = [UInt8](unfilled: NetlinkSocket.bufferCount) }
    sequence &+= 1
    request.removeAll()
    build(&request, sequence)
    try socket.send(request)
    isAnswering = true
  }

  private static func open() throws(KernelError) -> NetlinkSocket {
    try NetlinkSocket(receiveBuffer: 512 << 10)
  }

  /// Reads one datagram of the dump.
  private mutating func receivePiece(
    _ operation: String, _ body: (NetlinkMessage, Span<UInt8>) -> Void
  ) throws(KernelError) -> DumpState {
    var state = DumpState()
    guard let count = try waitForPiece(operation) else {
      throw KernelError(operation: operation, errno: ErrorNumber.wouldBlock)
    }
    let buffer = buffer
    let bytes = buffer.span
    var cursor = NetlinkMessageCursor(count: count)
    while let message = cursor.next(in: bytes) {
      guard message.sequence == sequence else { continue }
      if message.flags & NetlinkFlag.dumpInterrupted != 0 { state.wasInterrupted = true }
      switch message.type {
      case NetlinkType.done:
        state.isDone = true
        isAnswering = false
        let code = message.body.count >= 4 ? bytes.nativeUInt32(at: message.body.lowerBound) : 0
        let errno = Int32(bitPattern: code)
        if errno < 0, errno > Int32.min { throw KernelError(operation: operation, errno: -errno) }
      case NetlinkType.error:
        guard let answer = NetlinkAnswer(message, in: bytes), answer.errno != 0 else { continue }
        isAnswering = false
        throw KernelError(
          operation: operation, errno: answer.errno, kernelMessage: answer.text)
      default: body(message, bytes)
      }
    }
    return state
  }

  private mutating func waitForPiece(_ operation: String) throws(KernelError) -> Int? {
    if let count = try socket.receive(into: &buffer) { return count }
    var poll = PollSet()
    poll.add(socket.descriptor, .read)
    let deadline = MonotonicClock.microseconds() + KernelReader.patience * 1000
    _ = try poll.wait(until: deadline)
    return try socket.receive(into: &buffer)
  }
}

extension NetlinkBuilder {
  /// Appends a request for the routes of a family, of one table or all.
  mutating func routeDump(
    family: UInt8, table: UInt32?, _ selection: KernelReader.Selection, sequence: UInt32
  ) {
    begin(
      type: NetlinkType.getRoute, flags: NetlinkFlag.request | NetlinkFlag.dump,
      sequence: sequence)
    append(family)
    for _ in 0..<4 { append(UInt8(0)) }
    append(selection.kernelProtocol ?? 0)
    append(UInt16(0))
    append(UInt32(0))
    if let table { attribute(RouteAttribute.table, table) }
    if let ifindex = selection.ifindex {
      attribute(RouteAttribute.outputInterface, UInt32(bitPattern: ifindex))
    }
    end()
  }
}
