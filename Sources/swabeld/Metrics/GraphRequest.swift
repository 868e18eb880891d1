/// In which language the network is drawn.
enum GraphForm: UInt8 {
  /// NetJSON's NetworkGraph.
  case netJSON
  /// Graphviz' DOT.
  case dot

  /// Reads `show graph`, `show graph --netjson` or `show graph --dot`; nil if a request is another
  /// one.
  init?(request: [UInt8]) {
    let words = RequestLines.words(request)
    guard words.count >= 2, words.count <= 3, words[0].elementsEqual("show".utf8),
      words[1].elementsEqual("graph".utf8)
    else { return nil }
    if words.count == 2 || words[2].elementsEqual("--netjson".utf8) {
      self = .netJSON
    } else if words[2].elementsEqual("--dot".utf8) {
      self = .dot
    } else {
      return nil
    }
  }
}
