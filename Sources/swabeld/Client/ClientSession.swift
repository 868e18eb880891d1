import BabelCore
import BabelKernel

/// A client's connection to a daemon. Unlike the daemon, a client waits.
final class ClientSession {
  /// Why a session cannot begin or go on.
  enum Failure: Error {
    /// A system call failed.
    case system(KernelError)
    /// The other side said nothing for too long.
    case silence
    /// The other side closed the connection.
    case closed
    /// What the other side says is no daemon's.
    case nonsense
    /// The daemon serves nobody more now, and says why.
    case turnedAway(String)
    /// What was received could not be written.
    case output(KernelError)
  }

  /// What the daemon said about itself.
  private(set) var greeting: [[UInt8]] = []
  /// The process that listens, if that is known.
  let process: Int32?
  private let connection: LocalConnection
  private var lines = RequestLines()
  private var buffer = [UInt8](repeating: 0, count: 65536)
  private var unfinished = 0

  /// A line of more octets does not come from a daemon.
  private static let lineLimit = 1 << 20
  /// A daemon greets with fewer lines.
  private static let greetingLimit = 100

  /// Connects, and hears what the daemon says first.
  init(to place: LocalServer.Endpoint, until deadline: Int64) throws(Failure) {
    do throws(KernelError) {
      switch place {
      case .path(let path):
        connection = try LocalConnection(path: String(decoding: path, as: UTF8.self))
        process = connection.listeningProcess
      case .port(let port):
        connection = try LocalConnection(port: port)
        process = nil
      }
    } catch {
      throw .system(error)
    }
    try wait(for: .write, until: deadline)
    do throws(KernelError) {
      try connection.checkConnected()
    } catch {
      throw .system(error)
    }
    repeat {
      guard let line = try nextLine(until: deadline) else { throw .closed }
      greeting.append(line)
      guard greeting.count <= Self.greetingLimit else { throw .nonsense }
    } while StatusWord(greeting[greeting.count - 1]) == nil
    if case .no(let reason) = StatusWord(greeting[greeting.count - 1]) {
      throw .turnedAway(String(decoding: reason, as: UTF8.self))
    }
  }

  /// The daemon's name with its version.
  var version: String {
    let line = greeting.first { $0.prefix(8).elementsEqual("version ".utf8) } ?? []
    return RequestLines.words(line).last.map { String(decoding: $0, as: UTF8.self) } ?? "a daemon"
  }

  /// Waits until the socket is ready. A deadline of nil never comes.
  private func wait(
    for interest: PollSet.Interest, until deadline: Int64?
  ) throws(Failure) {
    while true {
      var poll = PollSet()
      let index = poll.add(connection.descriptor, interest)
      do throws(KernelError) {
        _ = try poll.wait(until: deadline)
      } catch {
        throw .system(error)
      }
      if poll.isReadable(index) || poll.isWritable(index) { return }
      if let deadline, MonotonicClock.microseconds() >= deadline { throw .silence }
    }
  }

  /// Lets a loop wait for the next octets; returns the place in the poll set.
  func addInterest(to poll: inout PollSet) -> Int { poll.add(connection.descriptor, .read) }

  /// Sends a line.
  func send(_ line: [UInt8], until deadline: Int64) throws(Failure) {
    let octets = line + [0x0A]
    var start = 0
    while start < octets.count {
      let count: Int?
      do throws(KernelError) {
        count = try connection.write(octets, from: start)
      } catch {
        throw .system(error)
      }
      guard let count else { throw .closed }
      start += count
      if start < octets.count { try wait(for: .write, until: deadline) }
    }
  }

  /// The next line that has been received already; nil if there is none.
  func receivedLine() -> [UInt8]? {
    guard let line = lines.next() else { return nil }
    unfinished -= line.count + 1
    return line
  }

  /// Waits for more octets. Returns false at the end of the connection.
  func receive(until deadline: Int64?) throws(Failure) -> Bool {
    while true {
      try wait(for: .read, until: deadline)
      do throws(KernelError) {
        switch try connection.read(into: &buffer) {
        case .octets(let count):
          lines.append(buffer[..<count])
          unfinished += count
        case .nothingYet: continue
        case .closed: return false
        }
      } catch {
        throw .system(error)
      }
      guard unfinished <= Self.lineLimit else { throw .nonsense }
      return true
    }
  }

  /// The next line; nil at the end of the connection.
  func nextLine(until deadline: Int64?) throws(Failure) -> [UInt8]? {
    while true {
      if let line = receivedLine() { return line }
      guard try receive(until: deadline) else { return nil }
    }
  }
}

/// The last line of an answer.
enum StatusWord: Equatable {
  /// Done.
  case ok
  /// Understood, but it cannot be done, for this reason.
  case no([UInt8])
  /// Unknown, malformed or forbidden.
  case bad

  /// Reads a line; nil if it is another one.
  init?(_ line: [UInt8]) {
    if line[...].elementsEqual("ok".utf8) {
      self = .ok
    } else if line[...].elementsEqual("bad".utf8) {
      self = .bad
    } else if line.prefix(3).elementsEqual("no ".utf8) {
      self = .no(Array(line.dropFirst(3)))
    } else {
      return nil
    }
  }
}
