import BabelCore
import BabelWire

/// Octets as a list of things that happen to a node: links that come and go, packets of several
/// neighbours, offers of the kernel, time, refusals, entries of an earlier life, the end.
enum EventsTrial {
  /// Most things of one input.
  private static let stepLimit = 200

  static func run(_ octets: [UInt8]) {
    var input = Octets(octets)
    var run = Run(input.next8())
    var left = stepLimit
    while !input.isEmpty, left > 0, !run.isOver {
      run.step(&input)
      left -= 1
    }
    run.end()
  }
}

private struct Run: ~Copyable {
  var trial: NodeUnderTrial
  var ids: [InterfaceID] = []
  var helloSeqno: UInt16 = 0
  private(set) var isOver = false

  private static let routers: [UInt64] = [1, 2, NodeUnderTrial.routerID.rawValue]

  init(_ choice: UInt8) {
    var parameters = NodeParameters(
      routerID: NodeUnderTrial.routerID, seqno: Seqno(choice & 1 == 0 ? 65_470 : 10), seed: 7)
    parameters.reflectsKernelMetric = choice & 2 != 0
    parameters.supportsSourceSpecificIPv4 = true
    parameters.reportsRoutes = choice & 4 != 0
    parameters.smoothingHalfLife = choice & 8 != 0 ? .max : 4000
    if choice & 16 != 0 {
      parameters.routeLimit = 3
      parameters.sourceLimit = 2
      parameters.requestLimit = 1
      parameters.originatedLimit = 2
      parameters.neighbourLimit = 2
    }
    if choice & 32 != 0 { parameters.allowDuplicates = 100 }
    trial = NodeUnderTrial(parameters)
    if choice & 64 != 0 {
      for number: UInt8 in 0..<3 { restore(number) }
      trial.node.begin(choice & 128 == 0 ? .afterCrash : .resumed, at: trial.now)
    } else {
      trial.node.begin(.clean, at: trial.now)
    }
    for number: UInt8 in 0..<2 { add(number, 0) }
    if choice & 64 != 0 {
      for number: UInt8 in 0..<3 { adopt(number, through: 0) }
    }
    for id in ids { trial.change(id, NodeUnderTrial.state(id), routesLost: false) }
  }

  // MARK: Pieces

  private func prefix(_ number: UInt8) -> Prefix {
    let isIPv4 = number & 4 != 0
    let length = 96 + Int(number >> 3 & 3) * 8 + 8
    let address =
      isIPv4
      ? IPAddress(ipv4: 0x0A80_0000 | UInt32(number & 3) << 8)
      : IPAddress(high: 0x2001_0DB8_0000_0000 | UInt64(number & 3), low: 0)
    return Prefix(mapped: address, mappedLength: isIPv4 ? UInt8(length) : UInt8(length - 64))
  }

  private func source(_ number: UInt8, for destination: Prefix) -> Prefix {
    guard number & 0xE0 == 0xE0 else { return .any(destination.family) }
    return destination.family == .ipv4
      ? Prefix(mapped: IPAddress(ipv4: 0x0B00_0000), mappedLength: 104)
      : Prefix(mapped: IPAddress(high: 0x2001_0DB9_0000_0000, low: 0), mappedLength: 32)
  }

  private func interface(_ number: UInt8) -> InterfaceID? {
    ids.isEmpty ? nil : ids[Int(number) % ids.count]
  }

  private func key(_ number: UInt8) -> ForwardingKey {
    let destination = prefix(number)
    return ForwardingKey(
      destination: destination, source: source(number, for: destination), table: 254)
  }

  private mutating func add(_ number: UInt8, _ kind: UInt8) {
    guard ids.count < 4, let name = InterfaceName("e\(number & 7)") else { return }
    if let id = trial.addInterface(name, parameters(kind)) { ids.append(id) }
  }

  private func parameters(_ kind: UInt8) -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.linkSensing = kind & 1 == 0 ? .twoOutOfThree : .etx
    parameters.splitHorizon = kind & 2 != 0
    parameters.timestamps = kind & 4 != 0
    if kind & 4 != 0 { parameters.maxRTTPenalty = Metric(96) }
    parameters.unicast = kind & 8 != 0
    if kind & 16 != 0 { (parameters.helloInterval, parameters.updateInterval) = (10, 655_350) }
    if kind & 32 != 0 { (parameters.helloInterval, parameters.updateInterval) = (655_350, 40) }
    parameters.pathAttributes = kind & 64 != 0
    parameters.v4ViaV6 = kind & 128 == 0
    parameters.answersPaths = kind & 3 == 0 ? true : nil
    return parameters
  }

  private mutating func restore(_ number: UInt8) {
    trial.node.restoreSource(
      SourceRecord(
        destination: prefix(number), source: .any(prefix(number).family), routerID: RouterID(1),
        seqno: Seqno(10), metric: Metric(100), secondsLeft: UInt32(number) * 60), at: trial.now)
  }

  private mutating func adopt(_ number: UInt8, through interface: UInt8) {
    guard let id = self.interface(interface) else { return }
    let path = ForwardingPath(
      gateway: trial.peer(number & 1, on: id), interface: id, kernelMetric: 0)
    trial.adopt(key(number), number & 16 == 0 ? .via(path) : .unreachable)
  }

  // MARK: Steps

  mutating func step(_ input: inout Octets) {
    let choice = input.next8()
    let argument = input.next8()
    switch choice % 16 {
    case 0, 1, 2: announce(argument, &input)
    case 3: time(argument)
    case 4: link(argument)
    case 5: hello(argument, input.next8())
    case 6: request(argument, &input)
    case 7: offer(argument, isAdded: choice & 0x80 == 0)
    case 8: raw(argument, &input)
    case 9: refuse(argument)
    case 10: parameters(argument, input.next8())
    case 11: comeAndGo(argument, input.next8())
    case 12: adopt(argument, through: choice >> 4)
    case 13: snapshot(argument)
    case 14: trial.readTables()
    default: lastly(argument)
    }
    if choice & 0x40 != 0 { trial.pass(20_000) }
  }

  private mutating func send(
    _ peer: UInt8, on id: InterfaceID, _ append: (inout PacketEncoder) -> Bool
  ) {
    let format = trial.links[id]?.parameters.wireFormat ?? .standard
    var encoder = PacketEncoder(limit: 1400, format: format)
    if append(&encoder) {
      trial.deliver(encoder.bytes, from: trial.peer(peer, on: id), on: id)
    }
  }

  private mutating func announce(_ argument: UInt8, _ input: inout Octets) {
    guard let id = interface(argument >> 3) else { return }
    let number = input.next8()
    let form = input.next8()
    let destination = prefix(number)
    let update = OutgoingUpdate(
      destination: destination, source: source(number, for: destination),
      routerID: RouterID(Self.routers[Int(form & 3) % 3]),
      seqno: Seqno(UInt16(form >> 2 & 3) &* 16_384 &+ 10),
      metric: [Metric.zero, Metric(100), Metric(65_000), .infinity][Int(form >> 4 & 3)],
      interval: Interval(centiseconds: form & 0x40 == 0 ? 1600 : 0xFFFF),
      nextHop: destination.family == .ipv4 && form & 0x80 == 0
        ? .ipv4(IPAddress(ipv4: 0x0A00_0080 | UInt32(argument & 7))) : .ipv6)
    send(argument & 3, on: id) { $0.append(update) }
  }

  private mutating func time(_ argument: UInt8) {
    let steps: [Int64] = [1, 1000, 100_000, 1_000_000, 5_000_000, 60_000_000, 700_000_000]
    let unit = steps[Int(argument & 7) % steps.count]
    if argument == 0xFF { return trial.pass(30_000_000_000_000, stops: 10) }
    trial.pass(unit * Int64(argument >> 3), stops: 60)
  }

  private mutating func link(_ argument: UInt8) {
    guard let id = interface(argument) else { return }
    var state = NodeUnderTrial.state(
      id, mtu: argument & 16 == 0 ? 1500 : 576, hasIPv4: argument & 8 == 0)
    if argument & 4 != 0 { state.isUp = false }
    if argument & 32 != 0 { state.linkLocals = [] }
    trial.change(id, state, routesLost: argument & 0x40 != 0)
  }

  private mutating func hello(_ argument: UInt8, _ jump: UInt8) {
    guard let id = interface(argument >> 3) else { return }
    helloSeqno &+= argument & 0x80 == 0 ? 2 : UInt16(jump) &* 257
    if argument & 0x40 == 0 {
      return trial.greet(argument & 3, on: id, seqno: helloSeqno)
    }
    let hello = Hello(
      isUnicast: jump & 1 != 0, seqno: Seqno(helloSeqno),
      interval: Interval(centiseconds: UInt16(jump) << 8), transmitTimestamp: UInt32(jump) << 24)
    let ihu = IHU(
      address: nil, rxcost: jump & 2 == 0 ? .infinity : Metric(UInt16(jump) << 4),
      interval: Interval(centiseconds: 1 + UInt16(jump)),
      timestamps: IHUTimestamps(
        origin: UInt32(truncatingIfNeeded: trial.now.microseconds), receive: 0))
    send(argument & 3, on: id) { $0.append(hello) && $0.append(ihu) }
  }

  private mutating func request(_ argument: UInt8, _ input: inout Octets) {
    guard let id = interface(argument >> 3) else { return }
    let number = input.next8()
    let destination = prefix(number)
    let source = source(number, for: destination)
    let form = input.next8()
    if form & 15 == 6, argument & 0x80 != 0 {
      _ = trial.node.beginPath(
        to: destination.address, from: source, at: trial.now, into: &trial.buffer)
      trial.settle()
    }
    send(argument & 3, on: id) {
      switch form & 7 {
      case 6 where form & 8 == 0:
        $0.append(
          PathRequest(
            nonce: UInt32(form), hop: max(1, form >> 3), destination: destination.address,
            source: source))
      case 6:
        $0.append(
          PathReply(
            nonce: UInt32(number), hop: max(1, form >> 3), routerID: RouterID(1),
            step: PathStep(status: .forwarded)))
      case 0: $0.appendWildcardRequest()
      case 1: $0.appendWildcardRetraction(seqno: Seqno(1))
      case 2: $0.append(RouteRequest(destination: destination, source: source))
      case 3: $0.append(AcknowledgmentRequest(opaque: 1, interval: Interval(centiseconds: 1)))
      case 4: $0.append(Acknowledgment(opaque: UInt16(number) << 8 | UInt16(form)))
      default:
        $0.append(
          SeqnoRequest(
            destination: destination, source: source, seqno: Seqno(UInt16(form) << 8),
            hopCount: max(1, form >> 4), routerID: RouterID(Self.routers[Int(form >> 3) % 3])))
      }
    }
  }

  private mutating func offer(_ argument: UInt8, isAdded: Bool) {
    let destination =
      argument & 0x80 == 0
      ? prefix(argument) : Prefix(mapped: prefix(argument).address, mappedLength: 128)
    let offer = KernelOffer(
      destination: destination, source: source(argument, for: destination),
      kernelProtocol: argument & 0x80 == 0 ? 4 : nil, interface: InterfaceName("e0"), table: 254)
    if isAdded {
      trial.node.kernelOfferAdded(offer, at: trial.now, into: &trial.buffer)
    } else {
      _ = trial.node.kernelOfferRemoved(offer, at: trial.now, into: &trial.buffer)
    }
    trial.settle()
  }

  private mutating func raw(_ argument: UInt8, _ input: inout Octets) {
    guard let id = interface(argument >> 3) else { return }
    let body = input.take(Int(input.next8()))
    let header = [PacketHeader.magic, PacketHeader.version, 0, UInt8(body.count)]
    trial.deliver(
      header + body, from: trial.peer(argument & 3, on: id), on: id,
      toMulticast: argument & 0x80 == 0, arrivedAt: trial.now + -Int64(body.count) * 1000)
  }

  private mutating func refuse(_ argument: UInt8) {
    if argument & 0x80 == 0 {
      trial.refuse(key(argument))
    } else {
      trial.node.forwardingMayWork(
        argument & 1 == 0 ? nil : prefix(argument), at: trial.now, into: &trial.buffer)
      trial.settle()
    }
  }

  private mutating func parameters(_ argument: UInt8, _ kind: UInt8) {
    guard let id = interface(argument) else { return }
    let parameters = parameters(kind)
    trial.links[id]?.parameters = parameters
    trial.node.setParameters(parameters, of: id, at: trial.now, into: &trial.buffer)
    trial.settle()
  }

  private mutating func comeAndGo(_ argument: UInt8, _ kind: UInt8) {
    if argument & 0x80 == 0 {
      let before = ids.count
      add(argument, kind)
      guard ids.count > before, let id = ids.last else { return }
      trial.change(id, NodeUnderTrial.state(id), routesLost: false)
    } else if let id = interface(argument & 3) {
      ids.removeAll { $0 == id }
      trial.removeInterface(id)
    }
  }

  private mutating func snapshot(_ argument: UInt8) {
    trial.node.kernelSnapshotBegins()
    if argument & 1 == 0 { offer(argument, isAdded: true) }
    for offer in trial.node.unconfirmedOffers() {
      _ = trial.node.kernelOfferRemoved(offer, at: trial.now, into: &trial.buffer)
    }
    trial.settle()
  }

  private mutating func lastly(_ argument: UInt8) {
    guard argument == 0x55 else { return trial.pass(10_000) }
    isOver = true
  }

  mutating func end() {
    trial.readTables(in: .swabeld)
    if !isOver { trial.pass(300_000_000, stops: 30) }
    trial.shutDown(keepingForwarding: false)
    // Nothing more comes of it, whatever happens.
    if let id = ids.first { trial.greet(0, on: id, seqno: 1) }
    trial.pass(1_000_000)
  }
}
