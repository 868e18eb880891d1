import BabelCore
import BabelWire

/// What a reading of the kernel's tables has found that matters for tables of sources.
struct SourceInventory {
  /// Destinations of others that are looked up after our tables.
  var foreign: Set<Prefix> = []
  /// Something of a family may have been left out: those known before stay.
  var mayLackIPv4 = false
  var mayLackIPv6 = false
  /// What the node wants forwarded.
  var wanted: [ForwardingKey] = []
  /// Exceptions by table.
  var exceptions: [UInt32: Set<Prefix>] = [:]

  /// Whether something of a family may have been left out.
  func mayLack(_ family: AddressFamily) -> Bool {
    family == .ipv4 ? mayLackIPv4 : mayLackIPv6
  }
}
