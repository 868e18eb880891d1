import BabelWire

/// A picture, tables and a search as one page of HTML that needs nothing else.
public enum PageText {
  /// The page, in UTF-8. It allows itself nothing but its own script and styles, and to ask the
  /// server that it came from.
  public static func document(_ picture: Picture, _ data: PageData) -> String {
    let style = "\n" + SVGStyle.sheet + "\n" + PageStyle.sheet
    let script = "\n" + PageScript.text + PageScript.ways + PageScript.refreshing
    let policy =
      "default-src 'none'; script-src '\(sourceHash(script))'; style-src '\(sourceHash(style))'; "
      + "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(policy)">
      <meta name="referrer" content="no-referrer">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <link rel="icon" href="data:,">
      <title>\(Escape.markup(PlainText.shown(picture.title, limit: 200)))</title>
      <style>\(style)</style>
      </head>
      <body>
      \(PageStyle.tools)
      <main>
      <figure id="picture" tabindex="0" aria-label="Picture of the mesh">
      \(SVGText.element(picture, hasStyle: false))
      </figure>
      \(PageStyle.tables)
      </main>
      <script type="application/json" id="data">\(data.json(picture))</script>
      <script>\(script)</script>
      </body>
      </html>

      """
  }

  /// How a policy names a script or a style that stands in the page.
  private static func sourceHash(_ text: String) -> String {
    var hash = SHA256()
    let octets = Array(text.utf8)
    hash.update(octets.span)
    let digest = hash.finish()
    return "sha256-" + base64((0..<SHA256.digestCount).map { digest[$0] })
  }

  private static func base64(_ octets: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: octets.count, by: 3) {
      let group = octets[start..<min(start + 3, octets.count)]
      let bits = (group + [0, 0]).prefix(3).reduce(0) { $0 << 8 | Int($1) }
      for place in 0..<4 {
        let isData = place <= group.count
        text.append(isData ? alphabet[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
