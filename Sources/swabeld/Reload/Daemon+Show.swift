import BabelCore

/// A request to see the configuration that is in effect.
enum ShowRequest: Equatable {
  /// `show config`: statements that give the same state.
  case configuration
  /// `show config --secrets`: the same, with the values of keys.
  case secrets
  /// `show config --diff`: what is different from the files.
  case difference

  /// Whether a read-only connection may ask for it.
  var isReadOnly: Bool { self == .configuration }

  /// Reads a request; nil if it is another one.
  init?(_ request: [UInt8]) {
    let words = RequestLines.words(request)
    guard words.count >= 2, words[0].elementsEqual("show".utf8),
      words[1].elementsEqual("config".utf8)
    else { return nil }
    if words.count == 2 {
      self = .configuration
    } else if words.count == 3, words[2].elementsEqual("--diff".utf8) {
      self = .difference
    } else if words.count == 3, words[2].elementsEqual("--secrets".utf8) {
      self = .secrets
    } else {
      return nil
    }
  }
}

extension Daemon {
  /// Executes a request; returns the lines of the answer.
  func answer(to request: ShowRequest, at now: Instant) -> String {
    var text = ""
    switch request {
    case .configuration, .secrets:
      var configuration = settings.configuration
      for name in settings.interfaces { configuration.merge(InterfaceSettings(), into: name) }
      for line in configuration.statements(showsKeys: request == .secrets) {
        text += String(decoding: line, as: UTF8.self) + "\n"
      }
      // These are no statements, and a reload keeps them.
      for line in settings.live.lines(at: now) { text += "# \(line)\n" }
    case .difference:
      var files: Settings
      do throws(ConfigurationError) {
        files = try Settings.read(settings.line, whileRunning: true)
      } catch {
        return "no \(ReloadRefusal(error.description).reason)\n"
      }
      files.configuration.daemonises = settings.configuration.daemonises
      for line in SettingsDifference(from: files, to: settings).lines { text += line + "\n" }
      for line in settings.live.lines(at: now) { text += "+ \(line)\n" }
    }
    return text + "ok\n"
  }
}
