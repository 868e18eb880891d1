/// Letters that older versions or forks of babeld take.
enum RetiredOption {
  /// What to write instead of an option that there is not, or no more.
  static func replacement(_ letter: UInt8) -> String {
    let text: String? =
      switch letter {
      case UInt8(ascii: "z"): "radio diversity was removed in babeld 1.13; leave it out"
      case UInt8(ascii: "i"): "idle links are not treated apart since babeld 1.0; leave it out"
      case UInt8(ascii: "u"): "unfeasible routes are always kept; leave it out"
      case UInt8(ascii: "P"):
        "passive mode was removed; use -C 'redistribute local deny' and -C 'out deny'"
      case UInt8(ascii: "R"):
        "source-specific routes need no rules of their own; leave it out"
      case UInt8(ascii: "F"), UInt8(ascii: "q"):
        "prices exist in a fork of babeld only; leave it out"
      default: nil
      }
    let shown = String(decoding: [letter], as: UTF8.self)
    return text.map { "-\(shown): \($0)" } ?? "--help lists all options"
  }
}
