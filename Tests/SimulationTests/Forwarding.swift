import BabelCore
import BabelWire

/// All prefixes that ever appeared, by number, and which of them cover which.
struct DestinationTable {
  private(set) var prefixes: [Prefix] = []
  private var numbers: [Prefix: Int] = [:]
  /// For each destination, those that contain it, longest first, itself included.
  private(set) var covers: [[Int]] = []
  /// For each destination, those inside it, itself included.
  private(set) var inside: [[Int]] = []
  /// Destinations that contain others.
  private var wide: [Int] = []

  func number(_ prefix: Prefix) -> Int? { numbers[prefix] }

  /// The number of a prefix, new if need be. Prefixes that contain others must be few.
  mutating func add(_ prefix: Prefix) -> Int {
    if let number = numbers[prefix] { return number }
    let number = prefixes.count
    prefixes.append(prefix)
    numbers[prefix] = number
    covers.append([number])
    inside.append([number])
    for other in wide where prefixes[other].contains(prefix) {
      covers[number].append(other)
      inside[other].append(number)
    }
    if prefix.length <= 48 && prefix.family == .ipv6 || prefix.length < 24 {
      for other in 0..<number where prefix.contains(prefixes[other]) {
        covers[other].append(number)
        inside[number].append(other)
        let prefixes = prefixes
        covers[other].sort { prefixes[$0].mappedLength > prefixes[$1].mappedLength }
      }
      wide.append(number)
    }
    let prefixes = prefixes
    covers[number].sort { prefixes[$0].mappedLength > prefixes[$1].mappedLength }
    return number
  }
}

extension Host {
  /// The kernel's entry for exactly this destination.
  func entry(_ destination: Int) -> ForwardingTarget {
    destination < kernel.count ? kernel[destination] : .absent
  }

  func setEntry(_ destination: Int, _ target: ForwardingTarget) {
    while kernel.count <= destination { kernel.append(.absent) }
    kernel[destination] = target
  }
}

extension Daemon {
  func setAsked(_ destination: Int, _ target: ForwardingTarget?) {
    while asked.count <= destination { asked.append(.absent) }
    asked[destination] = target
  }
}

extension Network {
  /// Applies a change to the kernel of a host; false if the kernel refused it.
  func forward(
    _ change: ForwardingChange, of host: Host, _ daemon: Daemon
  ) throws(Violation) -> Bool {
    statistics.forwardingChanges += 1
    trace.forwarded(change, by: host.index, at: now)
    let prefix = change.key.destination
    guard change.key.source.isDefault, change.key.table == 254 else {
      throw violation("host \(host.index): entry for \(prefix.text) with a strange key")
    }
    let number = destinations.add(prefix)
    let asked = number < daemon.asked.count ? daemon.asked[number] : .absent
    if let asked, asked != change.old {
      throw violation(
        "host \(host.index): \(prefix.text) changes from \(change.old.text) but \(asked.text) "
          + "was asked for")
    }
    guard change.old != change.new || asked == nil else {
      throw violation("host \(host.index): \(prefix.text) changes to what it is")
    }
    if case .via(let path) = change.new, nextHop(host, path) == nil {
      throw violation("host \(host.index): \(prefix.text) via nobody, \(change.new.text)")
    }
    if host.refusals > 0, change.new != .absent {
      host.refusals -= 1
      daemon.setAsked(number, nil)
      return false
    }
    daemon.setAsked(number, change.new)
    host.adopted.remove(number)
    host.setEntry(number, change.new)
    changed.append((host.index, number))
    onForward?(host.index, change)
    return true
  }

  /// The kernel drops every entry through a port, as Linux does when a link goes down.
  func dropKernelRoutes(of host: Host, through port: Int) {
    host.kernelLoss = (now, host.daemon == nil)
    for number in host.kernel.indices {
      guard case .via(let path) = host.kernel[number], host.port(of: path.interface) == port else {
        continue
      }
      host.kernel[number] = .absent
      host.adopted.remove(number)
      host.daemon?.setAsked(number, .absent)
      changed.append((host.index, number))
    }
  }

  /// The host a forwarding path leads to.
  func nextHop(_ host: Host, _ path: ForwardingPath) -> Int? {
    guard let port = host.port(of: path.interface) else { return nil }
    let here = host.ports[port]
    for (number, end) in segments[here.segment].ends.enumerated() where number != here.endpoint {
      let there = hosts[end.host].ports[end.port]
      if there.linkLocal == path.gateway || there.ipv4 == path.gateway { return end.host }
    }
    return nil
  }
}

extension Prefix {
  var text: String { "\(address)/\(length)" }
}

extension ForwardingTarget {
  var text: String {
    switch self {
    case .absent: "absent"
    case .unreachable: "unreachable"
    case .via(let path): "via \(path.gateway) on \(path.interface.rawValue)"
    }
  }
}
