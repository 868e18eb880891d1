import BabelKernel

/// A program that is to be run, or runs.
struct HookErrand {
  /// The path of the program.
  let program: [UInt8]
  /// The word of the event.
  let event: String
  /// What it is about, such as a neighbour. Of several errands of a program about one thing the
  /// last one counts, and they never run at the same time.
  let subject: [UInt8]
  /// What the program is told, as assignments of its environment.
  let facts: [[UInt8]]

  fileprivate var key: HookKey { HookKey(program: program, subject: subject) }
}

/// A program and what it is told of.
private struct HookKey: Hashable {
  let program: [UInt8]
  let subject: [UInt8]
}

/// Runs the programs of hooks: a few at a time, and not too often. It never waits for one.
final class HookRunner {
  /// Programs that run at the same time.
  static let runningLimit = 4
  /// Errands that wait, one for each program and thing; a newcomer beyond that is dropped.
  static let waitingLimit = 4096
  /// Microseconds after which a program is ended.
  static let patience: Int64 = 30_000_000
  /// Programs that are started in quick succession…
  private static let burst = 10
  /// …and microseconds until another one may be.
  private static let spacing: Int64 = 1_000_000

  /// What an operator is told.
  enum Remark: Equatable {
    /// A program could not be started.
    case notStarted(program: [UInt8], KernelError)
    /// It ended with another status than 0.
    case failed(program: [UInt8], status: Int32)
    /// It was ended by a signal, perhaps by us because it took too long.
    case killed(program: [UInt8], signal: Int32)
    /// There was no room for an errand.
    case dropped(program: [UInt8])
  }

  private struct Running {
    let id: Int32
    let errand: HookErrand
    /// When it is ended.
    var due: Int64
  }

  /// The latest errand of each program about each thing.
  private var waiting: [HookKey: HookErrand] = [:]
  /// Whose turn it is, from ``first`` on. An errand keeps the place of the one it overtakes, so the
  /// program is told of what changes all the time, too.
  private var queue: [HookKey] = []
  private var first = 0
  private var running: [Running] = []
  private var allowance = HookRunner.burst
  /// Up to when the allowance is counted.
  private var countedUntil: Int64 = 0
  /// Neighbours that can be used, by their keys.
  private var neighbours: Set<UInt64> = []
  /// Interfaces that Babel runs on, by their names.
  private var interfaces: Set<[UInt8]> = []
  private var hasDefault = (ipv4: false, ipv6: false)
  private var past = HookPast()

  /// Nothing runs.
  init() {}

  // MARK: What is known of the network

  /// Notes whether a neighbour can be used. Returns whether that is new.
  func setNeighbour(_ id: UInt64, isUp: Bool) -> Bool {
    isUp ? neighbours.insert(id).inserted : neighbours.remove(id) != nil
  }

  /// Notes whether Babel runs on an interface. Returns whether that is new.
  func setInterface(_ name: [UInt8], isUp: Bool) -> Bool {
    isUp ? interfaces.insert(name).inserted : interfaces.remove(name) != nil
  }

  /// Notes whether there is a default route. Returns whether that is new.
  func setDefault(isIPv4: Bool, isThere: Bool) -> Bool {
    let before = isIPv4 ? hasDefault.ipv4 : hasDefault.ipv6
    if isIPv4 { hasDefault.ipv4 = isThere } else { hasDefault.ipv6 = isThere }
    return before != isThere
  }

  /// Takes note of a change of a thing, and returns how long the state before lasted and how often
  /// the thing was lost.
  func note(_ subject: [UInt8], isLoss: Bool, at now: Int64) -> HookPast.Account {
    past.note(subject, isLoss: isLoss, at: now)
  }

  // MARK: Errands

  /// Errands that wait.
  var waitingCount: Int { waiting.count }

  /// When something is to be done without an event, in microseconds; nil if nothing is.
  var deadline: Int64? {
    var earliest: Int64?
    for program in running { earliest = min(earliest ?? program.due, program.due) }
    if allowance == 0, hasStartable {
      let due = countedUntil + Self.spacing
      earliest = min(earliest ?? due, due)
    }
    return earliest
  }

  /// Whether an errand waits for nothing but the allowance.
  private var hasStartable: Bool {
    running.count < Self.runningLimit && queue[first...].contains { !isHeld($0) }
  }

  private func isHeld(_ key: HookKey) -> Bool { running.contains { $0.errand.key == key } }

  /// Plans to run a program. One that waits with older news of the same thing need not run.
  func add(_ errand: HookErrand) -> Remark? {
    let key = errand.key
    guard waiting.updateValue(errand, forKey: key) == nil else { return nil }
    guard waiting.count <= Self.waitingLimit else {
      waiting[key] = nil
      return .dropped(program: errand.program)
    }
    queue.append(key)
    return nil
  }

  /// The errand whose turn it is; none about a thing that a program is being told of already.
  private func next() -> HookErrand? {
    guard let index = queue[first...].firstIndex(where: { !isHeld($0) }) else { return nil }
    let key = queue[index]
    // Those before it are few: a place for each program that runs.
    for place in stride(from: index, to: first, by: -1) { queue[place] = queue[place - 1] }
    first += 1
    if first * 2 > queue.count {
      queue.removeSubrange(0..<first)
      first = 0
    }
    return waiting.removeValue(forKey: key)
  }

  /// Starts what may be started, and ends what has run for too long.
  func run(at now: Int64) -> [Remark] {
    for index in running.indices where running[index].due <= now {
      ChildProcess.end(running[index].id)
      // The kernel tells soon that it has ended.
      running[index].due = now + Self.patience
    }
    guard !waiting.isEmpty else { return [] }
    let earned = (now - countedUntil) / Self.spacing
    if earned >= Int64(Self.burst - allowance) {
      (allowance, countedUntil) = (Self.burst, now)
    } else {
      allowance += Int(earned)
      countedUntil += earned * Self.spacing
    }
    var remarks: [Remark] = []
    while allowance > 0, running.count < Self.runningLimit, let errand = next() {
      allowance -= 1
      if let remark = start(errand, at: now) { remarks.append(remark) }
    }
    return remarks
  }

  private func start(_ errand: HookErrand, at now: Int64) -> Remark? {
    let always = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    let environment = always.map { Array($0.utf8) } + errand.facts
    do throws(KernelError) {
      let id = try ChildProcess.start(
        errand.program, [Array(errand.event.utf8)], environment: environment)
      running.append(Running(id: id, errand: errand, due: now + Self.patience))
      return nil
    } catch {
      return .notStarted(program: errand.program, error)
    }
  }

  /// Takes note of programs that have ended.
  func reap() -> [Remark] {
    var remarks: [Remark] = []
    while let (id, ending) = ChildProcess.reap() {
      // Others are children of an earlier life of this process.
      guard let index = running.firstIndex(where: { $0.id == id }) else { continue }
      let program = running.remove(at: index).errand.program
      switch ending {
      case .exited(0): break
      case .exited(let status): remarks.append(.failed(program: program, status: status))
      case .killed(let signal): remarks.append(.killed(program: program, signal: signal))
      }
    }
    return remarks
  }
}
