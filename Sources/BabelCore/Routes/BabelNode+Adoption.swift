import BabelWire

// Entries of the kernel that an earlier life made: they go on forwarding until a route confirms
// or replaces them, until their next hop starts anew, or until they are swept.

extension BabelNode {
  /// Tells of an entry that was found in the kernel at start; to be called before the first
  /// packet is received. The entry counts as asked for: later changes name it as what was there
  /// before. False if there is one for the destination already (the caller removes the second,
  /// which was not used), or no room.
  public mutating func adoptForwarding(_ key: ForwardingKey, _ target: ForwardingTarget) -> Bool {
    guard !hasShutDown, target != .absent, !key.destination.isMartian,
      let row = table.findOrInsert(key.destination, key.source)
    else { return false }
    let destination = table.destinations[row]
    guard !destination.flags.contains(.adopted), destination.forwardedNextHop == noRow,
      !destination.flags.contains(.forwardedUnreachable),
      let number = adoption.insert(AdoptedForwarding.Way(target: target, table: key.table))
    else {
      table.removeIfUnused(row)
      return false
    }
    table.destinations[row].flags.insert(.adopted)
    table.destinations[row].forwardedNextHop = number
    return true
  }

  /// Adopted entries that no route has confirmed or replaced.
  public var adoptedForwardingCount: Int { adoption.count }

  /// Takes back what was adopted and not confirmed, a budget at a time.
  public mutating func sweepAdoptedForwarding() {
    guard adoption.count > 0 else {
      resumes = false
      return
    }
    adoption.isSweeping = true
    adoption.position = 0
  }

  // MARK: Revoking

  /// A neighbour started anew, so it does not keep the order any more that our entries rely on.
  /// IPv4 gateways do not tell whose they are: all on the link are taken.
  mutating func revokeAdopted(of id: NeighbourID) {
    guard adoption.count > 0 else { return }
    let neighbour = neighbours[id.rawValue]
    adoption.revoke(neighbour.interface, isLost: false) {
      $0 == neighbour.address || $0.family == .ipv4
    }
  }

  /// The kernel dropped what led through an interface, or will have to.
  mutating func revokeAdopted(through id: InterfaceID, isLost: Bool) {
    guard adoption.count > 0 else { return }
    adoption.revoke(id, isLost: isLost) { _ in true }
  }

  /// Goes on with a walk over all destinations; at most `budget` rows. Returns how many.
  mutating func runAdoption(_ now: Instant, budget: Int, _ buffer: inout ActionBuffer) -> Int {
    var work = 0
    while work < budget, let row = adoption.position {
      guard row < table.destinations.capacity, adoption.count > 0 else {
        adoption.position = nil
        if adoption.isSweeping { resumes = false }
        adoption.isSweeping = false
        break
      }
      adoption.position = row + 1
      work += 1
      guard table.isLive(row), table.destinations[row].flags.contains(.adopted) else { continue }
      if adoption.isRevoked(table.destinations[row].forwardedNextHop) || adoption.isSweeping {
        takeBackAdopted(row, now, &buffer)
      }
    }
    return work
  }

  /// Takes one entry back. While neighbours may still send packets here the prefix is held as
  /// unreachable, so that none follows a shorter one back to them (RFC 8966 §3.5.4).
  private mutating func takeBackAdopted(
    _ row: UInt32, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    reselect(row, now, &buffer)
    guard table.isLive(row), table.destinations[row].flags.contains(.adopted) else { return }
    guard resumes || awaitsAcknowledgments || !adoption.isSweeping else {
      dropAdopted(row, &buffer)
      table.removeIfUnused(row)
      return
    }
    if resumes {
      // Neighbours believe that we announce it.
      table.destinations[row].flags.insert(.announced)
      table.destinations[row].announcedMetric = .zero
    }
    beginHold(row, inKernel: true, now)
    updateForwarding(row, &buffer)
    considerAnnouncement(row, now)
  }

  /// Withdraws an adopted entry.
  mutating func dropAdopted(_ row: UInt32, _ buffer: inout ActionBuffer) {
    let (key, old) = endAdoption(row)
    if old != .absent {
      buffer.actions.append(.forward(ForwardingChange(key: key, old: old, new: .absent)))
    }
  }

  /// Makes a destination an ordinary one without an entry; returns what the kernel has for it.
  mutating func endAdoption(_ row: UInt32) -> (ForwardingKey, ForwardingTarget) {
    let number = table.destinations[row].forwardedNextHop
    let key = ForwardingKey(
      destination: table.destinations[row].prefix, source: table.sourcePrefix(row),
      table: adoption[number].table)
    let actual = adoption.actual(number)
    table.destinations[row].flags.remove(.adopted)
    table.destinations[row].forwardedNextHop = noRow
    adoption.remove()
    return (key, actual)
  }
}
