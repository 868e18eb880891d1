import BabelCore
import BabelWire
import Testing

@testable import swabeld

private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct `Tables for operators` {
  private static let columns = [
    TableColumn("NAME", "name", 6), TableColumn("COST", "cost", 5, isRight: true),
    TableColumn("MORE", "more", 4, isWide: true),
  ]

  private func text(_ form: TableForm, _ rows: [[TableCell]]) -> String {
    var text: [UInt8] = []
    let writer = TableWriter(Self.columns, form)
    writer.appendTitles(to: &text)
    for row in rows { writer.append(row, to: &text) }
    return String(decoding: text, as: UTF8.self)
  }

  @Test func `columns are aligned, and the wide form has all`() {
    let rows: [[TableCell]] = [
      [.text("wg0"), .metric(Metric(96)), .none], [.text("l1"), .metric(.infinity), .number(7)],
    ]
    #expect(text(.aligned, rows) == "NAME    COST\nwg0       96\nl1       inf\n")
    #expect(text(.wide, rows) == "NAME    COST MORE\nwg0       96 -\nl1       inf 7\n")
  }

  @Test func `a word that is too long takes blanks from its neighbours`() {
    let rows: [[TableCell]] = [[.text("wg-long"), .metric(Metric(96)), .none]]
    #expect(text(.aligned, rows) == "NAME    COST\nwg-long   96\n")
  }

  @Test func `a value that does not fit ends the line, and the row goes on below`() {
    let rows: [[TableCell]] = [
      [.text("wg-very-long-name"), .metric(Metric(96)), .none], [.text("l1"), .number(7), .none],
    ]
    #expect(text(.aligned, rows) == "NAME    COST\nwg-very-long-name\n          96\nl1         7\n")
    #expect(text(.wide, rows) == "NAME    COST MORE\nwg-very-long-name 96 -\nl1         7 -\n")
  }

  @Test func `the last value takes blanks in front of it before it goes below 80`() {
    let columns = [
      TableColumn("NAME", "name", 30), TableColumn("ADDRESS", "address", 38),
      TableColumn("WHY", "why", 8),
    ]
    func line(_ address: String) -> String {
      var text: [UInt8] = []
      TableWriter(columns, .aligned).append(
        [.text("wg0"), .text(address), .text("no link-local address")], to: &text)
      return String(decoding: text, as: UTF8.self)
    }
    let name = "wg0" + String(repeating: " ", count: 28)
    #expect(line("-") == name + "-" + String(repeating: " ", count: 27) + "no link-local address\n")
    let address = "fe80::1234:5678:9abc:def0:1234"
    #expect(
      line(address) == name + address + "\n" + String(repeating: " ", count: 59)
        + "no link-local address\n")
  }

  @Test(arguments: [0, 3, 7, 12, 15, 40])
  func `columns make room for what there is, within 80`(width: Int) {
    let columns = TableColumn.fitted(
      RouteRows.columns, [("interface", width), ("next_hop", 24)], atTheCostOf: "prefix")
    let shown = columns.filter { !$0.isWide }
    let interface = shown.first { $0.title == "IF" }?.width
    #expect(interface == max(7, width))
    #expect(shown.first { $0.title == "NEXT HOP" }?.width == 24)
    let sum = shown.reduce(-1) { $0 + $1.width + 1 }
    #expect(sum == (width <= 15 ? 80 : sum) && shown[1].width >= 1)
    let cells: [TableCell] = RouteRows.columns.map {
      .text($0.title == "NEXT HOP" ? "fe80::a8bb:ccff:fe00:1020" : $0.isRight ? "65535" : "word")
    }
    for prefix in ["10.0.0.0/8", "2001:db8:1234:5678:9abc:def0:1234:5678/128"] {
      var row = cells
      row[1] = .text(prefix)
      var text: [UInt8] = []
      TableWriter(columns, .aligned).append(row, to: &text)
      #expect(text.split(separator: 0x0A).allSatisfy { $0.count <= 80 || width > 15 })
    }
  }

  @Test func `JSON has all columns, one object a line`() {
    let rows: [[TableCell]] = [
      [.text("a\"b\\c\u{1}"), .metric(.infinity), .flag(true, mark: "x")],
      [.none, .microseconds(1500), .seconds(61)],
    ]
    #expect(
      text(.json, rows)
        == #"{"name":"a\"b\\c\u0001","cost":65535,"more":true}"# + "\n"
        + #"{"name":null,"cost":1500,"more":61}"# + "\n")
  }

  @Test(
    arguments: [
      (0, "0s"), (59, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"), (86_399, "23h59m"),
      (90_000, "1d01h"), (.max, "49710d06h"),
    ] as [(UInt32, String)])
  func `times are short`(seconds: UInt32, text: String) {
    #expect(HumanTime.text(seconds) == text)
  }

  @Test(
    arguments: [
      (0, "0.00"), (350, "0.35"), (9994, "9.99"), (12_345, "12.3"), (99_949, "99.9"),
      (140_499, "140"),
      (.max, "4294967"),
    ] as [(UInt32, String)])
  func `round-trip times have three digits`(microseconds: UInt32, text: String) {
    #expect(HumanTime.milliseconds(microseconds) == text)
  }

  @Test func `paragraphs keep within 80 columns`() {
    let words = String(repeating: "words and more ", count: 20)
    let lines = Paragraph.text(words, indent: 4).split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines.allSatisfy { $0.utf8.count <= 80 && $0.hasPrefix("    ") })
    #expect(
      lines[1].hasPrefix("      w") || lines[1].hasPrefix("      a")
        || lines[1].hasPrefix("      m"))
    let long = String(repeating: "x", count: 200)
    #expect(Paragraph.text(long, indent: 2) == "  \(long)\n")
  }
}

@Suite struct `Commands that operators are advised to enter` {
  @Test(
    arguments: [
      ("wg0", "wg0"), ("br-lan.100", "br-lan.100"), ("ff02::1%eth0", "ff02::1%eth0"),
      ("we\"ird", "'we\"ird'"), ("a;b", "'a;b'"), ("$x", "'$x'"), ("it's", #"'it'\''s'"#),
      ("", "''"),
    ])
  func `a word is quoted if a shell would take it for something else`(text: String, word: String) {
    #expect(ShellWord.text(text) == word)
  }

  @Test func `names of interfaces are quoted in every remedy`() throws {
    let name = try #require(InterfaceName("a;b"))
    for obstacle in [
      InterfaceObstacle.noLink(similar: nil), .down, .noAddress(.ipv6), .noAddress(.ipv4),
      .ipv6Disabled, .smallMTU,
    ] {
      let remedy = obstacle.remedy(name)
      #expect(remedy.contains("'"), "\(remedy)")
    }
    #expect(
      InterfaceObstacle.ipv6Disabled.remedy(name).contains(
        "sysctl -w 'net/ipv6/conf/a;b/disable_ipv6=0'"))
    #expect(InterfaceObstacle.notPrepared("join: no room").remedy(name).contains("join: no room"))
  }
}

@Suite struct `Requests for tables` {
  private func query(_ line: String) -> ShowQuery? {
    if case .query(let query) = ShowQuery.read(octets(line)) { query } else { nil }
  }

  private func mistake(_ line: String) -> String? {
    switch ShowQuery.read(octets(line)) {
    case .mistake(let reason): reason
    case .query, .other: nil
    }
  }

  @Test func `options choose the form and the rows`() throws {
    let routes = try #require(
      query("show routes 10.0.0.0/8 --longer --neighbour fe80::1 --interface wg0 -w"))
    #expect(routes.table == .routes)
    #expect(routes.form == .wide)
    #expect(routes.neighbour == IPAddress("fe80::1"))
    #expect(routes.interface == InterfaceName("wg0"))
    let inside = try #require(Prefix("10.1.0.0/16"))
    let around = try #require(Prefix("0.0.0.0/0"))
    #expect(routes.prefix?.contains(inside) == true)
    #expect(routes.prefix?.contains(around) == false)
    let shorter = try #require(query("show route --prefix 10.1.0.0/16 --shorter --json"))
    #expect(shorter.form == .json)
    #expect(shorter.prefix?.contains(around) == true)
    #expect(shorter.prefix?.contains(inside) == true)
    #expect(query("show neighbors")?.table == .neighbours)
    #expect(query("show route 10.1.2.3")?.prefix?.prefix == Prefix("10.1.2.3/32"))
  }

  @Test(arguments: [
    "show routes --color", "show routes 10.0.0.0/40", "show routes 10.0.0.0/8 10.0.0.0/9",
    "show limits --interface wg0", "show neighbours 10.0.0.0/8", "show routes --longer",
    "show routes --neighbour", "show routes --neighbour wg0", "show sources --interface wg0",
    "show routes --interface abcdefghijklmnopq",
  ])
  func `what is wrong is named`(line: String) {
    #expect(mistake(line) != nil)
  }

  @Test(arguments: [
    "show", "show config", "show counters", "show rules", "dump", "shows routes", "",
  ])
  func `other requests are left alone`(line: String) {
    if case .other = ShowQuery.read(octets(line)) {} else { Issue.record("\(line) was taken") }
  }

  @Test func `explanations are asked for in four ways`() {
    func reads(_ line: String) -> Bool {
      if case .query = ExplainQuery.read(octets(line)) { true } else { false }
    }
    for line in [
      "explain 10.0.0.0/8", "explain ::/0", "explain default", "explain out 10.0.0.0/8",
      "explain neighbour fe80::1", "explain neighbor fe80::1", "explain interface wg0",
    ] { #expect(reads(line), "\(line)") }
    for line in ["explain", "explain x", "explain out", "explain out x", "explain it wg0 now"] {
      #expect(!reads(line), "\(line)")
    }
  }
}
