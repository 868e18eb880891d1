import BabelWire

// Generic netlink: `struct genlmsghdr { u8 command, version; u16 reserved; }` followed by
// attributes. The numbers are those of <linux/genetlink.h> and <linux/wireguard.h>.

/// Numbers of generic netlink.
enum GenericNumber {
  /// `NETLINK_GENERIC`.
  static let netlinkFamily: Int32 = 16
  /// `GENL_ID_CTRL`, and what it is asked for the number of a family.
  static let controller: UInt16 = 16
  static let getFamily: UInt8 = 3
  static let familyID: UInt16 = 1
  static let familyName: UInt16 = 2
  /// Octets of `struct genlmsghdr`.
  static let headerCount = 4
}

/// Numbers of the family "wireguard".
enum WireGuardNumber {
  static let version: UInt8 = 1
  static let getDevice: UInt8 = 0
  static let setDevice: UInt8 = 1
  /// `WGDEVICE_A_…`.
  static let ifname: UInt16 = 2
  static let ownKey: UInt16 = 4
  static let peers: UInt16 = 8
  /// `WGPEER_A_…`.
  static let publicKey: UInt16 = 1
  static let flags: UInt16 = 3
  static let endpoint: UInt16 = 4
  static let handshake: UInt16 = 6
  static let received: UInt16 = 7
  static let sent: UInt16 = 8
  static let allowedIPs: UInt16 = 9
  /// `WGALLOWEDIP_A_…`.
  static let family: UInt16 = 1
  static let address: UInt16 = 2
  static let length: UInt16 = 3
  /// `WGPEER_F_…`: the peer is to go; the message is about a peer that is there or about none.
  static let removesPeer: UInt32 = 1
  static let updatesOnly: UInt32 = 4
  /// `NLA_F_NESTED`.
  static let nested: UInt16 = 0x8000
  /// Octets of a key.
  static let keyCount = 32
}

extension NetlinkBuilder {
  /// Appends a question for the number of a family of generic netlink.
  package mutating func familyQuestion(_ name: String, sequence: UInt32) {
    begin(type: GenericNumber.controller, flags: NetlinkFlag.request, sequence: sequence)
    header(GenericNumber.getFamily, version: 1)
    attribute(GenericNumber.familyName, text: Array(name.utf8))
    end()
  }

  /// Appends a question for all that a WireGuard device tells.
  package mutating func wireGuardQuestion(
    _ name: InterfaceName, family: UInt16, sequence: UInt32
  ) {
    begin(type: family, flags: NetlinkFlag.request | NetlinkFlag.dump, sequence: sequence)
    header(WireGuardNumber.getDevice, version: WireGuardNumber.version)
    attribute(WireGuardNumber.ifname, text: name.octets)
    end()
  }

  mutating func header(_ command: UInt8, version: UInt8) {
    append(command)
    append(version)
    append(UInt16(0))
  }

  /// Appends octets and a zero.
  mutating func attribute(_ type: UInt16, text: [UInt8]) {
    append(UInt16(NetlinkAttribute.headerCount + text.count + 1))
    append(type)
    append(octets: text + [0])
  }
}

/// The number of a family of generic netlink, as the body of the controller's answer tells it; nil
/// if it does not.
package func genericFamily(message body: Range<Int>, in bytes: Span<UInt8>) -> UInt16? {
  guard body.count >= GenericNumber.headerCount, body.upperBound <= bytes.count else { return nil }
  var cursor = NetlinkAttributeCursor(body, after: GenericNumber.headerCount)
  while let attribute = cursor.next(in: bytes) {
    if attribute.type == GenericNumber.familyID, attribute.value.count >= 2 {
      return bytes.nativeUInt16(at: attribute.value.lowerBound)
    }
  }
  return nil
}

extension WireGuardDevice {
  /// Takes in the body of one of the messages that tell of a device. What is malformed is left out.
  package mutating func read(message body: Range<Int>, in bytes: Span<UInt8>) {
    guard body.count >= GenericNumber.headerCount, body.upperBound <= bytes.count else { return }
    var cursor = NetlinkAttributeCursor(body, after: GenericNumber.headerCount)
    while let attribute = cursor.next(in: bytes) {
      if attribute.type == WireGuardNumber.ownKey,
        attribute.value.count == WireGuardNumber.keyCount
      {
        publicKey = attribute.value.map { bytes[$0] }
      }
      guard attribute.type == WireGuardNumber.peers else { continue }
      var peers = NetlinkAttributeCursor(attribute.value)
      while let peer = peers.next(in: bytes) {
        if let peer = WireGuardPeer(attributes: peer.value, in: bytes, limit: prefixLimit) {
          add(peer)
        }
      }
    }
  }

  /// Nothing is known yet; see ``read(message:in:)``.
  package static var empty: WireGuardDevice { WireGuardDevice() }
}

extension WireGuardPeer {
  /// Reads the attributes of a peer; nil if it has no key.
  fileprivate init?(attributes: Range<Int>, in bytes: Span<UInt8>, limit: Int) {
    self.init(limit: limit)
    var cursor = NetlinkAttributeCursor(attributes)
    while let attribute = cursor.next(in: bytes) {
      let value = attribute.value
      switch attribute.type {
      case WireGuardNumber.publicKey where value.count == WireGuardNumber.keyCount:
        publicKey = []
        for index in value { publicKey.append(bytes[index]) }
      case WireGuardNumber.endpoint: endpoint = Self.endpoint(value, in: bytes)
      case WireGuardNumber.handshake where value.count >= 8:
        handshake = Int64(bitPattern: bytes.nativeUInt64(at: value.lowerBound))
      case WireGuardNumber.received where value.count >= 8:
        received = bytes.nativeUInt64(at: value.lowerBound)
      case WireGuardNumber.sent where value.count >= 8:
        sent = bytes.nativeUInt64(at: value.lowerBound)
      case WireGuardNumber.allowedIPs:
        var prefixes = NetlinkAttributeCursor(value)
        while let prefix = prefixes.next(in: bytes) { allow(attributes: prefix.value, in: bytes) }
      default: break
      }
    }
    guard !publicKey.isEmpty else { return nil }
  }

  private mutating func allow(attributes: Range<Int>, in bytes: Span<UInt8>) {
    var family: UInt8 = FamilyNumber.any
    var length: UInt8?
    var place: Range<Int>?
    var cursor = NetlinkAttributeCursor(attributes)
    while let attribute = cursor.next(in: bytes) {
      let value = attribute.value
      switch attribute.type {
      case WireGuardNumber.family where value.count >= 2:
        family = UInt8(truncatingIfNeeded: bytes.nativeUInt16(at: value.lowerBound))
      case WireGuardNumber.address: place = value
      case WireGuardNumber.length where !value.isEmpty: length = bytes[value.lowerBound]
      default: break
      }
    }
    guard let length, let place, let address = netlinkAddress(family, at: place, in: bytes)
    else { return }
    allow(address, length: length)
  }

  /// `struct sockaddr_in` or `sockaddr_in6`.
  private static func endpoint(
    _ value: Range<Int>, in bytes: Span<UInt8>
  ) -> (address: IPAddress, port: UInt16)? {
    guard value.count >= 8 else { return nil }
    let start = value.lowerBound
    let family = UInt8(truncatingIfNeeded: bytes.nativeUInt16(at: start))
    let port = UInt16(bytes[start + 2]) << 8 | UInt16(bytes[start + 3])
    let offset = family == FamilyNumber.ipv4 ? start + 4 : start + 8
    guard offset <= value.upperBound,
      let address = netlinkAddress(family, at: offset..<value.upperBound, in: bytes)
    else { return nil }
    return (address, port)
  }
}
