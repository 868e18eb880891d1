import BabelWire

/// How the files that a configuration includes are found. The parser itself reads nothing.
public struct IncludedFiles {
  /// What a file holds.
  public enum Content {
    /// These octets.
    case octets([UInt8])
    /// It cannot be read; the system's text says why.
    case unreadable(String)
  }

  /// Gives the names in a directory, in any order; nil if it cannot be read.
  let names: ([UInt8]) -> [[UInt8]]?
  /// Gives what a file holds.
  let read: ([UInt8]) -> Content

  /// Makes a source of files.
  public init(
    names: @escaping ([UInt8]) -> [[UInt8]]?, read: @escaping ([UInt8]) -> Content
  ) {
    self.names = names
    self.read = read
  }

  /// Files below one another, the first one counted.
  static let depthLimit = 8
  /// Most files in all.
  static let countLimit = 1000
}

/// The files of one run of the parser.
struct FileStack {
  /// The file that is read and those that include it.
  var names: [[UInt8]] = []
  /// How many files were begun.
  var count = 0
  /// Octets of all files.
  var size = 0
}

extension StatementParser {
  /// Parses `include PATH` after the first word, and all the files that the path stands for.
  mutating func parseInclude(at first: ConfigurationToken) throws(ConfigurationError) {
    guard let includedFiles, let current = files.names.last else {
      throw reader.error(at: first, expected: "a statement")
        .adding(hint: "files are included by files; give this one with -c")
    }
    warn(.unknownToBabeld, at: first, "babeld includes no files")
    let token = try string("the name of a file")
    guard !token.octets.isEmpty, !token.octets.contains(0) else {
      throw reader.error(at: token, expected: "the name of a file")
    }
    try endStatement()
    guard files.names.count < IncludedFiles.depthLimit else {
      throw reader.error(
        at: token, expected: "at most \(IncludedFiles.depthLimit) files that include one another")
    }
    let path = Self.path(token.octets, beside: current)
    let isPattern = !token.isQuoted && Self.lastPart(path).contains(0x2a)
    for name in isPattern ? try matches(path, includedFiles, at: token) : [path] {
      try include(name, from: includedFiles, at: token)
    }
  }

  private mutating func include(
    _ name: [UInt8], from source: IncludedFiles, at token: ConfigurationToken
  ) throws(ConfigurationError) {
    guard !files.names.contains(name) else {
      throw reader.error(at: token, expected: "a file that does not include itself")
    }
    guard files.count < IncludedFiles.countLimit else {
      throw reader.error(
        at: token, expected: "at most \(IncludedFiles.countLimit) files in all")
    }
    switch source.read(name) {
    case .unreadable(let reason):
      throw reader.error(at: token, expected: "a readable file")
        .adding(hint: "\(printable(name, limit: 255)): \(reason)")
    case .octets(let octets):
      guard octets.count <= ConfigurationParser.fileLimit - files.size else {
        throw reader.error(
          at: token,
          expected: "files of at most \(ConfigurationParser.fileLimit) octets together")
      }
      let outer = (reader, sourceIndex)
      try parseFile(octets, name)
      (reader, sourceIndex) = outer
    }
  }

  /// Parses all statements of a file.
  mutating func parseFile(
    _ octets: [UInt8], _ name: [UInt8]
  ) throws(ConfigurationError) {
    reader = StatementReader(octets, source: .file(name))
    enterSource(named: name)
    files.names.append(name)
    files.count += 1
    files.size += octets.count
    while !reader.isAtEnd { try parseStatement() }
    files.names.removeLast()
  }

  /// The files that a path with stars in its last part stands for, in the order of their octets. As
  /// in a shell, a star does not stand for a dot at the beginning.
  private func matches(
    _ path: [UInt8], _ source: IncludedFiles, at token: ConfigurationToken
  ) throws(ConfigurationError) -> [[UInt8]] {
    let pattern = Array(Self.lastPart(path))
    let directory = Array(path[..<(path.count - pattern.count)])
    guard let names = source.names(directory.isEmpty ? [0x2e] : directory) else {
      throw reader.error(at: token, expected: "a pattern of files in a readable directory")
    }
    return names.filter { name in
      (name.first != 0x2e || pattern.first == 0x2e) && InterfacePattern.matches(pattern, name)
    }.ordered { $0.lexicographicallyPrecedes($1) }.map { directory + $0 }
  }

  /// A path as the daemon has to open it: relative to the directory of the file that names it.
  private static func path(_ path: [UInt8], beside file: [UInt8]) -> [UInt8] {
    guard path.first != 0x2f else { return path }
    return file[..<(file.count - lastPart(file).count)] + path
  }

  /// What follows the last slash.
  private static func lastPart(_ path: [UInt8]) -> ArraySlice<UInt8> {
    path[(path.lastIndex(of: 0x2f).map { $0 + 1 } ?? 0)...]
  }
}
