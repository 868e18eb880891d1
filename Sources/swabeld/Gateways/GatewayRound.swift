import BabelCore
import BabelKernel
import BabelWire

/// One round of the probes of a gateway, asked at the same time.
final class GatewayRound {
  private struct Question {
    let text: String
    let probe: UplinkProbe
    var outcome: UplinkProbe.Outcome
    var place = -1
  }

  /// When it began.
  let begin: Instant
  /// When whoever has not answered does not count any more.
  let due: Instant
  private let needed: Int
  private var questions: [Question] = []
  /// Microseconds until the first answer; nil if there is none.
  private(set) var firstAnswer: Int64?

  /// Asks all questions of a gateway. Throws what keeps this machine from asking at all; that the
  /// interface is missing is an outcome.
  init(_ gateway: Gateway, at now: Instant) throws(KernelError) {
    begin = now
    due = now + Int64(gateway.effectivePatience) * 1000
    needed = gateway.needed
    let way = ProbeWay(interface: gateway.interface, mark: gateway.mark)
    for probe in gateway.probes {
      let text = String(decoding: probe.text, as: UTF8.self)
      do throws(KernelError) {
        let asked = try UplinkProbe(Self.question(probe.kind), to: probe.address, through: way)
        questions.append(Question(text: text, probe: asked, outcome: asked.begin()))
      } catch {
        guard error.errno == ErrorNumber.noDevice else { throw error }
        // Without the interface nobody can be asked.
        (fault, lacksInterface) = ("there is no interface \(gateway.interface)", true)
        return
      }
    }
  }

  /// What is wrong if nobody could be asked; nil else.
  private var fault: String?
  /// Whether that is because its interface does not exist.
  private(set) var lacksInterface = false

  private static func question(_ kind: GatewayProbe.Kind) -> UplinkProbe.Question {
    switch kind {
    case .icmp: .icmp
    case .tcp(let port): .tcp(port)
    case .http(let port, let path): .http(port, path: path)
    case .dns(let name): .dns(name)
    }
  }

  /// Lets the loop wait for answers.
  func addInterests(to poll: inout PollSet) {
    for index in questions.indices where questions[index].outcome == .waiting {
      questions[index].place = questions[index].probe.addInterest(to: &poll)
    }
  }

  /// Goes on with what the poll set says is possible.
  func serve(_ poll: borrowing PollSet, at now: Instant) {
    for index in questions.indices where questions[index].outcome == .waiting {
      let place = questions[index].place
      guard place >= 0, poll.isReadable(place) || poll.isWritable(place) else { continue }
      questions[index].place = -1
      questions[index].outcome = questions[index].probe.proceed()
      if questions[index].outcome == .answered, firstAnswer == nil { firstAnswer = now - begin }
    }
  }

  /// Whether the round is good or bad; nil if that is open.
  func verdict(at now: Instant) -> Bool? {
    if fault != nil { return false }
    let good = questions.filter { $0.outcome == .answered }.count
    if good >= needed { return true }
    let open = questions.filter { $0.outcome == .waiting }.count
    return good + open < needed || due <= now ? false : nil
  }

  /// What is wrong with each question that was not answered, for an operator.
  var faults: String {
    if let fault { return fault }
    var text = ""
    for question in questions where question.outcome != .answered {
      if !text.utf8.isEmpty { text += "; " }
      var reason =
        question.probe.rumour.map { "no answer, and the network says: \($0)" } ?? "no answer"
      if case .failed(let words) = question.outcome { reason = words }
      text += "\(question.text): \(reason)"
    }
    return text
  }
}
