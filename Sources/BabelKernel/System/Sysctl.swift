import BabelWire

/// Kernel settings under /proc/sys/net.
public enum Sysctl {
  /// IPv6 forwarding of the whole machine.
  public static let ipv6Forwarding = "ipv6/conf/all/forwarding"
  /// IPv4 forwarding of the whole machine.
  public static let ipv4Forwarding = "ipv4/conf/all/forwarding"
  /// Whether ICMPv6 redirects are believed.
  public static let ipv6AcceptRedirects = "ipv6/conf/all/accept_redirects"
  /// Reverse-path filter of the whole machine.
  public static let ipv4ReversePathFilter = "ipv4/conf/all/rp_filter"
  /// The settings of the whole machine that the daemon changes.
  static let ofMachine = [
    ipv6Forwarding, ipv4Forwarding, ipv6AcceptRedirects, ipv4ReversePathFilter,
  ]
  /// Reverse-path filter of one interface.
  public static func ipv4ReversePathFilter(_ interface: InterfaceName) -> String {
    "ipv4/conf/\(interface)/rp_filter"
  }

  /// Whether an interface has no IPv6.
  public static func ipv6IsDisabled(_ interface: InterfaceName) -> String {
    "ipv6/conf/\(interface)/disable_ipv6"
  }

  /// A number; nil if it is not there or cannot be read.
  public static func value(_ name: String) -> Int? {
    do throws(KernelError) {
      return try read(name)
    } catch {
      return nil
    }
  }

  /// Reads a number; `name` is relative to /proc/sys/net.
  public static func read(_ name: String) throws(KernelError) -> Int {
    let bytes = try FileSystem.read(path(name), limit: 256)
    var digits = bytes[...]
    while let last = digits.last, last <= 0x20 { digits.removeLast() }
    guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
      throw KernelError(operation: "read \(path(name))", errno: ErrorNumber.invalid)
    }
    return value
  }

  /// Writes a number.
  public static func write(_ name: String, _ value: Int) throws(KernelError) {
    try FileSystem.overwrite(path(name), Array("\(value)\n".utf8))
  }

  private static func path(_ name: String) -> String { "/proc/sys/net/" + name }
}

/// The settings that we changed, with their former values.
public struct SavedSysctls: Sendable {
  /// One setting.
  public struct Entry: Equatable, Sendable {
    /// Its name below /proc/sys/net.
    public fileprivate(set) var name: String
    /// Its value before we changed it.
    public let before: Int
    /// The value that we set.
    public let wanted: Int

    fileprivate init(_ name: String, before: Int, wanted: Int) {
      self.name = name
      self.before = before
      self.wanted = wanted
    }

    /// A setting that an earlier process changed; nil if it is none that this program changes.
    public init?(name: ArraySlice<UInt8>, before: Int, wanted: Int) {
      let words = name.split(separator: 0x2F, omittingEmptySubsequences: false)
      let isOfInterface =
        words.count == 4 && words[0].elementsEqual("ipv4".utf8)
        && words[1].elementsEqual("conf".utf8) && InterfaceName(octets: words[2]) != nil
        && words[3].elementsEqual("rp_filter".utf8)
      guard isOfInterface || Sysctl.ofMachine.contains(where: { name.elementsEqual($0.utf8) })
      else { return nil }
      self.init(String(decoding: name, as: UTF8.self), before: before, wanted: wanted)
    }
  }
  /// What was changed, in order.
  public private(set) var entries: [Entry] = []
  /// Settings of renamed interfaces that the kernel did not have under the new names yet.
  private var late: [Entry] = []

  /// Makes an empty list.
  public init() {}

  /// Sets a value. It is written only if it differs, so that we also work in a container that may
  /// not write but has the right values. It is remembered only if it was written. Returns whether
  /// it was.
  @discardableResult
  public mutating func require(_ name: String, _ value: Int) throws(KernelError) -> Bool {
    let before = try Sysctl.read(name)
    if let index = late.firstIndex(where: { equal($0.name, name) }) {
      entries.append(late.remove(at: index))
    }
    if before == value { return false }
    try Sysctl.write(name, value)
    if !entries.contains(where: { equal($0.name, name) }) {
      entries.append(Entry(name, before: before, wanted: value))
    }
    return true
  }

  /// Takes over what an earlier process changed and did not put back: ``restoreAll()`` does so.
  public mutating func inherit(_ former: [Entry]) {
    for entry in former where !entries.contains(where: { equal($0.name, entry.name) }) {
      entries.append(entry)
    }
  }

  /// Puts one value back, if we changed it and nobody changed it since. An interface that is gone
  /// is no error. `renamed` is the present name of the setting, if its interface got another name.
  /// The kernel tells of the new name before it renames the setting, so a setting that is not there
  /// yet is left to ``restoreLate()``.
  public mutating func restore(_ name: String, renamed: String? = nil) throws(KernelError) {
    guard let index = entries.firstIndex(where: { equal($0.name, name) }) else { return }
    var entry = entries.remove(at: index)
    if let renamed { entry.name = renamed }
    if try !putBack(entry), renamed != nil { late.append(entry) }
  }

  /// Puts back the settings that ``restore(_:renamed:)`` did not find. Those that are not there now
  /// either are gone.
  public mutating func restoreLate() throws(KernelError) {
    while let entry = late.popLast() { _ = try putBack(entry) }
  }

  /// Returns false if the setting is not there.
  private func putBack(_ entry: Entry) throws(KernelError) -> Bool {
    do throws(KernelError) {
      if try Sysctl.read(entry.name) == entry.wanted { try Sysctl.write(entry.name, entry.before) }
      return true
    } catch {
      if error.errno != ErrorNumber.noEntry { throw error }
      return false
    }
  }

  /// Puts everything back, the latest change first; returns what failed.
  public mutating func restoreAll() -> [KernelError] {
    var failures: [KernelError] = []
    do throws(KernelError) { try restoreLate() } catch { failures.append(error) }
    while let entry = entries.last {
      do throws(KernelError) { try restore(entry.name) } catch { failures.append(error) }
    }
    return failures
  }

  private func equal(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }
}
