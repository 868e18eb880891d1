import BabelWire
import CLinux
import Foundation
import Testing

@testable import BabelKernel

/// A folder that is removed afterwards.
private func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.path + "/swabeld-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}

@Suite(.timeLimit(.minutes(1))) struct `Files and the process` {
  @Test func `a file is replaced as a whole`() throws {
    try withFolder { folder in
      let path = folder + "/state"
      #expect(!FileSystem.exists(path))
      try FileSystem.writeAtomically(path, Array("one".utf8))
      try FileSystem.writeAtomically(path, Array("two".utf8), mode: 0o600)
      #expect(try FileSystem.read(path) == Array("two".utf8))
      #expect(FileSystem.kind(of: path) == .file && FileSystem.kind(of: folder) == .directory)
      #expect(!FileSystem.exists(path + ".new"))
      let error = #expect(throws: KernelError.self) { try FileSystem.read(path, limit: 2) }
      #expect(error?.errno == ErrorNumber.messageTooLong)
      try FileSystem.remove(path)
      let gone = #expect(throws: KernelError.self) { try FileSystem.read(path) }
      #expect(gone?.errno == ErrorNumber.noEntry)
      #expect(gone?.description == "open \(path): No such file or directory")
    }
  }

  @Test func `that a file can be written is tried without touching it`() throws {
    try withFolder { folder in
      let path = folder + "/state"
      try FileSystem.rehearseWriting(path, Array("one".utf8))
      #expect(!FileSystem.exists(path) && !FileSystem.exists(path + ".new"))
      try FileSystem.writeAtomically(path, Array("two".utf8))
      try FileSystem.rehearseWriting(path, Array("one".utf8))
      #expect(try FileSystem.read(path) == Array("two".utf8))
      let error = #expect(throws: KernelError.self) {
        try FileSystem.rehearseWriting(folder + "/none/state", [])
      }
      #expect(error?.errno == ErrorNumber.noEntry)
    }
  }

  @Test func `what keeps another user from reading a file is found`() throws {
    try withFolder { folder in
      let path = try #require(realpath(folder, nil).map { String(cString: $0) }) + "/inner/file"
      let inner = String(path.dropLast(5))
      try FileManager.default.createDirectory(
        atPath: inner, withIntermediateDirectories: true)
      try FileSystem.writeAtomically(path, [])
      try FileSystem.setMode(folder, 0o711)
      func obstacle(_ modes: (UInt32, UInt32), user: UInt32, group: UInt32) throws -> String? {
        try FileSystem.setMode(inner, modes.0)
        try FileSystem.setMode(path, modes.1)
        return FileSystem.obstacle(toReading: path, byUser: user, group: group)
      }
      let (own, ownGroup) = (UInt32(getuid()), UInt32(getgid()))
      #expect(try obstacle((0o755, 0o644), user: 65533, group: 65533) == nil)
      #expect(try obstacle((0o755, 0o640), user: 65533, group: 65533) == path)
      #expect(try obstacle((0o755, 0o640), user: 65533, group: ownGroup) == nil)
      #expect(try obstacle((0o755, 0o600), user: 65533, group: ownGroup) == path)
      #expect(try obstacle((0o755, 0o600), user: own, group: 65533) == nil)
      #expect(try obstacle((0o700, 0o644), user: 65533, group: 65533) == inner)
      #expect(try obstacle((0o744, 0o644), user: 65533, group: 65533) == inner)
      // What is for all but the owner is not for the owner.
      #expect(try obstacle((0o755, 0o044), user: own, group: 65533) == path)
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/link", withDestinationPath: path)
      #expect(
        FileSystem.obstacle(toReading: folder + "/link", byUser: own, group: 65533) == path)
      #expect(FileSystem.obstacle(toReading: folder + "/none", byUser: 1, group: 1) == nil)
    }
  }

  @Test func `a program is asked for a moment only`() throws {
    func ask(_ script: String, seconds: Double = 20) throws -> (ChildProcess.Ending, [UInt8]) {
      let deadline = MonotonicClock.microseconds() + Int64(seconds * 1_000_000)
      let words = ["-c", script].map { Array($0.utf8) }
      return try ChildProcess.answer(of: Array("/bin/sh".utf8), words, until: deadline)
    }
    #expect(try ask("echo out; echo err >&2") == (.exited(0), Array("out\nerr\n".utf8)))
    #expect(try ask("exit 3") == (.exited(3), []))
    #expect(try ask("kill -9 $$") == (.killed(9), []))
    #expect(try ask("head -c 300000 /dev/zero").1.count == 4096)
    let variable = try ask("echo $PATH").1
    #expect(variable == Array("\(OwnProcess.environment("PATH") ?? "")\n".utf8))
    for silent in ["sleep 50", "exec >&- 2>&-; sleep 50", "head -c 30 /dev/zero; sleep 50"] {
      let error = #expect(throws: KernelError.self) { try ask(silent, seconds: 0.1) }
      #expect(error?.errno == ErrorNumber.timedOut)
    }
  }

  @Test func `a pid file is created once`() throws {
    try withFolder { folder in
      let path = folder + "/pid"
      try FileSystem.createExclusively(path, Array("\(OwnProcess.id)\n".utf8))
      let error = #expect(throws: KernelError.self) { try FileSystem.createExclusively(path, []) }
      #expect(error?.errno == ErrorNumber.exists)
      #expect(try FileSystem.read(path) == Array("\(getpid())\n".utf8))
    }
  }

  @Test func `a log is appended to`() throws {
    try withFolder { folder in
      for _ in 0..<2 {
        let log = try FileSystem.openForAppending(folder + "/log")
        let count = try log.write(Array("xab".utf8), from: 1)
        #expect(count == 2)
      }
      #expect(try FileSystem.read(folder + "/log") == Array("abab".utf8))
    }
  }

  @Test func `processes are found`() {
    #expect(OwnProcess.isRunning(OwnProcess.id) && OwnProcess.isRunning(1))
    for id in [0, -1, Int32.max] { #expect(!OwnProcess.isRunning(id)) }
    #expect(!OwnProcess.hostname.isEmpty)
  }

  @Test func `users and groups have numbers`() throws {
    #expect(try AccountFile.userID("root") == 0 && AccountFile.groupID("root") == 0)
    #expect(try AccountFile.userID("4711") == 4711)
    #expect(try AccountFile.groupID("no such group") == nil)
    let file = Array("a:x\n:x:1\nbc:x:2\nb::3\nb:x:4\nd:x:-5".utf8)
    #expect(AccountFile.identifier(Array("b".utf8), in: file) == 3)
    #expect(AccountFile.identifier(Array("a".utf8), in: file) == nil)
    #expect(AccountFile.identifier(Array("d".utf8), in: file) == nil)
  }

  @Test func `a descriptor can be redirected`() throws {
    try withFolder { folder in
      let spare: Int32 = 900
      let log = try FileSystem.openForAppending(folder + "/log")
      try OwnProcess.redirect(spare, to: log)
      defer { close(spare) }
      #expect(try FileDescriptor.write(Array("there".utf8), to: spare) == 5)
      #expect(try FileSystem.read(folder + "/log") == Array("there".utf8))
    }
  }

  @Test func `random numbers differ`() {
    #expect(Entropy.uint64() != Entropy.uint64())
    var bytes = [UInt8](repeating: 0, count: 1000)
    Entropy.fill(&bytes)
    #expect(Set(bytes).count > 200)
  }

  @Test func `a wait ends at its deadline`() throws {
    var poll = PollSet()
    for microseconds: Int64 in [0, 700, 5000] {
      let start = MonotonicClock.microseconds()
      let ready = try poll.wait(until: start + microseconds)
      #expect(ready == 0)
      #expect(MonotonicClock.microseconds() - start >= microseconds)
    }
    let ready = try poll.wait(until: -1)
    #expect(ready == 0)
  }

  @Test func `signals are read from a descriptor`() throws {
    var before = sigset_t()
    sigprocmask(SIG_BLOCK, nil, &before)
    defer { sigprocmask(SIG_SETMASK, &before, nil) }
    let signals = try SignalDescriptor()
    let none = try signals.next()
    #expect(none == nil)
    for signal in [Signal.user1, .hangup] { #expect(raise(signal.rawValue) == 0) }
    var poll = PollSet()
    let index = poll.add(signals.descriptor, .read)
    let ready = try poll.wait(until: MonotonicClock.microseconds() + 1_000_000)
    let isReadable = poll.isReadable(index)
    #expect(ready == 1 && isReadable)
    let first = try signals.next()
    let second = try signals.next()
    let third = try signals.next()
    #expect(Set([first, second]) == [.user1, .hangup] && third == nil)
  }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct `Kernel settings` {
  @Test func `changed settings are put back, others are left alone`() throws {
    try withLinkedNamespace {
      let v0 = Sysctl.ipv4ReversePathFilter(try #require(InterfaceName("v0")))
      try Sysctl.write(Sysctl.ipv6Forwarding, 0)
      try Sysctl.write(Sysctl.ipv4Forwarding, 1)
      try Sysctl.write(v0, 2)
      var saved = SavedSysctls()
      #expect(try saved.require(Sysctl.ipv6Forwarding, 1))
      #expect(try !saved.require(Sysctl.ipv4Forwarding, 1))
      #expect(try saved.require(v0, 0))
      #expect(try Sysctl.read(Sysctl.ipv6Forwarding) == 1)
      try saved.restore(v0)
      #expect(try Sysctl.read(v0) == 2)
      #expect(try saved.require(v0, 0))
      try run("ip link del v0")
      #expect(saved.restoreAll() == [])
      #expect(try Sysctl.read(Sysctl.ipv6Forwarding) == 0)
      #expect(try Sysctl.read(Sysctl.ipv4Forwarding) == 1)
      let error = #expect(throws: KernelError.self) { try Sysctl.read("ipv4/no/such") }
      #expect(error?.errno == ErrorNumber.noEntry)
    }
  }

  @Test func `a setting renamed late is put back, unless it is wanted again`() throws {
    try withLinkedNamespace {
      let old = Sysctl.ipv4ReversePathFilter(try #require(InterfaceName("v0")))
      let new = Sysctl.ipv4ReversePathFilter(try #require(InterfaceName("w0")))
      for isWanted in [false, true] {
        try Sysctl.write(old, 2)
        var saved = SavedSysctls()
        #expect(try saved.require(old, 0))
        // The kernel has told of the new name, but the setting still has the former one.
        try saved.restore(old, renamed: new)
        try run("ip link set v0 down; ip link set v0 name w0")
        if isWanted { #expect(try !saved.require(new, 0)) }
        try saved.restoreLate()
        #expect(try Sysctl.read(new) == (isWanted ? 0 : 2))
        #expect(saved.restoreAll() == [])
        #expect(try Sysctl.read(new) == 2)
        try run("ip link set w0 name v0")
      }
    }
  }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct `Local sockets` {
  /// Reads until something is there, at most a second.
  private func read(_ connection: borrowing LocalConnection) throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 100)
    for _ in 0..<100 {
      switch try connection.read(into: &buffer) {
      case .octets(let count): return Array(buffer[..<count])
      case .closed: return nil
      case .nothingYet: usleep(10_000)
      }
    }
    return []
  }

  private func talk(_ listener: borrowing LocalListener, _ client: consuming LocalConnection) throws
  {
    var poll = PollSet()
    poll.add(listener.descriptor, .read)
    let ready = try poll.wait(until: MonotonicClock.microseconds() + 1_000_000)
    #expect(ready == 1)
    let accepted = try listener.accept()
    guard let server = consume accepted else {
      Issue.record("nothing to accept")
      return
    }
    let isAlone = try listener.accept() == nil
    #expect(isAlone)
    let asked = try client.write(Array("xdump\n".utf8), from: 1)
    let heard = try read(server)
    #expect(asked == 5 && heard == Array("dump\n".utf8))
    let answered = try server.write(Array("ok\n".utf8))
    let answer = try read(client)
    #expect(answered == 3 && answer == Array("ok\n".utf8))
    // Nobody reads, so at some time there is no more room. That is no error.
    let much = [UInt8](repeating: 1, count: 100_000)
    var isFull = false
    for _ in 0..<1000 where !isFull { isFull = try server.write(much) == 0 }
    #expect(isFull)
    _ = consume client
    let taken = try server.write(much)
    #expect(taken == nil)
  }

  @Test func `a Unix socket is made, used and removed`() throws {
    try withFolder { folder in
      let path = folder + "/control"
      do {
        let listener = try LocalListener(path: path, mode: 0o640, groupID: getegid())
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o640)
        try talk(listener, try LocalConnection(path: path))
        let error = #expect(throws: KernelError.self) { _ = try LocalListener(path: path) }
        #expect(error?.errno == ErrorNumber.addressInUse)
        #expect(FileSystem.kind(of: path) == .socket)
      }
      #expect(!FileSystem.exists(path))
    }
  }

  @Test func `what a dead process left behind is replaced, a plain file is not`() throws {
    try withFolder { folder in
      let path = folder + "/control"
      let dead = socket(AF_UNIX, Int32(SWB_SOCK_STREAM), 0)
      #expect(withUnixAddress(path) { bind(dead, $0, $1) } == 0)
      close(dead)
      _ = try LocalListener(path: path)
      try FileSystem.createExclusively(path, [])
      let error = #expect(throws: KernelError.self) { _ = try LocalListener(path: path) }
      #expect(error?.errno == ErrorNumber.addressInUse)
      #expect(FileSystem.kind(of: path) == .file)
      let long = String(repeating: "x", count: 108)
      #expect(throws: KernelError.self) { _ = try LocalListener(path: long) }
    }
  }

  @Test func `TCP is reachable on the loopback`() throws {
    try NetworkNamespace.make().enter {
      let listener = try LocalListener(port: 33123)
      try talk(listener, try LocalConnection(port: 33123))
    }
  }
}
