import BabelCore
import BabelKernel
import BabelWire

/// What changes of routes go through to the kernel. Here they get the form that the kernel is to
/// have: with `kernel-nexthops` a route names an object in place of gateway and interface.
final class RouteOutlet {
  /// Numbers that are tried for one object: somebody else may have some.
  private static let attemptLimit = 16
  /// A bit of the tag of a change that was refused once and is sent in another form.
  private static let secondForm: UInt64 = 2

  private var writer: RouteWriter
  private var objects = NexthopObjects()
  private let log: Log

  @inline(never)
  init(_ writer: consuming RouteWriter, _ log: Log) {
    self.writer = writer
    self.log = log
  }

  /// Changes gathered and not sent yet.
  var gatheredCount: Int { writer.gatheredCount }
  /// Changes sent about which the kernel has said nothing yet.
  var unansweredCount: Int { writer.unansweredCount }
  /// Lets the loop wait for the kernel's answers.
  func addAnswers(to poll: inout PollSet) -> Int { poll.add(writer.descriptor, .read) }
  /// Whether routes have objects, or may have some.
  var hasObjects: Bool { objects.isActive }
  /// Whether a link lost objects, and thereby routes, since the last reading of the tables.
  func hasLost(_ ifindex: Int32) -> Bool { objects.hasLost(ifindex) }

  /// Whether routes share objects from now on. True if that is different from before.
  func setShares(_ isWanted: Bool) -> Bool { objects.setWanted(isWanted) }

  // MARK: Writing

  /// Gathers a change.
  func send(_ step: RouteStep, tag: UInt64) throws(KernelError) {
    let nexthop = objects.isActive ? number(for: step) : 0
    try writer.enqueue(step.change, step.route, nexthop: nexthop, tag: tag)
  }

  /// Sends what is gathered, and reads the answers that are there.
  func flush() throws(KernelError) {
    try writer.flush()
    try writer.collect()
  }

  /// Moves the failures known so far to the end of `list`.
  func takeFailures(into list: inout [RouteFailure]) { writer.takeFailures(into: &list) }

  /// The number of the object that a route has or is to have, which may have to be made; 0 if none.
  @inline(never)
  private func number(for step: RouteStep) -> UInt32 {
    for _ in 0..<Self.attemptLimit {
      let (id, missing) = objects.number(for: step.route, isDeleted: step.change == .delete)
      guard let missing else { return id }
      let fault = writer.make(missing)
      if objects.note(missing, fault), let fault { tell(missing.gateway, fault) }
    }
    return 0
  }

  /// Tells the operator that routes do without an object.
  private func tell(_ gateway: IPAddress, _ error: KernelError) {
    log.write(
      .routeRefused, subject: .error(number: error.errno),
      "kernel-nexthops: plain routes through \(gateway): "
        + (error.errno == ErrorNumber.notSupported
          ? "the kernel has no next-hop objects, which came with Linux 5.3" : error.reason))
  }

  // MARK: Refusals

  /// Takes a refusal, and tells what the kernel does not say of its route. What has to do with
  /// objects is sent again in another form, if `isLatest` says that nothing else was wanted since;
  /// true then.
  @inline(never)
  func retries(_ failure: inout RouteFailure, isLatest: (KernelRoute) -> Bool) -> Bool {
    let isSecond = failure.tag & Self.secondForm != 0
    failure.tag &= ~Self.secondForm
    guard var route = failure.route else { return false }
    objects.resolve(&route)
    let former = route.nexthopID
    let isRetried = isLatest(route) && objects.retry(failure, route, isSecond: isSecond)
    route.nexthopID = 0
    failure.route = route
    guard isRetried else { return false }
    if isSecond, let gateway = route.gateway { tell(gateway, failure.error) }
    let hadObject = failure.change == .delete && former != 0
    let nexthop = hadObject ? 0 : number(for: RouteStep(change: failure.change, route: route))
    do throws(KernelError) {
      try writer.enqueue(
        failure.change, route, nexthop: nexthop, tag: failure.tag | Self.secondForm)
      return true
    } catch {
      return false
    }
  }

  // MARK: Use and loss of objects

  /// An entry changes from one target to another. True if an object seems to be without routes.
  func move(from old: NexthopObjects.Way?, to new: NexthopObjects.Way?) -> Bool {
    objects.move(from: old, to: new)
  }

  /// Follows what removes objects.
  func follow(_ event: KernelEvent) {
    switch event {
    case .linkChanged(let link):
      objects.follow(link.ifindex, carries: link.isUp && link.hasCarrier)
    case .linkRemoved(let link): objects.follow(link.ifindex, carries: false)
    case .nexthopChanged(let id): objects.forget(id)
    default: break
    }
  }

  /// Removes all objects of ours, at the end, when the routes are gone.
  @inline(never)
  func removeObjects() { remove(objects.ids) }

  @inline(never)
  private func remove(_ ids: [UInt32]) {
    for id in ids {
      objects.removed(id)
      // One that is still there is found by the next reading.
      _ = writer.remove(id)
    }
  }

  // MARK: Readings

  /// The kernel's objects were read, before its routes are; see ``NexthopObjects/take(_:isOurs:)``.
  func take(_ list: [KernelNexthop], isOurs: (Int32) -> Bool) {
    objects.take(list, isOurs: isOurs)
  }

  /// Adds what the kernel may not say of a route that was read. True if the route, should it be
  /// ours and lead where it should, has an object and should have none, or the other way round.
  @inline(never)
  func resolve(_ route: inout KernelRoute) -> Bool {
    if route.nexthopID != 0 { objects.noteRead(route.nexthopID) }
    objects.resolve(&route)
    return route.kernelProtocol == KernelRoute.babelProtocol && objects.hasOtherForm(route)
  }

  /// Replaces a route in place that has the wrong form, unless somebody else is at its place.
  func correct(_ route: KernelRoute, isShared: Bool) throws(KernelError) {
    objects.noteOtherForm(isMoved: !isShared)
    guard !isShared else { return }
    var route = route
    route.nexthopID = 0
    try send(RouteStep(change: .replace, route: route), tag: RouteAttempt.again.rawValue)
  }

  /// Whether some objects have no routes, as far as was read.
  var hasIdleObjects: Bool { objects.hasIdle }

  /// The node wants routes by a way, so its object must stay.
  func keep(_ way: NexthopObjects.Way) { objects.keep(way) }

  /// A reading has ended: objects without routes go. True if a further one may find more of them.
  @inline(never)
  func removeIdle(isProof: Bool) -> Bool {
    let (idle, mayBeMore) = objects.takeIdle(isProof: isProof)
    remove(idle)
    return mayBeMore
  }
}
