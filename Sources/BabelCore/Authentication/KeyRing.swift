import BabelWire

/// The keys of one interface, prepared for use, and which of them count now (RFC 8967 §3.1).
struct KeyRing {
  private struct Entry {
    let key: InterfaceKey
    let prepared: MACKey
  }

  private let entries: [Entry]
  private let hasPeriods: Bool
  /// Whether packets that fail are processed all the same.
  let isPermissive: Bool
  /// Keys that sign now.
  private(set) var signing: [MACKey] = []
  /// Keys that verify now.
  private(set) var verifying: [MACKey] = []
  /// The second ``signing`` and ``verifying`` were made for; outer nil if never.
  private var madeFor: Int64??

  init(_ authentication: InterfaceAuthentication) {
    entries = authentication.keys.map { Entry(key: $0, prepared: MACKey($0.key)) }
    hasPeriods = authentication.keys.contains { $0.key.hasPeriods }
    // Who only signs cannot verify, and must not lose everybody by it.
    isPermissive =
      authentication.acceptsBadSignatures || !authentication.keys.contains { $0.verifies }
    select(at: nil)
  }

  /// Octets of the MAC TLVs when every key that may sign does.
  var macCount: Int {
    entries.reduce(0) { $0 + ($1.key.signs ? PacketSeal.macCount($1.prepared.macCount) : 0) }
  }

  /// Whether any key may ever sign.
  var signs: Bool { entries.contains { $0.key.signs } }

  /// Chooses the keys that count at a time of day, in seconds since 1970; nil while that is
  /// unknown.
  mutating func refresh(at second: Int64?) {
    guard hasPeriods, madeFor != .some(second) else { return }
    select(at: second)
  }

  private mutating func select(at second: Int64?) {
    madeFor = .some(second)
    signing = choose(at: second, { $0.signs }, { $0.signing })
    verifying = choose(at: second, { $0.verifies }, { $0.verifying })
  }

  /// The keys for one purpose. If none counts at this time, or the time is unknown, all do: a
  /// router whose clock is not set must be able to reach whoever tells it the time.
  private func choose(
    at second: Int64?, _ serves: (InterfaceKey) -> Bool, _ period: (AuthenticationKey) -> KeyPeriod
  ) -> [MACKey] {
    var all: [MACKey] = []
    var current: [MACKey] = []
    for entry in entries where serves(entry.key) {
      all.append(entry.prepared)
      if let second, period(entry.key.key).contains(second) { current.append(entry.prepared) }
    }
    return current.isEmpty ? all : current
  }
}

extension MACKey {
  init(_ key: AuthenticationKey) {
    switch key.algorithm {
    case .hmacSHA256: self.init(hmacSHA256: key.value.octets)
    case .blake2s128: self.init(blake2s128: key.value.octets)
    }
  }
}
