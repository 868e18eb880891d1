import Testing

@testable import swabeld

/// What a daemon says is shown on a terminal without control characters.
@Suite struct `Text for a terminal` {
  private static func safe(_ text: [UInt8]) -> String {
    String(decoding: TerminalText.safe(text), as: UTF8.self)
  }

  @Test func `words, tabulators and characters of all kinds stay`() {
    let text = "a\tb – … ü 路\nc 𝄞"
    #expect(Self.safe(Array(text.utf8)) == text)
  }

  @Test func `control characters and octets that are no text become question marks`() {
    #expect(Self.safe(Array("\u{1B}]0;x\u{7}\r\u{7F}".utf8)) == "?]0;x???")
    #expect(Self.safe(Array("\u{9B}31m\u{A0}".utf8)) == "??31m\u{A0}")
    #expect(Self.safe([0x41, 0x9B, 0x42, 0xE2, 0x80]) == "A?B??")
    #expect(Self.safe([0xC2]) == "?")
  }
}
