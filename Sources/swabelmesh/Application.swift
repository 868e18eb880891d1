import BabelKernel
import MeshPlan

/// Puts a comparison into effect. What is added comes first and what is removed comes last, and a
/// tunnel that goes is emptied of traffic before. Each thing is told when it is done; what fails
/// is told, too, and the rest goes on.
struct Application {
  private let comparison: Comparison
  private let wait: Int64
  private var record: Record
  /// Interfaces that wg-quick has set up, so that nothing is left to do.
  private var finished: Set<String> = []
  /// Interfaces of which something has failed: no more is tried with them.
  private var broken: Set<String> = []
  /// What is left although it should not be.
  private var left: Set<String> = []
  private var failures = 0
  /// Whether something could not be told, because whoever listened has gone.
  private var isUnheard = false

  private var deployment: Deployment { comparison.deployment }
  private var setup: NodeSetup { deployment.setup }

  /// `wait` is for how many seconds a peer may take to use its new key.
  init(_ comparison: Comparison, wait: Int64) {
    self.comparison = comparison
    self.wait = wait
    record = comparison.record
  }

  /// Does all of it.
  mutating func carryOut() throws(Failure) -> Request.Result {
    // A lost session must not end this halfway.
    Console.ignoreHangUp()
    try deployment.checkPlaces()
    try checkDaemonFile()
    try record.add(setup)
    for place in comparison.files {
      attempt("file", place.target) { application throws(Failure) in
        try application.deployment.install(place)
      }
    }
    let isLast: (SetupChange) -> Bool = { $0.isRemoval || $0.isExchange }
    for change in comparison.changes where !isLast(change) { carryOut(change) }
    for name in comparison.disabled where !broken.contains(name) {
      attempt(name, Comparison.disabledText) { application throws(Failure) in
        try TunnelUnit(of: name, application.setup)?.enable()
      }
    }
    let isExchanged = awaitExchanges()
    drainRemoved()
    if isExchanged {
      reloadDaemon()
    } else {
      complain("daemon: it keeps its configuration until all keys are in use")
    }
    for change in comparison.changes where change.isRemoval { carryOut(change) }
    try record.keep(setup, left)
    if comparison.changes.contains(where: { $0.action == .make || $0.action == .remove }) {
      say("if this machine has a firewall: \(deployment.folder)/firewall.sh")
    }
    guard failures == 0 else {
      Console.complain("failed: \(failures); everything else is done; see: swabelmesh diff")
      return .partly
    }
    return isUnheard ? .partly : .done
  }

  // MARK: Telling

  private mutating func attempt(
    _ subject: String, _ text: String,
    _ work: (inout Application) throws(Failure) -> Void
  ) {
    do throws(Failure) {
      try work(&self)
      say("done: \(subject): \(text)")
    } catch {
      broken.insert(subject)
      complain("\(subject): \(text): \(error.description)")
    }
  }

  private mutating func say(_ text: String) {
    if !Console.say(text) { isUnheard = true }
  }

  private mutating func complain(_ text: String) {
    failures += 1
    Console.complain("failed: \(text)")
  }

  // MARK: Tunnels

  private mutating func carryOut(_ change: SetupChange) {
    let name = change.interface
    if finished.contains(name), !change.isRemoval { return }
    if broken.contains(name), name != "lo" {
      Console.complain("not tried: \(name): \(change.text)")
      if change.action == .remove { left.insert(name) }
      return
    }
    let before = failures
    attempt(name, change.text) { application throws(Failure) in
      switch change.action {
      case .make: try application.make(name)
      case .configure(let text): try Tool.run(["wg", "setconf", name], reading: text)
      case .amend(let text, let old):
        try Tool.run(["wg", "addconf", name], reading: text)
        for key in old { try Tool.run(["wg", "set", name, "peer", key.base64, "remove"]) }
      case .raise(let mtu):
        try Tool.run(["ip", "link", "set", "dev", name, "mtu", "\(mtu)", "up"])
      case .address(let address):
        try Tool.run(["ip", "address", "replace", address, "dev", name])
      case .stage(let text): try Tool.run(["wg", "addconf", name], reading: text)
      case .exchange: break
      case .removeAddress(let address):
        try Tool.run(["ip", "address", "delete", address, "dev", name])
      case .remove: try application.remove(name)
      }
    }
    guard failures > before else { return }
    // What could not be removed must be known the next time.
    switch change.action {
    case .remove: left.insert(name)
    case .removeAddress(let address): left.insert(address)
    default: break
    }
  }

  private func exists(_ name: String) throws(Failure) -> Bool {
    try Tool.answer(["ip", "link", "show", "dev", name]).status == 0
  }

  private mutating func make(_ name: String) throws(Failure) {
    if setup.format == .wgQuick {
      // The unit must know that it runs, so that it can be stopped and started.
      if let unit = TunnelUnit(of: name, setup) {
        try unit.enable()
        try unit.start()
      } else {
        try Tool.run(["wg-quick", "up", name])
      }
      guard try exists(name) else { throw Failure("wg-quick has run, and it is still missing") }
      finished.insert(name)
      return
    }
    let answer = try Tool.answer(["ip", "link", "add", "dev", name, "type", "wireguard"])
    guard answer.status != 0 else { return }
    guard try Tool.answer(["wireguard-go", name]).status == 0 else {
      throw Failure("\(answer.line); nor does wireguard-go make it")
    }
  }

  private func remove(_ name: String) throws(Failure) {
    try TunnelUnit(of: name, setup)?.remove()
    if try exists(name) { try Tool.run(["ip", "link", "delete", "dev", name]) }
    for path in deployment.leftovers(of: name) {
      do throws(KernelError) {
        try FileSystem.remove(path)
      } catch {
        throw Failure(error)
      }
    }
  }

  // MARK: New keys of peers

  /// Lets each peer that has a new key carry traffic once it has used it. False if one does not in
  /// time.
  private mutating func awaitExchanges() -> Bool {
    var open = comparison.changes.filter { $0.isExchange && !broken.contains($0.interface) }
    guard !open.isEmpty else { return true }
    for change in open {
      say("waiting: \(change.interface): \(change.text)")
    }
    let deadline = MonotonicClock.microseconds() + wait * 1_000_000
    while !open.isEmpty, MonotonicClock.microseconds() < deadline {
      guard let text = try? Tool.run(["wg", "show", "all", "latest-handshakes"]) else { break }
      let used = Set(
        text.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
          .filter { $0.count == 3 && $0[2] != "0" }.map { $0[0] + " " + $0[1] })
      for change in open {
        guard case .exchange(let new, let old, let keepalive) = change.action,
          used.contains(change.interface + " " + new.base64)
        else { continue }
        attempt(change.interface, "the new key counts") { _ throws(Failure) in
          try Tool.run([
            "wg", "set", change.interface, "peer", new.base64, "allowed-ips", "0.0.0.0/0,::/0",
            "persistent-keepalive", "\(keepalive)",
          ])
          for key in old {
            try Tool.run(["wg", "set", change.interface, "peer", key.base64, "remove"])
          }
        }
        open.removeAll { $0 == change }
      }
      Tool.pause(milliseconds: 40)
    }
    for change in open {
      complain(
        "\(change.interface): the peer does not use its new key yet; the old one counts. Apply its "
          + "files there, and these again here")
    }
    return open.isEmpty
  }

  // MARK: The daemon

  /// A configuration with a mistake must not come into its place.
  private func checkDaemonFile() throws(Failure) {
    guard comparison.daemonDiffers else { return }
    let path = deployment.daemon.source
    let answer = try Tool.answer(["swabeld", "--check", path])
    guard answer.status == 0 || answer.status == Tool.missing else { throw Failure(answer.line) }
  }

  private mutating func reloadDaemon() {
    guard comparison.daemonDiffers || !comparison.daemonRuns || !comparison.unread.isEmpty else {
      return
    }
    if comparison.daemonDiffers {
      attempt("file", Deployment.daemonFile) { application throws(Failure) in
        try application.deployment.install(application.deployment.daemon)
      }
    }
    do throws(Failure) {
      let answer = try Comparison.control("reload")
      switch answer.status {
      case 0: say("done: daemon: \(answer.line)")
      case _ where answer.meansNoDaemon:
        say("the daemon does not run; start it: systemctl enable --now swabeld")
      default: complain("daemon: reload: \(answer.line)")
      }
    } catch {
      complain("daemon: reload: \(error.description)")
    }
  }

  /// Moves traffic off the tunnels that go, and waits until it has left or has no other way.
  private mutating func drainRemoved() {
    let names = comparison.changes.filter { $0.action == .remove }.map { $0.interface }
      .filter { (try? exists($0)) == true }
    guard !names.isEmpty else { return }
    for name in names {
      guard let answer = try? Comparison.control("drain", name, "for", "60"), answer.status == 0
      else {
        return
      }
    }
    let deadline = MonotonicClock.microseconds() + 5_000_000
    while MonotonicClock.microseconds() < deadline {
      let used = names.contains { name in
        ["-4", "-6"].contains { family in
          let words = ["ip", family, "route", "show", "proto", "42", "dev", name]
          return (try? Tool.run(words))?.isEmpty == false
        }
      }
      guard used else { break }
      Tool.pause(milliseconds: 100)
    }
  }
}

extension SetupChange {
  /// Whether it takes something away.
  fileprivate var isRemoval: Bool {
    switch action {
    case .remove, .removeAddress: true
    default: false
    }
  }

  fileprivate var isExchange: Bool {
    if case .exchange = action { return true }
    return false
  }
}
