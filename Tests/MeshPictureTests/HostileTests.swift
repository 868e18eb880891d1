import Foundation
import Testing

@testable import MeshPicture

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Names that try to be more than text.
private let hostile = [
  "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</title></svg><b>",
  "&amp;&#x3c;",
  "' onload='alert(1)", "]]>", "--><!--", "</script><script>alert(1)</script>", "\u{2028}\u{2029}",
  "\u{202E}gnp.exe", "\0\u{1}\u{7F}\u{9B}", "a\nb\r\tc", "\\\"];\nx [label=\"", "${alert(1)}`",
  "z\u{335}\u{336}\u{337}\u{338}", String(repeating: "ﷺ", count: 500), "\u{FFFE}\u{FFFF}",
]

/// Collects elements and attributes of a document.
private final class Census: NSObject, XMLParserDelegate {
  var elements: Set<String> = []
  var attributes: Set<String> = []
  var texts = ""

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes found: [String: String]
  ) {
    elements.insert(name)
    attributes.formUnion(found.keys)
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) { texts += text }
}

@Suite struct `Names that try to be more than text` {
  private func picture() throws -> Picture {
    var sighting = Sighting()
    for (place, name) in hostile.enumerated() {
      let id = place.isMultiple(of: 2) ? name : "02:00:00:00:00:00:00:\(place + 10)"
      sighting.asked[id] = name
      sighting.prefixes[id] = [name, "10.0.0.\(place)/32"]
      sighting.ends.append(
        Sighting.End(from: id, to: hostile[0], interface: name, address: name, cost: 96))
      sighting.routes.append(
        Sighting.Route(
          at: id, prefix: name, router: id, via: hostile[0], nextHop: name, interface: name,
          metric: 1, announced: 1, isSelected: true))
    }
    return try Picture(MeshGraph(sighting), title: hostile.joined())
  }

  @Test func `are text in SVG`() throws {
    let census = Census()
    let parser = XMLParser(data: Data(SVGText.document(try picture()).utf8))
    parser.delegate = census
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    let elements: Set = [
      "svg", "title", "desc", "style", "rect", "text", "g", "line", "polygon",
    ]
    #expect(census.elements.isSubset(of: elements))
    #expect(!census.attributes.contains { $0.hasPrefix("on") || $0 == "src" || $0 == "href" })
    #expect(census.texts.contains("<script>alert(1)</scr"))
    #expect(!census.texts.contains("\u{202E}") && !census.texts.contains("\u{335}"))
  }

  @Test func `are text in HTML and in its script`() throws {
    let page = PageText.document(
      try picture(), PageData(time: hostile[7], prefix: hostile[7], since: hostile[1]))
    #expect(page.components(separatedBy: "<script").count == 3)
    #expect(page.components(separatedBy: "</script>").count == 3)
    #expect(!page.contains("<img") && !page.contains("<b>") && !page.contains("\u{2028}"))
    let start = try #require(page.range(of: "id=\"data\">"))
    let end = try #require(page[start.upperBound...].range(of: "</script>"))
    let json = page[start.upperBound..<end.lowerBound]
    #expect(!json.contains("<") && !json.contains("&"))
    let data = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
    #expect((data?["routes"] as? [Any])?.count == hostile.count)
    #expect(data?["prefix"] as? String == hostile[7])
    let answer = PageData(time: hostile[1]).answer(try picture())
    let parts = try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any]
    #expect((parts?["svg"] as? String)?.hasPrefix("<svg ") == true)
  }

  @Test func `are strings in NetJSON and DOT`() throws {
    let graph = try JSONSerialization.jsonObject(
      with: Data(NetJSONText.document(try picture()).utf8))
    let nodes = (graph as? [String: Any])?["nodes"] as? [[String: Any]]
    #expect(nodes?.contains { $0["label"] as? String == hostile[0] } == true)
    // Outside of strings nothing is left of them.
    var isQuoted = false
    var isEscaped = false
    var outside = ""
    for scalar in DOTText.document(try picture()).unicodeScalars {
      if isEscaped {
        isEscaped = false
      } else if isQuoted, scalar == "\\" {
        isEscaped = true
      } else if scalar == "\"" {
        isQuoted.toggle()
      } else if !isQuoted {
        outside.unicodeScalars.append(scalar)
      }
    }
    #expect(!isQuoted && !outside.contains("alert") && !outside.contains("label=x"))
  }
}

@Suite struct `The page` {
  private func page() throws -> String {
    PageText.document(
      try Picture(MeshGraph(GeneratedMesh(.ring, 5).sighting())), PageData(time: "now"))
  }

  @Test func `needs nothing from elsewhere and says so to the browser`() throws {
    let text = try page()
    for word in ["http://", "https://", "//cdn", "@import", "url(", "style=", "unsafe"] {
      let rest = text.replacing("http://www.w3.org/2000/svg", with: "")
      #expect(!rest.contains(word), "\(word)")
    }
    #expect(text.contains("default-src 'none'; script-src 'sha256-"))
  }

  @Test(arguments: [
    ("GET /t/ HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", PageRequest.page),
    ("GET /t/ HTTP/1.1\r\nHost: [::1]:80\r\nSec-Fetch-Site: none\r\n\r\n", .page),
    ("GET /t/data.json HTTP/1.1\nhost:127.0.0.1\n\n", .data(hasChanges: false)),
    (
      "GET /t/data.json?changes HTTP/1.1\r\nHost: [::1]:80\r\nOrigin: http://[::1]:80\r\n"
        + "Sec-Fetch-Site: same-origin\r\n\r\n", .data(hasChanges: true)
    ),
  ])
  func `is given to who asks for it`(text: String, request: PageRequest) {
    #expect(PageRequest(Array(text.utf8), token: "t") == request)
  }

  @Test(arguments: [
    "GET /t/ HTTP/1.1\r\n\r\n", "GET /t/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "GET /t/ HTTP/1.1\r\nHost: localhost.evil.example:80\r\n\r\n",
    "GET /t/ HTTP/1.1\r\nHost: [::1]:80@evil.example\r\n\r\n",
    "GET /t/ HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    "GET /t/ HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n",
    "GET /t/ HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n",
    "GET /t/ HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n",
    "GET /t/ HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-site\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /u/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /t/../t/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "POST /t/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "nonsense\r\n\r\n", "\r\n\r\n",
  ])
  func `is given to nobody else`(text: String) {
    guard case .refused(let status, _) = PageRequest(Array(text.utf8), token: "t") else {
      Issue.record("not refused: \(text)")
      return
    }
    #expect(status.first == "4")
  }

  @Test func `waits for the end of a request, but not for ever`() {
    let half = Array("GET /t/ HTTP/1.1\r\nHost: localhost\r\n".utf8)
    #expect(PageRequest(half, token: "t") == nil)
    let endless = [UInt8](repeating: 65, count: PageRequest.limit)
    #expect(PageRequest(endless, token: "t") != nil)
  }

  @Test func `allows no other site to read an answer`() {
    let head = String(
      decoding: PageRequest.answer("200 OK", type: "text/html", "x"), as: UTF8.self)
    #expect(!head.lowercased().contains("access-control"))
    #expect(head.contains("Cross-Origin-Resource-Policy: same-origin\r\n"))
    #expect(head.hasSuffix("\r\n\r\nx"))
  }
}
