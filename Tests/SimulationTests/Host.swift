import BabelCore
import BabelWire

/// A broken promise, with the virtual second it was found at.
struct Violation: Error, CustomStringConvertible {
  let microseconds: Int64
  let text: String

  var description: String { "t=\(Instant(microseconds: microseconds)) s: \(text)" }
}

/// The running program: forgotten as a whole when its host crashes.
final class Daemon {
  var node: BabelNode
  var buffer = ActionBuffer()
  /// What the node asked for last, by destination number; nil once the kernel refused it.
  var asked: [ForwardingTarget?] = []
  /// When the next wake event is due.
  var wakeAt: Int64?
  /// Slices in a row that said "more".
  var slices = 0

  init(_ parameters: NodeParameters, filters: FilterSet) {
    node = BabelNode(parameters, filters: filters)
  }
}

/// One end of a segment: a network interface of a host.
struct Port {
  let segment: Int
  let endpoint: Int
  let name: InterfaceName
  let linkLocal: IPAddress
  let ipv4: IPAddress?
  var parameters: InterfaceParameters
  var mtu: UInt32 = 1500
  var hasCarrier = true
  /// What the running node calls it.
  var id: InterfaceID?
  /// Packets sent so far.
  var sent = 0
  /// Times of the last transmissions, a ring as long as the pacing limit.
  var recent: [Int64] = []
  var recentNext = 0

  var state: LinkState {
    LinkState(isUp: hasCarrier, mtu: mtu, linkLocals: [linkLocal], ipv4: ipv4)
  }
}

/// A receive buffer of limited size, emptied at a limited rate.
struct SocketBuffer {
  /// Octets the kernel charges at most.
  var limit = 212_992
  /// Microseconds a slow reader needs for one packet.
  var microsecondsPerPacket: Int64
  var occupied = 0
  var peak = 0
  var dropped = 0
  var queue: [Flight] = []

  /// What the kernel charges for a packet: the data rounded up to a power of two with its
  /// headers, and the bookkeeping.
  static func charge(_ octets: Int) -> Int {
    var size = 512
    while size < octets + 320 { size *= 2 }
    return size + 256
  }
}

/// The state a daemon saves when it is restarted on purpose.
struct Legacy {
  var sources: [SourceRecord] = []
  var helloSeqnos: [Seqno?] = []
  var time: Int64
}

/// A machine: its ports, its kernel's forwarding table, and the daemon that may run on it.
final class Host {
  let index: Int
  var routerID: RouterID
  /// What its monotonic clock shows at virtual time zero.
  let clockOrigin: Int64
  var ports: [Port] = []
  /// Port numbers by interface number.
  var portOfInterface: [Int?] = []
  /// Routes and addresses that are not Babel's, in order.
  var offers: [KernelOffer] = []
  /// Their destination numbers.
  var offered: Set<Int> = []
  /// The kernel's entries by destination number.
  var kernel: [ForwardingTarget] = []
  /// Entries left over from an earlier life of the daemon.
  var adopted: Set<Int> = []
  var daemon: Daemon?
  var generation: UInt32 = 0
  /// Our seqno as a careful daemon would have saved it.
  var savedSeqno = Seqno(0)
  /// What an orderly suspended daemon left for the next one.
  var legacy: Legacy?
  /// When the daemon last started.
  var startedAt: Int64?
  /// When it last took an arbitrary seqno.
  var seqnoLost: Int64?
  /// When an offer was last withdrawn, by destination number.
  var withdrawn: [Int: Int64] = [:]
  /// When the kernel last dropped routes by itself, and whether no daemon was there to see it.
  var kernelLoss: (time: Int64, isUnseen: Bool)?
  var socket: SocketBuffer?
  /// Change requests the kernel shall refuse, counted down.
  var refusals = 0
  var sentThisSecond = 0
  var second: Int64 = -1

  init(index: Int, clockOrigin: Int64) {
    self.index = index
    self.clockOrigin = clockOrigin
    routerID = RouterID(0x0200_0000_0000_0000 | UInt64(index + 1))
  }

  func clock(_ time: Int64) -> Instant { Instant(microseconds: clockOrigin + time) }
}

/// How a segment carries packets from one end to another.
struct Quality: Equatable {
  /// Lost packets of a thousand.
  var lossPermille = 0
  /// Packets of a thousand that arrive twice.
  var duplicatePermille = 0
  /// Packets of a thousand that take ten times as long.
  var stragglerPermille = 0
  /// Microseconds under way.
  var delay: Int64 = 500
  /// Up to so many microseconds more.
  var jitter: Int64 = 100
  /// Everything vanishes, silently.
  var isCut = false
}

/// A link: point to point with two ends, multi-access with more.
struct Segment {
  /// Host and port of each end.
  var ends: [(host: Int, port: Int)] = []
  /// Quality from one end to another, row by row.
  var qualities: [Quality] = []

  subscript(from: Int, to: Int) -> Quality {
    get { qualities[from * ends.count + to] }
    set { qualities[from * ends.count + to] = newValue }
  }
}

/// A datagram under way to one receiver.
struct Flight {
  let segment: Int
  let to: Int
  let source: IPAddress
  let destination: IPAddress
  let bytes: [UInt8]
}
