import BabelWire
import CLinux

/// A change of a kernel table.
public enum RouteChange: UInt8, Equatable, Sendable, CustomStringConvertible {
  /// Adds the route. The kernel refuses this (`exists`) if any route has the key.
  case add
  /// Adds the route behind those that have the key. The kernel refuses this (`exists`) only if the
  /// same route is there. This is for IPv4 only: packets follow the first route, and ours takes
  /// over when that one goes. For IPv6 the kernel would make one route with two next hops of both.
  case append
  /// Replaces the route with the key in place. The kernel refuses this (`noEntry`) if there is
  /// none. The key must be ours alone, because the kernel would replace a foreign route as well.
  case replace
  /// Deletes the route. The kernel refuses this (`noSuchProcess`) if there is no route with this
  /// key, gateway, interface and protocol.
  case delete

  /// The word that log lines use.
  public var description: String {
    switch self {
    case .add: "add"
    case .append: "append"
    case .replace: "replace"
    case .delete: "delete"
    }
  }

  fileprivate var message: (type: UInt16, flags: UInt16) {
    switch self {
    case .add:
      (NetlinkType.newRoute, NetlinkFlag.request | NetlinkFlag.create | NetlinkFlag.exclusive)
    case .append:
      (NetlinkType.newRoute, NetlinkFlag.request | NetlinkFlag.create | NetlinkFlag.append)
    case .replace: (NetlinkType.newRoute, NetlinkFlag.request | NetlinkFlag.replace)
    case .delete: (NetlinkType.deleteRoute, NetlinkFlag.request)
    }
  }

  fileprivate init(type: UInt16, flags: UInt16) {
    if type == NetlinkType.deleteRoute {
      self = .delete
    } else {
      self =
        flags & NetlinkFlag.replace != 0
        ? .replace : flags & NetlinkFlag.append != 0 ? .append : .add
    }
  }
}

/// A change that the kernel refused.
public struct RouteFailure: Equatable, Sendable {
  /// What was tried.
  public let change: RouteChange
  /// The tag that the caller gave the change.
  public var tag: UInt64
  /// The route as the kernel repeated it; nil if it did not.
  public var route: KernelRoute?
  /// Error number and the kernel's words.
  public let error: KernelError
}

/// Changes kernel routes in batches, without waiting for answers.
///
/// Messages gather in one buffer and leave ``batchCount`` at a time in one system call. Only the
/// last message of a batch asks for an acknowledgment. Errors come back without being asked for,
/// and the sequence number tells to which change they belong. The kernel works on a batch before
/// the call returns, so the answers are read right after sending. If one is late, ``collect()``
/// reads it when the descriptor is ready.
public struct RouteWriter: ~Copyable, Sendable {
  private let socket: NetlinkSocket
  private var messages = NetlinkBuilder(
    capacity: RouteWriter.batchCount * RouteWriter.messageCount)
  private var buffer = [UInt8](unfilled: 4 << 10)
  /// Tags of changes in flight, by sequence number modulo ``windowCount``.
  private var tags = [UInt64](unfilled: RouteWriter.windowCount)
  private var nextSequence: UInt32 = 1
  private var sentThrough: UInt32 = 0
  private var answeredThrough: UInt32 = 0
  private var failures: [RouteFailure] = []
  /// What the kernel answered to the change of a next-hop object; nil if nothing is wrong.
  private var objectError: KernelError?
  /// System calls made so far.
  public private(set) var systemCalls: UInt64 = 0

  /// Changes per system call.
  public static var batchCount: Int { 64 }
  /// How many changes may be in flight.
  public static var windowCount: Int { 1024 }

  /// Octets that one change takes at most.
  package static var messageCount: Int { NetlinkBuilder.routeCount }

  /// The index of the tag of a change. It is computed from 32 bits without a sign, because after
  /// 2^31 changes a sequence number no longer fits into an Int of 32 bits.
  package static func slot(_ sequence: UInt32) -> Int {
    Int(truncatingIfNeeded: sequence) & (windowCount - 1)
  }

  /// Opens the socket.
  public init() throws(KernelError) { socket = try NetlinkSocket(receiveBuffer: 512 << 10) }

  /// The address of our socket; see ``NetlinkMonitor/init(ignoring:receiveBuffer:)``.
  public var portID: UInt32 { socket.portID }

  /// The descriptor to poll for reading while ``unansweredCount`` is not zero.
  public var descriptor: FileDescriptor {
    _read { yield socket.descriptor }
  }

  /// Changes gathered and not sent yet.
  public var gatheredCount: Int { Int(nextSequence &- 1 &- sentThrough) }

  /// Changes sent about which the kernel has said nothing yet.
  public var unansweredCount: Int { Int(sentThrough &- answeredThrough) }

  /// Adds a change to the batch. If the batch is full, it is sent first. `tag` comes back if the
  /// kernel refuses the change. `nexthop` is the number of an object that stands for gateway and
  /// interface; 0 if none does. Throws as ``flush()`` does; the change is not added then.
  public mutating func enqueue(
    _ change: RouteChange, _ route: KernelRoute, nexthop: UInt32 = 0, tag: UInt64
  ) throws(KernelError) {
    if gatheredCount >= RouteWriter.batchCount { try flush() }
    let sequence = nextSequence
    tags[RouteWriter.slot(sequence)] = tag
    let (type, flags) = change.message
    messages.route(route, nexthop: nexthop, type: type, flags: flags, sequence: sequence)
    nextSequence &+= 1
  }

  /// Sends what was gathered and reads the answers that are there. After an error (no memory,
  /// or too much in flight) the batch is kept for another try.
  public mutating func flush() throws(KernelError) {
    guard gatheredCount > 0 else { return }
    if unansweredCount + gatheredCount > RouteWriter.windowCount {
      try collect()
      guard unansweredCount + gatheredCount <= RouteWriter.windowCount else {
        throw KernelError(operation: "change routes", errno: ErrorNumber.wouldBlock)
      }
    }
    messages.addFlags(NetlinkFlag.acknowledge)
    systemCalls += 1
    try socket.send(messages)
    sentThrough = nextSequence &- 1
    messages.removeAll()
    try collect()
  }

  /// Makes a next-hop object, after all changes that were gathered before. Returns what went wrong:
  /// `exists` if somebody has one of that number, `notSupported` if the kernel has no such objects
  /// (before Linux 5.3), the kernel's error otherwise, and `wouldBlock` if it has not answered yet.
  public mutating func make(_ object: KernelNexthop) -> KernelError? {
    let flags = NetlinkFlag.request | NetlinkFlag.create | NetlinkFlag.exclusive
    return change(object, type: NetlinkType.newNexthop, flags: flags)
  }

  /// Removes the next-hop object with a number and all routes that it still has, after all changes
  /// that were gathered before. Returns what went wrong as ``make(_:)`` does, and `noEntry` if
  /// there is none.
  public mutating func remove(_ id: UInt32) -> KernelError? {
    let object = KernelNexthop(id: id, gateway: .unspecified, ifindex: 0)
    return change(object, type: NetlinkType.deleteNexthop, flags: NetlinkFlag.request)
  }

  @inline(never)
  private mutating func change(
    _ object: KernelNexthop, type: UInt16, flags: UInt16
  ) -> KernelError? {
    do throws(KernelError) {
      try flush()
      messages.nexthop(object, type: type, flags: flags, sequence: nextSequence)
      nextSequence &+= 1
      objectError = nil
      try flush()
    } catch {
      return error
    }
    // Routes that name the number of an object must not be sent before it is known to be ours.
    guard unansweredCount == 0 else {
      return KernelError(operation: "change next-hop object", errno: ErrorNumber.wouldBlock)
    }
    return objectError
  }

  /// Reads answers until all are in or none is waiting. Throws `noBufferSpace` if answers were
  /// lost. Then nobody knows which changes failed, so the tables must be read again.
  public mutating func collect() throws(KernelError) {
    while unansweredCount > 0 {
      systemCalls += 1
      do throws(KernelError) {
        guard let count = try socket.receive(into: &buffer) else { return }
        read(count)
      } catch {
        if error.errno == ErrorNumber.messageTooLong { continue }
        answeredThrough = sentThrough
        throw error
      }
    }
  }

  /// Whether a sequence number belongs to a change that was sent (numbers up to `sent`) and is not
  /// answered (numbers up to `answered` are). Numbers wrap, and after answers were lost an older
  /// one may still come. Such a number lies nearly 2^32 ahead, which is more than an `Int` of 32
  /// bits holds, so we compute with 32 bits.
  package static func isInFlight(_ sequence: UInt32, answered: UInt32, sent: UInt32) -> Bool {
    let ahead = sequence &- answered
    return ahead >= 1 && ahead <= sent &- answered
  }

  /// Moves the failures known so far to the end of `list`.
  public mutating func takeFailures(into list: inout [RouteFailure]) {
    list.append(contentsOf: failures)
    failures.removeAll(keepingCapacity: true)
  }

  private mutating func read(_ count: Int) {
    let buffer = buffer
    let bytes = buffer.span
    var cursor = NetlinkMessageCursor(count: count)
    while let message = cursor.next(in: bytes) {
      guard let answer = NetlinkAnswer(message, in: bytes) else { continue }
      // Answers come in order. So when a change is answered, all changes before it are done.
      // Answers with other numbers are not about our changes.
      guard
        RouteWriter.isInFlight(
          message.sequence, answered: answeredThrough, sent: sentThrough)
      else { continue }
      answeredThrough = message.sequence
      if answer.errno == 0 { continue }
      guard
        answer.requestType == NetlinkType.newRoute || answer.requestType == NetlinkType.deleteRoute
      else {
        objectError = KernelError(
          operation: "change next-hop object", errno: answer.errno, kernelMessage: answer.text)
        continue
      }
      let change = RouteChange(type: answer.requestType, flags: answer.requestFlags)
      failures.append(
        RouteFailure(
          change: change, tag: tags[RouteWriter.slot(message.sequence)],
          route: KernelRoute(message: answer.request, in: bytes),
          error: KernelError(
            operation: "\(change) route", errno: answer.errno, kernelMessage: answer.text)))
    }
  }
}
