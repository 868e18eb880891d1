import BabelCore
import BabelKernel
import BabelWire

// Interfaces that nobody named: those that match a pattern, and their link-local addresses.
extension Daemon {
  /// Microseconds the kernel gets to make a link-local address itself after a link came up.
  private static let addressPatience: Int64 = 1_000_000
  /// Addresses tried on one link.
  private static let addressAttempts = 8

  /// Runs on links that match a pattern of the configuration, and no longer on those that were
  /// not named otherwise and are gone.
  func followPatterns(at now: Instant) {
    guard !settings.configuration.patterns.isEmpty else { return }
    let links = links
    interfaces.forgetFlushed { links.link($0) == nil }
    removeUnwanted(at: now)
    for link in links.links() where !link.isLoopback {
      let name = link.name
      guard settings.configuration.matchesPattern(name), !interfaces.isFlushed(name),
        !interfaces.contains(name)
      else { continue }
      if !addInterface(name, at: now) {
        log.write(
          .limitReached, subject: .link(link.ifindex),
          "Interface \(name): no room for another interface.")
      }
    }
  }

  /// Stops running on what nobody asks for any more: no statement names it, and no pattern
  /// matches it or there is no such link.
  func removeUnwanted(at now: Instant) {
    for name in unwanted(by: settings) { _ = removeInterface(name, at: now) }
  }

  /// The interfaces that some settings do not ask for.
  func unwanted(by settings: Settings) -> [InterfaceName] {
    interfaces.all.map { $0.name }.filter {
      !settings.configuration.names($0) && !settings.interfaces.contains($0)
        && (links.link($0) == nil || !settings.configuration.matchesPattern($0))
    }
  }

  /// `link-local auto`: gives a link that is up and has no link-local address one of our making.
  func makeLinkLocal(_ index: Int, at now: Instant) {
    let row = interfaces[index]
    guard !row.parameters.keepsWireGuardPeers,
      settings.configuration.settings(for: row.name).makesLinkLocal == true,
      let ifindex = row.ifindex, links.link(ifindex)?.isRunning == true
    else { return }
    if let made = row.madeLinkLocal, links.isDuplicate(made, on: ifindex) {
      log.write("Interface \(row.name): somebody else has \(made), trying another address.")
      takeBackLinkLocal(index)
      interfaces[index].tryOtherAddress()
    } else if links.mayUseLinkLocal(ifindex) {
      return
    }
    let due = (row.missingAddressSince ?? now) + Self.addressPatience
    guard due <= now else {
      interfaces.retry(notLaterThan: due)
      return
    }
    guard interfaces[index].linkLocalAttempt < Self.addressAttempts else { return }
    let address = linkLocal(row.name, attempt: interfaces[index].linkLocalAttempt)
    do throws(KernelError) {
      try AddressRequest.add(address, prefixLength: 64, to: ifindex)
      noteMade(address, index)
    } catch {
      log.write(.interface, subject: .link(ifindex), "Interface \(row.name): \(error)")
      interfaces.retry(notLaterThan: now + Self.addressPatience * 5)
    }
  }

  /// An address of an interface is ours to take back, by this process or the next one.
  func noteMade(_ address: IPAddress, _ index: Int) {
    interfaces[index].noteMade(address)
    guard let ifindex = interfaces[index].ifindex else { return }
    life.note(made: address, of: interfaces[index].name, on: ifindex)
  }

  /// Removes the address we made. The link may be gone, and the address with it.
  func takeBackLinkLocal(_ index: Int) {
    guard let address = interfaces[index].takeMade() else { return }
    let name = interfaces[index].name
    guard let ifindex = interfaces[index].ifindex else { return }
    life.note(made: nil, of: name, on: ifindex)
    if links.link(ifindex) != nil { removeAddress(address, from: ifindex, name) }
  }

  /// Removes an address that we made.
  func removeAddress(_ address: IPAddress, from ifindex: Int32, _ name: InterfaceName) {
    do throws(KernelError) {
      try AddressRequest.remove(address, prefixLength: 64, from: ifindex)
    } catch {
      tellOfRemainder(.addressNotRemoved, of: name, error)
    }
  }

  /// An address that an earlier process made, and did not take back, is ours to take back.
  func recogniseLinkLocal(_ index: Int) {
    let name = interfaces[index].name
    guard settings.configuration.settings(for: name).makesLinkLocal == true,
      let ifindex = interfaces[index].ifindex
    else { return }
    for attempt in 0..<Self.addressAttempts {
      let address = linkLocal(name, attempt: attempt)
      if links.hasAddress(address, on: ifindex) { noteMade(address, index) }
    }
  }

  /// An address of fe80::/64 that comes from router-id and name, so that it stays the same as
  /// long as they do, and that no other router is likely to have.
  private func linkLocal(_ name: InterfaceName, attempt: Int) -> IPAddress {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for octet in name.octets { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3 }
    hash ^= node.routerID.rawValue
    hash &+= UInt64(attempt) &* 0x9E37_79B9_7F4A_7C15
    hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
    hash ^= hash >> 31
    // Not the zero that stands for routers of any kind.
    return IPAddress(high: 0xFE80_0000_0000_0000, low: hash | 1)
  }
}
