/// What is wrong with the command line.
struct UsageError: Error {
  /// In words.
  let reason: String
}

/// What the command line asks for.
struct Request: Equatable {
  /// What is to be done.
  enum Command: Equatable {
    case initialise, write, check, show, help, version
    case rekey(String)
    case remove(String)
    case diff(String)
    case apply(String, wait: Int64)
    case invite(String, seconds: Int64)
    case join(String, keyPath: String?)
    case accept(String)
  }

  let command: Command
  /// The list.
  let list: String
  /// The folder with what must be kept.
  let state: String
  /// The folder that is written.
  let output: String
  /// Whether the folder that is written was named.
  let namesOutput: Bool

  /// Reads the words behind the program's name.
  init(_ words: [String]) throws(UsageError) {
    var rest = words[...]
    var paths: (list: String?, state: String?, output: String?)
    var plain: [String] = []
    var options: [String: String] = [:]
    reading: while let word = rest.popFirst() {
      switch word {
      case "-h", "--help":
        plain = ["help"]
        options = [:]
        break reading
      case "-V", "--version":
        plain = ["version"]
        options = [:]
        break reading
      case "-f", "--list": paths.list = try Self.value(&rest, "a path", behind: word)
      case "-s", "--state": paths.state = try Self.value(&rest, "a path", behind: word)
      case "-o", "--output": paths.output = try Self.value(&rest, "a path", behind: word)
      case _ where CommandForm.flags.contains(word): options[word] = ""
      case _ where CommandForm.valued.contains(word):
        options[word] = try Self.value(&rest, "a value", behind: word)
      case _ where word != "-" && word.utf8.first == UInt8(ascii: "-"):
        throw UsageError(reason: "there is no option \(word)")
      default: plain.append(word)
      }
    }
    command = try CommandForm.command(plain, options)
    list = paths.list ?? "mesh.conf"
    let stem = list.hasSuffix(".conf") ? String(list.dropLast(5)) : list
    state = paths.state ?? stem + ".state"
    output = paths.output ?? stem + ".out"
    namesOutput = paths.output != nil
  }

  private static func value(
    _ rest: inout ArraySlice<String>, _ expected: String, behind option: String
  ) throws(UsageError) -> String {
    guard let value = rest.popFirst(), !value.isEmpty else {
      throw UsageError(reason: "\(option) needs \(expected)")
    }
    return value
  }
}
