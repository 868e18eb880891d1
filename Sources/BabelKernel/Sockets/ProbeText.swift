// What probes say, and what they make of the answers, which may be anything.

/// A question to a DNS server (RFC 1035 §4) for the IPv4 address of a name.
struct DNSQuery {
  /// The datagram.
  let octets: [UInt8]
  private static let headerCount = 12

  /// Makes a query. The name consists of labels of 1 to 63 octets; a dot may stand at its end.
  init(_ name: [UInt8], id: UInt16) {
    // Recursion is desired; there is one question.
    var octets: [UInt8] = [UInt8(id >> 8), UInt8(id & 255), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    for label in name.split(separator: 0x2e) {
      octets.append(UInt8(truncatingIfNeeded: label.count))
      octets += label
    }
    // The root, type A, class IN.
    self.octets = octets + [0, 0, 1, 0, 1]
  }

  /// What a datagram says: nil if it is no answer to this question, else its response code.
  func responseCode(of answer: ArraySlice<UInt8>) -> UInt8? {
    let bytes = Array(answer)
    guard bytes.count >= octets.count, bytes[0] == octets[0], bytes[1] == octets[1],
      // A response to an ordinary query, with the same question.
      bytes[2] & 0xF8 == 0x80, bytes[4] == 0, bytes[5] == 1,
      bytes[Self.headerCount..<octets.count] == octets[Self.headerCount...]
    else { return nil }
    return bytes[3] & 15
  }
}

/// A request by HTTP/1.0 (RFC 1945) and its answer.
enum WebQuery {
  /// Most octets of an answer that are looked at: its first line is shorter.
  static let limit = 512

  /// What is known of an answer so far.
  enum Reading: Equatable {
    /// More has to come.
    case incomplete
    /// The status, 100 to 999.
    case status(Int)
    /// It is no answer by HTTP.
    case foreign
  }

  /// The request for a path from a host.
  static func request(_ path: [UInt8], host: String) -> [UInt8] {
    Array("GET ".utf8) + path
      + Array(" HTTP/1.0\r\nHost: \(host)\r\nUser-Agent: swabeld\r\n\r\n".utf8)
  }

  /// Reads the beginning of an answer: `HTTP/1.1 204 …`.
  static func read(_ octets: [UInt8]) -> Reading {
    let title = Array("HTTP/1.".utf8)
    guard octets.starts(with: title) else {
      return octets.count < title.count && title.starts(with: octets) ? .incomplete : .foreign
    }
    guard octets.count > title.count + 5 else { return .incomplete }
    guard octets[title.count + 1] == 0x20 else { return .foreign }
    var status = 0
    for octet in octets[(title.count + 2)..<(title.count + 5)] {
      guard (0x30...0x39).contains(octet) else { return .foreign }
      status = status * 10 + Int(octet - 0x30)
    }
    guard [0x20, 0x0D, 0x0A].contains(octets[title.count + 5]) else { return .foreign }
    return status >= 100 ? .status(status) : .foreign
  }
}
