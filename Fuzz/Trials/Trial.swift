/// What can be tried with random octets. Each takes any input, and traps if something is wrong.
enum Trial: CaseIterable {
  case packet, encoding, configuration, netlink, socket, files, events, canary

  /// Its name on the command line, and that of its folder of inputs.
  var name: String {
    switch self {
    case .packet: "packet"
    case .encoding: "encoding"
    case .configuration: "configuration"
    case .netlink: "netlink"
    case .socket: "socket"
    case .files: "files"
    case .events: "events"
    case .canary: "canary"
    }
  }

  /// The trial of a name.
  init?(_ name: String) {
    guard
      let found = Trial.allCases.first(where: { name.utf8.elementsEqual($0.name.utf8) })
    else { return nil }
    self = found
  }

  /// Tries one input.
  func run(_ input: [UInt8]) {
    switch self {
    case .packet: PacketTrial.run(input)
    case .encoding: EncodingTrial.run(input)
    case .configuration: ConfigurationTrial.run(input)
    case .netlink: NetlinkTrial.run(input)
    case .socket: SocketTrial.run(input)
    case .files: FilesTrial.run(input)
    case .events: EventsTrial.run(input)
    case .canary: Self.canary(input)
    }
  }

  /// Traps as a fault of ours would: on a sum that does not fit. Shows that faults are found.
  private static func canary(_ input: [UInt8]) {
    guard input.count >= 3, input[0] == UInt8(ascii: "s"), input[1] == UInt8(ascii: "b") else {
      return
    }
    let sum = input[2] + 156
    precondition(sum >= 156)
  }
}
