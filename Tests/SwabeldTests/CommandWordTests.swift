import BabelCore
import BabelWire
import Testing

@testable import swabeld

@Suite struct `Words that are no names of interfaces` {
  private func read(_ words: String...) -> CommandLineOptions {
    CommandLineOptions((["swabeld"] + words).map { Array($0.utf8) })
  }

  @Test func `every word of requests and statements is refused with a hint`() throws {
    let words = Set(ConfigurationParser.firstWords + RequestWord.all + RequestWord.allShown)
    for word in words {
      guard case .refusal(let reason) = read(word, "eth1").ending else {
        Issue.record("\(word) is taken for an interface")
        continue
      }
      #expect(reason.contains("swabelctl"), "\(reason)")
      // Some are too long for a name.
      guard let name = InterfaceName(word) else { continue }
      let behind = read("--", word)
      #expect(behind.isComplete && behind.interfaces == [name], "\(word)")
    }
    guard case .refusal(let reason) = read("drain", "wg0").ending else { return }
    #expect(reason.contains("swabelctl drain"))
  }

  @Test func `every request that the client's help names is one of them`() {
    for line in ClientUsage.help.split(separator: "\n") where line.hasPrefix("  ") {
      let rest = line.drop { $0 == " " }
      guard line.count - rest.count == 2, let first = rest.split(separator: " ").first,
        !first.hasPrefix("-")
      else { continue }
      for word in [first] + rest.prefix(18).split(separator: ",").dropFirst() {
        let word = word.filter { $0 != "," && $0 != " " }
        #expect(RequestWord.isKnown(Array(word.utf8)[...]), "\(word)")
      }
    }
  }
}
