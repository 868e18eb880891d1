import BabelCore
import BabelWire

/// A digest, on request a full record, of everything the daemons asked for: every transmitted
/// packet and every forwarding change. Equal seeds must leave equal traces, byte for byte.
struct Trace {
  /// FNV-1a over all recorded octets.
  private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
  /// The octets themselves, if asked for.
  private(set) var octets: [UInt8] = []
  var keepsOctets = false

  private mutating func add(_ octet: UInt8) {
    digest = (digest ^ UInt64(octet)) &* 0x0000_0100_0000_01B3
    if keepsOctets { octets.append(octet) }
  }

  private mutating func add(_ word: UInt64) {
    for i in 0..<8 { add(UInt8(truncatingIfNeeded: word >> UInt64(8 * i))) }
  }

  private mutating func add(_ address: IPAddress) {
    add(address.high)
    add(address.low)
  }

  private mutating func add(_ prefix: Prefix) {
    add(prefix.address)
    add(prefix.mappedLength)
  }

  private mutating func add(_ target: ForwardingTarget) {
    switch target {
    case .absent: add(UInt8(0))
    case .unreachable: add(UInt8(1))
    case .via(let path):
      add(UInt8(2))
      add(path.gateway)
      add(UInt64(path.interface.rawValue))
      add(UInt64(path.kernelMetric))
    }
  }

  mutating func transmitted(
    _ packet: [UInt8], by host: Int, on port: Int, to destination: IPAddress, at time: Int64
  ) {
    add(UInt8(0x54))
    add(UInt64(time))
    add(UInt64(host) << 16 | UInt64(port))
    add(destination)
    for octet in packet { add(octet) }
  }

  mutating func forwarded(_ change: ForwardingChange, by host: Int, at time: Int64) {
    add(UInt8(0x46))
    add(UInt64(time))
    add(UInt64(host))
    add(change.key.destination)
    add(change.key.source)
    add(UInt64(change.key.table))
    add(change.old)
    add(change.new)
  }
}
