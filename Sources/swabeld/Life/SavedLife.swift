import BabelCore
import BabelKernel
import BabelWire

/// What one process of the daemon leaves for the next one. A life is the time of one such process.
///
/// Text, one item a line, so that an operator can read it:
/// ```
/// swabeld-state 1
/// stopped
/// router-id 02:11:22:ff:fe:33:44:55
/// seqno 34241
/// boot 0f4b6a2e-… 81234
/// hello wg0 1209
/// source 2001:db8::/48 ::/0 02:00:00:00:00:00:00:0a 34180 428 163
/// end
/// ```
/// `running` stands in the second line as long as the daemon has not stopped in good order.
/// `seqno` is the largest that may have been announced. `boot` names the boot and the seconds
/// since then. `hello` is the seqno of an interface's next Hello. `source` is a row of the source
/// table: prefix, source prefix, router-id, seqno, metric, seconds until it is forgotten. Words
/// that are not known are passed over: a later version may add some.
struct SavedLife: Equatable {
  /// The seqno of an interface's next Hello.
  struct Hello: Equatable {
    let interface: InterfaceName
    let seqno: Seqno
  }

  /// Whether the life has not ended in good order when this was written.
  var isRunning: Bool
  /// The router-id used.
  var routerID: RouterID
  /// The largest own seqno that may have been announced.
  var seqno: Seqno
  /// Identifier of the boot; empty if unknown.
  var boot: [UInt8] = []
  /// Seconds between the boot and the writing.
  var savedAt: Int64 = 0
  /// Hello seqnos.
  var hellos: [Hello] = []
  /// The source table, or a part of it.
  var sources: [SourceRecord] = []

  /// Why a text cannot be read.
  struct Fault: Error {
    /// In words for an operator.
    let reason: String
  }

  /// Most octets of the text.
  static let textLimit = 2 << 20
  /// How many rows of the source table are kept. Their lines take at most half of the octets.
  static let sourceLimit = 10_000
  /// Most interfaces.
  static let helloLimit = 4096

  private static let title = Array("swabeld-state 1".utf8)

  init(isRunning: Bool, routerID: RouterID, seqno: Seqno) {
    self.isRunning = isRunning
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
        metric: $0.metric, secondsLeft: UInt32(clamping: Int64($0.secondsLeft) - elapsed))
    }
  }

  // MARK: Text

  /// The text.
  var text: [UInt8] {
    var text = Self.title
    text += Array("\n\(isRunning ? "running" : "stopped")\nrouter-id \(routerID)\n".utf8)
    text += Array("seqno \(seqno)\n".utf8)
    if !boot.isEmpty { text += Array("boot ".utf8) + boot + Array(" \(savedAt)\n".utf8) }
    for hello in hellos.prefix(Self.helloLimit) {
      text += Array("hello ".utf8) + hello.interface.octets + Array(" \(hello.seqno)\n".utf8)
    }
    for record in sources.prefix(Self.sourceLimit) {
      text += Array("source ".utf8)
      record.destination.appendText(to: &text)
      text.append(0x20)
      record.source.appendText(to: &text)
      text.append(0x20)
      record.routerID.appendText(to: &text)
      text += Array(" \(record.seqno) \(record.metric) \(record.secondsLeft)\n".utf8)
    }
    return text + Array("end\n".utf8)
  }

  /// Reads a text.
  init(_ text: [UInt8]) throws(Fault) {
    guard text.count <= Self.textLimit else { throw Fault(reason: "it is too long") }
    let lines = text.split(separator: 0x0A)
    guard let first = lines.first, first.starts(with: "swabeld-state ".utf8) else {
      throw Fault(reason: "it was not written by swabeld")
    }
    guard first.elementsEqual(Self.title) else { throw Fault(reason: "its version is not known") }
    guard lines[lines.count - 1].elementsEqual("end".utf8) else {
      throw Fault(reason: "its end is missing")
    }
    let isRunning = lines[1].elementsEqual("running".utf8)
    guard isRunning || lines[1].elementsEqual("stopped".utf8) else {
      throw Fault(reason: "line 2 is malformed")
    }
    self.init(isRunning: isRunning, routerID: RouterID(0), seqno: Seqno(0))
    var hasSeqno = false
    for index in 2..<max(2, lines.count - 1) {
      let words = lines[index].split(separator: 0x20)
      guard let word = words.first, take(word, Array(words.dropFirst()), &hasSeqno) else {
        throw Fault(reason: "line \(index + 1) is malformed")
      }
    }
    guard hasSeqno, routerID.isValid else { throw Fault(reason: "it is incomplete") }
  }

  /// Takes one line. Returns false if it is malformed.
  private mutating func take(
    _ word: ArraySlice<UInt8>, _ values: [ArraySlice<UInt8>], _ hasSeqno: inout Bool
  ) -> Bool {
    if word.elementsEqual("router-id".utf8) {
      guard values.count == 1, let id = RouterID(Self.string(values[0])) else { return false }
      routerID = id
    } else if word.elementsEqual("seqno".utf8) {
      guard values.count == 1, let value = Self.decimal(values[0], upTo: 0xFFFF) else {
        return false
      }
      seqno = Seqno(UInt16(value))
      hasSeqno = true
    } else if word.elementsEqual("boot".utf8) {
      guard values.count == 2, let seconds = Self.decimal(values[1], upTo: .max) else {
        return false
      }
      boot = Array(values[0])
      savedAt = Int64(seconds)
    } else if word.elementsEqual("hello".utf8) {
      guard values.count == 2, hellos.count < Self.helloLimit,
        let name = InterfaceName(octets: values[0]),
        let value = Self.decimal(values[1], upTo: 0xFFFF)
      else { return false }
      hellos.append(Hello(interface: name, seqno: Seqno(UInt16(value))))
    } else if word.elementsEqual("source".utf8) {
      guard sources.count < Self.sourceLimit, let record = Self.source(values) else {
        return false
      }
      sources.append(record)
    }
    return true
  }

  private static func source(_ values: [ArraySlice<UInt8>]) -> SourceRecord? {
    guard values.count == 6, let destination = Prefix(string(values[0])),
      let source = Prefix(string(values[1])), source.family == destination.family,
      let routerID = RouterID(string(values[2])), let seqno = decimal(values[3], upTo: 0xFFFF),
      let metric = decimal(values[4], upTo: 0xFFFF), let left = decimal(values[5], upTo: .max)
    else { return nil }
    return SourceRecord(
      destination: destination, source: source, routerID: routerID, seqno: Seqno(UInt16(seqno)),
      metric: Metric(UInt16(metric)), secondsLeft: left)
  }

  private static func string(_ octets: ArraySlice<UInt8>) -> String {
    String(decoding: octets, as: UTF8.self)
  }

  /// The value of decimal digits; nil for anything else, and beyond `limit`.
  private static func decimal(_ octets: ArraySlice<UInt8>, upTo limit: UInt32) -> UInt32? {
    guard !octets.isEmpty else { return nil }
    var value: UInt64 = 0
    for octet in octets {
      guard octet >= 0x30, octet <= 0x39 else { return nil }
      value = value * 10 + UInt64(octet - 0x30)
      guard value <= UInt64(limit) else { return nil }
    }
    return UInt32(value)
  }
}
