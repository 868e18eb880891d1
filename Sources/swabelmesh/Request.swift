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
  }

  let command: Command
  /// The list.
  let list: String
  /// The folder with what must be kept.
  let state: String
  /// The folder that is written.
  let output: String

  /// Reads the words behind the program's name.
  init(_ words: [String]) throws(UsageError) {
    var rest = words[...]
    var paths: (list: String?, state: String?, output: String?)
    var plain: [String] = []
    reading: while let word = rest.popFirst() {
      switch word {
      case "-h", "--help":
        plain = ["help"]
        break reading
      case "-V", "--version":
        plain = ["version"]
        break reading
      case "-f", "--list": paths.list = try Self.path(&rest, behind: word)
      case "-s", "--state": paths.state = try Self.path(&rest, behind: word)
      case "-o", "--output": paths.output = try Self.path(&rest, behind: word)
      case _ where word.utf8.first == UInt8(ascii: "-"):
        throw UsageError(reason: "there is no option \(word)")
      default: plain.append(word)
      }
    }
    command = try Self.command(plain)
    list = paths.list ?? "mesh.conf"
    let stem = list.hasSuffix(".conf") ? String(list.dropLast(5)) : list
    state = paths.state ?? stem + ".state"
    output = paths.output ?? stem + ".out"
  }

  private static func path(
    _ rest: inout ArraySlice<String>, behind option: String
  ) throws(UsageError) -> String {
    guard let path = rest.popFirst(), !path.isEmpty else {
      throw UsageError(reason: "\(option) needs a path")
    }
    return path
  }

  private static func command(_ words: [String]) throws(UsageError) -> Command {
    let simple: [String: Command] = [
      "init": .initialise, "write": .write, "check": .check, "show": .show, "help": .help,
      "version": .version,
    ]
    guard let first = words.first else { throw UsageError(reason: "a command is missing") }
    if let command = simple[first] {
      guard words.count == 1 else {
        throw UsageError(reason: "\(first) takes no \"\(words[1])\"")
      }
      return command
    }
    guard first == "rekey" || first == "remove" else {
      throw UsageError(reason: "there is no command \(first)")
    }
    guard words.count == 2 else { throw UsageError(reason: "\(first) takes the name of one node") }
    return first == "rekey" ? .rekey(words[1]) : .remove(words[1])
  }
}

/// What the program says about itself.
enum Usage {
  static let version = "swabelmesh-0.1.0"
  static let hint = "Try \"swabelmesh --help\"."

  static let help = """
    swabelmesh writes the configuration of WireGuard and swabeld for all nodes of a mesh.

    Usage: swabelmesh [-f LIST] [-s STATE] [-o OUTPUT] COMMAND

      init         write an example of a list, mesh.conf
      check        say what is wrong with the list, and what write would add; change nothing
      write        write the files of all nodes, each below OUTPUT/NODE
      show         show nodes, tunnels, ports and addresses
      rekey NODE   give a node and its tunnels new keys
      remove NODE  forget a node that is not in the list any more

      -f, --list FILE      the list (mesh.conf)
      -s, --state FOLDER   what must be kept: keys, ports (mesh.state); keep it secret, and safe
      -o, --output FOLDER  what is written (mesh.out)
      -V, --version        print the version
      -h, --help           print this

    See swabelmesh(8).
    """

  static let example = """
    # The list of a mesh: one statement a line. See swabelmesh(8).

    mesh example
    topology full                 # or: hub NAME..., ring, nearest 3
    format wg-quick               # or: networkd, openwrt, nixos, commands

    # What nodes accept routes to. What a node announces must be in one of these.
    accept 10.20.0.0/16 fd20::/32

    # How others reach a node, and what it announces.
    node berlin endpoint 203.0.113.1 address 10.20.1.1 address fd20:0:0:1::1
    node paris endpoint paris.example.net address 10.20.2.1 address fd20:0:0:2::1
    node boat nat address 10.20.3.1 address fd20:0:0:3::1 prefix 10.20.30.0/24

    """
}
