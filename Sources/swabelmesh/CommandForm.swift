/// How a command is said: one entry for each, in the order of the manual.
struct CommandForm: Sendable {
  /// Its word.
  let word: String
  /// What follows it, such as `NODE`; nil if nothing does.
  var argument: String?
  /// The options that it takes, besides those of all commands.
  var options: [String] = []
  /// What it does, in a few words for `--help`; one text a line.
  let help: [String]
  /// The command. The text is the argument, and empty if there is none.
  let make: @Sendable (String, [String: String]) throws(UsageError) -> Request.Command

  /// Options of single commands that have no value.
  static let flags: Set<String> = []
  /// Options of single commands with a value behind them.
  static let valued: Set<String> = []

  static let all = [
    CommandForm(
      word: "init", help: ["write an example of a list, mesh.conf"]
    ) { _, _ in .initialise },
    CommandForm(
      word: "check",
      help: ["say what is wrong with the list, and what write would add; change nothing"]
    ) { _, _ in .check },
    CommandForm(
      word: "write", help: ["write the files of all nodes, each below OUTPUT/NODE"]
    ) { _, _ in .write },
    CommandForm(
      word: "show", help: ["show nodes, tunnels, ports and addresses"]
    ) { _, _ in .show },
    CommandForm(
      word: "rekey", argument: "NODE", help: ["give a node and its tunnels new keys"]
    ) { name, _ in .rekey(name) },
    CommandForm(
      word: "remove", argument: "NODE", help: ["forget a node that is not in the list any more"]
    ) { name, _ in .remove(name) },
  ]

  /// The command that the words say, with options by name.
  static func command(
    _ words: [String], _ options: [String: String]
  ) throws(UsageError) -> Request.Command {
    guard let first = words.first else { throw UsageError(reason: "a command is missing") }
    if words == ["help"] { return .help }
    if words == ["version"] { return .version }
    guard let form = all.first(where: { $0.word == first }) else {
      throw UsageError(reason: "there is no command \(first)")
    }
    let arguments = words.dropFirst()
    guard arguments.count == (form.argument == nil ? 0 : 1) else {
      throw UsageError(
        reason: form.argument.map { "\(first) takes one \($0)" }
          ?? "\(first) takes no \"\(words[1])\"")
    }
    for option in options.keys.sorted() where !form.options.contains(option) {
      throw UsageError(reason: "\(first) takes no option \(option)")
    }
    return try form.make(arguments.first ?? "", options)
  }

  /// The commands for `--help`.
  static var helpText: String {
    all.map { form in
      let head = "  " + ([form.word] + (form.argument.map { [$0] } ?? [])).joined(separator: " ")
      let indent = String(repeating: " ", count: 17)
      let gap = String(repeating: " ", count: max(1, indent.utf8.count - head.utf8.count))
      return head + gap + form.help.joined(separator: "\n" + indent)
    }.joined(separator: "\n")
  }
}
