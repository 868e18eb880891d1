import BabelKernel
import BabelWire

/// What WireGuard devices tell of their peers. The kernel's are asked by netlink, and answer at
/// once. Those of wireguard-go are asked over a socket, and nobody waits for them.
final class WireGuardWatch {
  /// Microseconds between two questions to a device, and to one that nobody answers for.
  static let spacing: Int64 = 15_000_000
  static let longSpacing: Int64 = 60_000_000
  /// Microseconds for which an answer is as good as a new one.
  static let freshness: Int64 = 1_000_000
  /// Microseconds that a program has for its answer.
  static let patience: Int64 = 2_000_000
  /// Most devices that are followed, and most answers that are waited for at a time.
  static let deviceLimit = 64
  static let conversationLimit = 4

  /// What is known of a device.
  enum Knowledge {
    /// It has said this, at a time in microseconds.
    case told(WireGuardDevice, at: Int64)
    /// It could not be asked.
    case failed(KernelError)
  }

  /// A device.
  private struct Row {
    let name: InterfaceName
    var knowledge: Knowledge?
    /// When it may be asked again.
    var due: Int64
  }

  /// A question over a socket that is not answered yet.
  private final class Conversation {
    let name: InterfaceName
    let connection: LocalConnection
    let due: Int64
    /// Its place in the poll set.
    var place = 0
    private(set) var answer: [UInt8] = []

    init(_ name: InterfaceName, _ connection: consuming LocalConnection, due: Int64) {
      self.name = name
      self.connection = connection
      self.due = due
    }

    /// Takes a piece of the answer. If it needs another place in memory, the former one is wiped.
    func append(_ piece: ArraySlice<UInt8>) {
      let count = answer.count + piece.count
      if answer.capacity < count {
        var larger: [UInt8] = []
        larger.reserveCapacity(2 * count)
        larger += answer
        wipe()
        answer = larger
      }
      answer += piece
    }

    /// The answer has the private key, too.
    func wipe() { for index in answer.indices { answer[index] = 0 } }
  }

  private var rows: [Row] = []
  private var conversations: [Conversation] = []

  /// Nothing is known.
  init() {}

  // MARK: What is known

  /// What is known of a device; nil if it was not asked, or has not answered yet.
  func knowledge(of name: InterfaceName) -> Knowledge? {
    rows.first { $0.name == name }?.knowledge
  }

  /// Forgets devices that are not among those of some names.
  func keep(_ names: [InterfaceName]) { rows.removeAll { !names.contains($0.name) } }

  // MARK: Questions

  /// Whether a device may be asked now.
  func isDue(_ name: InterfaceName, at now: Int64) -> Bool {
    guard let row = rows.first(where: { $0.name == name }) else {
      return rows.count < Self.deviceLimit
    }
    return row.due <= now && !conversations.contains { $0.name == name }
  }

  /// Asks a device of the kernel.
  func askKernel(_ name: InterfaceName, at now: Int64) {
    do throws(KernelError) {
      note(name, .told(try WireGuardQuery.device(name), at: now), at: now)
    } catch {
      note(name, .failed(error), at: now)
    }
  }

  /// Asks a device of the kernel for somebody who wants to know now, at most once a second.
  func refreshKernel(_ name: InterfaceName, at now: Int64) {
    if case .told(_, let time) = knowledge(of: name), now - time < Self.freshness { return }
    guard isDue(name, at: .max) else { return }
    askKernel(name, at: now)
  }

  /// Asks the program that stands behind a tunnel, if it is one for WireGuard.
  func askProgram(_ name: InterfaceName, at now: Int64) {
    guard conversations.count < Self.conversationLimit else { return }
    do throws(KernelError) {
      let connection = try LocalConnection(path: "/var/run/wireguard/\(name).sock")
      let request = WireGuardDevice.textRequest
      guard try connection.write(request) == request.count else {
        throw KernelError(
          operation: "ask WireGuard for \(name)", errno: ErrorNumber.wouldBlock)
      }
      conversations.append(Conversation(name, connection, due: now + Self.patience))
      // It is not asked again while it thinks.
      postpone(name, until: now + Self.spacing)
    } catch {
      note(name, .failed(error), at: now)
    }
  }

  private func postpone(_ name: InterfaceName, until due: Int64) {
    if let index = rows.firstIndex(where: { $0.name == name }) {
      rows[index].due = due
    } else {
      rows.append(Row(name: name, knowledge: nil, due: due))
    }
  }

  private func note(_ name: InterfaceName, _ knowledge: Knowledge, at now: Int64) {
    var spacing = Self.spacing
    if case .failed = knowledge { spacing = Self.longSpacing }
    postpone(name, until: now + spacing)
    if let index = rows.firstIndex(where: { $0.name == name }) {
      rows[index].knowledge = knowledge
    }
  }

  // MARK: Answers

  /// When a program has had its time; nil if none is asked.
  var deadline: Int64? { conversations.map { $0.due }.min() }

  /// Lets the loop wait for answers.
  func addInterests(to poll: inout PollSet) {
    for conversation in conversations {
      conversation.place = poll.add(conversation.connection.descriptor, .read)
    }
  }

  /// Reads what has come, and gives up what has not.
  func serve(_ poll: borrowing PollSet, at now: Int64) {
    guard !conversations.isEmpty else { return }
    var open: [Conversation] = []
    for conversation in conversations {
      let isOver = poll.isReadable(conversation.place) && read(conversation, at: now)
      if isOver {
        conversation.wipe()
      } else if conversation.due <= now {
        let name = conversation.name
        conversation.wipe()
        note(
          name,
          .failed(
            KernelError(operation: "ask WireGuard for \(name)", errno: ErrorNumber.timedOut)),
          at: now)
      } else {
        open.append(conversation)
      }
    }
    conversations = open
  }

  /// Reads a piece of an answer. True if it was the last one.
  private func read(_ conversation: Conversation, at now: Int64) -> Bool {
    let name = conversation.name
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    defer { for index in buffer.indices { buffer[index] = 0 } }
    do throws(KernelError) {
      switch try conversation.connection.read(into: &buffer) {
      case .nothingYet: return false
      case .octets(let count):
        conversation.append(buffer[..<count])
        guard conversation.answer.count <= WireGuardDevice.textLimit else {
          throw KernelError(
            operation: "ask WireGuard for \(name)", errno: ErrorNumber.messageTooLong)
        }
        guard WireGuardDevice.isComplete(text: conversation.answer) else { return false }
      case .closed: break
      }
      guard let device = WireGuardDevice(text: conversation.answer) else {
        throw KernelError(operation: "ask WireGuard for \(name)", errno: ErrorNumber.invalid)
      }
      note(name, .told(device, at: now), at: now)
    } catch {
      note(name, .failed(error), at: now)
    }
    return true
  }
}
