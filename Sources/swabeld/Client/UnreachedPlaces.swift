import BabelCore
import BabelKernel

/// Why no daemon was reached, and what can be done.
struct UnreachedPlaces {
  private let search: SocketSearch
  /// What is known of a place beyond that nobody is there.
  private var reasons: [String] = []

  init(_ search: SocketSearch) { self.search = search }

  /// Notes why a place could not be connected to.
  mutating func add(_ place: LocalServer.Endpoint, _ failure: KernelError) {
    switch failure.errno {
    case ErrorNumber.noEntry: break
    case ErrorNumber.connectionRefused:
      // Without a daemon nobody listens on the port that is tried last.
      if case .port = place, search.origin == nil { return }
      add(place, "nobody listens there")
    case ErrorNumber.accessDenied, ErrorNumber.notPermitted:
      add(
        place,
        "this user may not use it. Root may (sudo); the statements socket-mode and socket-group "
          + "open it for a group")
    default: add(place, failure.description)
    }
  }

  /// Notes what was wrong with who answered at a place.
  mutating func add(_ place: LocalServer.Endpoint, _ reason: String) {
    reasons.append("\(Self.name(place)): \(reason)")
  }

  private static func name(_ place: LocalServer.Endpoint) -> String {
    switch place {
    case .path(let path): String(decoding: path, as: UTF8.self)
    case .port(let port): "[::1]:\(port)"
    }
  }

  /// A text for an operator.
  var description: String {
    if !reasons.isEmpty { return reasons.joined(separator: "\nswabelctl: ") }
    var names = ""
    for place in search.places { names += (names.utf8.isEmpty ? "" : ", ") + Self.name(place) }
    guard let origin = search.origin else {
      return "no daemon serves \(names). Does one run, and does its configuration name a socket "
        + "(local-path-readwrite FILE)? Another place is named by -s"
    }
    return "there is no socket \(names) (\(origin)): the daemon does not run, or has another"
  }
}
