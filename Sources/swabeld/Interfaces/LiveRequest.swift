import BabelCore
import BabelWire

/// A request that changes the cost of links for a while.
enum LiveRequest: Equatable {
  /// `drain INTERFACE|all [for SECONDS]`; nil stands for all.
  case drain(InterfaceName?, seconds: Int64?)
  /// `undrain INTERFACE|all`.
  case undrain(InterfaceName?)
  /// `neighbour-cost ADDRESS N [for SECONDS]`.
  case neighbourCost(IPAddress, Metric, seconds: Int64?)

  /// Longest time in seconds: a year.
  private static let longest: Int64 = 31_536_000

  /// Reads a request; nil if it is another one, or malformed.
  init?(_ request: [UInt8]) {
    var words = RequestLines.words(request).map { Array($0) }
    guard let first = words.first, words.count >= 2 else { return nil }
    var seconds: Int64?
    if words.count >= 4, Self.equal(words[words.count - 2], "for") {
      guard let number = Self.number(words[words.count - 1]), number > 0, number <= Self.longest
      else { return nil }
      seconds = number
      words.removeLast(2)
    }
    if Self.equal(first, "drain"), words.count == 2, let subject = Self.subject(words[1]) {
      self = .drain(subject, seconds: seconds)
    } else if Self.equal(first, "undrain"), words.count == 2, seconds == nil,
      let subject = Self.subject(words[1])
    {
      self = .undrain(subject)
    } else if Self.equal(first, "neighbour-cost"), words.count == 3,
      let address = IPAddress(octets: words[1]), let cost = Self.number(words[2]),
      (0...65534).contains(cost)
    {
      self = .neighbourCost(address, Metric(UInt16(cost)), seconds: seconds)
    } else {
      return nil
    }
  }

  /// The interface that a word names, nil for all of them; no result if none can have that name.
  private static func subject(_ word: [UInt8]) -> InterfaceName?? {
    if equal(word, "all") { return .some(nil) }
    return InterfaceName(octets: word).map { .some($0) }
  }

  private static func number(_ word: [UInt8]) -> Int64? {
    Int64(String(decoding: word, as: UTF8.self))
  }

  private static func equal(_ word: [UInt8], _ text: String) -> Bool {
    word.elementsEqual(text.utf8)
  }
}

extension Daemon {
  /// Executes a request; returns the lines of the answer.
  func answer(to request: LiveRequest, at now: Instant) -> String {
    var note = ""
    func end(_ seconds: Int64?) -> Instant? { seconds.map { now + $0 * 1_000_000 } }
    switch request {
    case .drain(let name, let seconds):
      if let name, !interfaces.contains(name) { return "no No such interface\n" }
      guard settings.live.drain(name, until: end(seconds)) else { return "no Too many entries\n" }
      let rest = seconds.map { "for \($0) s" } ?? "until somebody ends it"
      tellOfDrain(name, "drained \(rest) (swabelctl undrain \(Self.word(name)))")
    case .undrain(let name):
      guard settings.live.undrain(name) else { return "no That is not drained\n" }
      tellOfDrain(name, "not drained any more: undrain")
    case .neighbourCost(let address, let cost, let seconds):
      guard settings.live.add(cost, to: address, until: end(seconds)) else {
        return "no Too many entries\n"
      }
      if cost > .zero { note = absence(of: address, at: now) }
    }
    applyParameters(at: now)
    return note + "ok\n"
  }

  /// A line for who names an address that no neighbour has at present, with those that there are;
  /// empty if one has it.
  private func absence(of address: IPAddress, at now: Instant) -> String {
    let neighbours = node.neighbours(at: now)
    guard !neighbours.contains(where: { $0.address == address }) else { return "" }
    var text = "note \(address) is no neighbour now, the cost counts once it is one; "
    text += neighbours.isEmpty ? "there are none" : "neighbours are"
    for neighbour in neighbours.prefix(Self.shownNeighbours) {
      text += " \(neighbour.address) (\(neighbour.interface))"
    }
    let rest = neighbours.count - Self.shownNeighbours
    return text + (rest > 0 ? " and \(rest) more\n" : "\n")
  }

  /// Most neighbours that ``absence(of:at:)`` names.
  private static let shownNeighbours = 8

  /// Ends what was asked for until now.
  func endLiveCosts(at now: Instant) {
    guard let ended = settings.live.expire(at: now) else { return }
    for name in ended { tellOfDrain(name, "not drained any more: the time is over") }
    applyParameters(at: now)
  }

  private static func word(_ name: InterfaceName?) -> String { name.map { "\($0)" } ?? "all" }

  private func tellOfDrain(_ name: InterfaceName?, _ text: String) {
    let subject = name.map { "Interface \($0) is" } ?? "All interfaces are"
    log.write(.notice, .interfaces, "\(subject) \(text)")
  }
}
