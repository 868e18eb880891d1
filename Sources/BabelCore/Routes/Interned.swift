import BabelWire

/// A router-id that some row names.
struct InternedRouterID {
  var id: RouterID
  var references: UInt32
}

/// Router-ids as small numbers, counted by reference so that a stream of forged ones leaves
/// nothing behind.
struct InternedRouterIDs {
  private var rows = ChunkedTable<InternedRouterID>()
  private var numbers: [RouterID: RouterRow] = [:]
  /// The number that was looked up last, if it is in use: many Updates after one another name the
  /// same router-id.
  private var latest = RouterRow.none

  /// The number of a router-id, counted once more.
  mutating func retain(_ id: RouterID) -> RouterRow {
    if latest != .none, rows[latest].id == id {
      rows[latest].references += 1
      return latest
    }
    if let number = numbers[id] {
      rows[number].references += 1
      latest = number
      return number
    }
    let number = rows.insert(InternedRouterID(id: id, references: 1))
    numbers[id] = number
    latest = number
    return number
  }

  /// Counts a known number once more.
  mutating func retain(number: RouterRow) { rows[number].references += 1 }

  mutating func release(_ number: RouterRow) {
    rows[number].references -= 1
    guard rows[number].references == 0 else { return }
    numbers[rows[number].id] = nil
    if latest == number { latest = .none }
    rows.remove(number)
  }

  /// The number of a router-id that is in use.
  func number(of id: RouterID) -> RouterRow? { numbers[id] }

  subscript(_ number: RouterRow) -> RouterID { rows[number].id }
}

/// Source prefixes as small numbers. Number 0 stands for "any source" of either family.
struct InternedSourcePrefixes {
  private var rows: [(prefix: Prefix, references: UInt32)] = [(.ipv6Default, 1)]
  private var numbers: [Prefix: UInt16] = [:]
  private var free: [UInt16] = []

  /// The number of a prefix, counted once more; nil when 65,535 are in use.
  mutating func retain(_ prefix: Prefix) -> UInt16? {
    if prefix.isDefault { return 0 }
    if let number = numbers[prefix] {
      rows[Int(number)].references += 1
      return number
    }
    let number: UInt16
    if let reused = free.popLast() {
      number = reused
      rows[Int(number)] = (prefix, 1)
    } else {
      guard rows.count < Int(UInt16.max) else { return nil }
      number = UInt16(rows.count)
      rows.append((prefix, 1))
    }
    numbers[prefix] = number
    return number
  }

  mutating func release(_ number: UInt16) {
    guard number != 0 else { return }
    rows[Int(number)].references -= 1
    guard rows[Int(number)].references == 0 else { return }
    numbers[rows[Int(number)].prefix] = nil
    free.append(number)
  }

  /// The number of a prefix that is in use; 0 for "any source".
  func number(of prefix: Prefix) -> UInt16? { prefix.isDefault ? 0 : numbers[prefix] }

  /// Passes on the numbers that are in use, 0 first.
  func forEachNumber(_ body: (UInt16) -> Void) {
    for number in rows.indices where rows[number].references > 0 { body(UInt16(number)) }
  }

  /// The prefix of a number, in the family of the destination.
  func prefix(_ number: UInt16, family: AddressFamily) -> Prefix {
    number == 0 ? .any(family) : rows[Int(number)].prefix
  }
}

/// A next hop: a neighbour, and the gateway its routes name.
struct NextHop {
  let neighbour: NeighbourID
  let interface: InterfaceID
  let gateway: IPAddress
  var references: UInt32
  /// The kernel has dropped all routes through it, because its link went down.
  var isLostByKernel = false
}

/// Next hops as small numbers, counted by reference.
struct InternedNextHops {
  private var rows = ChunkedTable<NextHop>()
  private var numbers: [Key: NextHopRow] = [:]
  /// The number that was looked up last, if ``numbers`` has it: many routes after one another have
  /// the same next hop.
  private var latest = NextHopRow.none

  private struct Key: Hashable {
    let neighbour: NeighbourID
    let interface: InterfaceID
    let gateway: IPAddress
  }

  mutating func retain(
    _ neighbour: NeighbourID, _ interface: InterfaceID, gateway: IPAddress
  ) -> NextHopRow {
    if latest != .none, rows[latest].neighbour == neighbour, rows[latest].gateway == gateway,
      rows[latest].interface == interface
    {
      rows[latest].references += 1
      return latest
    }
    let key = Key(neighbour: neighbour, interface: interface, gateway: gateway)
    if let number = numbers[key] {
      rows[number].references += 1
      latest = number
      return number
    }
    let number = rows.insert(
      NextHop(neighbour: neighbour, interface: interface, gateway: gateway, references: 1))
    numbers[key] = number
    latest = number
    return number
  }

  mutating func retain(number: NextHopRow) { rows[number].references += 1 }

  mutating func release(_ number: NextHopRow) {
    rows[number].references -= 1
    guard rows[number].references == 0 else { return }
    let row = rows[number]
    if latest == number { latest = .none }
    // A lost row was taken out of the lookup already, and another may stand there now.
    if !row.isLostByKernel {
      numbers[
        Key(neighbour: row.neighbour, interface: row.interface, gateway: row.gateway)] =
        nil
    }
    rows.remove(number)
  }

  /// The kernel dropped all routes through an interface: its next hops are not used again.
  mutating func lose(_ interface: InterfaceID) {
    latest = .none
    let lost = numbers.filter { rows[$0.value].interface == interface }
    for (key, number) in lost {
      rows[number].isLostByKernel = true
      numbers[key] = nil
    }
  }

  /// Whether a neighbour is known to have announced routes with a gateway.
  func contains(
    _ neighbour: NeighbourID, _ interface: InterfaceID, gateway: IPAddress
  ) -> Bool {
    numbers[Key(neighbour: neighbour, interface: interface, gateway: gateway)] != nil
  }

  /// Whether any neighbour is known to have announced routes with a gateway.
  func contains(_ interface: InterfaceID, gateway: IPAddress) -> Bool {
    for number in rows.indexes
    where rows[number].references > 0 && rows[number].interface == interface
      && rows[number].gateway == gateway
    {
      return true
    }
    return false
  }

  /// Whether any next hop lies on an interface.
  func uses(_ interface: InterfaceID) -> Bool {
    for number in rows.indexes
    where rows[number].references > 0 && rows[number].interface == interface {
      return true
    }
    return false
  }

  subscript(_ number: NextHopRow) -> NextHop { rows[number] }
}
