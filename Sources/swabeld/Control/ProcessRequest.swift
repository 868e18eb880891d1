import BabelKernel

/// A request that concerns the process as a whole. Only a read-write socket takes it.
enum ProcessRequest: Equatable {
  /// `stop`, or `stop --keep-routes`.
  case stop(keepsRoutes: Bool)
  /// `restart`.
  case restart

  /// Reads a request; nil if it is another one.
  init?(_ line: [UInt8]) {
    let words = RequestLines.words(line)
    guard let first = words.first else { return nil }
    if first.elementsEqual("stop".utf8) {
      switch words.count {
      case 1: self = .stop(keepsRoutes: false)
      case 2 where words[1].elementsEqual("--keep-routes".utf8): self = .stop(keepsRoutes: true)
      default: return nil
      }
    } else if first.elementsEqual("restart".utf8), words.count == 1 {
      self = .restart
    } else {
      return nil
    }
  }
}
