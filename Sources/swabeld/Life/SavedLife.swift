import BabelCore
import BabelKernel
import BabelWire

/// What one process of the daemon leaves for the next one. A life is the time of one such process.
struct SavedLife: Equatable {
  /// How a life ended.
  enum Ending: Equatable {
    /// It had not ended when this was written: if the process is gone, it crashed.
    case running
    /// It told its neighbours, and took its routes back.
    case stopped
    /// It left its routes in the kernel and told its neighbours nothing, so that the next life
    /// goes on where this one ended.
    case kept
  }

  /// An interface that the life ran on, with the seqno of its next Hello; 0 in the text of a life
  /// that had not ended.
  struct Hello: Equatable {
    let interface: InterfaceName
    let seqno: Seqno
  }

  /// What is known of the packet counters on an interface with keys (RFC 8967).
  struct Authentication: Equatable {
    let interface: InterfaceName
    var record: AuthenticationRecord
  }

  /// What the operator gave to the peers of a WireGuard interface; all else that they have was
  /// given by us.
  struct Operators: Equatable {
    let interface: InterfaceName
    let ifindex: Int32
    var entries: [WireGuardEntry]
  }

  /// A link-local address that the life gave to a link which had none.
  struct MadeAddress: Equatable {
    let interface: InterfaceName
    let ifindex: Int32
    let address: IPAddress
  }

  /// How the life ended.
  var ending: Ending
  /// The router-id used.
  var routerID: RouterID
  /// The largest own seqno that may have been announced.
  var seqno: Seqno
  /// Identifier of the boot; empty if unknown.
  var boot: [UInt8] = []
  /// Seconds between the boot and the writing.
  var savedAt: Int64 = 0
  /// The kernel's tables that routes were put into.
  var tables: [UInt32] = []
  /// Interfaces with their Hello seqnos.
  var hellos: [Hello] = []
  /// What was heard of neighbours' Hellos.
  var heard: [HelloRecord] = []
  /// What was measured of the links to neighbours.
  var links: [LinkRecord] = []
  /// The source table, or a part of it.
  var sources: [SourceRecord] = []
  /// Packet counters, by interface.
  var authentications: [Authentication] = []
  /// What was known of gateways.
  var gateways: [GatewayRecord] = []
  /// Kernel settings that were changed and are to be given back by the last life.
  var sysctls: [SavedSysctls.Entry] = []
  /// Allowed-ips of operators, by interface.
  var operators: [Operators] = []
  /// Link-local addresses that were made and not taken back.
  var madeAddresses: [MadeAddress] = []

  /// Most octets of the text.
  static let textLimit = 16 << 20
  /// Most rows of the source table that a life which keeps its routes leaves. If there are more,
  /// it takes its routes back, since the next life would have to know all of them.
  static let sourceLimit = 100_000
  /// Most rows that a life which takes its routes back leaves: they only save neighbours some
  /// requests, and the file may lie on flash memory.
  static let sourcesOfStopped = 10_000
  /// Most tables.
  static let tableLimit = 2048
  /// Most interfaces.
  static let helloLimit = 4096
  /// Most neighbours whose packet counters or Hellos are kept.
  static let senderLimit = 10_000
  /// Most allowed-ips of an interface.
  static let allowedLimit = 10_000
  /// Most kernel settings.
  static let sysctlLimit = 4096

  init(_ ending: Ending, routerID: RouterID, seqno: Seqno) {
    self.ending = ending
    self.routerID = routerID
    self.seqno = seqno
  }

  /// The source table as it is `seconds` after the boot. If that is another boot than the one of
  /// the text, at least `seconds` have passed since the text was written.
  func sources(boot: [UInt8], seconds: Int64) -> [SourceRecord] {
    let elapsed = boot == self.boot ? max(0, seconds - savedAt) : max(0, seconds)
    return sources.compactMap {
      guard Int64($0.secondsLeft) > elapsed else { return nil }
      return SourceRecord(
        destination: $0.destination, source: $0.source, routerID: $0.routerID, seqno: $0.seqno,
        metric: $0.metric, secondsLeft: UInt32(clamping: Int64($0.secondsLeft) - elapsed),
        isAnnounced: $0.isAnnounced)
    }
  }

  /// Microseconds that have passed since the text was written, up to a second less than in truth,
  /// at a time of the same boot.
  func age(atBootMicroseconds now: Int64) -> Int64 { max(0, now - (savedAt + 1) * 1_000_000) }

  /// Whether the life that begins `seconds` after the boot can go on where this one ended: its
  /// routes were kept, and the machine has not been started anew since.
  func canBeResumed(boot: [UInt8]) -> Bool {
    ending == .kept && !boot.isEmpty && boot == self.boot
  }
}
