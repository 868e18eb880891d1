import Testing

/// Every check is shown a sample that breaks its rule and one that does not.
@Suite struct `The checks themselves` {
  private func sample(_ text: String, in path: String = "Sources/BabelCore/X.swift") -> SourceText {
    SourceText(path: path, text: text)
  }

  private func lines(_ findings: [Finding]) -> [Int] { findings.map(\.line) }

  @Test func `a file of 401 lines is too long, of 400 is not`() {
    #expect(Checks.sizes(sample(String(repeating: "a\n", count: 401))).count == 1)
    #expect(Checks.sizes(sample(String(repeating: "a\n", count: 400))).isEmpty)
  }

  @Test func `a line of 101 columns is too wide, of 100 is not`() {
    #expect(lines(Checks.sizes(sample("\n" + String(repeating: "é", count: 101)))) == [2])
    #expect(Checks.sizes(sample(String(repeating: "é", count: 100))).isEmpty)
  }

  @Test(arguments: ["func f()", "init(x: Int)", "deinit", "subscript(i: Int) -> Int"])
  func `a function of 71 lines is too long, of 70 is not`(head: String) {
    func body(_ count: Int) -> String {
      "struct S {\n  \(head) {\n" + String(repeating: "    if x { y() }\n", count: count)
        + "  }\n}\n"
    }
    #expect(lines(Checks.functions(sample(body(69)))) == [2])
    #expect(Checks.functions(sample(body(68))).isEmpty)
  }

  @Test func `braces in strings and comments do not count`() {
    let text = """
      func f() {
        let a = "}", b = #"\\#(x) " { "#  // }
        /* } /* } */ } */
        let c = \"\"\"
          } " {
          \"\"\"
      }
      func g() {
      """ + String(repeating: "\n", count: 70) + "}\n"
    #expect(lines(Checks.functions(sample(text))) == [8])
  }

  @Test func `code inside an interpolation is still code`() {
    #expect(lines(Checks.forcing(sample(#"let a = "\(b!) c!""#))) == [1])
    #expect(Checks.forcing(sample(#"let a = "\(b) c!""#)).isEmpty)
  }

  @Test(arguments: ["// TO" + "DO later", "let x = 1 // FIX" + "ME", "/* XX" + "X */"])
  func `unfinished work is found`(text: String) {
    #expect(lines(Checks.unfinished(sample(text))) == [1])
    #expect(Checks.unfinished(sample("// XX" + "XY, autodo, fixmeup")).isEmpty)
  }

  @Test(arguments: [
    ("BabelWire", "import CLinux"), ("BabelWire", "import BabelCore"),
    ("BabelCore", "import Foundation"), ("BabelCore", "internal import BabelKernel"),
    ("BabelKernel", "import Glibc"), ("BabelKernel", "import BabelCore"),
    ("swabeld", "@preconcurrency import Dispatch"), ("swabeld", "import struct Foundation.URL"),
    ("MeshPlan", "import BabelKernel"), ("swabelmesh", "import BabelCore"),
  ])
  func `imports that go up or sideways are found`(floor: String, text: String) {
    let path = "Sources/\(floor)/X.swift"
    #expect(lines(Checks.importsOfFloor(sample(text, in: path))) == [1])
    let ours = Checks.imports[floor, default: []].map { "import \($0)" }.sorted()
    let allowed = ours.joined(separator: "\n")
    #expect(Checks.importsOfFloor(sample(allowed, in: path)).isEmpty)
    #expect(Checks.importsOfFloor(sample("// " + text, in: path)).isEmpty)
  }

  @Test(arguments: ["RouteManager", "HelperTable", "NetUtils", "BaseNode", "CommonTLV"])
  func `type names that say nothing are found`(name: String) {
    #expect(lines(Checks.typeNames(sample("public struct \(name) {}"))) == [1])
    #expect(lines(Checks.typeNames(sample("final class \(name)<T>: P {}"))) == [1])
    #expect(Checks.typeNames(sample("enum Baseline {}\nstruct Commoner {}\nlet base = 1")).isEmpty)
  }

  @Test(arguments: ["try! f()", "x as! Int", "a!.b", "f()!", "d[1]!", "var x: Int!", "a?.b!"])
  func `forcing is found`(text: String) {
    #expect(lines(Checks.forcing(sample(text))) == [1])
  }

  @Test(arguments: ["if !a && !b() {", "a != b", "a!=b", "f(!x)", "[!x]"])
  func `negation and comparison are not forcing`(text: String) {
    #expect(Checks.forcing(sample(text)).isEmpty)
  }

  @Test(arguments: ["unsafe f(p)", "let p: UnsafePointer<Int>", "unsafeBitCast(a, to: B.self)"])
  func `unsafe constructs stay in BabelKernel`(text: String) {
    #expect(lines(Checks.safety(sample(text))) == [1])
    #expect(lines(Checks.safety(sample(text, in: "Sources/swabeld/X.swift"))) == [1])
    #expect(Checks.safety(sample(text, in: "Sources/BabelKernel/X.swift")).isEmpty)
  }

  @Test func `the core does not ask for the time`() {
    #expect(lines(Checks.clock(sample("let t = Clock.now()"))) == [1])
    #expect(Checks.clock(sample("let t = now", in: "Sources/BabelCore/X.swift")).isEmpty)
    #expect(Checks.clock(sample("now()", in: "Sources/swabeld/X.swift")).isEmpty)
  }

  @Test func `a public declaration needs a doc comment`() {
    #expect(lines(Checks.documentation(sample("// no\npublic var x = 1"))) == [2])
    #expect(lines(Checks.documentation(sample("\n  @inlinable\n  public func f() {}"))) == [3])
    #expect(Checks.documentation(sample("/// Yes.\n@inlinable\npublic func f() {}")).isEmpty)
    #expect(Checks.documentation(sample("public import BabelWire\nvar x = 1")).isEmpty)
  }

  @Test(arguments: ["do { try f() } catch {}", "do { try f() } catch {\n  // It may fail.\n}"])
  func `an empty catch is found`(text: String) {
    #expect(lines(Checks.emptyCatches(sample(text))) == [1])
    #expect(Checks.emptyCatches(sample("do { try f() } catch { return }")).isEmpty)
    #expect(Checks.emptyCatches(sample("// catch {}")).isEmpty)
  }

  @Test func `folders of one machine are found`() {
    let paths = ["/wo" + "rk/x", "see /ro" + "ot/x", "'/fa" + "rm/a'"]
    for path in paths {
      #expect(lines(Checks.foreignPaths(sample(path, in: "Makefile"))) == [1])
    }
    #expect(Checks.foreignPaths(sample("frame/wo" + "rk/x, a/fa" + "rm/b")).isEmpty)
  }
}
