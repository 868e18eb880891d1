/// What somebody asks for over HTTP, as far as this matters to a server of one page.
enum HTTPRequest: Equatable {
  /// The page, and only its head if `isHead`.
  case metrics(isHead: Bool)
  /// Another page.
  case unknown
  /// Something else than to read a page.
  case notAllowed
  /// No HTTP at all.
  case malformed
  /// It is longer than a request for this page can be.
  case tooLong

  /// The most octets of a request with all its header lines.
  static let limit = 4096
  /// The path of the only page there is.
  static let path = "/metrics"

  /// Reads a request; nil if its end has not come yet.
  init?(_ octets: [UInt8]) {
    guard Self.isComplete(octets) else {
      guard octets.count >= Self.limit else { return nil }
      self = .tooLong
      return
    }
    let line = octets.prefix { $0 != 0x0D && $0 != 0x0A }
    let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
    guard words.count == 3, words[2].starts(with: "HTTP/".utf8) else {
      self = .malformed
      return
    }
    let isHead = words[0].elementsEqual("HEAD".utf8)
    guard isHead || words[0].elementsEqual("GET".utf8) else {
      self = .notAllowed
      return
    }
    // Scrapers may be told to send parameters, which mean nothing here.
    let path = words[1].prefix { $0 != UInt8(ascii: "?") }
    self = path.elementsEqual(Self.path.utf8) ? .metrics(isHead: isHead) : .unknown
  }

  /// Whether the empty line is there that ends the header.
  private static func isComplete(_ octets: [UInt8]) -> Bool {
    var isEmpty = false
    for octet in octets {
      if octet == 0x0A {
        if isEmpty { return true }
        isEmpty = true
      } else if octet != 0x0D {
        isEmpty = false
      }
    }
    return false
  }

  /// The head of the answer, with the body where it is not the page.
  func head(pageCount: Int) -> [UInt8] {
    switch self {
    case .metrics:
      let type = "text/plain; version=0.0.4; charset=utf-8"
      return Array(Self.head("200 OK", type, count: pageCount).utf8)
    case .unknown: return Self.refusal("404 Not Found", "There is only \(Self.path) here.")
    case .notAllowed: return Self.refusal("405 Method Not Allowed", "Use GET.")
    case .malformed: return Self.refusal("400 Bad Request", "This is no HTTP.")
    case .tooLong:
      return Self.refusal(
        "431 Request Header Fields Too Large", "At most \(Self.limit) octets are read.")
    }
  }

  private static func head(_ status: String, _ type: String, count: Int) -> String {
    "HTTP/1.0 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(count)\r\n"
      + "Connection: close\r\n\r\n"
  }

  private static func refusal(_ status: String, _ text: String) -> [UInt8] {
    let body = text + "\n"
    let allow = status.utf8.starts(with: "405".utf8) ? "\r\nAllow: GET, HEAD" : ""
    let type = "text/plain; charset=utf-8" + allow
    return Array((head(status, type, count: body.utf8.count) + body).utf8)
  }
}
