import BabelWire

/// What a filter rule is asked about (RFC 8966 Appendix C; babeld's four chains).
public struct FilterSubject: Sendable {
  /// Destination prefix.
  public var destination: Prefix
  /// Source prefix, zero length if none.
  public var source: Prefix
  /// The interface the chain speaks of, if there is one.
  public var interface: InterfaceName?
  /// The neighbour, where the chain has one.
  public var neighbour: IPAddress?
  /// The originating router, where the chain has one.
  public var routerID: RouterID?
  /// Kernel protocol of a redistributed route; nil in other chains and for local addresses.
  public var kernelProtocol: UInt8?
  /// Whether the subject is a local address.
  public var isLocalAddress = false

  /// Makes a subject.
  public init(destination: Prefix, source: Prefix) {
    self.destination = destination
    self.source = source
  }
}

/// Which origins a `redistribute` rule speaks of.
public enum FilterOrigin: Equatable, Sendable {
  /// Neither `proto` nor `local` given: every kernel protocol but 3 ("boot"), no local address.
  case unspecified
  /// Only local addresses.
  case local
  /// Only this kernel protocol.
  case kernelProtocol(UInt8)
  /// `anyproto`, a word of AREDN's fork: every kernel protocol and local addresses.
  case any
}

/// Bounds of a prefix length in the 16-octet terms of ``Prefix/mappedLength``.
public struct LengthRange: Equatable, Sendable {
  /// Least length.
  public var atLeast: Int
  /// Greatest length.
  public var atMost: Int

  /// Everything.
  public static let any = LengthRange(atLeast: 0, atMost: 128)

  /// Makes a range; an empty one (`atLeast > atMost`) matches nothing.
  public init(atLeast: Int, atMost: Int) {
    self.atLeast = atLeast
    self.atMost = atMost
  }

  /// Nothing.
  static let none = LengthRange(atLeast: 1, atMost: 0)

  /// Whether no length of any family is inside.
  var isEmpty: Bool { atLeast > atMost || atMost < 0 || atLeast > 128 }

  func contains(_ length: UInt8) -> Bool { Int(length) >= atLeast && Int(length) <= atMost }
}

/// One rule: all selectors must match; then its actions apply.
public struct FilterRule: Equatable, Sendable {
  /// Restricts to one family.
  public var family: AddressFamily?
  /// The destination equals this prefix or lies inside it.
  public var destination: Prefix?
  /// The destination is in this set.
  public var destinationSet: PrefixSet?
  /// Bounds of the destination's length.
  public var destinationLength = LengthRange.any
  /// The source prefix equals this prefix or lies inside it.
  public var source: Prefix?
  /// The source prefix is in this set.
  public var sourceSet: PrefixSet?
  /// Bounds of the source prefix's length.
  public var sourceLength = LengthRange.any
  /// The neighbour's address.
  public var neighbour: IPAddress?
  /// The originating router.
  public var routerID: RouterID?
  /// The interface.
  public var interface: InterfaceName?
  /// The interface has a name of this form.
  public var interfacePattern: InterfacePattern?
  /// For `redistribute` chains; nil elsewhere.
  public var origin: FilterOrigin?

  /// Added to the metric (`in`, `out`) or used as metric (`redistribute`); infinity denies.
  public var metric = Metric.zero
  /// `redistribute … src-prefix`: announce with this source prefix.
  public var sourcePrefix: Prefix?
  /// `install … table`: the tables that the route is put into; none for that of all other routes.
  public var tables = InstallTables()
  /// `install … pref-src`.
  public var preferredSource: IPAddress?
  /// `install … kernel-metric`.
  public var kernelMetric: UInt32?

  /// Where the rule was written; nil for an implicit rule. See
  /// ``Configuration/description(of:)``.
  public var position: ConfigurationPosition?

  /// A rule that matches everything and allows it.
  public init() {}

  /// The first of ``tables``, which stands for all where one is shown. Setting it makes it the only
  /// one.
  public var table: UInt32? {
    get { tables.first }
    set { tables = newValue.map { InstallTables($0) } ?? InstallTables() }
  }

  /// Whether another rule says the same, wherever it was written.
  func saysTheSame(as other: FilterRule) -> Bool {
    var copy = other
    copy.position = position
    return copy == self
  }

  /// Whether another rule is for the same, whatever it says of it.
  fileprivate func isForTheSame(as other: FilterRule) -> Bool {
    var copy = other
    copy.metric = metric
    copy.sourcePrefix = sourcePrefix
    copy.tables = tables
    copy.preferredSource = preferredSource
    copy.kernelMetric = kernelMetric
    return copy.saysTheSame(as: self)
  }

  /// Whether every selector matches.
  public func matches(_ subject: FilterSubject) -> Bool {
    if let destination, !destination.contains(subject.destination) { return false }
    return othersMatch(subject)
  }

  /// Whether every selector but ``destination`` matches.
  func othersMatch(_ subject: FilterSubject) -> Bool {
    if let family, subject.destination.family != family { return false }
    if let source, !source.contains(subject.source) { return false }
    guard destinationLength.contains(subject.destination.mappedLength),
      sourceLength.contains(subject.source.mappedLength)
    else { return false }
    if let neighbour, subject.neighbour != neighbour { return false }
    if let routerID, subject.routerID != routerID { return false }
    if let interface, subject.interface != interface { return false }
    if let interfacePattern {
      guard let name = subject.interface, interfacePattern.matches(name) else { return false }
    }
    if let destinationSet, !destinationSet.contains(subject.destination) { return false }
    if let sourceSet, !sourceSet.contains(subject.source) { return false }
    guard let origin else { return true }
    return switch origin {
    case .unspecified: !subject.isLocalAddress && subject.kernelProtocol != 3
    case .local: subject.isLocalAddress
    case .kernelProtocol(let number): subject.kernelProtocol == number
    case .any: true
    }
  }
}

/// The rules of one chain, in order; the first match decides.
public struct FilterChain: Equatable, Sendable {
  /// The rules.
  public var rules: [FilterRule] {
    didSet { index = nil }
  }

  /// What makes ``firstMatch(_:)`` fast; nil until ``prepare()``.
  private var index: RuleIndex?

  /// Most rules: a row of the tables names the one that let it pass by a number of 16 bits.
  static let ruleLimit = 65_535

  /// Makes a chain.
  public init(_ rules: [FilterRule] = []) { self.rules = rules }

  /// Whether both have the same rules, written in the same places.
  public static func == (a: FilterChain, b: FilterChain) -> Bool { a.rules == b.rules }

  /// Fewer rules than this are tried one after another.
  private static let fewest = 8

  /// Makes ``firstMatch(_:)`` fast if there are many rules. Until rules change again, a match takes
  /// a look into a hash table for each length that the rules' prefixes have, and one at each rule
  /// without a prefix.
  public mutating func prepare() {
    guard index == nil, rules.count >= Self.fewest else { return }
    index = RuleIndex(rules)
  }

  /// Whether another chain has the same rules in the same order, wherever they were written.
  package func saysTheSame(as other: FilterChain) -> Bool {
    rules.count == other.rules.count
      && rules.indices.allSatisfy { rules[$0].saysTheSame(as: other.rules[$0]) }
  }

  /// Most comparisons of rules in ``places(in:)``: chains may have tens of thousands.
  private static let comparisonLimit = 1_000_000

  /// Where each rule stands in another chain, by what it says; nil if it is not there. Where both
  /// chains are long and differ in many places, rules between the first and the last difference are
  /// not looked for.
  package func places(in other: FilterChain) -> [Int?] {
    let (old, new) = (rules, other.rules)
    let shorter = min(old.count, new.count)
    var start = 0
    while start < shorter, old[start].saysTheSame(as: new[start]) { start += 1 }
    var end = 0
    while end < shorter - start,
      old[old.count - 1 - end].saysTheSame(as: new[new.count - 1 - end])
    {
      end += 1
    }
    let middle = start..<(new.count - end)
    let isSearched = (old.count - start - end) * middle.count <= Self.comparisonLimit
    return old.indices.map { index in
      if index < start { return index }
      if index >= old.count - end { return new.count - (old.count - index) }
      return isSearched ? middle.first { new[$0].saysTheSame(as: old[index]) } : nil
    }
  }

  /// The same, but a rule that is not there has a successor if another one allows what it was for.
  func successors(in other: FilterChain) -> [Int?] {
    let places = places(in: other)
    let missing = places.count { $0 == nil }
    guard missing > 0, missing * other.rules.count <= Self.comparisonLimit else { return places }
    return rules.indices.map { index in
      places[index]
        ?? other.rules.firstIndex {
          !$0.metric.isInfinite && $0.isForTheSame(as: rules[index])
        }
    }
  }

  /// The number of the first rule that matches, nil if none does. Not inlined: it is large, and
  /// asked from many places.
  @inline(never)
  public func firstMatch(_ subject: FilterSubject) -> Int? {
    if let index {
      return index.first(for: subject.destination) { rules[$0].matches(subject) }
    }
    for number in 0..<rules.count {
      // Most rules are for other destinations. To ask the whole rule would copy it first.
      if let prefix = rules[number].destination, !prefix.contains(subject.destination) { continue }
      if rules[number].othersMatch(subject) { return number }
    }
    return nil
  }
}

/// The four chains.
public struct FilterSet: Equatable, Sendable {
  /// Each received Update; no match: accept, add nothing.
  public var input = FilterChain()
  /// Each Update sent; no match: send, add nothing.
  public var output = FilterChain()
  /// Kernel routes and local addresses; no match: not redistributed.
  public var redistribute = FilterChain()
  /// Each kernel change; no match: install.
  public var install = FilterChain()

  /// Empty chains with babeld's implicit last rule `redistribute local allow`.
  public init() {
    var local = FilterRule()
    local.origin = .local
    redistribute.rules.append(local)
  }

  /// The same chains, prepared for many questions; see ``FilterChain/prepare()``.
  func prepared() -> FilterSet {
    var copy = self
    copy.input.prepare()
    copy.output.prepare()
    copy.redistribute.prepare()
    copy.install.prepare()
    return copy
  }

  /// The chain of a name.
  subscript(_ name: FilterChainName) -> FilterChain {
    get {
      switch name {
      case .input: input
      case .output: output
      case .redistribute: redistribute
      case .install: install
      }
    }
    set {
      switch name {
      case .input: input = newValue
      case .output: output = newValue
      case .redistribute: redistribute = newValue
      case .install: install = newValue
      }
    }
  }

  /// Appends to ``redistribute``, before the implicit last rule.
  public mutating func appendRedistribute(_ rule: FilterRule) {
    redistribute.rules.insert(rule, at: max(redistribute.rules.count - 1, 0))
  }
}

extension Configuration {
  /// Moves the rule that was added last to another place of its chain, numbered from 1. False if
  /// there is no such place.
  public mutating func moveLastRule(of name: FilterChainName, to number: Int) -> Bool {
    var rules = filters[name].rules
    // Behind the last rule of `redistribute` stands the one that nobody wrote.
    let last = rules.count - (name == .redistribute && rules.last?.position == nil ? 2 : 1)
    guard rules.indices.contains(last), number >= 1, number <= last + 1 else { return false }
    let rule = rules.remove(at: last)
    rules.insert(rule, at: number - 1)
    filters[name] = FilterChain(rules)
    return true
  }

  /// Removes the rule with a number from 1. False if there is none, or nobody wrote it.
  public mutating func removeRule(_ number: Int, of name: FilterChainName) -> Bool {
    var rules = filters[name].rules
    // The implicit last rule of `redistribute` was written by nobody, so nobody can remove it.
    guard number >= 1, number <= rules.count, rules[number - 1].position != nil else {
      return false
    }
    rules.remove(at: number - 1)
    filters[name] = FilterChain(rules)
    return true
  }

  /// Most rules of `redistribute` that the socket can add to: each is compared with each kernel
  /// route.
  private static let redistributeLimit = 1000

  /// Takes a `redistribute` rule from the socket; false if there are too many. One that says what
  /// another says already is not kept: AREDN's scripts repeat theirs whenever a link comes up.
  public mutating func appendFromSocket(_ rule: FilterRule) -> Bool {
    var rule = rule
    let isKnown = filters.redistribute.rules.contains {
      rule.position = $0.position
      return $0 == rule
    }
    if isKnown { return true }
    guard filters.redistribute.rules.count < Self.redistributeLimit else { return false }
    let name = Self.clientSource
    let source = sources.firstIndex(of: name) ?? sources.count
    if source == sources.count { sources.append(name) }
    rule.position = ConfigurationPosition(source: source, line: 1, column: 1)
    filters.appendRedistribute(rule)
    return true
  }
}
