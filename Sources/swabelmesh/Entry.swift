import BabelKernel
import CLinux

/// Where the program begins.
@main
struct Entry {
  static func main() {
    Console.ignoreBrokenPipes()
    exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  /// Does what the words of the command line ask for; returns the exit code: 0 if all went well, 1
  /// if something is wrong with the list, the state or a file, 2 if the words are wrong, 3 if
  /// `diff` finds a difference.
  static func run(_ words: [String]) -> CInt {
    let order: Order
    do throws(UsageError) {
      order = try Order(words)
    } catch {
      Console.complain("swabelmesh: \(error.reason)\n\(Usage.hint)")
      return 2
    }
    do throws(Failure) {
      return try order.carryOut()
    } catch {
      Console.complain(error.description)
      return 1
    }
  }
}

/// What the words of the command line ask for.
private enum Order {
  case picture(PictureRequest)
  case list(Request)

  init(_ words: [String]) throws(UsageError) {
    if let picture = try PictureRequest(words) {
      self = .picture(picture)
    } else {
      self = .list(try Request(words))
    }
  }

  /// Does it; returns the exit code.
  func carryOut() throws(Failure) -> CInt {
    switch self {
    case .list(let request): return try request.carryOut().rawValue
    case .picture(let request):
      try request.carryOut()
      return 0
    }
  }
}

/// Standard output and standard error.
enum Console {
  private static let ignore = 1

  /// Whoever reads what we say may go away, and what was begun is finished all the same.
  static func ignoreBrokenPipes() { _ = swabel_signal(SIGPIPE, ignore) }

  /// So may the terminal.
  static func ignoreHangUp() { _ = swabel_signal(SIGHUP, ignore) }

  /// Writes a line for whoever asked; false if it could not be written.
  @discardableResult
  static func say(_ line: String) -> Bool { write(line, to: 1) }

  /// Writes what was asked for, all of it, or fails.
  static func give(_ text: String) throws(Failure) {
    guard say(text) else { throw Failure("swabelmesh: standard output takes no more") }
  }

  /// Writes a line about what is wrong.
  static func complain(_ line: String) { _ = write(line, to: 2) }

  private static func write(_ line: String, to number: Int32) -> Bool {
    let octets = Array((line + "\n").utf8)
    var done = 0
    while done < octets.count {
      let count = try? FileDescriptor.write(octets, from: done, to: number)
      // Whoever read it has gone; there is nobody left to tell.
      guard let count, count > 0 else { return false }
      done += count
    }
    return true
  }
}

/// Why something could not be done.
struct Failure: Error, CustomStringConvertible {
  /// The reason, in words for an operator.
  let description: String

  init(_ description: String) { self.description = description }
  init(_ error: KernelError) { description = "swabelmesh: \(error)" }
}
