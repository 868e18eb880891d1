import BabelWire
import CLinux

/// Finds out whether an interface is wireless, as babeld does, and by the kernel's newer signs.
public enum WirelessProbe {
  /// True or false if the kernel tells; nil if it does not know (no wireless extensions in the
  /// kernel, or no such interface).
  public static func isWireless(_ name: InterfaceName) -> Bool? {
    let folder = "/sys/class/net/\(name)/"
    if FileSystem.exists(folder + "phy80211") || FileSystem.exists(folder + "wireless") {
      return true
    }
    let number = socket(AF_INET6, Int32(SWB_SOCK_DGRAM | SWB_SOCK_FLAGS), 0)
    guard number >= 0 else { return nil }
    let probe = FileDescriptor(owning: number)
    // struct iwreq: 16 octets of name and 16 of answer.
    var request = [UInt8](repeating: 0, count: 32)
    let octets = name.octets
    for i in octets.indices { request[i] = octets[i] }
    let result = request.withUnsafeMutableBytes {
      swabel_ioctl(probe.rawValue, UInt(SWB_SIOCGIWNAME), $0.baseAddress)
    }
    if result == 0 { return true }
    let errno = Syscall.errno
    return errno == ErrorNumber.notSupported || errno == ErrorNumber.invalid ? false : nil
  }
}

/// The bridge and batman-adv marks in sysfs, for kernels whose link messages name no driver.
public enum LinkMarks {
  /// Whether the interface is a bridge.
  public static func isBridge(_ name: InterfaceName) -> Bool {
    FileSystem.exists("/sys/class/net/\(name)/bridge")
  }

  /// Whether the interface is a batman-adv mesh.
  public static func isBatmanMesh(_ name: InterfaceName) -> Bool {
    FileSystem.exists("/sys/devices/virtual/net/\(name)/mesh")
  }
}
