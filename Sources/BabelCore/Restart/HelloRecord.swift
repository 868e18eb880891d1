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
  /// Milliseconds since one came or was missed.
  public let silence: UInt32

  /// Makes a record.
  public init(
    interface: InterfaceName, address: IPAddress, isUnicast: Bool, bits: UInt16, expected: Seqno,
    interval: UInt16, silence: UInt32
  ) {
    self.interface = interface
    self.address = address
    self.isUnicast = isUnicast
    self.bits = bits
    self.expected = expected
    self.interval = interval
    self.silence = silence
  }
}

extension BabelNode {
  /// What was heard of Hellos until `now`, neighbour by neighbour; at most `limit` records. Those
  /// that an earlier life left of neighbours which were not heard in this one come last.
  public func helloRecords(limit: Int, at now: Instant) -> [HelloRecord] {
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
              interval: history.interval.centiseconds, silence: history.silence(at: now)))
        }
      }
    }
    return records + restart.remainingHellos(at: now).prefix(limit - records.count)
  }

  /// Takes over what an earlier life had heard at `end`, when it ended, to be called before the
  /// first packet is received. When something comes from the neighbour its history goes on. If the
  /// silence was short, it goes on as if nothing had come meanwhile: nobody listened. After a time
  /// in which a neighbour that says nothing would be lost, each Hello of it counts as missed. If
  /// nothing comes in this life, the record is left to the next one.
  public mutating func restoreHellos(_ record: HelloRecord, heardUntil end: Instant) {
    restart.restore(record, heardUntil: end)
  }
}
