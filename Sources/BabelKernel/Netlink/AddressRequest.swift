import BabelWire

/// Adds and removes addresses of interfaces. The daemon uses it to give a tunnel a link-local
/// address. That is rare, so each call opens a socket of its own, and the monitor hears of the
/// change.
public enum AddressRequest {
  /// Adds an address; throws `exists` if it is there.
  public static func add(
    _ address: IPAddress, prefixLength: UInt8, to ifindex: Int32
  ) throws(KernelError) {
    try change(
      address, prefixLength, ifindex, NetlinkType.newAddress,
      NetlinkFlag.create | NetlinkFlag.exclusive, "add address \(address)")
  }

  /// Removes an address; fails if it is not there.
  public static func remove(
    _ address: IPAddress, prefixLength: UInt8, from ifindex: Int32
  ) throws(KernelError) {
    try change(
      address, prefixLength, ifindex, NetlinkType.deleteAddress, 0,
      "remove address \(address)")
  }

  private static func change(
    _ address: IPAddress, _ prefixLength: UInt8, _ ifindex: Int32, _ type: UInt16,
    _ flags: UInt16, _ operation: String
  ) throws(KernelError) {
    var request = NetlinkBuilder(capacity: 128)
    // No flags: IFA_F_NODAD would switch duplicate address detection off, and so hide a real clash.
    let row = KernelAddress(
      ifindex: ifindex, address: address, prefixLength: prefixLength,
      scope: address.isLinkLocal ? 253 : 0)
    request.address(
      row, type: type, flags: NetlinkFlag.request | NetlinkFlag.acknowledge | flags, sequence: 1)
    try NetlinkSocket.request(request, operation)
  }
}
