import BabelKernel

/// Asks the daemon, over one connection, for what a screen shows. All questions of a turn are sent
/// at once, and the answers are taken as they come.
final class ScreenFeed {
  private let session: ClientSession
  /// Questions whose answers have not come completely, in order.
  private var open: [DaemonView.Question] = []
  /// Microseconds that the daemon has for the next piece of an answer.
  private let patience: Int64
  private var deadline: Int64 = .max

  init(_ session: ClientSession, patience: Int64) {
    self.session = session
    self.patience = patience
  }

  /// Whether all has been answered.
  var isAnswered: Bool { open.isEmpty }

  /// When the daemon is given up; nil if nothing is asked.
  var due: Int64? { open.isEmpty ? nil : deadline }

  /// Sends questions.
  func ask(_ questions: [DaemonView.Question]) throws(ClientSession.Failure) {
    deadline = MonotonicClock.microseconds() + patience
    for question in questions {
      open.append(question)
      try session.send(question.line, until: deadline)
    }
  }

  /// Adds what is to be waited for; returns its place.
  func addInterest(to poll: inout PollSet) -> Int { session.addInterest(to: &poll) }

  /// Takes what is there. Throws if the daemon is gone.
  func receive(into view: inout DaemonView) throws(ClientSession.Failure) {
    guard try session.receive(until: MonotonicClock.microseconds() + patience) else {
      throw .closed
    }
    let now = MonotonicClock.microseconds()
    deadline = now + patience
    while let line = session.receivedLine() {
      let question = open.first ?? .follow
      if !open.isEmpty, StatusWord(line) != nil {
        view.end(open.removeFirst(), at: now)
      } else {
        view.take(line, of: question)
      }
    }
  }
}
