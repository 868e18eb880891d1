import BabelCore
import BabelWire

/// Whether an interface is used, and if not, why.
enum InterfaceCondition: UInt8, Equatable {
  /// Packets are exchanged.
  case up
  /// No link has its name.
  case noLink
  /// The link is down.
  case linkDown
  /// The link is up, but has lost its carrier.
  case noCarrier
  /// There is no address to speak from.
  case noAddress
  /// The kernel refuses what is needed.
  case refused
  /// It is not one of ours any more.
  case removed

  /// One word.
  var word: String {
    switch self {
    case .up: "up"
    case .noLink: "no-link"
    case .linkDown: "link-down"
    case .noCarrier: "no-carrier"
    case .noAddress: "no-address"
    case .refused: "refused"
    case .removed: "removed"
    }
  }

  /// A few words.
  var description: String {
    switch self {
    case .up: "up"
    case .noLink: "there is no such link"
    case .linkDown: "the link is down"
    case .noCarrier: "no carrier"
    case .noAddress: "no address to speak from"
    case .refused: "the kernel refuses it"
    case .removed: "removed"
    }
  }
}

/// An interface is in another state than before.
struct InterfaceConditionChange: Equatable {
  /// The state before; nil if there was none.
  let former: InterfaceCondition?
  /// The state.
  let now: InterfaceCondition
}

extension Daemon {
  /// Notes what state an interface is in. If that is another one than before, operators are told.
  func note(_ condition: InterfaceCondition, _ index: Int, at now: Instant) {
    guard let change = interfaces[index].note(condition) else { return }
    let row = interfaces[index]
    remember(row.name, change)
    let text: String
    switch condition {
    case .up:
      text = "is up, from \(row.controlAddress.map { "\($0)" } ?? "no address")"
    case .noLink:
      let hint = similarLink(to: row.name).map { " (is \($0) meant?)" } ?? ""
      text = "is not used: \(condition.description)\(hint); waiting for it"
    case .linkDown:
      text = "is not used: \(condition.description) (ip link set \(row.name.shellWord) up)"
    case .noCarrier: text = "is not used: \(condition.description)"
    case .noAddress:
      // At first this is normal for a moment. If it lasts, there is a line about it.
      guard change.former == .up else { return }
      text = "is not used: it has lost the address to speak from"
    // There is a line about this.
    case .refused: return log.forget(.interface(row.name))
    case .removed: text = "is not used any more: it was removed from the configuration"
    }
    log.write(
      .interfaceNews, subject: .named(row.name), level: .notice,
      state: LogState(.interface(row.name), condition == .up ? .interfaceUp : .interfaceUnused),
      "Interface \(row.name) \(text)")
  }
}
