import BabelCore
import BabelKernel
import BabelWire

/// A request to see what happened.
enum EventsRequest: Equatable {
  /// `show events`, perhaps of one neighbour, interface or prefix.
  case show(EventFilter)
  /// `events --follow`: whatever happens from now on.
  case follow

  /// Reads a request; nil if it is another one.
  init?(_ request: [UInt8]) {
    let words = RequestLines.words(request)
    func isWord(_ index: Int, _ text: String) -> Bool { words[index].elementsEqual(text.utf8) }
    if words.count == 2, isWord(0, "events"), isWord(1, "--follow") {
      self = .follow
      return
    }
    guard words.count == 2 || words.count == 4, isWord(0, "show"), isWord(1, "events") else {
      return nil
    }
    guard words.count == 4 else {
      self = .show(.all)
      return
    }
    let value = Array(words[3])
    if isWord(2, "neighbour"), let address = IPAddress(octets: value) {
      self = .show(.neighbour(address))
    } else if isWord(2, "interface"), let name = InterfaceName(octets: value) {
      self = .show(.interface(name))
    } else if isWord(2, "prefix"), let prefix = Prefix(String(decoding: value, as: UTF8.self)) {
      self = .show(.prefix(prefix))
    } else {
      return nil
    }
  }
}

extension Daemon {
  /// Takes what the node tells into the history.
  func remember(_ notice: Notice) {
    switch notice {
    case .neighbourChanged, .neighbourHealed, .routesChanged: tell(history.take(notice, at: .now))
    case .interface, .neighbour, .originated, .route, .packetDropped, .packetUnverified,
      .senderAuthenticated, .tlvIgnored, .neighbourRestarted, .limitReached, .seqnoIncreased,
      .recovered, .starving:
      break
    }
  }

  /// Takes the state of an interface into the history.
  func remember(_ name: InterfaceName, _ change: InterfaceConditionChange) {
    tell(
      history.interface(
        name, was: change.former?.word, now: change.now.word, isUp: change.now == .up,
        at: .now))
  }

  /// Takes a verdict on a gateway into the history.
  func remember(_ change: GatewayChange) { tell(history.gateway(change, at: .now)) }

  /// Takes a problem into the history, or its end after so many microseconds. It was found, or seen
  /// last, at that time.
  func remember(_ problem: Problem, lasted: Int64?, at instant: Instant) {
    tell(history.problem(problem, lasted: lasted, at: .now.back(to: instant)))
  }

  /// Tells of events that waited.
  func settleHistory() {
    if let due = history.deadline, due <= MonotonicClock.microseconds() {
      tell(history.settle(at: .now))
    }
  }

  private func tell(_ lines: [UInt8]) {
    if !lines.isEmpty { server?.tellFollowers(lines, log) }
  }

  /// Executes a request.
  func answer(to request: EventsRequest) -> ControlAnswer {
    switch request {
    case .show(let filter):
      tell(history.tellRoutes(at: .now))
      let lines = history.lines(filter, at: .now)
      return .lines(String(decoding: lines, as: UTF8.self) + "ok\n")
    case .follow: return .follow
    }
  }
}
