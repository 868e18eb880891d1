import BabelCore
import BabelWire

/// 2001:db8:HOST:NUMBER::/64.
func prefix(of host: Int, _ number: Int = 0) -> Prefix {
  Prefix(
    mapped: IPAddress(
      high: 0x2001_0DB8_0000_0000 | UInt64(host + 1) << 16 | UInt64(number), low: 0),
    mappedLength: 64)
}

/// 2001:db8:ffff::HOST/128, the address of a host.
func address(of host: Int) -> Prefix {
  Prefix(
    mapped: IPAddress(high: 0x2001_0DB8_FFFF_0000, low: UInt64(host + 1)), mappedLength: 128)
}

/// 10.HOST.0/24.
func ipv4Prefix(of host: Int) -> Prefix {
  Prefix(mapped: IPAddress(ipv4: 0x0A00_0000 | UInt32(host + 1) << 8), mappedLength: 120)
}

extension InterfaceParameters {
  /// 2-out-of-3 with a given cost of receiving.
  static func wired(cost: UInt16 = 96, hello: UInt32 = 4000) -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.rxcost = Metric(cost)
    parameters.helloInterval = hello
    parameters.updateInterval = 4 * hello
    return parameters
  }

  /// ETX with base cost 256.
  static func radio(hello: UInt32 = 4000) -> InterfaceParameters {
    var parameters = wired(cost: 256, hello: hello)
    parameters.linkSensing = .etx
    return parameters
  }

  /// A tunnel that measures round-trip times; no penalty unless one is given.
  static func tunnel(penalty: UInt16 = 0, hello: UInt32 = 4000) -> InterfaceParameters {
    var parameters = wired(hello: hello)
    parameters.timestamps = true
    parameters.maxRTTPenalty = Metric(penalty)
    return parameters
  }
}

extension Network {
  /// `count` hosts with one prefix each, not connected yet.
  func addHosts(_ count: Int) throws(Violation) {
    for _ in 0..<count {
      let host = addHost()
      try addOffer(host, prefix(of: host))
    }
  }

  /// A line, host to host.
  static func line(
    _ count: Int, seed: UInt64 = 1, _ parameters: InterfaceParameters = .wired()
  ) throws(Violation) -> Network {
    let network = Network(seed: seed)
    try network.addHosts(count)
    for i in 1..<count { network.connect([i - 1, i], parameters) }
    return network
  }

  /// A line that has converged after 60 s; the hosts at both ends have one prefix.
  static func line(
    _ count: Int, withEndsAt shared: Prefix, seed: UInt64 = 1,
    _ parameters: InterfaceParameters = .wired()
  ) throws -> Network {
    let network = try Network.line(count, seed: seed, parameters)
    try network.addOffer(0, shared)
    try network.addOffer(count - 1, shared)
    network.startAll()
    try network.run(seconds: 60)
    try network.requireConverged()
    return network
  }

  /// A ring; segment i leads from host i to the next.
  static func ring(
    _ count: Int, seed: UInt64 = 1, _ parameters: InterfaceParameters = .wired()
  ) throws(Violation) -> Network {
    let network = Network(seed: seed)
    try network.addHosts(count)
    for i in 0..<count { network.connect([i, (i + 1) % count], parameters) }
    return network
  }
}
