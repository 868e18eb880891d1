/// What a browser asks of the server of a page.
///
/// The server answers on the loopback interface of a machine, where it must beware of two kinds of
/// strangers. Other users of the machine do not know the secret word in its address. Other web
/// sites in the operator's browser neither know it nor may they read an answer, because there is no
/// header that allows it; and a name that somebody points at the loopback address (DNS rebinding)
/// is refused before anything else.
public enum PageRequest: Equatable, Sendable {
  /// The page.
  case page
  /// The picture and its data, compared with the time when the server began if `hasChanges`.
  case data(hasChanges: Bool)
  /// Something that is not answered: the status, and why.
  case refused(String, String)

  /// The most octets of a request with all its header lines.
  public static let limit = 16384

  /// Reads a request; nil if its end has not come yet. `token` is the secret word.
  public init?(_ octets: [UInt8], token: String) {
    let text = String(decoding: octets, as: UTF8.self).replacingEnds()
    guard let end = text.firstRange(of: "\n\n") else {
      guard octets.count >= Self.limit else { return nil }
      self = .refused("431 Request Header Fields Too Large", "The request is too long.")
      return
    }
    let lines = text[..<end.lowerBound].split(separator: "\n", omittingEmptySubsequences: false)
    let words = (lines.first ?? "").split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[2].hasPrefix("HTTP/") else {
      self = .refused("400 Bad Request", "This is no HTTP.")
      return
    }
    var fields: [String: [String]] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      let value = String(parts[1].drop { $0 == " " || $0 == "\t" })
      fields[parts[0].lowercased(), default: []].append(value)
    }
    if let refusal = Self.refusal(fields) {
      self = refusal
    } else if words[0] != "GET" {
      self = .refused("405 Method Not Allowed", "Use GET.")
    } else {
      self = Self.asked(String(words[1]), token)
    }
  }

  private static func refusal(_ fields: [String: [String]]) -> PageRequest? {
    let hosts = fields["host"] ?? []
    guard hosts.count == 1, isLoopback(hosts[0]) else {
      return .refused("421 Misdirected Request", "Ask for localhost or [::1].")
    }
    let sites = fields["sec-fetch-site"] ?? []
    let origins = fields["origin"] ?? []
    guard sites.allSatisfy({ $0 == "same-origin" || $0 == "none" }),
      origins.allSatisfy({ $0 == "http://" + hosts[0] })
    else { return .refused("403 Forbidden", "Other sites are not answered.") }
    return nil
  }

  /// Whether a Host field names the loopback interface, with any port: an SSH tunnel changes it.
  private static func isLoopback(_ host: String) -> Bool {
    ["localhost", "[::1]", "127.0.0.1"].contains { name in
      guard host.hasPrefix(name) else { return false }
      let rest = host.utf8.dropFirst(name.utf8.count)
      return rest.isEmpty
        || rest.first == UInt8(ascii: ":") && rest.dropFirst().allSatisfy { (48...57).contains($0) }
    }
  }

  private static func asked(_ target: String, _ token: String) -> PageRequest {
    switch target {
    case "/\(token)/": return .page
    case "/\(token)/data.json": return .data(hasChanges: false)
    case "/\(token)/data.json?changes": return .data(hasChanges: true)
    default:
      return .refused(
        "404 Not Found", "Use the whole address that swabelmesh printed, with its secret word.")
    }
  }

  /// An answer of the server, head and body.
  public static func answer(_ status: String, type: String, _ body: String) -> [UInt8] {
    let octets = Array(body.utf8)
    let head =
      "HTTP/1.1 \(status)\r\nContent-Type: \(type); charset=utf-8\r\n"
      + "Content-Length: \(octets.count)\r\nConnection: close\r\nCache-Control: no-store\r\n"
      + "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
      + "Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n"
      + "Cross-Origin-Opener-Policy: same-origin\r\n\r\n"
    return Array(head.utf8) + octets
  }
}

extension String {
  /// The same with lines that end with a single octet.
  fileprivate func replacingEnds() -> String {
    String(decoding: utf8.filter { $0 != 0x0D }, as: UTF8.self)
  }
}
