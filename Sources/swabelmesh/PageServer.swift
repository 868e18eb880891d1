import BabelKernel
import MeshPicture

/// Serves a page on the loopback interface, which asks for newer data by itself. Clients and
/// daemons are served side by side: none of them is waited for.
final class PageServer {
  private let drawer: PictureDrawer
  private let port: UInt16
  private let listener: LocalListener
  private let token: String
  private let mesh: PageMesh
  /// The oldest first.
  private var connections: [PageConnection] = []
  /// Answers that are as fresh as what is known, by what was asked.
  private var answers: [(request: PageRequest, answer: [UInt8])] = []
  private var answersState = ""

  /// With more clients than this the one that has been idle longest must go.
  private static let connectionLimit = 128
  /// So many are accepted in one turn, so that what they ask is read before they could have to go.
  private static let acceptLimit = 32

  /// Opens the port.
  init(_ drawer: PictureDrawer, port: UInt16) throws(Failure) {
    self.drawer = drawer
    self.port = port
    mesh = PageMesh(drawer.sources)
    token = Entropy.word()
    do throws(KernelError) {
      listener = try LocalListener(port: port)
    } catch {
      throw Failure(error)
    }
  }

  /// Serves until the process is ended. Throws at the start if a file cannot be read or drawn;
  /// daemons need not answer yet.
  func run() throws(Failure) {
    mesh.refresh()
    if let reason = mesh.fileTrouble { throw Failure(reason) }
    if let seen = mesh.last { _ = try drawer.picture(drawer.graph(seen), since: drawer.earlier) }
    Console.say("http://[::1]:\(port)/\(token)/")
    do throws(KernelError) {
      while true { try turn() }
    } catch {
      throw Failure(error)
    }
  }

  private func turn() throws(KernelError) {
    var poll = PollSet()
    var indices: [Int] = []
    for connection in connections {
      indices.append(poll.add(connection.connection.descriptor, connection.interest))
    }
    let listening = listener.addInterest(to: &poll)
    mesh.addInterests(to: &poll)
    let isAwaited = connections.contains { $0.waiting != nil }
    let times =
      connections.map { $0.deadline } + mesh.deadlines + (isAwaited ? [mesh.readyTime] : [])
    _ = try poll.wait(until: times.min())
    for (connection, index) in zip(connections, indices) {
      if connection.interest == .write {
        if poll.isWritable(index) || poll.isHungUp(index) { connection.write() }
      } else if connection.waiting == nil, poll.isReadable(index) {
        take(connection)
      } else if poll.isHungUp(index) {
        connection.drop()
      }
    }
    mesh.advance()
    if poll.isReadable(listening) { try acceptWaiting() }
    let now = MonotonicClock.microseconds()
    if mesh.readyTime <= now {
      for connection in connections {
        if let request = connection.waiting { connection.give(answer(request)) }
      }
    }
    connections.removeAll { $0.isOver || $0.deadline <= now }
  }

  /// Accepts clients, and reads at once what they have said.
  private func acceptWaiting() throws(KernelError) {
    for _ in 0..<Self.acceptLimit {
      guard let newcomer = try listener.accept() else { return }
      connections.removeAll { $0.isOver }
      if connections.count >= Self.connectionLimit {
        connections.remove(at: connections.firstIndex { $0.isIdle } ?? 0)
      }
      let connection = PageConnection(newcomer)
      connections.append(connection)
      take(connection)
    }
  }

  /// Reads what a client says. Whoever may not ask is told so at once; for others the sources are
  /// asked.
  private func take(_ connection: PageConnection) {
    guard let request = connection.read(token: token) else { return }
    guard case .refused(let status, let reason) = request else {
      mesh.refresh()
      connection.wait(for: request)
      return
    }
    connection.refuse(PageRequest.answer(status, type: "text/plain", reason + "\n"))
  }

  /// The answer to a request. What is laid out once serves all until something new is known.
  private func answer(_ request: PageRequest) -> [UInt8] {
    let trouble = mesh.trouble
    let state = "\(mesh.version) \(trouble)"
    if state != answersState { (answers, answersState) = ([], state) }
    if let known = answers.first(where: { $0.request == request }) { return known.answer }
    let made = made(request, trouble)
    answers.append((request, made))
    return made
  }

  private func made(_ request: PageRequest, _ trouble: String) -> [UInt8] {
    do throws(Failure) {
      guard let seen = mesh.last else {
        throw Failure(trouble.isEmpty ? "nobody has answered yet" : trouble)
      }
      let hasChanges = request == .data(hasChanges: true) || drawer.earlier != nil
      let before = hasChanges ? drawer.earlier ?? mesh.first.map(drawer.graph) : nil
      let beforeTime =
        drawer.earlier == nil
        ? mesh.firstTime : drawer.request.earlier.joined(separator: ", ")
      let picture = try drawer.picture(drawer.graph(seen), since: before)
      let data = PageData(
        time: mesh.time, isLive: true, prefix: drawer.request.prefix ?? "",
        since: hasChanges ? beforeTime : "", trouble: trouble)
      if request == .page {
        return PageRequest.answer("200 OK", type: "text/html", PageText.document(picture, data))
      }
      return PageRequest.answer("200 OK", type: "application/json", data.answer(picture))
    } catch {
      return PageRequest.answer(
        "503 Service Unavailable", type: "text/plain", error.description + "\n")
    }
  }
}

/// One client of the page: it asks once, is answered, and goes.
private final class PageConnection {
  let connection: LocalConnection
  /// When it has to be gone.
  private(set) var deadline: Int64
  private(set) var isOver = false
  /// What it has asked for and not been given yet.
  private(set) var waiting: PageRequest?
  private var isEntitled = false
  private var input: [UInt8] = []
  private var output: [UInt8] = []
  private var written = 0

  /// Microseconds that a client has to ask, and those to be answered and take it all.
  private static let patience: Int64 = 4_000_000, answerPatience: Int64 = 10_000_000

  init(_ connection: consuming LocalConnection) {
    self.connection = connection
    deadline = MonotonicClock.microseconds() + Self.patience
  }

  /// Whether nothing is lost if it goes: it has not asked for anything that it may have, or has it.
  var isIdle: Bool { !isEntitled || waiting == nil && written == output.count }

  /// What it waits for; nothing of its own while the sources are asked.
  var interest: PollSet.Interest {
    written < output.count ? .write : waiting == nil ? .read : []
  }

  /// Reads what is there. Returns the request once, when it is complete.
  func read(token: String) -> PageRequest? {
    var buffer = [UInt8](repeating: 0, count: PageRequest.limit)
    do throws(KernelError) {
      switch try connection.read(into: &buffer) {
      case .nothingYet: return nil
      case .closed: isOver = true
      case .octets(let count):
        // Behind an answer nothing counts any more.
        guard output.isEmpty else { return nil }
        input += buffer[..<min(count, PageRequest.limit - input.count)]
        return PageRequest(input, token: token)
      }
    } catch {
      isOver = true
    }
    return nil
  }

  /// Takes note of what it is to be given.
  func wait(for request: PageRequest) {
    waiting = request
    isEntitled = true
    deadline = MonotonicClock.microseconds() + Self.answerPatience
  }

  /// Begins to answer what it has waited for.
  func give(_ answer: [UInt8]) {
    waiting = nil
    output = answer
    write()
  }

  /// Answers one that may not ask; it gets no more time for that.
  func refuse(_ answer: [UInt8]) {
    output = answer
    write()
  }

  /// Gives it up.
  func drop() { isOver = true }

  /// Writes as much as there is room for.
  func write() {
    do throws(KernelError) {
      guard let count = try connection.write(output, from: written) else {
        isOver = true
        return
      }
      written += count
      // What the client still says must be read, or closing would throw away the answer.
      if written == output.count { connection.finish() }
    } catch {
      isOver = true
    }
  }
}

extension Entropy {
  /// A secret word of 128 bits in hexadecimal digits.
  fileprivate static func word() -> String {
    var octets = [UInt8](repeating: 0, count: 16)
    fill(&octets)
    return octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
