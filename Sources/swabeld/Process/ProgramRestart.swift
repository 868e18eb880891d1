import BabelCore
import BabelKernel

/// A process that restarts itself: its life ends, and it executes its program's file again, with
/// the same command line and the same process id. What it was and need not become again stands in
/// the environment.
struct ProgramRestart {
  /// Whether the process was in the background before, so that it must not go there again.
  let isInBackground: Bool

  /// The variable holds the process id, so that nobody takes it for his own who inherits it, and
  /// one of two words.
  private static let variable = "SWABELD_RESTART"

  init(isInBackground: Bool) { self.isInBackground = isInBackground }

  /// Finds out whether this process has restarted itself; nil if not.
  static func own() -> ProgramRestart? {
    guard let text = OwnProcess.environment(variable) else { return nil }
    Execution.restoreName()
    return ProgramRestart(text, process: OwnProcess.id)
  }

  /// Reads the variable; nil if it is for another process.
  init?(_ text: String, process: Int32) {
    let octets = Array(text.utf8)
    isInBackground = octets == Self.text(process, isInBackground: true)
    guard isInBackground || octets == Self.text(process, isInBackground: false) else { return nil }
  }

  /// The value of the variable.
  static func text(_ process: Int32, isInBackground: Bool) -> [UInt8] {
    Array("\(process) \(isInBackground ? "background" : "foreground")".utf8)
  }

  /// Why this process may not restart itself, whatever the next life is like; nil if it may.
  static func obstacle(_ settings: Settings) -> String? {
    guard settings.configuration.user != nil else { return nil }
    return "The statement user gave up the rights that a restart needs: \(outside)"
  }

  /// Why a restart would not lead to a daemon that goes on, in words for an operator; nil if it
  /// would. `settings` are those of now, and `successors` those of the next life.
  static func obstacle(_ settings: Settings, successors: Settings) -> String? {
    let next = successors.configuration
    let access = next.socketAccess
    let needsRights = next.user != nil || access.owner != nil || access.group != nil
    if needsRights, !Privileges.areRegained {
      return "user, socket-owner and socket-group need rights that were given up: \(outside)"
    }
    return Check.obstacles(to: successors).first
  }

  /// Why the program's file would not become a daemon; nil if it would. A file that is incomplete,
  /// or another program, shows that when it is asked for its version. This takes at most two
  /// seconds, in which this process does nothing else.
  static func obstacleOfProgram() -> String? {
    guard let program = Execution.program else {
      return "The program's file is not known: \(outside)"
    }
    guard FileSystem.canExecute(program) else { return "\(program) cannot be executed" }
    let cure = "install the program again, then restart"
    do throws(KernelError) {
      let (ending, output) = try ChildProcess.answer(
        of: Array(program.utf8), [Array("-V".utf8)],
        until: MonotonicClock.microseconds() + patience)
      return fault(ending, output).map { "\(program) -V \($0): \(cure)" }
    } catch {
      guard error.errno == ErrorNumber.timedOut else { return "\(program) -V: \(error)" }
      return "\(program) -V does not answer within \(patience / 1_000_000) seconds: \(cure)"
    }
  }

  /// Microseconds that the program's file has to tell its version.
  private static let patience: Int64 = 2_000_000

  /// What is wrong with how a program told its version; nil if it is ours.
  static func fault(_ ending: ChildProcess.Ending, _ output: [UInt8]) -> String? {
    switch ending {
    case .exited(0):
      return output.starts(with: "swabeld-".utf8) ? nil : "does not answer as swabeld does"
    case .exited(ChildProcess.notExecuted): return "cannot be executed as a program"
    case .exited(let status): return "ends with status \(status)"
    case .killed(let signal): return "is ended by signal \(signal)"
    }
  }

  private static let outside = "it has to come from outside, as by systemctl restart swabeld"

  /// Executes the program's file or, if that fails, the program that runs. Returns only if both
  /// fail.
  func execute(_ settings: Settings, _ log: Log) {
    do throws(KernelError) {
      try Privileges.keepOverExecution()
    } catch {
      log.write("Couldn't keep capabilities: \(error)")
    }
    let note = Self.text(OwnProcess.id, isInBackground: isInBackground)
    for path in [Execution.program ?? Execution.runningProgram, Execution.runningProgram] {
      let failure = Execution.replace(
        by: path, settings.line.words, setting: Self.variable,
        to: String(decoding: note, as: UTF8.self))
      log.write(.error, "Couldn't restart: \(failure)")
    }
  }
}
