import BabelCore
import BabelKernel
import BabelWire

/// Text up to the first zero octet is a configuration; a node that is made from it gets the rest
/// as packets.
enum ConfigurationTrial {
  /// Read once: it looks into /proc.
  private static let emptySettings = Settings()
  private static let extraName = InterfaceName("e0")

  static func run(_ octets: [UInt8]) {
    var input = Octets(octets)
    guard let settings = settings(from: input.take(before: 0)) else { return }
    let seqno = Seqno(input.next16())
    var trial = NodeUnderTrial(
      settings.configuration.nodeParameters(
        routerID: NodeUnderTrial.routerID, seqno: seqno, seed: 1),
      filters: settings.configuration.filters)
    trial.places = settings.places
    trial.node.reportsRoutes = true
    let ids = addInterfaces(settings, &trial)
    guard !ids.isEmpty else { return }
    for address: UInt32 in [0x0A00_0001, 0xC0A8_0101] {
      offer(Prefix(mapped: IPAddress(ipv4: address), mappedLength: 128), &trial)
    }
    offer(Prefix(mapped: IPAddress(high: 0x2001_0DB8_00AA_0000, low: 0), mappedLength: 64), &trial)
    for id in ids { trial.greet(0, on: id, seqno: 1) }
    trial.pass(2_000_000)
    var left = 24
    while !input.isEmpty, left > 0 {
      step(&input, ids, &trial)
      left -= 1
    }
    trial.readTables(in: settings.configuration.socketDialect)
    trial.pass(700_000_000, stops: 12)
    trial.shutDown(keepingForwarding: false)
  }

  /// A few files that include one another.
  private static var includedFiles: IncludedFiles {
    IncludedFiles(
      names: { $0.isEmpty ? nil : [Array("a".utf8), Array("b".utf8)] },
      read: { name in
        switch name.last {
        case UInt8(ascii: "a"): .octets(Array("include b*\nin if w* deny\n".utf8))
        case UInt8(ascii: "b"): .octets(Array("set b { ::/0 }".utf8))
        default: .unreadable("no such file")
        }
      })
  }

  /// What a text comes to; nil if it is refused, in words.
  private static func settings(from text: [UInt8]) -> Settings? {
    var settings = emptySettings
    do throws(ConfigurationError) {
      let warnings = try ConfigurationParser.parse(
        file: text, name: "trial", into: &settings.configuration, including: includedFiles)
      for warning in warnings {
        precondition(!warning.description.utf8.isEmpty && !warning.logLine.utf8.isEmpty)
      }
    } catch {
      precondition(!error.description.utf8.isEmpty)
      return nil
    }
    let configuration = settings.configuration
    _ = configuration.review()
    _ = configuration.explanation()
    _ = configuration.digest
    var facts = MachineFacts()
    facts.links = configuration.interfaces.prefix(2).map {
      MachineFacts.Link(
        name: $0.name, isUp: true, isLoopback: false, hasLinkLocal: false, hasIPv4: false,
        isTunnel: true)
    }
    _ = configuration.review(against: facts)
    _ = settings.sourceTables.map { $0.range.contains(0) }
    return settings
  }

  private static func addInterfaces(
    _ settings: Settings, _ trial: inout NodeUnderTrial
  ) -> [InterfaceID] {
    var names = settings.configuration.interfaces.prefix(3).map { $0.name }
    if let extraName { names.append(extraName) }
    var ids: [InterfaceID] = []
    for (index, name) in names.enumerated() {
      let types: [ResolvedLinkType] = [.unknown, .wired, .wireless, .tunnel]
      _ = settings.configuration.remarks(about: name, type: types[index % 4])
      let parameters = settings.configuration.interfaceParameters(
        for: name, type: types[index % 4])
      guard let id = trial.addInterface(name, parameters) else { continue }
      trial.change(id, NodeUnderTrial.state(id), routesLost: false)
      ids.append(id)
    }
    return ids
  }

  private static func offer(_ prefix: Prefix, _ trial: inout NodeUnderTrial) {
    let offer = KernelOffer(
      destination: prefix, source: .any(prefix.family),
      kernelProtocol: prefix.mappedLength == 128 ? nil : 4, interface: extraName, table: 254)
    trial.node.kernelOfferAdded(offer, at: trial.now, into: &trial.buffer)
    trial.settle()
  }

  /// An octet says where a packet comes in and how, another how long it is. The header is made
  /// here unless the input wants to make it.
  private static func step(
    _ input: inout Octets, _ ids: [InterfaceID], _ trial: inout NodeUnderTrial
  ) {
    let choice = input.next8()
    let id = ids[Int(choice & 3) % ids.count]
    let count = Int(input.next8())
    let body = input.take(count)
    let source = trial.peer(choice >> 2 & 1, on: id)
    switch choice >> 4 & 3 {
    case 0: trial.pass(Int64(count) * 10_000)
    case 1: trial.deliver(body, from: source, on: id, toMulticast: choice & 8 == 0)
    default:
      let header = [PacketHeader.magic, PacketHeader.version, 0, UInt8(body.count)]
      trial.deliver(header + body, from: source, on: id, toMulticast: choice & 8 == 0)
    }
    if choice & 0x80 != 0 { trial.pass(300_000) }
  }
}
