import BabelWire
import CLinux

/// By which way the packets of a probe leave.
public struct ProbeWay: Equatable, Sendable {
  /// The interface. The kernel looks only at routes through it, whatever better ones there are.
  public let interface: InterfaceName
  /// The mark of the packets, which routing rules may look at; 0 is none.
  public let mark: UInt32

  /// Makes a way.
  public init(interface: InterfaceName, mark: UInt32 = 0) {
    self.interface = interface
    self.mark = mark
  }

  /// Makes a socket send by this way only, and receive only what comes by the interface.
  func apply(to number: Int32) throws(KernelError) {
    let name = interface.octets
    try Syscall.check("bind to \(interface)") {
      name.withUnsafeBytes {
        setsockopt(
          number, SOL_SOCKET, Int32(SWB_SO_BINDTODEVICE), $0.baseAddress, socklen_t($0.count))
      }
    }
    guard mark > 0 else { return }
    let value = Int32(bitPattern: mark)
    try setOption(number, Int(SOL_SOCKET), Int(SWB_SO_MARK), value, "set the mark \(mark)")
  }
}
