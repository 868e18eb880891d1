import BabelKernel
import BabelWire

/// The addresses of one link in the order they appeared. However many they are, one is found,
/// added and removed in the same time.
struct AddressList {
  /// Nil where one was removed.
  private var slots: [KernelAddress?] = []
  /// Where addresses of one value are. They differ in the length of their prefixes.
  private var places: [IPAddress: [Int]] = [:]
  /// How many there are.
  private(set) var count = 0

  /// All, in the order they appeared.
  var all: [KernelAddress] { slots.compactMap { $0 } }

  /// Those of one value, in the order they appeared.
  func all(_ address: IPAddress) -> [KernelAddress] {
    (places[address] ?? []).compactMap { slots[$0] }
  }

  /// Whether there is one that fulfils a condition.
  func contains(where condition: (KernelAddress) -> Bool) -> Bool {
    slots.contains { $0.map(condition) ?? false }
  }

  /// Whether there is one of this value and prefix length.
  func contains(_ address: KernelAddress) -> Bool { place(of: address) != nil }

  /// Puts an address behind the others, or in the place of the one with its value and prefix
  /// length.
  mutating func put(_ address: KernelAddress) {
    if let place = place(of: address) {
      slots[place] = address
      return
    }
    places[address.address, default: []].append(slots.count)
    slots.append(address)
    count += 1
  }

  /// Removes the one of this value and prefix length, if there is one.
  mutating func remove(_ address: KernelAddress) {
    guard let place = place(of: address) else { return }
    slots[place] = nil
    count -= 1
    places[address.address]?.removeAll { $0 == place }
    if places[address.address]?.isEmpty == true { places[address.address] = nil }
    if slots.count > 16, count < slots.count / 2 { closeGaps() }
  }

  private func place(of address: KernelAddress) -> Int? {
    places[address.address]?.first { slots[$0]?.prefixLength == address.prefixLength }
  }

  private mutating func closeGaps() {
    let left = all
    self = AddressList()
    for address in left { put(address) }
  }
}
