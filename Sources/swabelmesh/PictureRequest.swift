/// What the command line asks for if it asks for a picture.
struct PictureRequest: Equatable {
  /// What is written.
  enum Form: String {
    case svg, dot, netjson, page
  }

  /// The commands of this kind.
  static let commands = ["graph", "page"]

  /// The same for `--help`.
  static let help = """
      graph          draw the mesh as its nodes tell of it: --svg (default), --dot, --netjson
      page           the same as a page of HTML, with tables and a search
        SOURCE       a node's socket, http://[::1]:PORT where it serves metrics, a file with the
                     JSON of swabelctl, - for standard input (/run/swabeld.sock)
        --to PREFIX  show the ways to a prefix or an address
        --since FILE what has changed since then; the file is what graph --netjson printed
        --title TEXT what stands above the picture
        --serve PORT page only: serve it on the loopback interface, always fresh
    """

  private(set) var form = Form.svg
  /// Where what is drawn comes from.
  private(set) var sources: [String] = []
  /// The list that names nodes; nil if none is said.
  private(set) var list: String?
  /// The prefix or address whose ways are shown.
  private(set) var prefix: String?
  /// Where the earlier state comes from.
  private(set) var earlier: [String] = []
  /// The port that the page is served on; nil if it is printed.
  private(set) var port: UInt16?
  private(set) var title: String?

  /// Reads the words behind the program's name; nil if they ask for something else.
  init?(_ words: [String]) throws(UsageError) {
    var rest = words[...]
    // Options may stand before the command, as with the others.
    var before: ArraySlice<String> = []
    while let word = rest.first, ["-f", "--list", "-s", "--state", "-o", "--output"].contains(word)
    {
      before += rest.prefix(2)
      rest = rest.dropFirst(2)
    }
    guard let command = rest.popFirst(), Self.commands.contains(command) else { return nil }
    if rest.contains(where: { ["-h", "--help", "-V", "--version"].contains($0) }) { return nil }
    if command == "page" { form = .page }
    rest = before + rest
    while let word = rest.popFirst() { try read(word, &rest) }
    if port != nil, sources.contains("-") || earlier.contains("-") {
      throw UsageError(reason: "standard input cannot be read again for a page that is served")
    }
  }

  private mutating func read(
    _ word: String, _ rest: inout ArraySlice<String>
  ) throws(UsageError) {
    switch word {
    case "-f", "--list": list = try Self.value(&rest, behind: word)
    case "--to": prefix = try Self.value(&rest, behind: word)
    case "--since": earlier.append(try Self.value(&rest, behind: word))
    case "--title": title = try Self.value(&rest, behind: word)
    case "--svg", "--dot", "--netjson":
      guard form != .page, let chosen = Form(rawValue: String(word.dropFirst(2))) else {
        throw UsageError(reason: "page takes no \(word)")
      }
      form = chosen
    case "--serve":
      guard form == .page else { throw UsageError(reason: "graph takes no --serve") }
      let text = try Self.value(&rest, behind: word)
      guard let port = UInt16(text), port > 0 else {
        throw UsageError(reason: "--serve needs a port, 1 to 65535, not \(text)")
      }
      self.port = port
    case _ where word.utf8.first == UInt8(ascii: "-") && word != "-":
      throw UsageError(reason: "there is no option \(word) of \(form == .page ? "page" : "graph")")
    default: sources.append(word)
    }
  }

  private static func value(
    _ rest: inout ArraySlice<String>, behind option: String
  ) throws(UsageError) -> String {
    guard let value = rest.popFirst(), !value.isEmpty else {
      throw UsageError(reason: "\(option) needs something behind it")
    }
    return value
  }
}
