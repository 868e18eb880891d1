import BabelWire

/// What was heard of a neighbour's Hellos of one kind, for a next life to go on with.
public struct HelloRecord: Equatable, Sendable {
  /// The interface it is heard on.
  public let interface: InterfaceName
  /// Its address.
  public let address: IPAddress
  /// Whether these are unicast Hellos.
  public let isUnicast: Bool
  /// The last sixteen expected Hellos, the newest in the most significant bit; 1 means heard.
  public let bits: UInt16
  /// The seqno of the next one.
  public let expected: Seqno
  /// The interval that the last one promised, in centiseconds.
  public let interval: UInt16

  /// Makes a record.
  public init(
    interface: InterfaceName, address: IPAddress, isUnicast: Bool, bits: UInt16, expected: Seqno,
    interval: UInt16
  ) {
    self.interface = interface
    self.address = address
    self.isUnicast = isUnicast
    self.bits = bits
    self.expected = expected
    self.interval = interval
  }
}

extension BabelNode {
  /// What was heard of Hellos, neighbour by neighbour; at most `limit` records.
  public func helloRecords(limit: Int) -> [HelloRecord] {
    var records: [HelloRecord] = []
    for interface in links.order {
      for id in self.interface(interface)?.neighbours ?? [] {
        let neighbour = neighbours[id]
        for (isUnicast, history) in [(false, neighbour.multicast), (true, neighbour.unicast)] {
          guard records.count < limit, history.bits != 0, let expected = history.expected else {
            continue
          }
          records.append(
            HelloRecord(
              interface: neighbour.interfaceName, address: neighbour.address,
              isUnicast: isUnicast, bits: history.bits, expected: expected,
              interval: history.interval.centiseconds))
        }
      }
    }
    return records
  }

  /// Takes over what an earlier life had heard at `end`, when it ended, to be called before the
  /// first packet is received. When something comes from the neighbour its history goes on. If that
  /// is soon, it goes on as if nothing had come meanwhile: nobody listened. After a time in which a
  /// neighbour that says nothing would be lost, each Hello of that time counts as missed.
  public mutating func restoreHellos(_ record: HelloRecord, heardUntil end: Instant) {
    restart.restore(record, heardUntil: end)
  }
}
