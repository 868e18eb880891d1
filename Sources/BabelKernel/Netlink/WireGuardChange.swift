import BabelWire

/// What is to become of one peer of a WireGuard device.
package struct WireGuardPeerChange: Equatable, Sendable {
  /// Its public key.
  let key: [UInt8]
  /// Prefixes that it gets. WireGuard takes each from the peer that had it, at one instant.
  var prefixes: [Prefix] = []
  /// Whether the peer goes, with all its prefixes.
  var isRemoved = false
  /// Whether nothing is to be done if there is no such peer.
  var isOptional = false

  /// Most prefixes in one message of netlink: the length of an attribute has 16 bits.
  static let prefixesPerMessage = 512

  /// The messages by which peers get prefixes.
  package static func giving(_ entries: [WireGuardEntry]) -> [[WireGuardPeerChange]] {
    messages(entries.count) { entries[$0] }
  }

  private static func messages(
    _ count: Int, _ entry: (Int) -> WireGuardEntry
  ) -> [[WireGuardPeerChange]] {
    var messages: [[WireGuardPeerChange]] = []
    for index in 0..<count {
      let (prefix, key) = (entry(index).prefix, entry(index).key)
      if index % prefixesPerMessage == 0 { messages.append([]) }
      let last = messages.count - 1
      if messages[last].last?.key != key {
        messages[last].append(WireGuardPeerChange(key: key, isOptional: true))
      }
      messages[last][messages[last].count - 1].prefixes.append(prefix)
    }
    return messages
  }

  /// The messages by which prefixes are taken from whoever has them. Older kernels and wireguard-go
  /// can only give and replace prefixes, and to replace all of a peer leaves it without any for an
  /// instant. So the prefixes are given to nobody, and then nobody goes.
  package static func taking(_ prefixes: [Prefix]) -> [[WireGuardPeerChange]] {
    let nobody = WireGuardPeer.nobody
    return messages(prefixes.count) { WireGuardEntry(prefix: prefixes[$0], key: nobody) }.map {
      var message = $0
      for index in message.indices { message[index].isOptional = false }
      return message + [WireGuardPeerChange(key: nobody, isRemoved: true)]
    }
  }
}

extension WireGuardPeer {
  /// The key of nobody, which is a digest of some words: nobody has its private half. A peer with
  /// this key has no endpoint, so what is for it is dropped. It exists for an instant at most.
  public static let nobody: [UInt8] = {
    var hash = SHA256()
    hash.update(Array("swabeld nobody".utf8).span)
    let digest = hash.finish()
    return (0..<SHA256.digestCount).map { digest[$0] }
  }()
}

/// A prefix, and the public key of the peer that has it.
public struct WireGuardEntry: Hashable, Sendable {
  /// The prefix.
  public let prefix: Prefix
  /// The public key, 32 octets.
  public let key: [UInt8]

  /// Makes an entry.
  public init(prefix: Prefix, key: [UInt8]) {
    self.prefix = prefix
    self.key = key
  }
}

extension NetlinkBuilder {
  /// Octets that a message takes at most.
  static func wireGuardCount(_ change: [WireGuardPeerChange]) -> Int {
    change.reduce(64) { $0 + 64 + $1.prefixes.count * 44 }
  }

  /// Appends a request to change peers of a WireGuard device; it asks for an acknowledgment.
  package mutating func wireGuardChange(
    _ name: InterfaceName, _ change: [WireGuardPeerChange], family: UInt16, sequence: UInt32
  ) {
    begin(
      type: family, flags: NetlinkFlag.request | NetlinkFlag.acknowledge, sequence: sequence)
    header(WireGuardNumber.setDevice, version: WireGuardNumber.version)
    attribute(WireGuardNumber.ifname, text: name.octets)
    nest(WireGuardNumber.peers) { message in
      for peer in change { message.nest(0) { $0.append(peer) } }
    }
    end()
  }

  private mutating func append(_ peer: WireGuardPeerChange) {
    append(UInt16(NetlinkAttribute.headerCount + peer.key.count))
    append(WireGuardNumber.publicKey)
    append(octets: peer.key)
    let flags =
      (peer.isRemoved ? WireGuardNumber.removesPeer : 0)
      | (peer.isOptional ? WireGuardNumber.updatesOnly : 0)
    if flags != 0 { attribute(WireGuardNumber.flags, flags) }
    guard !peer.prefixes.isEmpty else { return }
    nest(WireGuardNumber.allowedIPs) { message in
      for prefix in peer.prefixes {
        message.nest(0) { entry in
          entry.append(UInt16(NetlinkAttribute.headerCount + 2))
          entry.append(WireGuardNumber.family)
          entry.append(UInt16(prefix.address.familyNumber))
          entry.append(UInt16(0))
          entry.attribute(WireGuardNumber.address, prefix.address)
          entry.append(UInt16(NetlinkAttribute.headerCount + 1))
          entry.append(WireGuardNumber.length)
          entry.append(octets: [UInt8(prefix.length)])
        }
      }
    }
  }

  /// Appends an attribute that consists of others.
  private mutating func nest(_ type: UInt16, _ body: (inout NetlinkBuilder) -> Void) {
    let start = count
    append(UInt16(0))
    append(type | WireGuardNumber.nested)
    body(&self)
    setLength(UInt16(count - start), at: start)
  }
}

extension WireGuardPeerChange {
  /// The request for a program behind a tunnel (https://www.wireguard.com/xplatform/).
  package static func text(_ changes: [WireGuardPeerChange]) -> [UInt8] {
    var text = Array("set=1\n".utf8)
    for change in changes {
      text += "public_key=".utf8
      for octet in change.key {
        for digit in [octet >> 4, octet & 15] {
          text.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
      }
      text.append(0x0A)
      if change.isRemoved { text += "remove=true\n".utf8 }
      if change.isOptional { text += "update_only=true\n".utf8 }
      for prefix in change.prefixes {
        text += "allowed_ip=".utf8
        prefix.appendText(to: &text)
        text.append(0x0A)
      }
    }
    return text + [0x0A]
  }
}
