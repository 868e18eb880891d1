import BabelCore
import BabelKernel
import BabelWire

/// Octets as the kernel might write them: netlink messages, control messages of a socket, tables
/// under /proc. The first octet chooses.
enum NetlinkTrial {
  static func run(_ octets: [UInt8]) {
    var input = Octets(octets)
    switch input.next8() & 7 {
    case 0: controlMessages(input.rest)
    case 1: tables(input.rest)
    case 2: body(input.next8(), input.rest)
    default: messages(input.rest)
    }
  }

  /// A buffer of whole messages.
  private static func messages(_ octets: [UInt8]) {
    var state = State()
    let bytes = octets.span
    var cursor = NetlinkMessageCursor(count: octets.count)
    var found = 0
    while let message = cursor.next(in: bytes) {
      found += 1
      precondition(found <= octets.count / NetlinkMessage.headerCount)
      state.take(message, bytes)
    }
  }

  /// One message, whose header is made here.
  private static func body(_ type: UInt8, _ octets: [UInt8]) {
    var state = State()
    let types: [UInt16] = [16, 17, 20, 21, 24, 25, 32, 33, 2, 3]
    var message: [UInt8] = []
    let length = UInt32(NetlinkMessage.headerCount + octets.count)
    for i in 0..<4 { message.append(UInt8(truncatingIfNeeded: length >> UInt32(8 * i))) }
    message += [UInt8(types[Int(type) % types.count]), 0, type & 0x80, 3]
    message += [UInt8](repeating: 0, count: 8)
    message += octets
    let bytes = message.span
    var cursor = NetlinkMessageCursor(count: message.count)
    guard let parsed = cursor.next(in: bytes) else { preconditionFailure("a message is lost") }
    state.take(parsed, bytes)
  }

  private static func controlMessages(_ octets: [UInt8]) {
    var covered = 0
    octets.withUnsafeBytes { raw in
      ControlMessage.forEach(in: raw) { _, _, data in covered += data.count }
    }
    precondition(covered <= octets.count)
  }

  private static func tables(_ octets: [UInt8]) {
    _ = GroupMembership.parse(octets, [NodeUnderTrial.group])
    _ = AccountFile.identifier(Array("babel".utf8), in: octets)
    for peer in WireGuardDevice(text: octets)?.peers ?? [] {
      precondition(peer.publicKey.count == 32 && peer.keyText.utf8.count == 44)
    }
    let version = KernelVersion.parse(octets)
    _ = version.hasV4ViaV6 || version.speaksV4ViaV6 || version.hasIPv6Subtrees
    var sequence = UInt32.max
    for octet in octets.prefix(4) { sequence = sequence << 8 | UInt32(octet) }
    precondition((0..<RouteWriter.windowCount).contains(RouteWriter.slot(sequence)))
  }

  /// What the daemon keeps of what the kernel tells.
  private struct State {
    var links = LinkTable()
    var foreign = ForeignRoutes(
      ForeignRoutes.Places(tables: [254, 1000], metrics: [0...0, 1024...4_000_000_000]))
    var sources = SourcePrefixTables(
      range: 1000...1003, rulePriority: 32_000, exportTable: 254, includesIPv6: true)

    mutating func take(_ message: NetlinkMessage, _ bytes: Span<UInt8>) {
      precondition(message.body.upperBound <= bytes.count)
      var device = WireGuardDevice.empty
      device.read(message: message.body, in: bytes)
      for peer in device.peers { precondition(peer.publicKey.count == 32) }
      _ = genericFamily(message: message.body, in: bytes)
      if let answer = NetlinkAnswer(message, in: bytes) {
        precondition(answer.errno >= 0 && answer.request.upperBound <= bytes.count)
        _ = KernelRoute(message: answer.request, in: bytes)
      }
      if let rule = KernelRule(message: message.body, in: bytes) { take(rule) }
      guard let event = KernelEvent(message, in: bytes) else { return }
      switch event {
      case .linkChanged(let link): take(link)
      case .linkRemoved(let link): links.remove(link)
      case .addressChanged(let address):
        links.update(address)
        _ = address.offer { links.name($0) }
        _ = links.isDuplicate(address.address, on: address.ifindex)
        if let name = links.name(address.ifindex) {
          let state = links.state(name, detectingCarrier: true)
          precondition(state.mtu >= 512 && state.ipv4Subnets.count <= 32)
        }
      case .addressRemoved(let address): links.remove(address)
      case .routeAdded(let route, let isReplacing): take(route, isReplacing)
      case .routeRemoved(let route): foreign.remove(sources.logical(route))
      default: break
      }
    }

    private mutating func take(_ link: KernelLink) {
      links.update(link)
      precondition(links.link(link.name)?.ifindex == link.ifindex)
      precondition(link.hardwareAddress.count <= 32)
      _ = RouterIDChoice.fromHardware([link])
    }

    private mutating func take(_ rule: KernelRule) {
      _ = sources.adopt(rule)
      var builder = NetlinkBuilder(capacity: 128)
      builder.rule(rule, type: 32, flags: 5, sequence: 1)
      precondition(!rule.description.utf8.isEmpty)
    }

    /// A route that was understood is understood again when it is written.
    private mutating func take(_ route: KernelRoute, _ isReplacing: Bool) {
      precondition(route.destination.family == route.source.family)
      precondition(!route.description.utf8.isEmpty)
      _ = route.offer { links.name($0) }
      let logical = sources.logical(route)
      foreign.insert(logical, replacing: isReplacing)
      for _ in sources.noteForeign(route) {}
      if let physical = sources.physical(logical) { write(physical) }
      write(route)
    }

    private func write(_ route: KernelRoute) {
      var builder = NetlinkBuilder(capacity: RouteWriter.messageCount)
      builder.route(route, type: 24, flags: 5, sequence: 1)
      let bytes = builder.bytes
      var cursor = NetlinkMessageCursor(count: bytes.count)
      guard let message = cursor.next(in: bytes.span),
        let again = KernelRoute(message: message.body, in: bytes.span)
      else { preconditionFailure("cannot read what was written") }
      precondition(again.key == route.key && again.type == route.type)
      precondition(again.kernelProtocol == route.kernelProtocol)
    }
  }
}
