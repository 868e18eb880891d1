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
  static let flags: Set<String> = ["--dry-run"]
  /// Options of single commands with a value behind them.
  static let valued: Set<String> = ["--expires", "--key", "--wait"]

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
    CommandForm(
      word: "invite", argument: "NODE", options: ["--expires"],
      help: ["print a token with which a node of the list joins: --expires 1h"]
    ) { name, options throws(UsageError) in
      .invite(name, seconds: try Duration.seconds(options["--expires"] ?? "1h", "--expires"))
    },
    CommandForm(
      word: "join", argument: "TOKEN", options: ["--key"],
      help: ["on the new node: make its private key there, --key FILE; print an answer"]
    ) { token, options in .join(token, keyPath: options["--key"]) },
    CommandForm(
      word: "accept", argument: "ANSWER", help: ["take the answer of a node that joins"]
    ) { answer, _ in .accept(answer) },
    CommandForm(
      word: "diff", argument: "NODE",
      help: ["on the node: say what its files would change there"]
    ) { name, _ in .diff(name) },
    CommandForm(
      word: "apply", argument: "NODE", options: ["--dry-run", "--wait"],
      help: ["on the node: put its files into effect, and leave alone what is equal"]
    ) { name, options throws(UsageError) in
      guard options["--dry-run"] == nil else { return .diff(name) }
      return .apply(name, wait: try Duration.seconds(options["--wait"] ?? "10m", "--wait"))
    },
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

/// A time in words: a number and one of the letters `s`, `m`, `h` and `d`.
enum Duration {
  /// Most seconds: thirty days.
  static let most: Int64 = 30 * 86_400

  /// The seconds that a text says.
  static func seconds(_ text: String, _ option: String) throws(UsageError) -> Int64 {
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
      (1...most).contains(count), count * unit <= most
    else {
      throw UsageError(reason: "\(option) takes a time such as 90s, 30m, 1h or 2d, at most 30d")
    }
    return count * unit
  }
}
