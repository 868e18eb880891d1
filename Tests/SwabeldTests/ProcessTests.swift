import BabelCore
import BabelKernel
import BabelWire
import Foundation
import Testing

// The program has no public interface, so its parts are tested from inside.
@testable import swabeld

@Suite struct `State file` {
  private func parse(_ text: String) -> StateFile.Content { StateFile.parse(Array(text.utf8)) }

  @Test func `a decimal number is a seqno`() {
    #expect(parse("34177\n") == .seqno(Seqno(34177)))
    #expect(parse("0") == .seqno(Seqno(0)))
  }

  @Test func `the three words of older versions are understood`() {
    #expect(parse("02:00:00:00:00:00:00:0a 12 1700000000\n") == .seqno(Seqno(12)))
  }

  @Test(arguments: ["", "x", "65536", "-1", "1 2", "1 2 3", "99999999999999999999"])
  func `anything else is unreadable`(text: String) {
    #expect(parse(text) == .unreadable)
  }

  @Test func `what is written can be read, until it is consumed`() throws {
    let path = NSTemporaryDirectory() + "swabeld-state-\(UInt64.random(in: 0 ... .max))"
    let file = StateFile(path: path)
    #expect(file.read() == .missing)
    try file.write(Seqno(7))
    #expect(file.read() == .seqno(Seqno(7)))
    file.consume(Log())
    #expect(file.read() == .missing)
  }

  @Test func `one that cannot be read says why`() throws {
    let path = NSTemporaryDirectory() + "swabeld-state-\(UInt64.random(in: 0 ... .max))"
    let file = StateFile(path: path)
    try FileSystem.writeAtomically(path, [UInt8](repeating: 0x20, count: 5000))
    defer { file.consume(Log()) }
    guard case .failed = file.read() else {
      Issue.record("\(file.read())")
      return
    }
  }

  @Test func `a device is no state file`() throws {
    let file = StateFile(path: "/dev/null")
    try file.write(Seqno(7))
    file.consume(Log())
    #expect(FileSystem.kind(of: "/dev/null") == .other)
  }

  @Test func `an empty name means no file`() throws {
    let file = StateFile(path: "")
    try file.write(Seqno(7))
    #expect(file.read() == .missing)
  }
}

@Suite struct `Pid file` {
  private let path = NSTemporaryDirectory() + "swabeld-pid-\(UInt64.random(in: 0 ... .max))"

  @Test func `it holds the number and nothing else`() throws {
    let file = PIDFile(path: path)
    try file.create()
    #expect(try FileSystem.read(path) == Array(String(OwnProcess.id).utf8))
    file.remove(Log())
    #expect(!FileSystem.exists(path))
  }

  @Test func `one of a living router is respected`() throws {
    let folder = path + ".d"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: folder + "/babeld")
    let router = Process()
    router.executableURL = URL(fileURLWithPath: folder + "/babeld")
    router.arguments = ["60"]
    try router.run()
    let text = Array(String(router.processIdentifier).utf8)
    try FileSystem.createExclusively(path, text)
    #expect(throws: KernelError.self) { try PIDFile(path: path).create() }
    #expect(try FileSystem.read(path) == text)
    router.terminate()
    router.waitUntilExit()
    try FileSystem.remove(path)
    try FileManager.default.removeItem(atPath: folder)
  }

  @Test func `one whose number went to another program is replaced`() throws {
    try FileSystem.createExclusively(path, Array("1".utf8))
    try PIDFile(path: path).create()
    #expect(try FileSystem.read(path) == Array(String(OwnProcess.id).utf8))
    try FileSystem.remove(path)
  }

  @Test func `one of a process that is gone is replaced`() throws {
    try FileSystem.createExclusively(path, Array("99999999\n".utf8))
    try PIDFile(path: path).create()
    #expect(try FileSystem.read(path) == Array(String(OwnProcess.id).utf8))
    try FileSystem.remove(path)
  }

  @Test func `a file that is no pid file is respected`() throws {
    try FileSystem.createExclusively(path, Array("hello".utf8))
    #expect(throws: KernelError.self) { try PIDFile(path: path).create() }
    try FileSystem.remove(path)
  }
}

@Suite struct `Log limits` {
  @Test func `a flood of one kind and subject is cut, and the cut is told`() {
    var limiter = LogLimiter()
    let admitted = (0..<1000).filter { _ in
      limiter.admit(.sendFailed, subject: .error(number: 1), at: 100)
        != .suppressed(until: 100 + LogLimiter.window)
    }
    #expect(admitted.count == LogLimiter.linesPerSubject)
    #expect(
      limiter.admit(.sendFailed, subject: .error(number: 1), at: 100 + LogLimiter.window)
        == .admitted(suppressed: 1000 - LogLimiter.linesPerSubject))
  }

  @Test func `a flood of many subjects is cut, too`() {
    var limiter = LogLimiter()
    let admitted = (0..<UInt64(100_000)).filter {
      limiter.admit(
        .packetDropped, subject: .drop(.magic, from: IPAddress(high: 0, low: $0)), at: 100)
        == .admitted(suppressed: 0)
    }
    #expect(admitted.count == LogLimiter.linesPerKind)
    #expect(limiter.admit(.client, subject: .badRequest, at: 100) == .admitted(suppressed: 0))
  }
}

@Suite struct `Levels of the log` {
  @Test func `debug sets them for all topics, and log-level for one`() throws {
    let log = Log()
    #expect(log.wants(.notice, .routes) && !log.wants(.info, .routes))
    var configuration = Configuration()
    configuration.debugLevel = 1
    configuration.logLevels[.routes] = .debug
    configuration.logLevels[.socket] = .error
    log.setLevels(of: configuration)
    #expect(log.wants(.debug, .routes))
    #expect(log.wants(.info, .neighbours) && !log.wants(.debug, .neighbours))
    #expect(!log.wants(.warning, .socket) && log.wants(.error, .socket))
  }

  @Test func `what babeld would not take is remarked for a check only`() throws {
    let words = [
      "swabeld", "-c", "/dev/null", "-C", "log-level routes debug", "-C", "reopen-logfile",
    ]
    let settings = try Settings.read(CommandLineOptions(words.map { Array($0.utf8) }))
    #expect(settings.remarks.map(\.isForeign) == [true, false])
  }
}

@Suite struct `Choice of a router-id` {
  private func link(_ octets: [UInt8], type: UInt16 = 1, index: Int32 = 2) throws -> KernelLink {
    KernelLink(
      ifindex: index, name: try #require(InterfaceName("eth0")), hardwareType: type,
      hardwareAddress: octets)
  }

  @Test func `a global MAC address becomes an EUI-64`() throws {
    let links = [
      try link([0, 0, 0, 0, 0, 0], type: 772, index: 1),
      try link([0x00, 0x11, 0x22, 0x33, 0x44, 0x55]),
    ]
    #expect(RouterIDChoice.fromHardware(links) == RouterID(0x0211_22FF_FE33_4455))
  }

  @Test func `local, group and missing addresses do not count`() throws {
    let links = [
      try link([0x02, 0x11, 0x22, 0x33, 0x44, 0x55]), try link([0x01, 0, 0x5e, 0, 0, 1]),
      try link([0, 0, 0, 0, 0, 0]), try link([]),
      try link([0x00, 0x11, 0x22, 0x33, 0x44, 0x55], index: 256),
    ]
    #expect(RouterIDChoice.fromHardware(links) == nil)
  }

  @Test func `a random one is valid and says that it is local`() {
    #expect(RouterIDChoice.random(.max).rawValue == 0xFCFF_FFFF_FFFF_FFFF)
    #expect(RouterIDChoice.random(0).isValid)
  }
}

@Suite struct `Version of the kernel` {
  private func parse(_ text: String) -> KernelVersion { KernelVersion.parse(Array(text.utf8)) }

  @Test func `its first two numbers count`() {
    #expect(parse("5.13.0-rc1-amd64\n").speaksV4ViaV6)
    #expect(parse("6.1").speaksV4ViaV6)
    #expect(!parse("5.12.19+").speaksV4ViaV6)
    #expect(parse("5.2.0").hasV4ViaV6)
    #expect(!parse("4.19.0").hasV4ViaV6)
    #expect(!parse("3.10.108").hasIPv6Subtrees)
  }

  @Test func `an unknown one is taken as recent`() {
    #expect(parse("").speaksV4ViaV6)
    #expect(parse("next").speaksV4ViaV6)
  }
}

@Suite struct `Order of evaluation` {
  private func settings(_ words: [String]) throws -> Settings {
    try Settings.read(CommandLineOptions((["swabeld"] + words).map { Array($0.utf8) }))
  }

  @Test func `a file overrides options and statements`() throws {
    let path = NSTemporaryDirectory() + "swabeld-conf-\(UInt64.random(in: 0 ... .max))"
    try FileSystem.createExclusively(path, Array("protocol-port 4000\n".utf8))
    let settings = try settings(["-c", path, "-p", "5000", "-C", "protocol-port 6000"])
    #expect(settings.configuration.protocolPort == 4000)
    try FileSystem.remove(path)
  }

  @Test func `options and statements count from left to right`() throws {
    #expect(
      try settings(["-p", "5000", "-C", "protocol-port 6000", "-c", "/dev/null"]).configuration
        .protocolPort == 6000)
    #expect(
      try settings(["-C", "protocol-port 6000", "-p", "5000", "-c", "/dev/null"]).configuration
        .protocolPort == 5000)
  }

  @Test func `a bad statement is told before a later version`() {
    #expect(throws: ConfigurationError.self) { try settings(["-C", "nonsense", "-V"]) }
    #expect(throws: Never.self) { try settings(["-V", "-C", "nonsense"]) }
  }

  @Test func `a missing file is an error in line 0`() {
    #expect(throws: ConfigurationError.self) { try settings(["-c", "/nonexistent/file"]) }
  }
}
