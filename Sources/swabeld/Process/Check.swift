import BabelCore
import BabelKernel
import BabelWire

/// `--check` and `--explain`: what is wrong with a configuration and what it comes to.
///
/// Nothing is touched: no file is written, no port or path is taken, no setting is changed. The
/// kernel is only asked for its interfaces and addresses.
enum Check {
  /// Says what deserves a remark on standard error, and a summary or the configuration that
  /// results on standard output. The configuration was understood already.
  static func run(_ line: CommandLineOptions, _ settings: Settings) {
    let configuration = settings.configuration
    var remarks = settings.remarks.map { $0.line }
    if line.hasIdleOption { remarks.append("command line: warning: -s has no effect") }
    remarks += configuration.review(positional: settings.interfaces).map { $0.description }
    do throws(KernelError) {
      let machine = try machineFacts()
      remarks += configuration.review(against: machine, positional: settings.interfaces).map {
        $0.description
      }
    } catch {
      // As in a sandbox without netlink. No fault of the configuration.
      write("note: this machine's interfaces could not be looked at: \(error)", to: 2)
    }
    for remark in remarks { write(remark, to: 2) }
    if line.explains {
      write(
        configuration.explanation(
          positional: settings.interfaces, wirelessHello: settings.wirelessHello,
          wiredHello: settings.wiredHello), to: 1)
    } else {
      write("configuration is valid, warnings: \(remarks.count)", to: 1)
    }
  }

  private static func write(_ text: String, to descriptor: Int32) {
    Log.write(Array((text + "\n").utf8), to: descriptor)
  }

  private static func machineFacts() throws(KernelError) -> MachineFacts {
    let reader = try KernelReader()
    var facts = MachineFacts()
    let links = try reader.links()
    let addresses = try reader.addresses()
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
    let wanted = [
      (Sysctl.ipv6Forwarding, 1), (Sysctl.ipv4Forwarding, 1), (Sysctl.ipv6AcceptRedirects, 0),
      (Sysctl.ipv4ReversePathFilter, 0),
    ]
    for (name, value) in wanted {
      do throws(KernelError) {
        guard try Sysctl.read(name) != value else { continue }
        let dotted = name.utf8.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: ".") : $0 }
        facts.wrongSysctls.append((String(decoding: dotted, as: UTF8.self), value))
      } catch {}
    }
    return facts
  }
}
