import BabelKernel

/// One client of the page of metrics: it asks once, is answered, and goes. It has a few seconds for
/// all of that.
final class MetricsConnection {
  /// The socket.
  let connection: LocalConnection
  /// When the client came, in microseconds.
  let began: Int64
  /// What it asks for; nil until it has said so.
  private(set) var request: HTTPRequest?
  /// Whether the connection can be dropped.
  private(set) var isOver = false

  private var input: [UInt8] = []
  /// Head and page, to be written one after the other. The page is shared by all who ask in the
  /// same moment.
  private var output: [[UInt8]] = []
  private var written = 0
  /// Whether the answer is on its way, or written.
  private(set) var isAnswered = false
  /// Everything is written; the client is to close its side.
  private var isFinished = false

  /// Microseconds a client has, from the first octet to the last.
  private static let patience: Int64 = 5_000_000

  /// Takes over a connection.
  init(_ connection: consuming LocalConnection, at now: Int64) {
    self.connection = connection
    began = now
  }

  /// When the connection ends, whatever the client does.
  var deadline: Int64 { began + Self.patience }

  /// What to wait for.
  var interest: PollSet.Interest { request == nil || isFinished ? .read : .write }

  /// Reads what is there.
  func read(_ buffer: inout [UInt8]) {
    do throws(KernelError) {
      switch try connection.read(into: &buffer) {
      case .octets(let count):
        // After the request everything is ignored.
        guard request == nil else { return }
        input += buffer[..<min(count, max(0, HTTPRequest.limit - input.count))]
        request = HTTPRequest(input)
        if request != nil { input = [] }
      case .nothingYet: break
      case .closed: isOver = true
      }
    } catch {
      isOver = true  // the client is gone
    }
  }

  /// Answers the request. `page` is the text of the page.
  func answer(_ page: [UInt8]) {
    guard let request, !isAnswered else { return }
    isAnswered = true
    output = [request.head(pageCount: page.count)]
    if request == .metrics(isHead: false) { output.append(page) }
    write()
  }

  /// Writes what the socket takes.
  func write() {
    do throws(KernelError) {
      while let part = output.first {
        guard let taken = try connection.write(part, from: written) else {
          isOver = true
          return
        }
        written += taken
        guard written >= part.count else { return }
        output.removeFirst()
        written = 0
      }
    } catch {
      isOver = true
      return
    }
    // If we closed the connection first, the kernel would throw away what was not read yet.
    if !isFinished { connection.finish() }
    isFinished = true
  }

  /// Ends the connection.
  func end() { isOver = true }
}
