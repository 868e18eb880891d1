import BabelKernel
import MeshPlan

extension Request {
  /// How a command ended that did not fail; the number is the exit status.
  enum Result: Int32 {
    case done = 0
    /// Something could not be done, and it was said; or it was done and could not be said.
    case partly = 1
    /// There is a difference.
    case different = 3
  }

  /// Does what is asked for.
  func carryOut() throws(Failure) -> Result {
    switch command {
    case .help: try Console.give(Usage.help)
    case .version: try Console.give(Usage.version)
    case .initialise: try initialise()
    case .check: try check()
    case .write:
      // A list with a mistake leaves no trace.
      _ = try readList()
      let folder = StateFolder(path: state)
      try folder.prepare()
      try folder.whileLocked { () throws(Failure) in try write() }
    case .show: try show()
    case .rekey(let node): try withKnownNode(node) { () throws(Failure) in try rekey(node) }
    case .remove(let node):
      try withKnownNode(node, orInvited: true) { () throws(Failure) in try remove(node) }
    case .diff(let node): return try diff(node)
    case .apply(let node, let wait): return try apply(node, wait: wait)
    case .invite(let node, let seconds): try invite(node, for: seconds)
    case .join(let token, let keyPath): try join(token, keyPath: keyPath)
    case .accept(let answer): try accept(answer)
    }
    return .done
  }

  private func initialise() throws(Failure) {
    do throws(KernelError) {
      try FileSystem.createExclusively(list, Array(Usage.example.utf8))
    } catch {
      throw Failure(error)
    }
    Console.say("written \(list); change it, then: swabelmesh check")
  }

  private func check() throws(Failure) {
    let draft = try Draft(of: self, keepsKeys: false)
    for line in draft.news { Console.say("write would add: \(line)") }
    for line in draft.remarks { Console.complain("warning: \(line)") }
    Console.say("\(list) is valid; \(draft.summary)")
  }

  private func write() throws(Failure) {
    let draft = try Draft(of: self, keepsKeys: true)
    let files = draft.files
    let folder = OutputFolder(path: output)
    try folder.checkPlaces(files)
    if draft.state != draft.former { try StateFolder(path: state).write(draft.state) }
    for line in draft.news { Console.say("new: \(line)") }
    let outcome = try folder.write(files)
    for line in draft.remarks { Console.complain("warning: \(line)") }
    for place in outcome.written { Console.say("written: \(output)/\(place)") }
    for place in outcome.removed { Console.say("removed: \(output)/\(place)") }
    Console.say(
      "\(draft.summary); files written: \(outcome.written.count), removed: "
        + "\(outcome.removed.count), unchanged: \(outcome.unchanged)")
  }

  private func show() throws(Failure) {
    let draft = try Draft(of: self, keepsKeys: false)
    guard draft.news.isEmpty else {
      throw Failure(
        "the list has what the state has not: \(draft.news[0]); first: swabelmesh write")
    }
    for line in draft.remarks { Console.complain("warning: \(line)") }
    var lines = ["mesh \(draft.list.name); \(draft.summary)"]
    for plan in draft.plans { lines += [""] + plan.overview }
    try Console.give(lines.joined(separator: "\n"))
  }

  private func rekey(_ name: String) throws(Failure) {
    let folder = StateFolder(path: state)
    var kept = try knownState(folder, with: name)
    let number = kept.nodes[name]?.keyNumber ?? 0
    var chance = KernelChance()
    var key: WireGuardKey?
    if number > 0 {
      // What an earlier attempt left counts, because a key is never overwritten.
      key = try folder.privateKey(of: name, number + 1)
      if key == nil {
        let new = WireGuardKey.randomPrivate(using: &chance)
        try folder.keep(new, of: name, number + 1)
        key = new
      }
    }
    kept.renewKeys(of: name, publicKey: key?.publicKey, using: &chance)
    try folder.write(kept)
    if number > 0 {
      Console.say("node \(name) and its tunnels have new keys; now: swabelmesh write")
    } else if kept.nodes[name]?.hasJoined == true {
      Console.say(
        "the tunnels of node \(name) have new keys; it keeps its private key to itself: for a new "
          + "one invite it again; now: swabelmesh write")
    } else {
      Console.say(
        "the tunnels of node \(name) have new keys; it keeps its private key to itself, so make a "
          + "new one there, put the public one into the list, and: swabelmesh write")
    }
    Console.say(
      "then, with the new files: swabelmesh apply on its neighbours, which wait for it, and last "
        + "on \(name)")
  }

  private func remove(_ name: String) throws(Failure) {
    let folder = StateFolder(path: state)
    var kept = try knownState(folder, with: name, orInvited: true)
    guard try readList().node(named: name) == nil else {
      throw Failure("node \(name) is in the list; first delete its lines from \(list)")
    }
    let number = kept.nodes[name]?.keyNumber ?? 0
    kept.forget(name)
    try folder.write(kept)
    Console.say("node \(name) is forgotten, with its ports and the keys of its tunnels")
    if number > 0 {
      Console.say(
        "its private key is left in \(folder.keyPath(of: name, number)); a new node \(name) gets "
          + "another one")
    }
  }

  /// Does something with a node that the state knows, while nobody else changes the state.
  private func withKnownNode(
    _ name: String, orInvited: Bool = false, _ work: () throws(Failure) -> Void
  ) throws(Failure) {
    let folder = StateFolder(path: state)
    _ = try knownState(folder, with: name, orInvited: orInvited)
    try folder.whileLocked(work)
  }

  /// The state, if it knows the node; with `orInvited` also if the node has only been invited.
  private func knownState(
    _ folder: StateFolder, with name: String, orInvited: Bool = false
  ) throws(Failure) -> MeshState {
    guard let state = try folder.readState(),
      state.nodes[name] != nil || orInvited && state.invitations[name] != nil
    else {
      throw Failure("\(folder.path) knows no node \(name)")
    }
    return state
  }

  /// The list.
  func readList() throws(Failure) -> MeshList {
    let octets: [UInt8]
    do throws(KernelError) {
      octets = try FileSystem.read(list, limit: MeshList.fileLimit)
    } catch {
      if error.errno == ErrorNumber.noEntry {
        throw Failure("there is no \(list); \"swabelmesh init\" writes an example of one")
      }
      throw Failure(error)
    }
    do throws(TextError) {
      return try MeshListParser.parse(octets, file: list)
    } catch {
      throw Failure(error.description)
    }
  }
}
