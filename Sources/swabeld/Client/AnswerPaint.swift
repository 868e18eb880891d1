import BabelKernel

/// Colours in what people read: on a terminal only, and not in JSON.
struct AnswerPaint {
  private let isTerminal = Terminal.isTerminal(1)
  private let isOn: Bool
  private let hasTitles: Bool
  private var isFirst = true

  init(_ line: ClientCommandLine) {
    isOn = (line.isFirst("status") || line.isFirst("show")) && ScreenCommand.mayColour
    hasTitles = line.isFirst("show")
  }

  /// A line as it is shown.
  mutating func painted(_ received: [UInt8]) -> [UInt8] {
    let line = isTerminal ? TerminalText.safe(received) : received
    guard isOn, line.first != UInt8(ascii: "{") else { return line }
    defer { isFirst = false }
    // Titles are in capitals.
    if isFirst, hasTitles {
      let isTitle = line.first { $0 != 0x20 }.map { $0 >= 0x41 && $0 <= 0x5A } ?? false
      return isTitle ? Self.mark(line, line.count, "1") : line
    }
    if line.starts(with: "  [serious]".utf8) { return Self.mark(line, 11, "31") }
    if line.starts(with: "  [partial]".utf8) { return Self.mark(line, 11, "33") }
    if line.starts(with: "  [doubtful]".utf8) { return Self.mark(line, 12, "33") }
    if line.starts(with: "No problem".utf8) { return Self.mark(line, line.count, "32") }
    return line.starts(with: "* ".utf8) ? Self.mark(line, 1, "32") : line
  }

  private static func mark(_ line: [UInt8], _ count: Int, _ code: String) -> [UInt8] {
    Array("\u{1B}[\(code)m".utf8) + line[..<count] + "\u{1B}[0m".utf8 + line[count...]
  }
}
