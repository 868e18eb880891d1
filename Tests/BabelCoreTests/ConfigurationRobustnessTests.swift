import BabelCore
import BabelWire
import TestSupport
import Testing

@Suite struct `Configuration: hostile text` {
  /// Parses anything, twice, and checks that the answer is sane.
  private func feed(_ text: [UInt8], seed: UInt64) {
    var configuration = Configuration()
    let lines = text.reduce(1) { $0 + ($1 == 0x0a ? 1 : 0) }
    do throws(ConfigurationError) {
      try ConfigurationParser.parse(file: text, name: "fuzz", into: &configuration)
      var again = Configuration()
      try ConfigurationParser.parse(file: text, name: "fuzz", into: &again)
      #expect(configuration == again, "seed \(seed)")
      for interface in configuration.interfaces {
        let parameters = configuration.interfaceParameters(for: interface.name, type: .unknown)
        #expect(parameters.rttMax > parameters.rttMin, "seed \(seed)")
      }
    } catch {
      #expect(configuration == Configuration(), "seed \(seed)")
      #expect((1...lines).contains(error.line), "seed \(seed)")
      #expect(error.column >= 1 && error.column <= text.count + 1, "seed \(seed)")
      #expect(error.description.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0a }, "seed \(seed)")
    }
    _ = ConfigurationParser.parseRuntime(line: text, configuration: configuration)
    _ = try? ConfigurationParser.parse(statement: text, into: &configuration)
  }

  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func `random octets`(seed: UInt64) {
    var generator = Chance(seed: seed)
    let length = Int.random(in: 0...600, using: &generator)
    feed((0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }, seed: seed)
  }

  @Test(arguments: 1...400 as ClosedRange<UInt64>)
  func `real files with faults`(seed: UInt64) throws {
    var generator = Chance(seed: seed)
    var text = octets(try #require(realConfigurations.randomElement(using: &generator)).text)
    for _ in 0..<Int.random(in: 1...6, using: &generator) {
      let at = Int.random(in: 0..<text.count, using: &generator)
      let end = min(text.count, at + Int.random(in: 1...20, using: &generator))
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: text[at] = UInt8.random(in: 0...255, using: &generator)
      case 1: text.removeSubrange(at..<max(end, at + 1))
      case 2: text.insert(contentsOf: text[at..<end], at: at)
      case 3: text.insert(octets("\"#\n\\ -0x:/.").randomElement(using: &generator) ?? 0, at: at)
      default: text.swapAt(at, Int.random(in: 0..<text.count, using: &generator))
      }
      if text.isEmpty { text = [0x0a] }
    }
    feed(text, seed: seed)
  }

  @Test func `a long line, a long word and a file that is too long end at once`() throws {
    let word = [UInt8](repeating: 0x61, count: 1_000_000)
    feed(word, seed: 0)
    feed(octets("in ") + Array(repeating: octets("ip ::/0 "), count: 20_000).joined(), seed: 0)
    var configuration = Configuration()
    let tooLong = [UInt8](repeating: 0x0a, count: ConfigurationParser.fileLimit + 1)
    #expect(throws: ConfigurationError.self) {
      try ConfigurationParser.parse(file: tooLong, name: "x", into: &configuration)
    }
  }

  @Test func `many rules keep their order and their places`() throws {
    let count = 20_000
    let text = String(repeating: "redistribute ip 10.0.0.0/8 metric 5\n", count: count)
    let rules = try parse(text).filters.redistribute.rules
    #expect(rules.count == count + 1)
    #expect(rules[count - 1].position?.line == count)
    #expect(rules[count].position == nil)
  }
}
