import BabelKernel
import Testing

@testable import swabeld

@Suite struct `Directories of a service manager` {
  @Test func `the first of several directories is taken, if it is a full path`() {
    #expect(WritableDirectory(list: "/run/swabeld")?.path == "/run/swabeld")
    #expect(WritableDirectory(list: "/run/a:/run/b")?.path == "/run/a")
    for text in ["", ":", "/", "run/swabeld", ":/run/b"] {
      #expect(WritableDirectory(list: text) == nil, "\(text)")
    }
  }

  @Test func `a file elsewhere has the same name there`() throws {
    let directory = try #require(WritableDirectory(list: "/run/swabeld"))
    #expect(directory.file(namedAs: "/srv/x/babel.sock") == "/run/swabeld/babel.sock")
    #expect(directory.file(namedAs: "babel.sock") == "/run/swabeld/babel.sock")
  }

  @Test func `only what is read-only has a cure`() throws {
    let directory = try #require(WritableDirectory(list: "/run/swabeld"))
    let missing = KernelError(operation: "creat", errno: ErrorNumber.noEntry)
    #expect(missing.withCure(for: "/srv/pid", in: directory) == missing)
    let readOnly = KernelError(operation: "creat", errno: ErrorNumber.readOnlyFileSystem)
    let cure = "add its directory to ReadWritePaths of the unit"
    #expect(
      readOnly.withCure(for: "/srv/pid", in: directory).kernelMessage
        == "/srv/pid: name /run/swabeld/pid instead, or \(cure)")
    #expect(readOnly.withCure(for: "/srv/pid", in: nil).kernelMessage == "/srv/pid: \(cure)")
  }
}
