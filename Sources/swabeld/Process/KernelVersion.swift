import BabelKernel

/// The version of the running kernel, as far as it decides what routes it can hold.
struct KernelVersion {
  /// The first two numbers.
  let major: Int
  let minor: Int

  /// Whether the kernel can hold IPv4 routes with IPv6 next hops (Linux 5.2).
  var hasV4ViaV6: Bool { isAtLeast(5, 2) }
  /// Whether such routes also work where no interface has an IPv4 address, because ICMP errors get
  /// a source address (Linux 5.13). This is what babeld asks for with `v4-via-v6 auto`.
  var speaksV4ViaV6: Bool { isAtLeast(5, 13) }
  /// Whether the kernel matches source-specific IPv6 routes as it should (Linux 3.11, as babeld
  /// assumes).
  var hasIPv6Subtrees: Bool { isAtLeast(3, 11) }

  private func isAtLeast(_ wantedMajor: Int, _ wantedMinor: Int) -> Bool {
    (major, minor) >= (wantedMajor, wantedMinor)
  }

  /// Asks the kernel for its version. If it does not tell, it counts as a recent one.
  static func running() -> KernelVersion {
    do throws(KernelError) {
      return parse(try FileSystem.read("/proc/sys/kernel/osrelease", limit: 1024))
    } catch {
      return parse([])
    }
  }

  /// Reads `6.1.0-rc3…`.
  static func parse(_ octets: [UInt8]) -> KernelVersion {
    var numbers: [Int] = []
    for part in octets.split(separator: UInt8(ascii: "."), maxSplits: 2).prefix(2) {
      let digits = part.prefix { $0 >= 0x30 && $0 <= 0x39 }.prefix(6)
      guard !digits.isEmpty else { break }
      numbers.append(digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }
    guard numbers.count == 2 else { return KernelVersion(major: .max, minor: 0) }
    return KernelVersion(major: numbers[0], minor: numbers[1])
  }
}
