import BabelWire

/// A routing rule: packets from a prefix are looked up in a table (`ip rule from … lookup …`).
public struct KernelRule: Hashable, Sendable {
  /// Source prefix.
  public let source: Prefix
  /// Table, 1 … 2^32-1.
  public let table: UInt32
  /// The priority: the kernel takes rules in ascending order. The rule of the main table has 32766.
  public let priority: UInt32
  /// Who made it (`FRA_PROTOCOL`, Linux 4.17); 42 is Babel.
  public let kernelProtocol: UInt8

  /// Makes a rule.
  public init(
    source: Prefix, table: UInt32, priority: UInt32,
    kernelProtocol: UInt8 = KernelRoute.babelProtocol
  ) {
    self.source = source
    self.table = table
    self.priority = priority
    self.kernelProtocol = kernelProtocol
  }
}

extension KernelRule: CustomStringConvertible {
  /// Text that is close to the output of `ip rule`.
  public var description: String { "rule \(priority) from \(source) lookup \(table)" }
}

/// Adds and removes rules. That is rare, so each call opens a socket of its own.
public enum RuleRequest {
  /// Adds a rule; throws `exists` if it is there.
  public static func add(_ rule: KernelRule) throws(KernelError) {
    try change(
      rule, NetlinkType.newRule, NetlinkFlag.create | NetlinkFlag.exclusive, "add \(rule)")
  }

  /// Removes a rule; throws `noEntry` if it is not there.
  public static func remove(_ rule: KernelRule) throws(KernelError) {
    try change(rule, NetlinkType.deleteRule, 0, "remove \(rule)")
  }

  /// All rules that look packets from a prefix up in a table.
  public static func all() throws(KernelError) -> [KernelRule] {
    var reader = try KernelReader()
    return try reader.rules()
  }

  private static func change(
    _ rule: KernelRule, _ type: UInt16, _ flags: UInt16, _ operation: String
  ) throws(KernelError) {
    var request = NetlinkBuilder(capacity: 128)
    request.rule(
      rule, type: type, flags: NetlinkFlag.request | NetlinkFlag.acknowledge | flags, sequence: 1)
    try NetlinkSocket.request(request, operation)
  }
}

// MARK: - Bytes

/// `struct fib_rule_hdr`: octets `family`, `dst_len`, `src_len`, `tos`, `table`, `res1`, `res2`,
/// `action`; 32 bits of flags.
private let headerCount = 12
/// `FR_ACT_TO_TBL`: look up in the table.
private let lookUpInTable: UInt8 = 1

extension KernelRule {
  /// Reads the body of a message; nil for rules that ask for more than the source, or do
  /// something else than a lookup.
  package init?(message body: Range<Int>, in bytes: Span<UInt8>) {
    guard body.count >= headerCount, body.upperBound <= bytes.count else { return nil }
    let start = body.lowerBound
    let family = bytes[start]
    let length = Int(bytes[start + 2])
    guard family == FamilyNumber.ipv4 || family == FamilyNumber.ipv6, bytes[start + 1] == 0,
      length > 0, bytes[start + 3] == 0, bytes[start + 7] == lookUpInTable
    else { return nil }
    var table = UInt32(bytes[start + 4])
    var priority: UInt32 = 0
    var kernelProtocol: UInt8 = 0
    var address: IPAddress?
    var cursor = NetlinkAttributeCursor(body, after: headerCount)
    while let attribute = cursor.next(in: bytes) {
      switch attribute.type {
      case RuleAttribute.source: address = attribute.address(family, in: bytes)
      case RuleAttribute.priority: priority = attribute.uint32(in: bytes) ?? priority
      case RuleAttribute.table: table = attribute.uint32(in: bytes) ?? table
      case RuleAttribute.protocol:
        if let first = attribute.value.first { kernelProtocol = bytes[first] }
      case RuleAttribute.inputInterface, RuleAttribute.firewallMark,
        RuleAttribute.outputInterface:
        return nil
      default: continue
      }
    }
    guard let address, let source = Prefix(address, length: length) else { return nil }
    self.init(
      source: source, table: table, priority: priority, kernelProtocol: kernelProtocol)
  }
}

extension NetlinkBuilder {
  /// Appends a change of a rule.
  package mutating func rule(_ rule: KernelRule, type: UInt16, flags: UInt16, sequence: UInt32) {
    begin(type: type, flags: flags, sequence: sequence)
    append(rule.source.address.familyNumber)
    append(UInt8(0))
    append(UInt8(rule.source.length))
    append(UInt8(0))
    append(UInt8(rule.table < 256 ? rule.table : 0))
    append(UInt16(0))
    append(lookUpInTable)
    append(UInt32(0))
    attribute(RuleAttribute.source, rule.source.address)
    attribute(RuleAttribute.priority, rule.priority)
    attribute(RuleAttribute.table, rule.table)
    append(UInt16(5))
    append(RuleAttribute.protocol)
    append(octets: [rule.kernelProtocol])
    end()
  }

  /// Appends a request for all rules.
  mutating func ruleDump(sequence: UInt32) {
    dump(NetlinkType.getRule, headerCount: headerCount, sequence: sequence)
  }
}
