import BabelCore
import BabelWire

/// A problem that operators are told of: it is there, or it is over.
enum ProblemNews {
  /// It has lasted for so long that it is told.
  case found(Problem)
  /// It was told, and is over after so many microseconds; it was there last at that time.
  case over(Problem, lasted: Int64, at: Instant)
}

/// Which problems operators were told of. What is found every few seconds is compared with these:
/// one that lasts becomes news, and so does the end of one that was told.
struct ProblemWatch {
  /// Microseconds between two searches for problems.
  static let spacing: Int64 = 3_000_000
  /// Microseconds after which problems are searched for even if nothing happens.
  static let longestPause: Int64 = 30_000_000
  /// Microseconds for which a problem that was told is not found any more before it is over.
  static let calm: Int64 = 10_000_000
  /// Microseconds after its end in which the same problem is not told again.
  static let silence: Int64 = 60_000_000
  /// Most problems of one kind that are followed: many of one must not push out those of another.
  static let limitOfKind = 24
  /// Destinations that are looked at in one slice of a survey, and microseconds between slices.
  static let slice = 2048
  static let sliceSpacing: Int64 = 20_000
  /// So many routes can be looked at in one go.
  static let fewRoutes = 20_000

  /// A problem that was found.
  private struct Entry {
    var problem: Problem
    /// Since when it is there.
    var since: Instant
    /// When it was found last.
    var seen: Instant
    var isTold = false
    /// It was not found last time.
    var isAbsent = false
    /// When its end was told last.
    var ended: Instant?
  }

  private var entries: [Entry] = []
  private var searchedAt: Instant?

  /// The last survey of routes that is complete.
  private(set) var survey = RouteSurvey()
  private var walk: RouteSurvey?
  private var surveyedAt: Instant?
  private var surveyDue: Instant?
  /// What the node had judged when the survey began.
  private var judgements: UInt32?

  /// How often limits had refused somebody, and when that was more than before.
  private var fullTables: [(limit: Limit, count: UInt64, changed: Instant)] = []

  // MARK: When

  /// When something is to be done without an event.
  var deadline: Instant {
    // One that is there is to be told, or one that was told may be over.
    let isWaiting = entries.contains { $0.isTold == $0.isAbsent }
    let pause = isWaiting ? Self.spacing : Self.longestPause
    let search = searchedAt.map { $0 + pause } ?? Instant(microseconds: 0)
    return walk == nil ? search : min(search, surveyDue ?? search)
  }

  /// Whether problems are to be searched for now.
  func isSearchDue(at now: Instant) -> Bool {
    searchedAt.map { now - $0 >= Self.spacing } ?? true
  }

  // MARK: Surveys

  /// Looks at some more routes, if some were judged since the last survey. A table of 100,000
  /// destinations takes 50 slices, and is looked at anew after 15 seconds.
  mutating func lookAtRoutes(of node: borrowing BabelNode, at now: Instant) {
    if walk == nil {
      let size = Int64(survey.tally.routes)
      let spacing = Self.spacing + size * 120
      guard judgements != node.routeJudgements,
        surveyedAt.map({ now - $0 >= spacing }) ?? true
      else { return }
      judgements = node.routeJudgements
      surveyedAt = now
      walk = RouteSurvey()
    } else if let due = surveyDue, due > now {
      return
    }
    guard var current = walk else { return }
    if node.continueSurvey(&current, limit: Self.slice) {
      survey = current
      walk = nil
      surveyDue = nil
    } else {
      walk = current
      surveyDue = now + Self.sliceSpacing
    }
  }

  /// What is known of routes: all that is there now, or, where there are many, what the last survey
  /// found. A walk over all of them at once would hold up Hellos.
  func routes(of node: borrowing BabelNode) -> RouteSurvey {
    survey.tally.routes <= Self.fewRoutes ? node.routeSurvey() : survey
  }

  // MARK: Limits

  /// Notes how often a limit has refused somebody. Returns whether it did so within the last
  /// minute.
  mutating func refuses(_ limit: Limit, _ count: UInt64, at now: Instant) -> Bool {
    guard let index = fullTables.firstIndex(where: { $0.limit == limit }) else {
      guard count > 0 else { return false }
      fullTables.append((limit, count, now))
      return true
    }
    if fullTables[index].count != count { fullTables[index] = (limit, count, now) }
    return now - fullTables[index].changed < Self.silence
  }

  // MARK: Rules

  /// The rules that can never match, and of which configuration they are.
  private var dead: [ConfigurationWarning] = []
  private var deadOf: (generation: Int, rules: Int)?

  /// The rules of a configuration that can never match. All are compared with all, so that is done
  /// only if there is a new configuration, or another number of rules.
  mutating func deadRules(
    of configuration: Configuration, _ generation: Int
  ) -> [ConfigurationWarning] {
    let filters = configuration.filters
    let rules =
      filters.input.rules.count + filters.output.rules.count + filters.redistribute.rules.count
      + filters.install.rules.count
    if deadOf?.generation != generation || deadOf?.rules != rules {
      dead = Array(configuration.deadRules().prefix(ProblemList.limitOfKind))
      deadOf = (generation, rules)
    }
    return dead
  }

  // MARK: Refusals of the kernel

  /// Why the kernel does not have what it was asked for.
  private(set) var refusals = Refusals()

  /// The kernel refused an entry.
  mutating func note(_ refusal: Refusals.Refusal) { refusals.note(refusal) }

  /// Forgets refusals that do not count any more.
  mutating func forgetRefusals(where isOver: (Refusals.Refusal) -> Bool) {
    refusals.forget(where: isOver)
  }

  // MARK: Problems

  /// Problems of a kind that were told and are not over.
  func count(of kind: ProblemKind) -> Int {
    entries.reduce(0) { $0 + ($1.isTold && $1.problem.kind == kind ? 1 : 0) }
  }

  /// Takes what was found now. Returns what is to be told.
  mutating func take(_ found: ProblemList, at now: Instant) -> [ProblemNews] {
    searchedAt = now
    var news: [ProblemNews] = []
    for problem in found.all { take(problem, at: now, &news) }
    for index in entries.indices where entries[index].seen < now {
      entries[index].isAbsent = true
      let entry = entries[index]
      guard entry.isTold, now - entry.seen >= Self.calm else { continue }
      entries[index].isTold = false
      entries[index].ended = now
      news.append(.over(entry.problem, lasted: entry.seen - entry.since, at: entry.seen))
    }
    entries.removeAll { entry in
      guard !entry.isTold, entry.isAbsent else { return false }
      return entry.ended.map { now - $0 >= Self.silence } ?? true
    }
    return news
  }

  private mutating func take(_ problem: Problem, at now: Instant, _ news: inout [ProblemNews]) {
    guard let index = entries.firstIndex(where: { $0.problem.isSame(as: problem) }) else {
      let alike = entries.reduce(0) { $0 + ($1.problem.kind == problem.kind ? 1 : 0) }
      guard alike < Self.limitOfKind else { return }
      entries.append(Entry(problem: problem, since: now, seen: now))
      if problem.patience == 0 { tell(entries.count - 1, &news) }
      return
    }
    // One that was over begins anew.
    if entries[index].isAbsent, !entries[index].isTold { entries[index].since = now }
    entries[index].isAbsent = false
    entries[index].problem = problem
    entries[index].seen = now
    let entry = entries[index]
    guard !entry.isTold, now - entry.since >= problem.patience else { return }
    if let ended = entry.ended, now - ended < Self.silence { return }
    tell(index, &news)
  }

  private mutating func tell(_ index: Int, _ news: inout [ProblemNews]) {
    entries[index].isTold = true
    entries[index].ended = nil
    news.append(.found(entries[index].problem))
  }
}
