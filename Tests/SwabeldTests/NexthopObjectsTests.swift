import BabelWire
import Testing

@testable import BabelKernel
@testable import swabeld

@Suite struct `Next-hop objects that routes share` {
  private static let first = NexthopObjects.range.lowerBound

  private func route(
    _ destination: String = "10.1.0.0/16", via gateway: String = "10.0.0.2", _ ifindex: Int32 = 5,
    from source: Prefix? = nil
  ) throws -> KernelRoute {
    let gateway: IPAddress = try #require(IPAddress(gateway))
    return KernelRoute(
      destination: try #require(Prefix(destination)), source: source, gateway: gateway,
      ifindex: ifindex, isOnlink: true)
  }

  private func object(
    _ id: UInt32, via gateway: String = "10.0.0.2", _ ifindex: Int32 = 5
  ) throws -> KernelNexthop {
    KernelNexthop(id: id, gateway: try #require(IPAddress(gateway)), ifindex: ifindex)
  }

  private func error(_ errno: Int32) -> KernelError { KernelError(operation: "", errno: errno) }

  private func wanted() -> NexthopObjects {
    var objects = NexthopObjects()
    #expect(objects.setWanted(true) == true)
    #expect(objects.setWanted(true) == false)
    return objects
  }

  /// The number for a route, for which the kernel makes what is missing.
  private func number(_ objects: inout NexthopObjects, _ route: KernelRoute) -> UInt32 {
    let (id, missing) = objects.number(for: route, isDeleted: false)
    guard let missing else { return id }
    #expect(id == 0)
    #expect(objects.note(missing, nil) == false)
    return objects.number(for: route, isDeleted: false).id
  }

  @Test func `nothing is translated unless it is wanted`() throws {
    var objects = NexthopObjects()
    #expect(!objects.isActive)
    #expect(objects.number(for: try route(), isDeleted: false) == (0, nil))
  }

  @Test func `routes of one gateway and interface share an object`() throws {
    var objects = wanted()
    let id = number(&objects, try route())
    #expect(id == Self.first)
    #expect(number(&objects, try route("10.2.0.0/16")) == id)
    #expect(number(&objects, try route(via: "10.0.0.3")) == id + 1)
    #expect(number(&objects, try route(via: "10.0.0.2", 6)) == id + 2)
    #expect(objects.number(for: try route(), isDeleted: true).id == id)
    #expect(objects.ids == [id, id + 1, id + 2])
  }

  @Test func `routes with a source prefix and unreachable ones are plain`() throws {
    var objects = wanted()
    let source = try #require(Prefix("fd01::/16"))
    let specific = try route("fd02::/16", via: "fe80::2", from: source)
    #expect(objects.number(for: specific, isDeleted: false) == (0, nil))
    var unreachable = try route()
    unreachable.type = .unreachable
    #expect(objects.number(for: unreachable, isDeleted: false) == (0, nil))
  }

  @Test func `numbers of others are passed over`() throws {
    var objects = wanted()
    objects.take([try object(Self.first + 1, 9)]) { $0 != 9 }
    let missing = try #require(objects.number(for: try route(), isDeleted: false).missing)
    #expect(missing.id == Self.first)
    #expect(objects.note(missing, error(ErrorNumber.exists)) == false)
    #expect(number(&objects, try route()) == Self.first + 2)
    #expect(objects.ids == [Self.first + 2])
  }

  @Test func `a kernel without objects is asked once`() throws {
    var objects = wanted()
    let missing = try #require(objects.number(for: try route(), isDeleted: false).missing)
    #expect(objects.note(missing, error(ErrorNumber.notSupported)) == true)
    #expect(objects.number(for: try route(via: "10.0.0.3"), isDeleted: false) == (0, nil))
    #expect(objects.hasOtherForm(try route()) == false)
  }

  @Test func `a refused object is tried again after a reading, or when its link changes`() throws {
    for isReading in [true, false] {
      var objects = wanted()
      let missing = try #require(objects.number(for: try route(), isDeleted: false).missing)
      #expect(objects.note(missing, error(ErrorNumber.networkDown)) == true)
      #expect(objects.number(for: try route(), isDeleted: false) == (0, nil))
      #expect(objects.number(for: try route(via: "10.0.0.3"), isDeleted: false).missing != nil)
      if isReading { objects.take([]) { _ in true } } else { objects.follow(5, carries: true) }
      #expect(objects.number(for: try route(), isDeleted: false).missing != nil)
    }
  }

  @Test func `an object that is gone is made anew, with another number`() throws {
    var objects = wanted()
    let id = number(&objects, try route())
    objects.forget(id)
    #expect(objects.number(for: try route(), isDeleted: true).id == 0)
    #expect(number(&objects, try route()) == id + 1)
    objects.follow(6, carries: false)
    #expect(objects.ids == [id + 1] && !objects.hasLost(6))
    objects.follow(5, carries: false)
    #expect(objects.ids == [] && objects.hasLost(5))
    // A refusal may still name the number.
    var refused = try route()
    (refused.gateway, refused.ifindex, refused.nexthopID) = (nil, nil, id + 1)
    objects.resolve(&refused)
    #expect(refused.gateway == IPAddress("10.0.0.2") && refused.ifindex == 5)
  }

  @Test func `a route with a missing object is sent again, and without one if that fails`() throws {
    var objects = wanted()
    var named = try route()
    named.nexthopID = number(&objects, named)
    let failure = RouteFailure(
      change: .add, tag: 0, route: named, error: error(ErrorNumber.invalid))
    let retriesFirst = objects.retry(failure, named, isSecond: false)
    #expect(retriesFirst)
    let next = number(&objects, try route())
    #expect(next != named.nexthopID && next != 0)
    named.nexthopID = next
    let retriesSecond = objects.retry(failure, named, isSecond: true)
    #expect(retriesSecond)
    #expect(objects.number(for: try route(), isDeleted: false) == (0, nil))
    #expect(objects.hasOtherForm(named) == true, "routes that have it leave it")
    named.nexthopID = 0
    let retriesPlain = objects.retry(failure, named, isSecond: true)
    #expect(!retriesPlain)
  }

  @Test func `who has the place of a route is no matter of objects`() throws {
    var objects = wanted()
    var named = try route()
    named.nexthopID = number(&objects, named)
    for (change, errno) in [
      (RouteChange.add, ErrorNumber.exists), (.append, ErrorNumber.exists),
      (.replace, ErrorNumber.noEntry), (.replace, ErrorNumber.noSuchProcess),
    ] {
      let failure = RouteFailure(change: change, tag: 0, route: named, error: error(errno))
      let retries = objects.retry(failure, named, isSecond: false)
      #expect(!retries, "\(change) \(errno)")
    }
    #expect(objects.ids == [named.nexthopID])
  }

  @Test func `a deletion is tried in the other form as long as both are there`() throws {
    var objects = wanted()
    let id = number(&objects, try route())
    var named = try route()
    named.nexthopID = id
    let failure = RouteFailure(
      change: .delete, tag: 0, route: named, error: error(ErrorNumber.noSuchProcess))
    let before = objects.retry(failure, named, isSecond: false)
    let again = objects.retry(failure, named, isSecond: true)
    #expect(before && !again)
    objects.take([try object(id)]) { _ in true }
    _ = objects.takeIdle(isProof: true)
    let after = objects.retry(failure, named, isSecond: false)
    #expect(!after)
  }

  @Test func `what an earlier life left is taken over or goes`() throws {
    var objects = wanted()
    let special = KernelNexthop(id: Self.first + 3, gateway: .unspecified, ifindex: 0)
    var foreign = try object(Self.first + 4, via: "10.0.0.5")
    foreign.kernelProtocol = 4
    let list = try [
      object(7, via: "10.0.0.9"), object(Self.first + 1), object(Self.first + 2), special, foreign,
    ]
    objects.take(list) { _ in true }
    #expect(objects.ids == [Self.first + 1, Self.first + 2, Self.first + 3])
    #expect(objects.number(for: try route(), isDeleted: false).id == Self.first + 1)
    objects.noteRead(Self.first + 2)
    let idle = objects.takeIdle(isProof: true)
    #expect(idle == ([Self.first + 3], false))
    objects.removed(Self.first + 3)
    #expect(objects.ids == [Self.first + 1, Self.first + 2])
    // Once no route has it any more, the second of two equal ones goes, too.
    objects.take(list.filter { $0.id < Self.first + 3 }) { _ in true }
    objects.noteRead(Self.first + 1)
    #expect(objects.takeIdle(isProof: true).ids == [Self.first + 2])
  }

  @Test func `an object goes when neither routes nor wishes are left`() throws {
    var objects = wanted()
    let way = try #require(NexthopObjects.way(try route()))
    let id = number(&objects, try route())
    var emptied = objects.move(from: nil, to: way)
    #expect(!emptied)
    emptied = objects.move(from: way, to: nil)
    #expect(!emptied)
    emptied = objects.move(from: way, to: nil)
    #expect(emptied)
    objects.take([try object(id)]) { _ in true }
    #expect(objects.takeIdle(isProof: false) == ([], true), "a route may not have been read")
    objects.take([try object(id)]) { _ in true }
    _ = objects.number(for: try route(), isDeleted: false)
    #expect(objects.takeIdle(isProof: true).ids == [], "a route was put on it meanwhile")
    objects.take([try object(id)]) { _ in true }
    #expect(objects.hasIdle)
    objects.keep(way)
    #expect(!objects.hasIdle)
    #expect(objects.takeIdle(isProof: true).ids == [], "routes in other tables are wanted")
    objects.take([try object(id)]) { _ in true }
    #expect(objects.takeIdle(isProof: true).ids == [id])
  }

  @Test func `routes have another form when the option changes`() throws {
    var objects = wanted()
    var named = try route()
    named.nexthopID = number(&objects, named)
    #expect(objects.hasOtherForm(named) == false)
    #expect(objects.hasOtherForm(try route()) == true)
    #expect(objects.setWanted(false) == true)
    #expect(objects.isActive)
    #expect(objects.hasOtherForm(named) == true)
    #expect(objects.hasOtherForm(try route()) == false)
    // Those that still have an object are deleted by its number.
    #expect(objects.number(for: try route(), isDeleted: true).id == named.nexthopID)
    objects.take([try object(named.nexthopID)]) { _ in true }
    #expect(objects.takeIdle(isProof: true).ids == [named.nexthopID])
    objects.removed(named.nexthopID)
    #expect(!objects.isActive)
  }
}
