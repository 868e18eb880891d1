import BabelCore
import BabelKernel
import BabelWire

/// `--check` and `--explain`: what is wrong with a configuration and what it comes to.
///
/// Both change nothing: they write no file, take no port or path, and leave the kernel's settings
/// alone. They only ask the kernel for its interfaces and addresses.
enum Check {
  /// Writes remarks to standard error, and a summary or the resulting configuration to standard
  /// output. The configuration has been read without an error before. Returns false if the daemon
  /// would not start with it.
  static func run(_ line: CommandLineOptions, _ settings: Settings) -> Bool {
    let configuration = settings.configuration
    var remarks = settings.remarks.map { $0.line }
    if line.hasIdleOption { remarks.append("command line: warning: -s has no effect") }
    remarks += repeatedFiles(line)
    remarks += configuration.review(positional: settings.interfaces).map { $0.description }
    do throws(KernelError) {
      var reader = try KernelReader()
      let (links, addresses) = (try reader.links(), try reader.addresses())
      let machine = try machineFacts(for: settings, links, addresses, &reader)
      remarks += configuration.review(against: machine, positional: settings.interfaces).map {
        $0.description
      }
    } catch {
      // Some sandboxes forbid netlink. That is no fault of the configuration.
      write("note: this machine's interfaces could not be looked at: \(error)", to: 2)
    }
    remarks += hooksWithoutProgram(configuration)
    remarks += settings.filesOutOfReach.map { "warning: \($0)" }
    for remark in remarks { write(remark, to: 2) }
    if let note = foreignStatements(settings) { write(note, to: 2) }
    let obstacles = obstacles(to: settings)
    for obstacle in obstacles { write("error: \(obstacle)", to: 2) }
    if line.explains {
      write(
        configuration.explanation(
          positional: settings.interfaces, wirelessHello: settings.wirelessHello,
          wiredHello: settings.wiredHello), to: 1)
    } else if obstacles.isEmpty {
      write("configuration is valid, warnings: \(remarks.count)", to: 1)
    } else {
      write(
        "the daemon would not start, errors: \(obstacles.count), warnings: \(remarks.count)", to: 1)
    }
    return obstacles.isEmpty
  }

  /// How many statements babeld would not understand, and where they are; nil if there are none.
  static func foreignStatements(_ settings: Settings) -> String? {
    let places = settings.foreignStatements
    guard !places.isEmpty else { return nil }
    let list = String(decoding: Array(places.joined(separator: [0x2c, 0x20])), as: UTF8.self)
    return "note: statements that babeld would not understand: \(places.count) (\(list))"
  }

  /// A remark for each configuration file that is named twice. Its statements count twice, too.
  static func repeatedFiles(_ line: CommandLineOptions) -> [String] {
    var names: [[UInt8]] = []
    var remarks: [String] = []
    for case .configurationFile(let name) in line.options {
      if names.contains(name) {
        let text = String(decoding: name, as: UTF8.self)
        remarks.append(
          "command line: warning: the file \(text) is named twice, so it is read twice")
      }
      names.append(name)
    }
    return remarks
  }

  /// Why the daemon would not start although each statement is right, in words for an operator;
  /// empty if it would.
  static func obstacles(to settings: Settings) -> [String] {
    var found: [String] = []
    if !settings.configuration.namesInterfaces, settings.interfaces.isEmpty {
      found.append("no interface is named: name one in the configuration or on the command line")
    }
    if let table = settings.tableOfBothKinds {
      found.append("source-tables: table \(table) is used otherwise, but these are for us alone")
    }
    if let place = settings.configuration.localServer?.endpoint,
      place == settings.configuration.metricsServer
    {
      found.append("the local socket and that for metrics cannot be at the same place")
    }
    do throws(Accounts.Failure) {
      _ = try Accounts(settings.configuration)
    } catch {
      found.append(error.description)
    }
    return found
  }

  /// What a check says of the configuration as a whole, as a log has it.
  static func logLines(_ settings: Settings) -> [String] {
    let warnings = settings.configuration.review(positional: settings.interfaces)
    return warnings.map { $0.logLine } + settings.filesOutOfReach
  }

  /// What a check says of the configuration on this machine, as a log has it. What it says of
  /// interfaces is left out, as the log has more of them.
  static func logLines(
    _ settings: Settings, _ links: [KernelLink], _ addresses: [KernelAddress],
    _ reader: inout KernelReader
  ) throws(KernelError) -> [String] {
    let machine = try machineFacts(for: settings, links, addresses, &reader)
    return settings.configuration.review(against: machine, includingInterfaces: false).map {
      $0.logLine
    }
  }

  private static func write(_ text: String, to descriptor: Int32) {
    Log.write(Array((text + "\n").utf8), to: descriptor)
  }

  private static func machineFacts(
    for settings: Settings, _ links: [KernelLink], _ addresses: [KernelAddress],
    _ reader: inout KernelReader
  ) throws(KernelError) -> MachineFacts {
    let tables = settings.importTables
    var facts = MachineFacts()
    facts.addresses = addresses.map { $0.address }
    for link in links {
      let hasLinkLocal = addresses.contains {
        $0.ifindex == link.ifindex && $0.address.family == .ipv6 && $0.address.isLinkLocal
      }
      let hasIPv4 = addresses.contains {
        $0.ifindex == link.ifindex && $0.address.family == .ipv4
      }
      facts.links.append(
        MachineFacts.Link(
          name: link.name, isUp: link.isUp, isLoopback: link.isLoopback,
          hasLinkLocal: hasLinkLocal, hasIPv4: hasIPv4, isTunnel: link.isTunnel))
    }
    // The tables may be large, so they are read only where it matters.
    let configuration = settings.configuration
    if configuration.redistributesWithoutProtocol {
      facts.bootRoutes = try routes(tables, links, &reader, ofBoot: true)
    }
    if configuration.redistributesDefaultByProtocol || !configuration.gateways.isEmpty {
      facts.defaultRoutes = try routes(tables, links, &reader, ofBoot: false)
    }
    guard configuration.skipsKernelSetup else { return facts }
    let wanted = [
      (Sysctl.ipv6Forwarding, 1), (Sysctl.ipv4Forwarding, 1), (Sysctl.ipv6AcceptRedirects, 0),
      (Sysctl.ipv4ReversePathFilter, 0),
    ]
    for (name, value) in wanted {
      do throws(KernelError) {
        guard try Sysctl.read(name) != value else { continue }
        let dotted = name.utf8.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: ".") : $0 }
        facts.wrongSysctls.append((String(decoding: dotted, as: UTF8.self), value))
      } catch {
        // A setting that the kernel does not have cannot have a wrong value. An example is one of
        // IPv6 in a kernel without IPv6.
        continue
      }
    }
    return facts
  }

  /// How many routes are looked at. A check warns of a kind of routes, so it need not see every
  /// one.
  private static let routeLimit = 1000

  /// Routes of protocol "boot", or all default routes.
  private static func routes(
    _ tables: [UInt32], _ links: [KernelLink], _ reader: inout KernelReader, ofBoot: Bool
  ) throws(KernelError) -> [KernelOffer] {
    var names: [Int32: InterfaceName] = [:]
    for link in links { names[link.ifindex] = link.name }
    let selection =
      ofBoot ? KernelReader.Selection(kernelProtocol: bootProtocol) : KernelReader.Selection()
    var offers: [KernelOffer] = []
    for route in try reader.routes(tables: tables, selection)
    where (ofBoot ? route.kernelProtocol == bootProtocol : isForeignDefault(route))
      && offers.count < routeLimit
    {
      if let offer = route.offer(interfaceName: { names[$0] }) { offers.append(offer) }
    }
    return offers
  }

  private static func isForeignDefault(_ route: KernelRoute) -> Bool {
    route.destination.length == 0 && route.source.isDefault
      && route.kernelProtocol != KernelRoute.babelProtocol
  }

  /// RTPROT_BOOT.
  private static let bootProtocol: UInt8 = 3
}

extension Settings {
  /// Tells the log what is remarkable about the configuration. Whether babeld would take it is left
  /// out: only a check says that.
  mutating func writeRemarks(to log: Log) {
    for remark in remarks where !remark.isForeign {
      log.write(.warning, .configuration, remark.logLine)
    }
    remarks = []
    for line in Check.logLines(self) { log.write(.warning, .configuration, line) }
  }

  /// Tells the log what is remarkable about the configuration on this machine, whose links and
  /// addresses are given.
  func writeRemarks(
    to log: Log, _ links: [KernelLink], _ addresses: [KernelAddress], _ reader: inout KernelReader
  ) {
    do throws(KernelError) {
      for line in try Check.logLines(self, links, addresses, &reader) {
        log.write(.warning, .configuration, line)
      }
    } catch {
      // Whatever is wrong with netlink is told when it is needed.
      return
    }
  }
}
