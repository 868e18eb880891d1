import BabelCore
import BabelKernel
import Foundation
import Testing

@testable import swabeld

@Suite struct `Options in the manual and in the summary` {
  private func manual() throws -> String { try page("swabeld.8") }

  /// The value in the configuration if an option is left out.
  private let defaults: [Character: String] = {
    let configuration = Configuration()
    let settings = Settings()
    return [
      "m": "\(configuration.protocolGroup)", "p": "\(configuration.protocolPort)",
      "h": "\(settings.wirelessHello / 1000)", "H": "\(settings.wiredHello / 1000)",
      "k": "\(configuration.kernelPriority)", "M": "\(configuration.smoothingHalfLife)",
      "t": "\(configuration.exportTable)", "T": "\(configuration.effectiveImportTables[0])",
      "S": String(decoding: configuration.stateFile, as: UTF8.self),
      "I": String(decoding: configuration.pidFile, as: UTF8.self),
      "d": "\(configuration.debugLevel)",
    ]
  }()

  @Test func `the summary has the defaults of the code`() throws {
    var compared = 0
    for line in Usage.help.split(separator: "\n") {
      guard let match = line.firstMatch(of: /^ +-(\w) .*\(([^ )]+)\)/),
        let letter = match.1.first, let value = defaults[letter]
      else { continue }
      #expect(match.2 == value, "\(line)")
      compared += 1
    }
    #expect(compared == defaults.count)
  }

  @Test func `the manual has the defaults of the code`() throws {
    var compared = 0
    for item in try manual().components(separatedBy: "\n.It ") {
      guard item.hasPrefix("Fl "), let letter = item.dropFirst(3).first,
        item.dropFirst(4).first == " ",
        let match = item.firstMatch(of: /[Tt]he default is\s(?:\.Pa )?([^\s,;]+)/),
        let value = defaults[letter]
      else { continue }
      let said = match.1.hasSuffix(".") ? match.1.dropLast() : match.1
      #expect(said == value, "-\(letter)")
      compared += 1
    }
    #expect(compared >= 9)
  }

  @Test func `the manual has the ranges of the options`() throws {
    var compared = 0
    for item in try manual().components(separatedBy: "\n.It ") {
      guard item.hasPrefix("Fl "), let letter = item.dropFirst(3).first,
        item.dropFirst(4).first == " ",
        let match = item.firstMatch(of: /[\s](\d+) to (\d+)[.,:;]/),
        let least = Int(match.1), let greatest = Int(match.2)
      else { continue }
      for number in [least, greatest, least - 1, greatest + 1] {
        let words = ["swabeld", "-\(letter)", "\(number)"].map { Array($0.utf8) }
        let isTaken = CommandLineOptions(words).isComplete
        #expect(isTaken == (least...greatest).contains(number), "-\(letter) \(number)")
      }
      compared += 1
    }
    #expect(compared == 7)
  }

  @Test func `the page has the size of the kernel's buffer`() throws {
    let size = NetlinkMonitor.usualBuffer
    #expect(try page("configuration.md").contains("`kernel-buffer` (\(size))"))
  }

  @Test func `requests of other dialects are in the manual and on the page`() throws {
    let page = try page("control-socket.md")
    let requests = DialectRequest.scopes.map { $0.0 } + ["fee", "metric-factor"]
    #expect(requests.count == 7)
    for word in requests {
      #expect(try manual().contains("Ic \(word)"), "docs/swabeld.8: \(word)")
      #expect(page.contains("`\(word)"), "docs/control-socket.md: \(word)")
    }
  }
}

/// The text of a file of docs/.
func page(_ name: String) throws -> String {
  let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  return try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
}
