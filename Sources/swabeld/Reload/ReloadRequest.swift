/// What a client wants done with the configuration files. All of it needs a read-write socket: a
/// forecast costs time, and an error quotes the files, which may hold keys.
enum ReloadRequest: Equatable {
  /// `reload`: they are read again and put into effect.
  case reload
  /// `reload --dry-run`: it is only said what that would lead to.
  case dryRun
  /// `reload --confirm SECONDS`: what was before comes back, unless `confirm` follows in time.
  case provisional(seconds: Int64)
  /// `confirm`: what was put into effect provisionally stays.
  case confirm

  /// Longest time for a confirmation in seconds: a day.
  private static let longestWait: Int64 = 86_400

  /// Reads a request; nil if it is another one.
  init?(_ request: [UInt8]) {
    let words = RequestLines.words(request)
    guard let first = words.first else { return nil }
    if Self.equal(first, "confirm"), words.count == 1 {
      self = .confirm
    } else if Self.equal(first, "reload"), words.count == 1 {
      self = .reload
    } else if Self.equal(first, "reload"), words.count == 2, Self.equal(words[1], "--dry-run") {
      self = .dryRun
    } else if Self.equal(first, "reload"), words.count == 3, Self.equal(words[1], "--confirm"),
      let seconds = Int64(String(decoding: words[2], as: UTF8.self)),
      (1...Self.longestWait).contains(seconds)
    {
      self = .provisional(seconds: seconds)
    } else {
      return nil
    }
  }

  private static func equal(_ word: ArraySlice<UInt8>, _ text: String) -> Bool {
    word.elementsEqual(text.utf8)
  }
}
