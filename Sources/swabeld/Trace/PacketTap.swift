import BabelWire

/// What one client is shown of packets. It gets so many lines a second at most, and what waits for
/// it is bounded; packets that it is not shown are counted.
struct PacketTap {
  /// How many clients may look at packets at the same time.
  static let clientLimit = 4
  /// Octets that may wait for one of them.
  static let backlogLimit = 1 << 20
  /// Interfaces on which a neighbour may be heard.
  private static let interfaceLimit = 16
  /// Microseconds over which a burst is spread.
  private static let burstTime: Int64 = 2_000_000

  private let request: TraceRequest
  /// When it ends, in microseconds of the monotonic clock; nil if it does not by itself.
  let end: Int64?
  /// Where the neighbour is heard: what is sent to the group there is for it, too.
  private var heardOn: [InterfaceName]
  private var credit: Int64
  private var countedAt: Int64
  /// A client that looks for a day sees more than 32 bits can count.
  private var shown: UInt64
  private var leftOut: UInt64 = 0
  private var toldLeftOut: UInt64 = 0

  /// Begins at a time of the monotonic clock, after so many packets were shown.
  init(
    _ request: TraceRequest, heardOn: [InterfaceName], at now: Int64, shown: UInt64 = 0
  ) {
    self.shown = shown
    self.request = request
    self.heardOn = Array(heardOn.prefix(Self.interfaceLimit))
    end = request.seconds.map { now + Int64($0) * 1_000_000 }
    countedAt = now
    credit = Self.rate(request.form) * Self.burstTime
  }

  /// Lines a second. Octets cost less to write than words.
  static func rate(_ form: TraceRequest.Form) -> Int64 {
    switch form {
    case .words: 2000
    case .octets: 20_000
    }
  }

  /// How packets are shown.
  var form: TraceRequest.Form { request.form }

  /// Whether all packets that were asked for have been shown.
  var isComplete: Bool { request.packets.map { shown >= UInt64($0) } ?? false }

  /// Whether a packet is asked for.
  mutating func wants(_ packet: PacketSighting) -> Bool {
    if let name = request.interface, packet.interface != name { return false }
    guard let address = request.neighbour else { return true }
    if packet.isReceived {
      guard packet.source == address else { return false }
      if !heardOn.contains(packet.interface), heardOn.count < Self.interfaceLimit {
        heardOn.append(packet.interface)
      }
      return true
    }
    if packet.destination.isMulticast { return heardOn.contains(packet.interface) }
    return packet.destination == address
  }

  /// Whether one more packet may be shown while so many octets wait. If not, it counts as left out.
  mutating func admits(waiting: Int, at now: Int64) -> Bool {
    let most = Self.rate(form) * Self.burstTime
    credit = min(most, credit + (now - countedAt) * Self.rate(form))
    countedAt = now
    guard credit > 0, waiting < Self.backlogLimit else {
      leftOut &+= 1
      return false
    }
    return true
  }

  /// Counts a packet of so many lines as shown. Returns a line about those left out before it.
  mutating func show(cost: Int) -> String? {
    credit -= Int64(cost) * 1_000_000
    shown += 1
    let missing = leftOut - toldLeftOut
    toldLeftOut = leftOut
    return missing > 0 ? "left-out \(missing) packets\n" : nil
  }

  /// The last line.
  var farewell: String { "end packets \(shown) left-out \(leftOut)\n" }
}
