import CLinux

/// What this process takes of the machine.
public enum ProcessUsage {
  /// Octets of memory that are resident; nil where /proc cannot be read.
  public static var residentOctets: UInt64? {
    do throws(KernelError) {
      // `SIZE RESIDENT …`, in pages.
      let octets = try FileSystem.read("/proc/self/statm", limit: 4096)
      let fields = octets.split(separator: 0x20)
      guard fields.count > 1, let pages = UInt64(String(decoding: fields[1], as: UTF8.self))
      else { return nil }
      return pages * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
    } catch {
      return nil
    }
  }

  /// Microseconds of a processor that all threads have taken, in the kernel or outside.
  public static var processorMicroseconds: Int64 {
    MonotonicClock.processorMicroseconds()
  }
}
