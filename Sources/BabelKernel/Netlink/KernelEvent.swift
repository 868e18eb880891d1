/// Something that changed in the kernel.
public enum KernelEvent: Equatable, Sendable {
  /// A link is new or some property of it changed.
  case linkChanged(KernelLink)
  /// A link is gone, or moved to another network namespace.
  case linkRemoved(KernelLink)
  /// An address is new or its flags changed.
  case addressChanged(KernelAddress)
  /// An address is gone.
  case addressRemoved(KernelAddress)
  /// A route is new. If `replacing` is true, it took the place of another one with the same key,
  /// and the kernel does not tell of that one's removal.
  case routeAdded(KernelRoute, replacing: Bool)
  /// A route is gone. The kernel does not tell of IPv4 routes that vanish with their link.
  case routeRemoved(KernelRoute)
  /// A setting changed. The kernel may use other routes now than before, and does not tell which.
  case routeUseChanged
  /// The next-hop object with this number was removed, with all its routes, or leads elsewhere now.
  case nexthopChanged(UInt32)
  /// Events were lost, so all tables must be read again.
  case overflow

  /// The event of one message; nil if it is of no interest or malformed.
  package init?(_ message: NetlinkMessage, in bytes: Span<UInt8>) {
    switch message.type {
    case NetlinkType.newLink:
      guard let link = KernelLink(message: message.body, in: bytes) else { return nil }
      self = .linkChanged(link)
    case NetlinkType.deleteLink:
      guard let link = KernelLink(message: message.body, in: bytes) else { return nil }
      self = .linkRemoved(link)
    case NetlinkType.newAddress:
      guard let address = KernelAddress(message: message.body, in: bytes) else { return nil }
      self = .addressChanged(address)
    case NetlinkType.deleteAddress:
      guard let address = KernelAddress(message: message.body, in: bytes) else { return nil }
      self = .addressRemoved(address)
    case NetlinkType.newRoute:
      guard let route = KernelRoute(message: message.body, in: bytes) else { return nil }
      self = .routeAdded(route, replacing: message.flags & NetlinkFlag.replace != 0)
    case NetlinkType.deleteRoute:
      guard let route = KernelRoute(message: message.body, in: bytes) else { return nil }
      self = .routeRemoved(route)
    case NetlinkType.newSettings:
      guard KernelEvent.isAboutRouteUse(settings: message.body, in: bytes) else { return nil }
      self = .routeUseChanged
    case NetlinkType.newNexthop:
      // A new next-hop object is of no interest, because no route uses it yet.
      guard message.flags & NetlinkFlag.replace != 0 else { return nil }
      fallthrough
    case NetlinkType.deleteNexthop:
      guard let object = KernelNexthop(message: message.body, in: bytes) else { return nil }
      self = .nexthopChanged(object.id)
    default: return nil
    }
  }

  /// Whether a message about settings (`struct netconfmsg { u8 family; }`) names
  /// `ignore_routes_with_linkdown`.
  private static func isAboutRouteUse(settings body: Range<Int>, in bytes: Span<UInt8>) -> Bool {
    var cursor = NetlinkAttributeCursor(body, after: 1)
    while let attribute = cursor.next(in: bytes) {
      if attribute.type == SettingsAttribute.ignoresRoutesWithoutCarrier { return true }
    }
    return false
  }
}
