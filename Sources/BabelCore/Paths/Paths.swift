import BabelWire

// Before editing, read docs/path-tlvs.md.

/// Questions for the way of packets: those of our own operator that are under way, and whom the
/// answers to those of others go to.
///
/// Everything is bounded: a flood of requests costs a bounded number of packets a second and no
/// memory.
struct Paths {
  /// Questions that this node may ask at a time.
  static let questionLimit = 4
  /// A request crosses so many links at most.
  static let hopLimit: UInt8 = 32
  /// Requests that are remembered.
  private static let memory = 64
  /// How long they are remembered, in microseconds.
  private static let memoryTime: Int64 = 5_000_000
  /// Requests in one second that are taken from one neighbour, and from all together.
  private static let neighbourRate = 8
  private static let rate = 16
  /// How long an answer is waited for before the request is repeated, and how often it is sent.
  private static let patience: Int64 = 700_000
  private static let tries = 3

  /// A request of a neighbour that was passed on, or answered.
  private struct Passed {
    let nonce: UInt32
    let asker: PathPlace
    let hop: UInt8
    let at: Instant
    /// Who was asked in turn; nil if nobody.
    var next: PathPlace?
    var repliesLeft = Paths.hopLimit
    /// The asker was told that the request came twice.
    var isKnownAsCircle = false
  }

  /// A question of our own.
  struct Question {
    let id: PathID
    let destination: IPAddress
    let source: Prefix
    fileprivate(set) var nonce: UInt32
    /// The neighbour that was asked.
    fileprivate(set) var next: PathPlace
    /// The last hop that is known.
    fileprivate(set) var last: PathHop
    fileprivate(set) var triesLeft = Paths.tries - 1
    fileprivate(set) var deadline: Instant
  }

  private var passed: [Passed] = []
  private(set) var own: [Question] = []
  private var nextID: UInt32 = 1

  // MARK: Our own questions

  /// When somebody has to be asked again, or a question ends.
  var firstDeadline: Instant? {
    var first: Instant?
    for question in own { first = min(first ?? question.deadline, question.deadline) }
    return first
  }

  /// A new name for a question; nil if too many are under way.
  mutating func name() -> PathID? {
    guard own.count < Self.questionLimit else { return nil }
    defer { nextID &+= 1 }
    return PathID(rawValue: nextID)
  }

  /// A neighbour was asked.
  mutating func begin(
    _ id: PathID, _ request: PathRequest, at place: PathPlace, _ first: PathHop, _ now: Instant
  ) {
    own.append(
      Question(
        id: id, destination: request.destination, source: request.source, nonce: request.nonce,
        next: place, last: first, deadline: now + Self.patience))
  }

  /// A question whose answer has not come in time; nil if there is none.
  func overdue(at now: Instant) -> Question? { own.first { $0.deadline <= now } }

  /// A neighbour was asked again.
  mutating func again(_ id: PathID, nonce: UInt32, at place: PathPlace, _ now: Instant) {
    guard let index = own.firstIndex(where: { $0.id == id }) else { return }
    own[index].nonce = nonce
    own[index].next = place
    own[index].triesLeft -= 1
    own[index].deadline = now + Self.patience
  }

  /// Nobody waits for the answer any more.
  mutating func end(_ id: PathID) { own.removeAll { $0.id == id } }

  // MARK: Requests of others

  /// What becomes of a request.
  enum Admission {
    /// It is answered, and passed on.
    case admitted
    /// It was here before: its sender is told, once.
    case circle
    /// It is dropped.
    case refused
  }

  /// Takes a request of a neighbour.
  mutating func admit(
    _ request: PathRequest, from asker: PathPlace, at now: Instant
  ) -> Admission {
    passed.removeAll { now - $0.at >= Self.memoryTime }
    if let index = passed.firstIndex(where: { $0.nonce == request.nonce }) {
      guard !passed[index].isKnownAsCircle else { return .refused }
      passed[index].isKnownAsCircle = true
      return .circle
    }
    let lately = passed.filter { now - $0.at < 1_000_000 }
    guard lately.count < Self.rate,
      lately.reduce(0, { $0 + ($1.asker == asker ? 1 : 0) }) < Self.neighbourRate
    else { return .refused }
    if passed.count >= Self.memory { passed.removeFirst() }
    var entry = Passed(nonce: request.nonce, asker: asker, hop: request.hop, at: now)
    // Our own question has come back.
    entry.isKnownAsCircle = own.contains { $0.nonce == request.nonce }
    passed.append(entry)
    return entry.isKnownAsCircle ? .circle : .admitted
  }

  /// Notes whom a request was passed on to: only this one may answer.
  mutating func pass(_ nonce: UInt32, to next: PathPlace) {
    guard let index = passed.firstIndex(where: { $0.nonce == nonce }) else { return }
    passed[index].next = next
  }

  // MARK: Replies

  /// What becomes of a reply.
  enum Delivery {
    /// It is passed on to who asked.
    case relay(PathPlace)
    /// It tells of a question of our own.
    case own(PathID, PathHop)
    /// Nobody asked for it.
    case unwanted
  }

  /// Takes a reply of a neighbour.
  mutating func take(_ reply: PathReply, from sender: PathPlace, at now: Instant) -> Delivery {
    guard reply.hop <= Self.hopLimit else { return .unwanted }
    if let index = own.firstIndex(where: {
      $0.nonce == reply.nonce && $0.next == sender && $0.last.number < Int(reply.hop)
    }) {
      let hop = PathHop(number: Int(reply.hop), routerID: reply.routerID, step: reply.step)
      own[index].last = hop
      own[index].triesLeft = Self.tries - 1
      own[index].deadline = now + Self.patience
      let id = own[index].id
      if hop.step.status.isEnd { end(id) }
      return .own(id, hop)
    }
    guard
      let index = passed.firstIndex(where: {
        $0.nonce == reply.nonce && $0.next == sender && $0.hop < reply.hop
          && now - $0.at < Self.memoryTime
      }), passed[index].repliesLeft > 0
    else { return .unwanted }
    passed[index].repliesLeft -= 1
    return .relay(passed[index].asker)
  }
}
