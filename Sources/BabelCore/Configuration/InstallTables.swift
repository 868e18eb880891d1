/// The kernel tables that one route is put into: up to eight, each once, in the order in which they
/// were named.
///
/// Nothing of it is on the heap: every change of the kernel's routes makes some of these.
public struct InstallTables: Sendable {
  /// Most tables.
  public static let limit = 8

  private var numbers = InlineArray<8, UInt32>(repeating: 0)
  private var used: UInt8 = 0

  /// No table.
  public init() {}

  /// One table, 1 … 2^32−1.
  public init(_ table: UInt32) {
    numbers[0] = table
    used = 1
  }

  /// Adds a table behind the others. False if it is there already, or if there is no room.
  @discardableResult
  public mutating func append(_ table: UInt32) -> Bool {
    guard count < Self.limit, !contains(table) else { return false }
    numbers[count] = table
    used += 1
    return true
  }

  /// The same tables and another one, in ascending order if these are; nil if it is among them, or
  /// if there is no room.
  func inserting(_ table: UInt32) -> InstallTables? {
    var result = InstallTables()
    for number in self where number < table { result.append(number) }
    let isRoom = result.append(table)
    for number in self where number > table { result.append(number) }
    return isRoom && result.count == count + 1 ? result : nil
  }

  /// The same tables without one.
  func removing(_ table: UInt32) -> InstallTables {
    var result = InstallTables()
    for number in self where number != table { result.append(number) }
    return result
  }

  /// Whether others are the same, in whatever order.
  func areThose(of other: InstallTables) -> Bool {
    count == other.count && allSatisfy { other.contains($0) }
  }

  /// Whether a table is one of these.
  public func contains(_ table: UInt32) -> Bool {
    for index in 0..<count where numbers[index] == table { return true }
    return false
  }
}

extension InstallTables: RandomAccessCollection {
  /// 0.
  public var startIndex: Int { 0 }

  /// How many tables there are.
  public var endIndex: Int { Int(used) }

  /// The table at a place, which must exist.
  public subscript(_ place: Int) -> UInt32 { numbers[place] }
}

extension InstallTables: Hashable {
  /// Whether both name the same tables in the same order.
  public static func == (one: InstallTables, other: InstallTables) -> Bool {
    guard one.used == other.used else { return false }
    for index in 0..<one.count where one.numbers[index] != other.numbers[index] { return false }
    return true
  }

  /// Feeds the tables to a hasher.
  public func hash(into hasher: inout Hasher) {
    for index in 0..<count { hasher.combine(numbers[index]) }
  }
}
