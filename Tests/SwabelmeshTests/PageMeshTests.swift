import BabelKernel
import Foundation
import MeshPicture
import Testing

@testable import swabelmesh

/// A socket in a folder of its own on which a node listens, or seems to.
private final class Node {
  let path = NSTemporaryDirectory() + "swabelmesh-\(UInt64.random(in: 0 ... .max)).sock"
  private let listener: LocalListener
  private var clients: [Client] = []
  private(set) var accepted = 0

  private final class Client {
    let connection: LocalConnection
    var isGreeted = false
    init(_ connection: consuming LocalConnection) { self.connection = connection }
  }

  init() throws { listener = try LocalListener(path: path) }

  /// What it says to each question, in order of the questions; a status line alone to others.
  private static let status = """
    {"version":"x","host":"berlin","router_id":"02:00:00:00:00:00:00:0a","pid":7}

    """

  /// Accepts, greets and answers as far as that is possible now.
  func serve() throws {
    while let connection = try listener.accept() {
      accepted += 1
      clients.append(Client(connection))
    }
    for client in clients {
      if !client.isGreeted {
        client.isGreeted = true
        _ = try client.connection.write(Array("BABEL 1.0\nok\n".utf8))
      }
      var buffer = [UInt8](repeating: 0, count: 4096)
      guard case .octets(let count) = try client.connection.read(into: &buffer) else { continue }
      let lines = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n")
      for line in lines {
        let answer = line == "status --json" ? Self.status : ""
        _ = try client.connection.write(Array((answer + "ok\n").utf8))
      }
    }
  }
}

@Suite struct `What a served page knows` {
  /// Lets time pass until a condition holds; ten seconds at most.
  private func wait(_ mesh: PageMesh, _ node: Node?, until isDone: () -> Bool) throws {
    let end = MonotonicClock.microseconds() + 10_000_000
    while !isDone(), MonotonicClock.microseconds() < end {
      var poll = PollSet()
      mesh.addInterests(to: &poll)
      _ = try poll.wait(until: MonotonicClock.microseconds() + 10_000)
      try node?.serve()
      mesh.advance()
    }
    #expect(isDone())
  }

  @Test func `is not waited for long if a node hangs, and stays with its age`() throws {
    let (good, hung) = (try Node(), try Node())
    let mesh = PageMesh([good.path, hung.path])
    mesh.refresh()
    let now = MonotonicClock.microseconds()
    #expect(mesh.readyTime > now && mesh.readyTime <= now + 2_000_000)
    try wait(mesh, good) { mesh.last != nil }
    #expect(mesh.trouble.isEmpty)
    try wait(mesh, good) { mesh.readyTime <= MonotonicClock.microseconds() }
    #expect(mesh.trouble == "\(hung.path): it does not answer")
    #expect(mesh.last?.asked.values.contains("berlin") == true)
    // Once it goes on, the same question is answered.
    try wait(mesh, hung) { mesh.trouble.isEmpty }
    #expect(mesh.readyTime == 0)
  }

  @Test func `is asked for once for all clients together`() throws {
    let node = try Node()
    let mesh = PageMesh([node.path])
    for _ in 0..<50 { mesh.refresh() }
    try wait(mesh, node) { mesh.last != nil }
    for _ in 0..<50 { mesh.refresh() }
    try node.serve()
    #expect(node.accepted == 1)
  }

  @Test func `stays when the socket is dead`() throws {
    let mesh: PageMesh
    do {
      let node = try Node()
      mesh = PageMesh([node.path])
      mesh.refresh()
      try wait(mesh, node) { mesh.last != nil }
    }
    try wait(mesh, nil) {
      mesh.refresh()
      return !mesh.trouble.isEmpty
    }
    #expect(mesh.trouble.hasSuffix(", as of \(mesh.time)") && mesh.last != nil)
    #expect(mesh.first == mesh.last)
  }

  @Test func `is refused at the start only if a file is wrong`() {
    let mesh = PageMesh(["/nowhere/at/all"])
    mesh.refresh()
    #expect(mesh.fileTrouble?.contains("/nowhere/at/all") == true)
    let port = PageMesh(["[::1]:9"])
    port.refresh()
    #expect(port.fileTrouble == nil)
  }
}
