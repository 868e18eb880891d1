import BabelCore
import BabelKernel
import BabelWire

/// What a client of the local socket sends: cut into lines and read as the daemon does, and
/// applied to a configuration and a node. The first octet chooses the dialect.
enum SocketTrial {
  private static let start = Array(
    """
    key id k1 type hmac-sha256 value 00112233445566778899aabbccddeeff
    interface e0 hello-interval 1 key k1
    interface wg* rxcost 128
    in ip 10.0.0.0/8 allow
    """.utf8)

  private static let configuration: Configuration = {
    var configuration = Configuration()
    do throws(ConfigurationError) {
      try ConfigurationParser.parse(file: start, name: "trial", into: &configuration)
    } catch {
      preconditionFailure("the beginning is malformed")
    }
    return configuration
  }()

  static func run(_ octets: [UInt8]) {
    var input = Octets(octets)
    let choice = input.next8()
    var client = Client(configuration, choice)
    var lines = RequestLines()
    var read = 0
    while !input.isEmpty, !lines.isTooLong {
      // As the socket delivers it: in pieces of any size.
      lines.append(input.take(1 + Int(choice >> 2) * 16)[...])
      while let line = lines.next(), read < 64 {
        precondition(!line.contains(UInt8(ascii: "\n")))
        client.answer(line)
        read += 1
      }
      precondition(read == 64 || !lines.hasLine)
    }
    client.end()
  }

  /// The part of the daemon that answers, with a node that has no kernel.
  private struct Client: ~Copyable {
    var configuration: Configuration
    var trial: NodeUnderTrial
    var ids: [(name: InterfaceName, id: InterfaceID)] = []
    let dialect: SocketDialect
    var output = OutputQueue()

    init(_ configuration: Configuration, _ choice: UInt8) {
      self.configuration = configuration
      dialect = [SocketDialect.babel, .aredn, .althea, .swabeld][Int(choice & 3)]
      trial = NodeUnderTrial(
        configuration.nodeParameters(
          routerID: NodeUnderTrial.routerID, seqno: Seqno(1), seed: 1),
        filters: configuration.filters)
      trial.node.reportsRoutes = true
      if let name = configuration.interfaces.first?.name { add(name) }
    }

    mutating func answer(_ line: [UInt8]) {
      if let request = DialectRequest(line, in: dialect) { return answer(request) }
      if case .request(let request) = TraceRequest.read(line) { return show(request) }
      let command = ConfigurationParser.parseRuntime(line: line, configuration: configuration)
      switch command {
      case .dump, .monitor: dump(.everything)
      case .counters: for line in trial.node.counters.lines { output.append(line + "\n") }
      case .bad(let error): precondition(!error.description.utf8.isEmpty)
      default: change(command)
      }
      trial.pass(50_000, stops: 10)
    }

    private mutating func answer(_ request: DialectRequest) {
      switch request {
      case .dump(let scope): dump(scope)
      case .fee(let fee): configuration.pricing.fee = fee
      case .metricFactor(let factor): configuration.pricing.metricFactor = factor
      }
      trial.node.setPricing(configuration.pricing, at: trial.now)
    }

    /// A packet for a client that looks at packets.
    private mutating func show(_ request: TraceRequest) {
      guard let name = configuration.interfaces.first?.name else { return }
      var tap = PacketTap(request, heardOn: [name], at: trial.now.microseconds)
      let packet = PacketSighting(
        time: 0, interface: name, source: .unspecified, sourcePort: 1, destination: .unspecified,
        port: 1, format: .standard, fate: .dropped(.short))
      guard tap.wants(packet), tap.admits(waiting: 0, at: trial.now.microseconds) else { return }
      var lines = PacketLines()
      let empty: [UInt8] = []
      precondition(lines.lines(request.form, packet, empty.span).text.last == 0x0A)
    }

    private mutating func dump(_ scope: DumpScope) {
      output = OutputQueue()
      var cursor = DumpCursor(
        of: trial.node, at: trial.now, scope, in: LineForm(dialect: dialect), forMonitor: true,
        into: &output)
      precondition(cursor.feed(&output, from: trial.node, at: trial.now) || !output.isEmpty)
    }

    private mutating func change(_ command: RuntimeCommand) {
      switch command {
      case .interface(let name, let settings):
        configuration.merge(settings, into: name)
        if ids.contains(where: { $0.name == name }) { applyParameters() } else { add(name) }
      case .flushInterface(let name):
        guard let name, let index = ids.firstIndex(where: { $0.name == name }) else { return }
        trial.removeInterface(ids[index].id)
        ids.remove(at: index)
        configuration.removeInterface(name)
      case .pattern(let pattern, let settings): configuration.merge(settings, into: pattern)
      case .flushPattern(let pattern): configuration.removePattern(pattern)
      case .defaults(let settings): configuration.mergeDefaults(settings)
      case .key(let key): configuration.define(key)
      case .smoothingHalfLife(let seconds):
        configuration.smoothingHalfLife = seconds
        trial.node.smoothingHalfLife = UInt32(clamping: UInt64(seconds) * 1000)
      default: return
      }
      applyParameters()
    }

    private func parameters(_ name: InterfaceName) -> InterfaceParameters {
      configuration.interfaceParameters(for: name, type: .tunnel)
    }

    private mutating func add(_ name: InterfaceName) {
      guard let id = trial.addInterface(name, parameters(name)) else { return }
      ids.append((name, id))
      trial.change(id, NodeUnderTrial.state(id), routesLost: false)
      trial.greet(0, on: id, seqno: 1)
    }

    private mutating func applyParameters() {
      for (name, id) in ids {
        let parameters = parameters(name)
        guard parameters.control == trial.links[id]?.parameters.control else { continue }
        trial.links[id]?.parameters = parameters
        trial.node.setParameters(parameters, of: id, at: trial.now, into: &trial.buffer)
        trial.settle()
      }
    }

    mutating func end() {
      trial.pass(100_000_000, stops: 30)
      trial.readTables(in: dialect)
      _ = configuration.explanation()
      trial.shutDown(keepingForwarding: true)
    }
  }
}
