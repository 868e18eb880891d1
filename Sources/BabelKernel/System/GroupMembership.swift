import BabelWire

/// Tells who listens to multicast groups in this network namespace, according to /proc/net/igmp6.
public enum GroupMembership {
  /// The indices of the interfaces on which some socket has joined one of the groups. Empty if
  /// the kernel does not tell.
  public static func interfaces(of groups: [IPAddress]) -> [Int32] {
    do throws(KernelError) {
      return parse(try FileSystem.read("/proc/net/igmp6", limit: 16 << 20), groups)
    } catch {
      return []
    }
  }

  /// Reads lines such as `2    eth0    ff020000000000000000000000010006     1 00000004 0`.
  package static func parse(_ text: [UInt8], _ groups: [IPAddress]) -> [Int32] {
    var result: [Int32] = []
    let wanted = groups.map { Array(($0.high.digits + $0.low.digits).utf8) }
    for line in text.split(separator: 0x0A) {
      let words = line.split(separator: 0x20, maxSplits: 3)
      guard words.count >= 3, wanted.contains(where: { words[2].elementsEqual($0) }),
        let ifindex = Int32(String(decoding: words[0], as: UTF8.self)), !result.contains(ifindex)
      else { continue }
      result.append(ifindex)
    }
    return result
  }
}

extension UInt64 {
  /// All sixteen hexadecimal digits.
  fileprivate var digits: String {
    let text = String(self, radix: 16)
    return String(repeating: "0", count: 16 - text.utf8.count) + text
  }
}
