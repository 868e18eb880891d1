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

  /// Why a restart would not lead to a daemon that goes on, in words for an operator; nil if it
  /// would. `settings` are those of now, and `successors` those of the next life.
  static func obstacle(_ settings: Settings, successors: Settings) -> String? {
    if settings.configuration.user != nil {
      return "The statement user gave up the rights that a restart needs: \(outside)"
    }
    let next = successors.configuration
    let access = next.socketAccess
    let needsRights = next.user != nil || access.owner != nil || access.group != nil
    if needsRights, !Privileges.areRegained {
      return "user, socket-owner and socket-group need rights that were given up: \(outside)"
    }
    if let obstacle = Check.obstacles(to: successors).first { return obstacle }
    guard let program = Execution.program else {
      return "The program's file is not known: \(outside)"
    }
    guard FileSystem.canExecute(program) else { return "\(program) cannot be executed" }
    return nil
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
