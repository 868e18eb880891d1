import BabelCore
import BabelKernel
import BabelWire
import Testing

// The program has no public interface, so its parts are tested from inside.
@testable import swabeld

@Suite struct `Kernel operations of a forwarding change` {
  private let prefix = Prefix("fd10::/64") ?? .ipv6Default

  private func route(_ gateway: String, metric: UInt32 = 0, ifindex: Int32 = 2) -> KernelRoute {
    KernelRoute(
      destination: prefix, metric: metric, gateway: IPAddress(gateway), ifindex: ifindex,
      isOnlink: true)
  }

  private func steps(
    _ old: KernelRoute?, _ new: KernelRoute?, shared: Bool = false
  ) -> [RouteStep] {
    ForwardingPlan.steps(from: old, to: new) { _ in shared }
  }

  @Test func `a first route is added, a last one deleted`() {
    let one = route("fe80::1")
    #expect(steps(nil, one) == [RouteStep(change: .add, route: one)])
    #expect(steps(one, nil) == [RouteStep(change: .delete, route: one)])
    #expect(steps(nil, nil) == [])
  }

  @Test func `another gateway replaces in place`() {
    let two = route("fe80::2")
    #expect(steps(route("fe80::1"), two) == [RouteStep(change: .replace, route: two)])
  }

  @Test func `an equal route is left alone, whatever its metric is called`() {
    #expect(steps(route("fe80::1"), route("fe80::1", metric: 1024)) == [])
  }

  @Test func `another metric is another place, filled before the old one is emptied`() {
    let (old, new) = (route("fe80::1", metric: 100), route("fe80::1", metric: 200))
    #expect(
      steps(old, new) == [
        RouteStep(change: .add, route: new), RouteStep(change: .delete, route: old),
      ])
  }

  @Test func `nothing is replaced where somebody else has a route`() {
    let (old, new) = (route("fe80::1"), route("fe80::2"))
    #expect(
      steps(old, new, shared: true) == [
        RouteStep(change: .delete, route: old), RouteStep(change: .add, route: new),
      ])
  }

  @Test func `where somebody else's route serves, ours stands behind it, if the kernel can`() {
    let (old, new) = (route("fe80::1"), route("fe80::2"))
    func steps(_ old: KernelRoute?, _ new: KernelRoute) -> [RouteStep] {
      ForwardingPlan.steps(from: old, to: new, isServed: true) { _ in true }
    }
    #expect(steps(nil, new) == [])
    #expect(steps(old, new) == [RouteStep(change: .delete, route: old)])
    #expect(steps(new, new) == [])
    let ipv4 = KernelRoute(
      destination: .ipv4Default, gateway: IPAddress("10.0.0.2"), ifindex: 2, isOnlink: true)
    #expect(steps(nil, ipv4) == [RouteStep(change: .append, route: ipv4)])
    #expect(steps(old, ipv4).map { $0.change } == [.delete, .append])
  }

  @Test func `what the kernel refused to replace is replaced by what comes next`() {
    let new = route("fe80::1")
    let steps = ForwardingPlan.steps(from: nil, to: new, isLeftOver: true) { _ in false }
    #expect(steps == [RouteStep(change: .replace, route: new)])
  }

  @Test func `what is left over goes where somebody else's route serves, or shares the place`() {
    let new = route("fe80::1")
    let rest = RouteStep(change: .delete, route: route("fe80::9").anyLeg)
    // Without gateway and interface any route of our protocol number at that place is meant.
    let any = KernelRoute(destination: prefix)
    #expect(rest.route == any)
    func steps(_ old: KernelRoute?, _ new: KernelRoute, served: Bool) -> [RouteStep] {
      ForwardingPlan.steps(from: old, to: new, isServed: served, isLeftOver: true) { _ in true }
    }
    #expect(steps(nil, new, served: true) == [rest])
    #expect(steps(nil, new, served: false) == [rest, RouteStep(change: .add, route: new)])
    let elsewhere = route("fe80::1", metric: 100)
    #expect(steps(elsewhere, new, served: true).map { $0.change } == [.delete, .delete])
    let ipv4 = KernelRoute(
      destination: .ipv4Default, gateway: IPAddress("10.0.0.2"), ifindex: 2, isOnlink: true)
    #expect(steps(nil, ipv4, served: true).map { $0.change } == [.delete, .append])
    #expect(steps(ipv4, ipv4, served: true).map { $0.change } == [.delete, .append])
  }

  @Test func `unreachable is a place of its own`() throws {
    let key = ForwardingKey(destination: prefix, source: .ipv6Default, table: 254)
    let held = try #require(KernelRoute(key, .unreachable) { _ in nil })
    #expect(held.metric == .max)
    #expect(held.type == .unreachable)
    #expect(steps(route("fe80::1"), held).map { $0.change } == [.add, .delete])
  }

  @Test(arguments: [Prefix.ipv6Default, Prefix.ipv4Default])
  func `an unreachable default route is never made`(destination: Prefix) {
    let source = Prefix.any(destination.family)
    let key = ForwardingKey(destination: destination, source: source, table: 254)
    #expect(KernelRoute(key, .unreachable) { _ in nil } == nil)
  }

  @Test func `a route through an interface that is gone is gone`() throws {
    let key = ForwardingKey(destination: prefix, source: .ipv6Default, table: 254)
    let path = ForwardingPath(
      gateway: try #require(IPAddress("fe80::1")), interface: InterfaceID(0), kernelMetric: 0)
    #expect(KernelRoute(key, .via(path)) { _ in nil } == nil)
    #expect(KernelRoute(key, .via(path)) { _ in 7 }?.ifindex == 7)
  }
}

@Suite struct `Routes of others` {
  private func route(_ proto: UInt8, metric: UInt32, gateway: String = "10.0.0.1") -> KernelRoute {
    KernelRoute(
      destination: Prefix("10.0.0.0/8") ?? .ipv4Default, metric: metric, kernelProtocol: proto,
      gateway: IPAddress(gateway), ifindex: 2)
  }

  private var routes: ForeignRoutes {
    ForeignRoutes(ForeignRoutes.Places(tables: [254], metrics: [0...0]))
  }

  @Test func `only places we might take are watched`() {
    var routes = routes
    routes.insert(route(4, metric: 5))
    #expect(!routes.occupy(route(4, metric: 5).key))
    routes.insert(route(4, metric: 0))
    #expect(routes.occupy(route(42, metric: 0).key))
  }

  @Test func `hearing of a route twice counts once`() {
    var routes = routes
    routes.insert(route(4, metric: 0))
    routes.insert(route(4, metric: 0))
    routes.remove(route(4, metric: 0))
    #expect(!routes.occupy(route(4, metric: 0).key))
  }

  @Test func `of several one is replaced, and nobody knows which`() {
    var routes = routes
    routes.insert(route(4, metric: 0))
    routes.insert(route(4, metric: 0, gateway: "10.0.0.2"))
    routes.insert(route(4, metric: 0, gateway: "10.0.0.3"), replacing: true)
    routes.remove(route(4, metric: 0, gateway: "10.0.0.3"))
    #expect(routes.occupy(route(42, metric: 0).key))
  }

  @Test func `a replaced route needs no removal`() {
    var routes = routes
    routes.insert(route(4, metric: 0))
    routes.insert(route(4, metric: 0, gateway: "10.0.0.2"), replacing: true)
    routes.remove(route(4, metric: 0, gateway: "10.0.0.2"))
    #expect(!routes.occupy(route(4, metric: 0).key))
  }
}

@Suite struct `What the kernel offers for redistribution` {
  private func offer(_ destination: String, _ change: (inout KernelRoute) -> Void = { _ in })
    -> KernelOffer?
  {
    guard let prefix = Prefix(destination) else { return nil }
    var route = KernelRoute(destination: prefix, kernelProtocol: 4)
    change(&route)
    return route.offer { _ in InterfaceName("eth0") }
  }

  @Test func `our own routes, cache entries and martians are none`() {
    #expect(offer("10.0.0.0/8") != nil)
    #expect(offer("10.0.0.0/8") { $0.kernelProtocol = 42 } == nil)
    #expect(offer("10.0.0.0/8") { $0.isCloned = true } == nil)
    #expect(offer("127.0.0.0/8") == nil)
    #expect(offer("fe80::/64") == nil)
    #expect(offer("ff00::/8") == nil)
  }

  @Test func `blackholes are offered without an interface`() {
    #expect(offer("10.0.0.0/8") { $0.type = .blackhole } != nil)
    #expect(offer("10.0.0.0/8") { $0.type = .blackhole }?.interface == nil)
  }

  @Test func `the kernel's unreachable IPv6 default is none`() {
    #expect(offer("::/0") { $0.metric = .max } == nil)
    #expect(offer("::/0") { $0.metric = 1024 } != nil)
  }
}
