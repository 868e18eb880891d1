import BabelKernel
import TestSupport
import Testing

@testable import swabeld

private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A terminal that knows the few commands that are used.
private struct ModelTerminal {
  private(set) var rows: [[UInt8]]
  private(set) var codes: [String] = []
  private var place = (row: 0, column: 0)

  init(columns: Int, rows: Int) {
    self.rows = Array(repeating: Array(repeating: UInt8(ascii: "?"), count: columns), count: rows)
  }

  mutating func take(_ text: [UInt8]) throws {
    var rest = text[...]
    while let octet = rest.popFirst() {
      guard octet == 0x1B else {
        rows[place.row][place.column] = octet
        place.column += 1
        continue
      }
      try #require(rest.popFirst() == UInt8(ascii: "["))
      var words = ""
      while let next = rest.popFirst() {
        if next >= 0x40 {
          obey(words, next)
          break
        }
        words.append(Character(UnicodeScalar(next)))
      }
    }
  }

  private mutating func obey(_ words: String, _ command: UInt8) {
    switch command {
    case UInt8(ascii: "H"):
      let numbers = words.split(separator: ";").compactMap { Int($0) }
      place = (numbers[0] - 1, numbers[1] - 1)
    case UInt8(ascii: "J"):
      for row in rows.indices { rows[row] = rows[row].map { _ in 0x20 } }
    case UInt8(ascii: "K"):
      for column in place.column..<rows[place.row].count { rows[place.row][column] = 0x20 }
    default: codes.append(words)
    }
  }
}

@Suite struct `A screen` {
  private func rows(_ frame: ScreenFrame) -> [[UInt8]] {
    frame.lines(colour: false, styles: false).split(
      separator: 0x0A, omittingEmptySubsequences: false
    ).map { Array($0) }
  }

  @Test func `whatever changes, the terminal shows the frame, and little is written`() throws {
    var chance = Chance(seed: 5)
    for _ in 0..<200 {
      let (columns, height) = (1 + chance.below(30), 1 + chance.below(8))
      var terminal = ModelTerminal(columns: columns, rows: height)
      var former: ScreenFrame?
      for _ in 0..<10 {
        var frame =
          chance.oneIn(3)
          ? ScreenFrame(columns: columns, rows: height)
          : former
            ?? ScreenFrame(columns: columns, rows: height)
        for _ in 0..<chance.below(6) {
          let text = (0..<chance.below(20)).map { _ in
            chance.pick([UInt8(0x20), 0x20, 0x61, 0x62, 0x63])
          }
          frame.put(
            text, row: chance.below(height + 1), column: chance.below(columns),
            chance.pick([.plain, .bold, .bad]))
        }
        let text = frame.changes(from: former, colour: true)
        try terminal.take(text)
        var shown = terminal.rows
        // The last place is never written.
        shown[height - 1][columns - 1] = 0x20
        let wanted = rows(frame)
        for row in 0..<height {
          var line = row < wanted.count ? wanted[row] : []
          line += [UInt8](repeating: 0x20, count: columns - line.count)
          if row == height - 1 { line[columns - 1] = 0x20 }
          #expect(shown[row] == line)
        }
        #expect(frame.changes(from: frame, colour: true).isEmpty)
        former = frame
      }
    }
  }

  @Test func `one number that changes takes few octets`() {
    var frame = ScreenFrame(columns: 80, rows: 24)
    for row in 0..<24 { frame.put("the routes of this row are 1000", row: row, column: 0) }
    var next = frame
    next.put("1001", row: 7, column: 27)
    #expect(next.changes(from: frame, colour: true) == octets("\u{1B}[8;31H1"))
  }

  @Test func `a terminal is not commanded by names`() {
    #expect(ScreenFrame.printable(octets("a\u{1B}[2Jé…\u{7F}\n")) == octets("a?[2J?...??"))
    var frame = ScreenFrame(columns: 4, rows: 1)
    frame.put("abcdefgh", row: 0, column: 2)
    frame.put("x", row: 5, column: 0)
    #expect(frame.lines(colour: false, styles: false) == octets("  ab\n"))
  }

  @Test func `colours are left out where they are not wanted`() {
    var frame = ScreenFrame(columns: 10, rows: 1)
    frame.put("bad", row: 0, column: 0, .bad)
    #expect(frame.lines(colour: true, styles: true) == octets("\u{1B}[0;31mbad\u{1B}[0m\n"))
    #expect(frame.lines(colour: false, styles: true) == octets("\u{1B}[0;1mbad\u{1B}[0m\n"))
    #expect(frame.lines(colour: false, styles: false) == octets("bad\n"))
  }

  @Test func `what is asked for is one of two pages`() {
    func read(_ text: String) -> ScreenCommand? {
      let words = text.split(separator: " ").map { octets(String($0)) }
      if case .screen(let command) = ScreenCommand.read(words) { return command }
      return nil
    }
    #expect(read("watch")?.page == .watch && read("top --once")?.isOnce == true)
    #expect(read("top --interval 10")?.interval == 10_000_000)
    for wrong in ["watch --interval 0", "watch x", "top --interval", "show", "watcher"] {
      #expect(read(wrong) == nil)
    }
  }
}

@Suite struct `What a screen knows of the daemon` {
  @Test func `an object of JSON is read, and nothing else`() throws {
    let object = try #require(
      FlatObject(octets(#"{"a":"x\"y\\\u001bz","b":-12,"c":true, "d" : null,"e":1.5}"#)))
    #expect(object.text("a") == octets("x\"y\\?z") && object.number("b") == -12)
    #expect(object.flag("c") && !object.flag("d") && object.has("d") && !object.has("f"))
    #expect(object.number("e") == 1 && object.number("a") == nil)
    #expect(FlatObject(octets("{}")) != nil)
    for wrong in [
      "", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "[1]", "{\"a\":[1]}", "{} x",
      "{\"a\":\"\\", "{\"a\":\"\\u00", "ok",
    ] { #expect(FlatObject(octets(wrong)) == nil, "\(wrong)") }
  }

  @Test func `numbers that are too large stay the largest`() throws {
    let object = try #require(FlatObject(octets(#"{"a":99999999999999999999999}"#)))
    #expect(object.number("a") == .max)
  }

  @Test func `events come in any order and once`() {
    var view = DaemonView()
    func line(_ number: Int) -> [UInt8] {
      octets("event \(number) 2026-11-21T12:34:56.789Z prefix 10.0.0.0/8 from ::/0 change moved")
    }
    for number in [5, 3, 4, 5, 6] { view.take(line(number), of: .events) }
    #expect(view.events.map { $0.number } == [3, 4, 5, 6])
    for number in 7..<2000 { view.take(line(number), of: .follow) }
    #expect(view.events.count == 1000 && view.events.last?.number == 1999)
    #expect(view.events.last?.shortStamp == octets("11-21 12:34:56"))
    #expect(view.events.last?.routeChange?.prefix == octets("10.0.0.0/8"))
    for wrong in ["event x y z", "event 1 2026 a", "outages interface l0", "event"] {
      view.take(octets(wrong), of: .events)
    }
    #expect(view.events.count == 1000)
  }

  @Test func `rates are made of two answers`() {
    var view = DaemonView()
    view.take(octets(#"{"cpu_us":1000,"received":10,"sent":5,"memory":2048}"#), of: .load)
    view.end(.load, at: 1_000_000)
    #expect(view.rates == nil && view.memory == 2048)
    view.take(octets(#"{"cpu_us":3000,"received":30,"sent":6,"memory":4096}"#), of: .load)
    view.end(.load, at: 3_000_000)
    // 2 ms of 2 s are a tenth of a percent.
    #expect(view.rates?.processor == 10 && view.rates?.received == 100 && view.rates?.sent == 5)
  }

  private func text(_ view: DaemonView, top: Bool = false) -> [Substring] {
    var frame = ScreenFrame(columns: 80, rows: 24)
    if top { TopPage.draw(view, into: &frame) } else { WatchPage.draw(view, into: &frame) }
    return String(decoding: frame.lines(colour: false, styles: false), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
  }

  private func view(_ status: String = "") -> DaemonView {
    var view = DaemonView()
    view.take(
      octets(#"{"version":"swabeld-1","host":"h","uptime":1000000,"interfaces":12"# + status + "}"),
      of: .status)
    view.end(.status, at: 1)
    return view
  }

  @Test func `numbers that do not fit into a row go on in the next one`() {
    let view = view(
      #","interfaces_up":12,"neighbours":112,"neighbours_usable":112,"routes":123456,"#
        + #""prefixes_reached":61234,"prefixes_unreachable":1234"#)
    for top in [false, true] {
      let lines = text(view, top: top)
      #expect(
        lines[1].hasPrefix("up 11d13h   interfaces 12/12   neighbours 112/112   routes 123456"))
      #expect(lines.contains { $0.hasSuffix("unreachable 1234") }, "\(lines)")
    }
  }

  @Test func `a daemon that is gone is told of at the top, and the rest is faint`() {
    var view = view()
    view.lose()
    let since = String(decoding: view.goneSince ?? [], as: UTF8.self)
    view.lose()
    for top in [false, true] {
      let lines = text(view, top: top)
      #expect(since.utf8.count == 12 && lines[1] == "The daemon does not answer since \(since)")
      #expect(
        !lines.contains("No problem is known.") && !lines[1...].contains { $0.hasPrefix("up ") })
      var frame = ScreenFrame(columns: 80, rows: 24)
      if top { TopPage.draw(view, into: &frame) } else { WatchPage.draw(view, into: &frame) }
      let styled = String(decoding: frame.lines(colour: true, styles: true), as: UTF8.self)
      #expect(styled.contains("\u{1B}[0;2m") && !styled.contains("\u{1B}[0;32m"))
    }
    view.beginAgain()
    #expect(view.goneSince != nil, "nothing is known of the next life yet")
    view.end(.status, at: 2)
    #expect(view.goneSince == nil)
  }

  @Test func `an event is shown to its end`() {
    var view = view()
    let what =
      "neighbour fe80::1234:5678:9abc:def0 if wg-tunnel-0001 was usable now deaf moved 30 "
      + "unreachable 12 silence 14 cause it does not hear us"
    view.take(octets("event 1 2026-11-21T12:34:56.789Z \(what)"), of: .events)
    let lines = text(view)
    let first = lines.firstIndex { $0.hasPrefix("11-21 12:34:56 neighbour") } ?? 0
    #expect(lines[first...(first + 1)].allSatisfy { $0.utf8.count <= 80 })
    #expect(lines[first + 1].hasPrefix(String(repeating: " ", count: 15)))
    #expect(
      lines[first...].joined(separator: " ").split(separator: " ").dropFirst(2).joined(
        separator: " ")
        == what)
    var frame = ScreenFrame(columns: 10, rows: 4)
    let next = frame.wrap(octets("abcdefghijklmnop qr stuvwxyz12345"), row: 0, indent: 2, most: 3)
    #expect(next == 3)
    #expect(
      frame.lines(colour: false, styles: false) == octets("abcdefghij\n  klmnop\n  qr stuvw\n"))
  }

  @Test func `pages of any size are drawn, whatever is known`() {
    var view = DaemonView()
    view.take(octets(#"{"version":"s","host":"h","uptime":1}"#), of: .status)
    for number in 0..<40 {
      view.take(octets(#"{"severity":"serious","text":"problem \#(number)"}"#), of: .status)
    }
    view.end(.status, at: 1)
    for number in 0..<50 {
      view.take(
        octets(
          #"{"address":"fe80::\#(number)","interface":"l0","state":"usable","cost":96,"#
            + #""reach":"\#(number % 17)/16","rtt_us":\#(number * 1000),"routes":3}"#),
        of: .neighbours)
    }
    view.end(.neighbours, at: 1)
    for size in [(1, 1), (10, 3), (40, 10), (80, 24), (200, 60)] {
      var frame = ScreenFrame(columns: size.0, rows: size.1)
      WatchPage.draw(view, into: &frame)
      let watch = String(decoding: frame.lines(colour: false, styles: false), as: UTF8.self)
      TopPage.draw(view, into: &frame)
      guard size.1 >= 24 else { continue }
      #expect(watch.contains("40 problems") && watch.contains(" more: swabelctl status"))
      #expect(watch.contains("NEIGHBOUR") && watch.contains("EVENTS"))
    }
    #expect(PageParts.bar(1, of: 1000, width: 6) == octets("#....."))
    #expect(PageParts.bar(5000, of: 1000, width: 6) == octets("######"))
    #expect(PageParts.bar(5, of: 0, width: 2) == octets(".."))
  }
}
