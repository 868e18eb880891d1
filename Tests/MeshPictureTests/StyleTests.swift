import Testing

@testable import MeshPicture

@Suite struct `The colours` {
  /// The colours of a scheme by their names: those of the light one stand first.
  private func colours(isDark: Bool) -> [String: String] {
    let parts = SVGStyle.sheet.components(separating: "prefers-color-scheme:dark")
    var found: [String: String] = [:]
    for match in parts[isDark ? 1 : 0].matches(of: /--([a-z]+):#([0-9a-f]{3,6})/) {
      found[String(match.1)] = String(match.2)
    }
    return found
  }

  /// How bright a colour is, 0 to 1 (WCAG 2, relative luminance; its curve as a square is near
  /// enough).
  private func brightness(_ colour: String) -> Double {
    let digits = colour.count == 3 ? colour.flatMap { [$0, $0] } : Array(colour)
    let parts = stride(from: 0, to: 6, by: 2).map { place in
      Double(Int(String(digits[place...(place + 1)]), radix: 16) ?? 0) / 255
    }
    let linear = parts.map { $0 <= 0.04045 ? $0 / 12.92 : $0 * $0 * (0.7 + 0.3 * $0) }
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }

  private func contrast(_ one: String, _ two: String) -> Double {
    let (a, b) = (brightness(one), brightness(two))
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
  }

  @Test(arguments: [false, true])
  func `stand out from the ground`(isDark: Bool) throws {
    let colours = colours(isDark: isDark)
    let ground = try #require(colours["ground"])
    for name in ["ink", "soft", "blue", "red", "amber", "green"] {
      #expect(contrast(try #require(colours[name]), ground) >= 4.5, "text in \(name)")
    }
    for name in ["line", "askedline", "bold"] {
      #expect(contrast(try #require(colours[name]), ground) >= 3, "strokes in \(name)")
    }
    for box in ["box", "asked", "origin"] {
      for text in ["ink", "soft"] {
        let colour = try #require(colours[text])
        #expect(contrast(colour, try #require(colours[box])) >= 4.5, "\(text) on \(box)")
      }
    }
  }
}

extension String {
  /// The parts before and behind a mark.
  fileprivate func components(separating mark: String) -> [Substring] {
    guard let range = firstRange(of: mark) else { return [self[...], ""] }
    return [self[..<range.lowerBound], self[range.upperBound...]]
  }
}
