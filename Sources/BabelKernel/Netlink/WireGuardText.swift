import BabelWire

// WireGuard in user space is asked over a Unix socket: `get=1`, an empty line, and lines of
// `key=value` come back, `errno=N` the last of them (https://www.wireguard.com/xplatform/).

extension WireGuardDevice {
  /// The request for all that a device tells.
  public static let textRequest = Array("get=1\n\n".utf8)
  /// Most octets of an answer.
  public static let textLimit = 1 << 20

  /// Whether an answer is complete.
  public static func isComplete(text: [UInt8]) -> Bool {
    text.count >= 2 && text[text.count - 1] == 0x0A && text[text.count - 2] == 0x0A
  }

  /// Reads an answer; nil if the device says that it failed, or does not come to an end. What is
  /// malformed in it is left out.
  public init?(text: [UInt8]) {
    self.init(text: text, prefixLimit: WireGuardPeer.prefixLimit, withOwnKey: false)
  }

  /// The same with so many prefixes of each peer. The device tells its private key; the public one
  /// is computed if it is wanted.
  package init?(text: [UInt8], prefixLimit: Int, withOwnKey wantsOwnKey: Bool) {
    self.init(prefixLimit: prefixLimit)
    var peer: WireGuardPeer?
    var isGood = false
    for line in text.split(separator: 0x0A) {
      guard let sign = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let key = line[..<sign]
      let value = line[(sign + 1)...]
      func isKey(_ word: String) -> Bool { key.elementsEqual(word.utf8) }
      if isKey("public_key") {
        if let peer { add(peer) }
        peer = nil
        if value.count == 64, let octets = hexOctets(value) {
          var new = WireGuardPeer(limit: prefixLimit)
          new.publicKey = octets
          peer = new
        }
      } else if isKey("private_key") {
        guard wantsOwnKey, value.count == 64, var secret = hexOctets(value) else { continue }
        publicKey = Curve25519.publicKey(of: secret)
        for index in secret.indices { secret[index] = 0 }
      } else if isKey("errno") {
        isGood = value.elementsEqual("0".utf8)
      } else {
        peer?.take(value, isKey)
      }
    }
    if let peer { add(peer) }
    guard isGood else { return nil }
  }
}

extension WireGuardPeer {
  fileprivate mutating func take(_ value: ArraySlice<UInt8>, _ isKey: (String) -> Bool) {
    // Nothing is made of a preshared key, so that no copy of it is left in memory.
    var text: String { String(decoding: value, as: UTF8.self) }
    if isKey("last_handshake_time_sec") {
      handshake = Int64(text, radix: 10) ?? 0
    } else if isKey("rx_bytes") {
      received = UInt64(text, radix: 10) ?? 0
    } else if isKey("tx_bytes") {
      sent = UInt64(text, radix: 10) ?? 0
    } else if isKey("endpoint") {
      endpoint = Self.endpoint(value)
    } else if isKey("allowed_ip") {
      guard let slash = value.firstIndex(of: UInt8(ascii: "/")),
        let address = IPAddress(octets: Array(value[..<slash])),
        let length = UInt8(String(decoding: value[(slash + 1)...], as: UTF8.self), radix: 10)
      else { return }
      allow(address, length: length)
    }
  }

  /// `192.0.2.1:51820` or `[2001:db8::1]:51820`.
  private static func endpoint(_ value: ArraySlice<UInt8>) -> (address: IPAddress, port: UInt16)? {
    guard let colon = value.lastIndex(of: UInt8(ascii: ":")),
      let port = UInt16(String(decoding: value[(colon + 1)...], as: UTF8.self), radix: 10)
    else { return nil }
    var host = value[..<colon]
    if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
      host = host.dropFirst().dropLast()
    }
    // A link-local address has the name of a link behind it.
    if let percent = host.firstIndex(of: UInt8(ascii: "%")) { host = host[..<percent] }
    guard let address = IPAddress(octets: Array(host)) else { return nil }
    return (address, port)
  }
}
