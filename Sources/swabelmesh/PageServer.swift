import BabelKernel
import MeshPicture

/// Serves a page on the loopback interface, which asks for newer data by itself.
final class PageServer {
  private let drawer: PictureDrawer
  private let port: UInt16
  private let listener: LocalListener
  private let token: String
  private var connections: [PageConnection] = []
  /// The mesh when the server began, or at the time that the command line names.
  private var before: MeshGraph?
  private var beforeTime = ""

  /// More clients than this have to wait in the kernel.
  private static let connectionLimit = 32

  /// Opens the port.
  init(_ drawer: PictureDrawer, port: UInt16) throws(Failure) {
    self.drawer = drawer
    self.port = port
    token = Entropy.word()
    before = drawer.earlier
    beforeTime = drawer.request.earlier.joined(separator: ", ")
    do throws(KernelError) {
      listener = try LocalListener(port: port)
    } catch {
      throw Failure(error)
    }
  }

  /// Serves until the process is ended. Throws at the start if nothing can be drawn.
  func run() throws(Failure) {
    let first = try drawer.read()
    _ = try drawer.picture(first, since: before)
    if before == nil { (before, beforeTime) = (first, PictureDrawer.now) }
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
    let isOpen = connections.count < Self.connectionLimit
    let listening = isOpen ? listener.addInterest(to: &poll) : nil
    _ = try poll.wait(until: connections.map { $0.deadline }.min())
    for (connection, index) in zip(connections, indices) {
      if connection.interest == .write {
        if poll.isWritable(index) || poll.isHungUp(index) { connection.write() }
      } else if poll.isReadable(index) {
        connection.read(token: token, answer)
      }
    }
    let now = MonotonicClock.microseconds()
    connections.removeAll { $0.isOver || $0.deadline <= now }
    if let listening, poll.isReadable(listening), let newcomer = try listener.accept() {
      connections.append(PageConnection(newcomer))
    }
  }

  private func answer(_ request: PageRequest) -> [UInt8] {
    let hasChanges: Bool
    switch request {
    case .refused(let status, let reason):
      return PageRequest.answer(status, type: "text/plain", reason + "\n")
    case .page: hasChanges = drawer.earlier != nil
    case .data(let isAsked): hasChanges = isAsked || drawer.earlier != nil
    }
    do throws(Failure) {
      let picture = try drawer.picture(drawer.read(), since: hasChanges ? before : nil)
      let data = PageData(
        time: PictureDrawer.now, isLive: true, prefix: drawer.request.prefix ?? "",
        since: hasChanges ? beforeTime : "")
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
  private var input: [UInt8] = []
  private var output: [UInt8] = []
  private var written = 0

  /// Microseconds that a client has to ask, and again to take the answer.
  private static let patience: Int64 = 10_000_000

  init(_ connection: consuming LocalConnection) {
    self.connection = connection
    deadline = MonotonicClock.microseconds() + Self.patience
  }

  var interest: PollSet.Interest { written < output.count ? .write : .read }

  /// Reads what is there, and answers when the request is complete.
  func read(token: String, _ answer: (PageRequest) -> [UInt8]) {
    var buffer = [UInt8](repeating: 0, count: PageRequest.limit)
    do throws(KernelError) {
      switch try connection.read(into: &buffer) {
      case .nothingYet: return
      case .closed: isOver = true
      case .octets(let count):
        // Behind an answer nothing counts any more.
        guard output.isEmpty else { return }
        input += buffer[..<min(count, PageRequest.limit - input.count)]
        guard let request = PageRequest(input, token: token) else { return }
        output = answer(request)
        deadline = MonotonicClock.microseconds() + Self.patience
      }
    } catch {
      isOver = true
    }
  }

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
