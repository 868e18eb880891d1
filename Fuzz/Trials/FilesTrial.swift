import BabelCore
import BabelKernel
import BabelWire

/// What is read from files and from the command line. The first octet chooses.
enum FilesTrial {
  static func run(_ octets: [UInt8]) {
    var input = Octets(octets)
    let choice = input.next8()
    switch choice & 7 {
    case 0: seqno(input.rest)
    case 1: commandLine(input)
    case 2: keyFile(input.rest)
    case 3: reservation(Seqno(input.next16()))
    default: life(input.rest, isSameBoot: choice & 8 != 0, Seqno(input.next16()))
    }
  }

  private static func seqno(_ octets: [UInt8]) {
    if case .seqno(let seqno) = StateFile.parse(octets) {
      precondition(StateFile.parse(Array("\(seqno)\n".utf8)) == .seqno(seqno))
      reservation(seqno)
    }
    if let id = PIDFile.parse(octets) { precondition(id > 0) }
  }

  /// Whatever the seqno is, the block reserved ahead of it lies ahead.
  private static func reservation(_ seqno: Seqno) {
    precondition(LifeFile.lastReserved(from: seqno).distance(from: seqno) == 63)
  }

  private static func commandLine(_ rest: Octets) {
    var input = rest
    var words: [[UInt8]] = [Array("swabeld".utf8)]
    while !input.isEmpty, words.count < 32 { words.append(input.take(before: 0)) }
    let line = CommandLineOptions(words)
    if case .failure(_, let reason) = line.ending { precondition(!reason.utf8.isEmpty) }
    for word in words {
      _ = CommandLineOptions.integer(word, -5...0x7FFF_FFFF)
      if let milliseconds = CommandLineOptions.milliseconds(word) {
        precondition((1...655_350).contains(milliseconds))
      }
    }
  }

  private static func keyFile(_ octets: [UInt8]) {
    var configuration = Configuration()
    for algorithm in [MACAlgorithm.hmacSHA256, .blake2s128] {
      let id = Array("k".utf8)
      configuration.define(
        AuthenticationKey(id: id, algorithm: algorithm, value: SecretOctets([])))
      let fault = configuration.setKey(id, fromFile: octets)
      precondition(
        fault != nil || (configuration.key(id: id)?.value.octets.count ?? 0) <= algorithm.keyLimit)
    }
  }

  /// Notes of an earlier life, and a node that begins with them.
  private static func life(_ text: [UInt8], isSameBoot: Bool, _ seconds: Seqno) {
    let life: SavedLife
    do throws(SavedLife.Fault) {
      life = try SavedLife(text)
    } catch {
      precondition(!error.reason.utf8.isEmpty)
      return
    }
    do throws(SavedLife.Fault) {
      let again = try SavedLife(life.text)
      precondition(again == life)
    } catch {
      preconditionFailure("cannot read what was written")
    }
    reservation(life.seqno)
    var trial = NodeUnderTrial(
      NodeParameters(routerID: life.routerID, seqno: life.seqno.next, seed: 1))
    if life.ending == .kept { trial.node.begin(.resumed, at: trial.now) }
    for record in life.sources(
      boot: isSameBoot ? life.boot : [], seconds: Int64(seconds.rawValue) * 1_000_000)
    {
      trial.node.restoreSource(record, at: trial.now)
    }
    if life.ending != .kept {
      trial.node.begin(life.ending == .running ? .afterCrash : .clean, at: trial.now)
    }
    guard let name = life.hellos.first?.interface ?? InterfaceName("e0") else { return }
    let id = trial.node.addInterface(
      name, InterfaceParameters(), helloSeqno: life.hellos.first?.seqno, at: trial.now,
      into: &trial.buffer)
    guard let id else { preconditionFailure("no room for one interface") }
    trial.settle()
    trial.change(id, NodeUnderTrial.state(id), routesLost: false)
    trial.pass(400_000_000, stops: 40)
    trial.readTables()
    trial.shutDown(keepingForwarding: false)
  }
}
