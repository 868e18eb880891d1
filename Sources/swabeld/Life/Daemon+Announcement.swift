import BabelCore
import BabelWire

// What the log says when a life of the daemon begins.
extension Daemon {
  /// Most names of files or interfaces in one line.
  private static let nameLimit = 8

  /// Tells who we are, what we were told, and what we run on.
  func tellOfStart() {
    let configuration = settings.configuration
    var files = settings.line.options.compactMap { option in
      if case .configurationFile(let name) = option { name } else { nil }
    }
    if files.isEmpty, settings.hasDefaultFile { files = [Array(Settings.defaultFile.utf8)] }
    var names = configuration.interfaces.map { $0.name }
    for name in settings.interfaces where !names.contains(name) { names.append(name) }
    let patterns = configuration.patterns.map { String(decoding: $0.pattern.octets, as: UTF8.self) }
    log.write(
      .notice,
      "\(Usage.version) started, router-id \(node.routerID), configuration "
        + Self.list(files.map { String(decoding: $0, as: UTF8.self) }) + ", interfaces "
        + Self.list(names.map { "\($0)" } + patterns))
  }

  /// Names with blanks between them; of many only the first ones.
  private static func list(_ names: [String]) -> String {
    guard !names.isEmpty else { return "none" }
    let text = names.prefix(nameLimit).joined(separator: " ")
    return names.count > nameLimit ? "\(text) and \(names.count - nameLimit) more" : text
  }
}
