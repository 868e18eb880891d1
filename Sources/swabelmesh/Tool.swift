import BabelKernel

/// Programs of this machine, looked for as a shell does.
enum Tool {
  /// How a program ended.
  struct Answer {
    let status: Int32
    let text: String

    /// What it said, in one line.
    var line: String {
      text.split(separator: "\n").map(String.init).joined(separator: "; ")
    }

    /// Whether swabelctl has answered that no daemon runs, or is missing like the daemon.
    var meansNoDaemon: Bool { status == Tool.noDaemon || status == Tool.missing }
  }

  /// The exit status of swabelctl if there is no daemon.
  private static let noDaemon: Int32 = 3

  private static let outputLimit = 4 << 20
  /// What env(1) ends with when it finds no such program.
  static let missing: Int32 = 127

  /// Runs a program to its end; a minute at most, unless more is given.
  static func answer(_ words: [String], seconds: Int64 = 60) throws(Failure) -> Answer {
    do throws(KernelError) {
      let deadline = MonotonicClock.microseconds() + seconds * 1_000_000
      let (ending, output) = try ChildProcess.answer(
        of: Array("/usr/bin/env".utf8), words.map { Array($0.utf8) }, until: deadline,
        limit: outputLimit)
      let text = String(decoding: output, as: UTF8.self)
      switch ending {
      case .exited(let status): return Answer(status: status, text: text)
      case .killed(let signal): return Answer(status: 128 + signal, text: text)
      }
    } catch {
      throw Failure("\(words[0]): \(error.reason)")
    }
  }

  /// Runs a program that must succeed; returns what it printed.
  @discardableResult
  static func run(_ words: [String], seconds: Int64 = 60) throws(Failure) -> String {
    let answer = try answer(words, seconds: seconds)
    guard answer.status == 0 else {
      let reason =
        answer.status == missing
        ? "there is no \(words[0]) on this machine"
        : answer.text.isEmpty ? "status \(answer.status)" : answer.line
      throw Failure("\(words.joined(separator: " ")): \(reason)")
    }
    return answer.text
  }

  /// Waits.
  static func pause(milliseconds: Int64) {
    var nothing = PollSet()
    _ = try? nothing.wait(until: MonotonicClock.microseconds() + milliseconds * 1000)
  }

  /// Gives a text to a program as a file that nobody else can read, whose path is the last word.
  static func run(_ words: [String], reading text: String) throws(Failure) {
    let path = "/run/swabelmesh.\(OwnProcess.id)"
    do throws(KernelError) {
      if FileSystem.exists(path) { try FileSystem.remove(path) }
      try FileSystem.createExclusively(path, Array(text.utf8), mode: 0o600)
    } catch {
      throw Failure(error)
    }
    defer { try? FileSystem.remove(path) }
    try run(words + [path])
  }
}
