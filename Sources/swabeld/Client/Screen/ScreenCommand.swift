import BabelKernel

/// `watch` or `top` with their options.
struct ScreenCommand: Equatable {
  /// Which screen is shown.
  enum Page: Equatable {
    /// What is wrong, who is there, what happens.
    case watch
    /// Who is how good, what changes often, what it costs.
    case top
  }

  /// Which screen is shown first.
  private(set) var page: Page
  /// Print one screen and end.
  private(set) var isOnce = false
  /// Microseconds between two looks at the daemon.
  private(set) var interval: Int64 = 2_000_000

  /// What the words come to.
  enum Reading: Equatable {
    /// Something else.
    case other
    /// A screen.
    case screen(ScreenCommand)
    /// Something is wrong, in words for an operator.
    case mistake(String)
  }

  private init(_ page: Page) { self.page = page }

  /// Reads the words of a request.
  static func read(_ words: [[UInt8]]) -> Reading {
    var rest = words[...]
    guard let first = rest.popFirst() else { return .other }
    var command: ScreenCommand
    if first.elementsEqual("watch".utf8) {
      command = ScreenCommand(.watch)
    } else if first.elementsEqual("top".utf8) {
      command = ScreenCommand(.top)
    } else {
      return .other
    }
    while let word = rest.popFirst() {
      if word.elementsEqual("--once".utf8) {
        command.isOnce = true
      } else if word.elementsEqual("--interval".utf8) {
        guard let value = rest.popFirst(),
          let seconds = CommandLineOptions.integer(value, 1...3600)
        else { return .mistake("--interval takes seconds from 1 to 3600") }
        command.interval = Int64(seconds) * 1_000_000
      } else {
        let text = String(decoding: word, as: UTF8.self)
        return .mistake("\(text): watch and top take --once and --interval SECONDS")
      }
    }
    return .screen(command)
  }

  /// Whether what is printed may be coloured: on a terminal, unless NO_COLOR says otherwise.
  static var mayColour: Bool {
    Terminal.isTerminal(1) && (OwnProcess.environment("NO_COLOR") ?? "").isEmpty && canMove
  }

  /// Whether the terminal is said to understand more than text.
  static var canMove: Bool {
    guard let kind = OwnProcess.environment("TERM"), !kind.utf8.isEmpty else { return false }
    return !kind.utf8.elementsEqual("dumb".utf8)
  }
}
