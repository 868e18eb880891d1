import BabelKernel
import MeshPlan

extension Request {
  private static let nothing = "nothing is different"

  /// Says what the files of this node would change here.
  func diff(_ node: String) throws(Failure) -> Result {
    let comparison = try Comparison(try Deployment(of: self, node))
    let lines = comparison.lines
    for line in lines.isEmpty ? [Self.nothing] : lines {
      guard Console.say(line) else { return .partly }
    }
    return lines.isEmpty ? .done : .different
  }

  /// Puts the files of this node into effect here.
  func apply(_ node: String, wait: Int64) throws(Failure) -> Result {
    let comparison = try Comparison(try Deployment(of: self, node))
    guard !comparison.lines.isEmpty else {
      // What is gone may have been noted still, when an earlier run was ended.
      var record = comparison.record
      try record.keep(comparison.deployment.setup, [])
      return Console.say(Self.nothing) ? .done : .partly
    }
    var application = Application(comparison, wait: wait)
    return try application.carryOut()
  }
}

/// What the files of a node say, beside what its machine has.
struct Comparison {
  let deployment: Deployment
  let changes: [SetupChange]
  let record: Record
  /// Files that are to be replaced, without that of the daemon.
  let files: [Deployment.Place]
  let daemonDiffers: Bool
  let daemonRuns: Bool
  /// Interfaces of tunnels that run and are not started at boot.
  let disabled: [String]
  /// Statements of the daemon's file that the daemon has not read, because an earlier reload failed
  /// for example.
  let unread: [String]

  init(_ deployment: Deployment) throws(Failure) {
    self.deployment = deployment
    let setup = deployment.setup
    switch setup.format {
    case .openwrt:
      throw Failure(
        "\(setup.node) has the format openwrt: there \"./network.sh && service network reload\" "
          + "changes what is different, and nothing else")
    case .nixos:
      throw Failure(
        "\(setup.node) has the format nixos: there \"nixos-rebuild switch\" changes what is "
          + "different")
    case .wgQuick, .networkd, .commands: break
    }
    guard OwnProcess.userID == 0 else { throw Failure("diff and apply need the rights of root") }
    record = Record(of: setup.mesh)
    let running = try Self.running()
    changes = setup.changes(
      from: running, key: deployment.key, now: MonotonicClock.wallMicroseconds() / 1_000_000,
      earlier: (record.interfaces, record.addresses),
      remnants: try Self.remnants(deployment, record))
    var disabled: [String] = []
    for name in setup.tunnels.map({ "\($0.interface)" }) where running.devices[name] != nil {
      if try TunnelUnit(of: name, setup)?.isEnabled == false { disabled.append(name) }
    }
    self.disabled = disabled
    files = deployment.wireGuard.filter(deployment.differs)
    daemonDiffers = deployment.differs(deployment.daemon)
    let answer = try Self.control("show", "config", "--diff")
    daemonRuns = !answer.meansNoDaemon
    unread = daemonDiffers ? [] : Self.unreadStatements(answer)
  }

  /// Interfaces that the mesh has no more, and of which something is left that makes them again.
  private static func remnants(
    _ deployment: Deployment, _ record: Record
  ) throws(Failure) -> Set<String> {
    var names: Set<String> = []
    for name in deployment.setup.gone(record.interfaces) {
      // A unit without a file of ours is ours if it is noted.
      let isOurs = record.interfaces.contains(name)
      let isEnabled = isOurs ? try TunnelUnit(of: name, deployment.setup)?.isEnabled : nil
      if isEnabled == true || !deployment.leftovers(of: name).isEmpty { names.insert(name) }
    }
    return names
  }

  /// Asks the daemon.
  static func control(_ words: String...) throws(Failure) -> Tool.Answer {
    try Tool.answer(["swabelctl", "-c", Deployment.daemonFile] + words)
  }

  private static func unreadStatements(_ answer: Tool.Answer) -> [String] {
    guard answer.status == 0 else { return [] }
    return answer.text.split(separator: "\n").filter { $0.hasPrefix("- ") }
      .map { masked($0.dropFirst(2)) }
  }

  private static func running() throws(Failure) -> RunningNode {
    RunningNode(
      dump: try Tool.run(["wg", "show", "all", "dump"]),
      links: try Tool.run(["ip", "-o", "link", "show"]),
      addresses: try Tool.run(["ip", "-o", "address", "show"]))
  }

  /// What is said of a tunnel that runs until the next boot.
  static let disabledText = "not started at boot"

  /// What is different, one thing a line.
  var lines: [String] {
    var lines = changes.map { "\($0.interface): \($0.text)" }
    lines += disabled.map { "\($0): \(Self.disabledText)" }
    lines += files.map { "file: \($0.target)" }
    if daemonDiffers {
      lines += ["daemon: \(Deployment.daemonFile)"] + daemonLines.map { "  " + $0 }
    }
    if !daemonRuns { lines.append("daemon: it does not run") }
    return lines + unread.map { "daemon: it has not read: \($0)" }
  }

  /// The lines of the daemon's configuration that come and go, without secrets.
  private var daemonLines: [String] {
    func statements(_ path: String) -> [Substring] {
      (Deployment.text(path) ?? "").split(separator: "\n").filter { !$0.hasPrefix("#") }
    }
    let old = statements(Deployment.daemonFile)
    let new = statements(deployment.daemon.source)
    let (oldSet, newSet) = (Set(old), Set(new))
    return old.filter { !newSet.contains($0) }.map { "- " + Self.masked($0) }
      + new.filter { !oldSet.contains($0) }.map { "+ " + Self.masked($0) }
  }

  private static func masked(_ line: Substring) -> String {
    var words = line.split(separator: " ").map(String.init)
    if let place = words.firstIndex(of: "value"), place + 1 < words.count {
      words[place + 1] = "(secret)"
    }
    return words.joined(separator: " ")
  }
}
