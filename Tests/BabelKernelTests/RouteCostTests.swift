import BabelWire
import CLinux
import Foundation
import TestSupport
import Testing

@testable import BabelKernel

/// Compares the cost of installing routes with that of a bare writer that sends ready-made octets.
///
/// `SWABELD_ROUTES=100000 swift test -c release --filter RouteCost` prints the times. The short run
/// of every day only limits the number of system calls.
@Suite(.serialized, .timeLimit(.minutes(5))) struct `RouteCost` {
  private struct Cost {
    var microseconds = Int64.max
    var cpuMicroseconds = Int64.max
    var systemCalls = 0.0
  }

  private var count: Int {
    ProcessInfo.processInfo.environment["SWABELD_ROUTES"].flatMap { Int($0) } ?? 5000
  }

  private func routes(_ family: AddressFamily, table: UInt32) throws -> [KernelRoute] {
    let ifindex = try link("v0").ifindex
    let gateway = try address(family == .ipv4 ? "10.0.0.2" : "fe80::2")
    var numbers = Chance(seed: 7)
    return (0..<count).shuffled(using: &numbers).map { i in
      let destination =
        family == .ipv4
        ? Prefix(mapped: IPAddress(ipv4: 0x1000_0000 + UInt32(i) << 8), mappedLength: 120)
        : Prefix(
          mapped: IPAddress(high: 0xFD00_0000_0000_0000 + UInt64(i) << 8, low: 0),
          mappedLength: 64)
      return KernelRoute(
        destination: destination, table: table, metric: 1024, gateway: gateway,
        ifindex: ifindex, isOnlink: true)
    }
  }

  /// CPU time of this thread, in the kernel and outside.
  private func cpu() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
  }

  private func measure(_ body: () throws -> Double) throws -> Cost {
    let (start, busy) = (MonotonicClock.microseconds(), cpu())
    let calls = try body()
    return Cost(
      microseconds: MonotonicClock.microseconds() - start, cpuMicroseconds: cpu() - busy,
      systemCalls: calls)
  }

  /// The least possible cost: only `send` and `recv` of batches of 64.
  private func bare(_ change: UInt16, _ flags: UInt16, _ routes: [KernelRoute]) throws -> Cost {
    let socket = try NetlinkSocket(receiveBuffer: 512 << 10)
    var batches: [NetlinkBuilder] = []
    for start in stride(from: 0, to: routes.count, by: 64) {
      var batch = NetlinkBuilder(capacity: 64 * NetlinkBuilder.routeCount)
      for route in routes[start..<min(start + 64, routes.count)] {
        batch.route(route, type: change, flags: NetlinkFlag.request | flags, sequence: 1)
      }
      batch.addFlags(NetlinkFlag.acknowledge)
      batches.append(batch)
    }
    var buffer = [UInt8](repeating: 0, count: 4096)
    return try measure {
      for batch in batches {
        try socket.send(batch)
        let count = try socket.receive(into: &buffer)
        if count != 36 { Issue.record("refused") }
      }
      return Double(2 * batches.count)
    }
  }

  private func ours(_ change: RouteChange, _ routes: [KernelRoute]) throws -> Cost {
    var writer = try RouteWriter()
    let cost = try measure {
      for (i, route) in routes.enumerated() {
        try writer.enqueue(change, route, tag: UInt64(i))
      }
      try writer.flush()
      return Double(writer.systemCalls)
    }
    var failures: [RouteFailure] = []
    writer.takeFailures(into: &failures)
    #expect(failures == [] && writer.unansweredCount == 0)
    return cost
  }

  @Test(arguments: [AddressFamily.ipv6, .ipv4])
  func `installing stays near the floor of the kernel`(family: AddressFamily) throws {
    try withLinkedNamespace {
      let list = try routes(family, table: 1000)
      let create = NetlinkFlag.create | NetlinkFlag.exclusive
      var best = (ours: Cost(), bare: Cost(), change: Cost())
      for _ in 0..<3 {
        let bare = try bare(NetlinkType.newRoute, create, list)
        _ = try self.bare(NetlinkType.deleteRoute, 0, list)
        let ours = try ours(.add, list)
        let moved = list.map {
          var route = $0
          route.gateway = IPAddress(high: 0xFE80_0000_0000_0000, low: 3)
          return route
        }
        let change = try self.ours(.replace, moved)
        _ = try self.ours(.delete, moved)
        if ours.microseconds < best.ours.microseconds { best.ours = ours }
        if bare.microseconds < best.bare.microseconds { best.bare = bare }
        if change.microseconds < best.change.microseconds { best.change = change }
      }
      let calls = best.ours.systemCalls / Double(count)
      #expect(calls <= 0.1)
      for (name, cost) in [("bare", best.bare), ("ours", best.ours), ("replace", best.change)] {
        let wall = Double(cost.microseconds) / Double(count)
        let busy = Double(cost.cpuMicroseconds) / Double(count)
        print(
          "IPv\(family.rawValue) \(name): \(cost.microseconds / 1000) ms for \(count) routes,",
          String(format: "%.2f µs wall, %.2f µs CPU,", wall, busy),
          String(format: "%.3f calls per route", cost.systemCalls / Double(count)))
      }
    }
  }
}
