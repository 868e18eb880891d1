import BabelCore
import BabelWire

/// A request to name the way of packets: `path ADDRESS [from ADDRESS] [--json] [-w]`.
struct PathQuery {
  /// Where the packets go.
  let destination: IPAddress
  /// Where they come from; zero length if that is left open.
  let source: Prefix
  /// How the way is written.
  let form: TableForm

  /// What a line comes to.
  enum Reading {
    /// Another request.
    case other
    case query(PathQuery)
    /// It is wrong, for this reason.
    case mistake(String)
  }

  /// What clients are told who may only look.
  static let refusal =
    "no path lets other nodes send packets: this needs a socket that may be written to\n"
  /// What clients are told when too many ask.
  static let busy = "no other ways are being asked for: try again in a few seconds\n"

  /// Reads a line.
  static func read(_ request: [UInt8]) -> Reading {
    var rest = RequestLines.words(request)[...]
    guard let first = rest.popFirst(), ShowQuery.matches("path", first) else { return .other }
    var form = TableForm.aligned
    var (destination, source): (IPAddress?, IPAddress?) = (nil, nil)
    do throws(ShowMistake) {
      while let word = rest.popFirst() {
        if ShowQuery.matches("--json", word) {
          form = .json
        } else if ShowQuery.matches("-w", word) || ShowQuery.matches("--wide", word) {
          form = .wide
        } else if ShowQuery.matches("from", word), source == nil, let value = rest.popFirst() {
          source = try address(value)
        } else {
          guard destination == nil else { throw ShowMistake(usage) }
          destination = try address(word)
        }
      }
      guard let destination else { throw ShowMistake(usage) }
      guard source.map({ $0.family == destination.family }) ?? true else {
        throw ShowMistake("both addresses must be of the same family")
      }
      return .query(
        PathQuery(
          destination: destination,
          source: source.map { Prefix(mapped: $0, mappedLength: 128) } ?? .any(destination.family),
          form: form))
    } catch {
      return .mistake(error.reason)
    }
  }

  private static let usage = "path takes an address, perhaps from ADDRESS, --json or -w"

  private static func address(_ word: ArraySlice<UInt8>) throws(ShowMistake) -> IPAddress {
    let address = try ShowQuery.address(word)
    guard !Prefix(mapped: address, mappedLength: 128).isMartian else {
      throw ShowMistake("\(address) is of a kind that no route leads to")
    }
    return address
  }
}

extension Daemon {
  /// Begins to ask for a way. The first lines follow when the answer has begun.
  func answer(to query: PathQuery, at now: Instant) -> ControlAnswer {
    guard
      let id = node.beginPath(
        to: query.destination, from: query.source, at: now, into: &actions)
    else { return .lines(PathQuery.busy) }
    return .path(id, PathText(query))
  }

  /// Tells who asked for a way what is heard of it.
  func tellPath(_ id: PathID, _ news: PathNews) { server?.tell(news, of: id) }

  /// Those who asked for a way and are gone make room for others.
  func forgetPaths() {
    for id in node.pathQuestions where server?.awaits(id) != true { node.endPath(id) }
  }
}
