import BabelWire

/// A local address or a kernel route that might be redistributed (RFC 8966 §3.7).
///
/// Several offers may exist for one prefix; the prefix is announced while at least one of them
/// passes the filter.
public struct KernelOffer: Hashable, Sendable {
  /// Destination prefix.
  public var destination: Prefix
  /// Source prefix of a source-specific kernel route, zero length otherwise.
  public var source: Prefix
  /// Kernel protocol number; nil for a local address.
  public var kernelProtocol: UInt8?
  /// Interface of the route or the address; nil for multipath, blackhole and the like.
  public var interface: InterfaceName?
  /// Kernel table, 0 for a local address.
  public var table: UInt32
  /// Kernel metric, part of the identity of a kernel route.
  public var kernelMetric: UInt32
  /// Gateway, part of the identity of a kernel route.
  public var gateway: IPAddress?
  /// Type of service (`rtm_tos`), part of the identity of an IPv4 kernel route.
  public var typeOfService: UInt8

  /// Makes an offer.
  public init(
    destination: Prefix, source: Prefix, kernelProtocol: UInt8?, interface: InterfaceName?,
    table: UInt32 = 0, kernelMetric: UInt32 = 0, gateway: IPAddress? = nil,
    typeOfService: UInt8 = 0
  ) {
    self.destination = destination
    self.source = source
    self.kernelProtocol = kernelProtocol
    self.interface = interface
    self.table = table
    self.kernelMetric = kernelMetric
    self.gateway = gateway
    self.typeOfService = typeOfService
  }
}

extension KernelOffer {
  /// What the `redistribute` chain is asked.
  var subject: FilterSubject {
    var subject = FilterSubject(destination: destination, source: source)
    subject.interface = interface
    subject.kernelProtocol = kernelProtocol
    subject.isLocalAddress = kernelProtocol == nil
    return subject
  }
}
