/// Text from the network as it may stand in a picture: without what cannot be seen or turns the
/// direction of writing, and not too long.
enum PlainText {
  /// The text, with a mark in place of each scalar that has no picture of its own. Of more than
  /// `limit` characters the rest is cut off.
  static func shown(_ text: String, limit: Int) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
      // One character can have any number of marks above and below; the scalars count.
      guard count < limit else { return result + "…" }
      result.unicodeScalars.append(isVisible(scalar) ? scalar : "\u{FFFD}")
      count += 1
    }
    return result
  }

  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .nonspacingMark, .enclosingMark, .spacingMark:
      return false
    default: return true
    }
  }

  /// About how wide the text is, in px, in a sans-serif font of this size. It is that of DejaVu
  /// Sans, which is wider than others, so a text seldom is wider than that.
  static func width(_ text: String, size: Double) -> Double {
    text.unicodeScalars.reduce(0) { $0 + share($1) } * size
  }

  private static func share(_ scalar: Unicode.Scalar) -> Double {
    switch scalar {
    case "i", "j", "l", " ", ".", ",", "I", "'", "|", "·": return 0.34
    case ":", ";", "/", "-", "f", "t", "r", "(", ")", "[", "]": return 0.42
    case "m", "M", "W", "w", "@", "%": return 0.99
    case "A"..."Z", "#", "&", "+", "=", "<", ">", "→", "▲", "▼", "−": return 0.84
    case _ where scalar.value < 0x80: return 0.64
    case _ where scalar.value < 0x500: return 0.8
    default: return 1.2
    }
  }
}

/// Numbers as text, always in the same way.
enum Decimal {
  /// With one digit behind the point, and none if it is 0.
  static func short(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    let digits = tenths.magnitude % 10
    let sign = tenths < 0 ? "-" : ""
    return sign + String(tenths.magnitude / 10) + (digits == 0 ? "" : ".\(digits)")
  }

  /// A time in microseconds, as milliseconds with about three digits.
  static func milliseconds(_ microseconds: Int) -> String {
    let number = Double(microseconds) / 1000
    if number >= 100 { return String(Int(number.rounded())) }
    if number >= 10 { return short(number) }
    let hundredths = Int((number * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }

  /// Thousandths as a percentage.
  static func percent(_ thousandths: Int) -> String { short(Double(thousandths) / 10) }
}

/// Text in a markup language or in a script.
enum Escape {
  /// Text between tags or in an attribute of SVG or HTML, whose value is in double quotation marks.
  static func markup(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\t", "\n", "\r": result.unicodeScalars.append(" ")
      case _ where isForbidden(scalar): result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// What XML has no place for.
  private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || scalar.value & 0xFFFE == 0xFFFE
  }

  /// A string of JSON, in its quotation marks, that can also stand in a script or in HTML.
  static func json(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\" + String(scalar)
      case "<", ">", "&", "'", "\u{2028}", "\u{2029}": result += code(scalar)
      case _ where isForbidden(scalar) && scalar.value < 0x10000: result += code(scalar)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private static func code(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    return "\\u" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
  }

  /// A string of DOT, in its quotation marks. Lines end with `\n`.
  static func dot(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\" + String(scalar)
      case "\n": result += "\\n"
      case _ where isForbidden(scalar): result += "?"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
