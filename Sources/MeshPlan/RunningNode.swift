import BabelWire

/// What runs on a machine, as `wg` and `ip` print it.
public struct RunningNode: Equatable, Sendable {
  /// A peer of an interface of WireGuard.
  public struct Peer: Equatable, Sendable {
    /// Its public key.
    public var key: WireGuardKey
    /// The preshared key.
    public var presharedKey: WireGuardKey?
    /// Where it is reached, or where it spoke from.
    public var endpoint: String?
    /// Prefixes that may pass.
    public var allowed: Set<String>
    /// When the last handshake was, in seconds since 1970; 0 if there was none.
    public var handshake: Int64
    /// Seconds between packets that keep a NAT open; 0 if there are none.
    public var keepalive: Int
  }

  /// An interface of WireGuard.
  public struct Device: Equatable, Sendable {
    /// The private key.
    public var privateKey: WireGuardKey?
    /// The UDP port.
    public var port: Int
    /// The peers, in the order of `wg`.
    public var peers: [Peer] = []
  }

  /// Interfaces of WireGuard by name.
  public private(set) var devices: [String: Device] = [:]
  /// Whether an interface is up, and its MTU, by name.
  public private(set) var links: [String: (isUp: Bool, mtu: Int)] = [:]
  /// Addresses with their lengths, by interface.
  public private(set) var addresses: [String: Set<String>] = [:]

  /// Reads what `wg show all dump`, `ip -o link show` and `ip -o address show` print. Lines that
  /// are not understood are left out, because these programs may learn to say more.
  public init(dump: String, links: String, addresses: String) {
    for line in dump.split(separator: "\n") { enterDevice(line) }
    for line in links.split(separator: "\n") { enterLink(line) }
    for line in addresses.split(separator: "\n") { enterAddress(line) }
  }

  /// The same machine?
  public static func == (a: RunningNode, b: RunningNode) -> Bool {
    a.devices == b.devices && a.addresses == b.addresses
      && a.links.mapValues { "\($0)" } == b.links.mapValues { "\($0)" }
  }

  /// `INTERFACE PRIVATE PUBLIC PORT FWMARK`, or
  /// `INTERFACE PUBLIC PRESHARED ENDPOINT ALLOWED HANDSHAKE RECEIVED SENT KEEPALIVE`, with tabs.
  private mutating func enterDevice(_ line: Substring) {
    let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    if words.count == 5 {
      devices[words[0]] = Device(privateKey: WireGuardKey(words[1]), port: Int(words[3]) ?? 0)
    } else if words.count == 9, let key = WireGuardKey(words[1]) {
      devices[words[0]]?.peers.append(
        Peer(
          key: key, presharedKey: WireGuardKey(words[2]),
          endpoint: words[3] == "(none)" ? nil : words[3],
          allowed: Set(words[4].split(separator: ",").map(String.init)).subtracting(["(none)"]),
          handshake: Int64(words[5]) ?? 0, keepalive: Int(words[8]) ?? 0))
    }
  }

  /// `INDEX: NAME[@LOWER]: <FLAGS> mtu MTU …`.
  private mutating func enterLink(_ line: Substring) {
    let words = line.split(separator: " ").map(String.init)
    guard words.count > 4, let place = words.firstIndex(of: "mtu"), place + 1 < words.count,
      let mtu = Int(words[place + 1])
    else { return }
    let flags = words[2].split { ",<>".contains($0) }
    links[Self.name(words[1])] = (flags.contains("UP"), mtu)
  }

  /// `INDEX: NAME FAMILY ADDRESS/LENGTH …`.
  private mutating func enterAddress(_ line: Substring) {
    let words = line.split(separator: " ").map(String.init)
    guard words.count > 3, words[2] == "inet" || words[2] == "inet6" else { return }
    addresses[Self.name(words[1]), default: []].insert(words[3])
  }

  private static func name(_ word: String) -> String {
    String(word.prefix { $0 != "@" && $0 != ":" })
  }
}
