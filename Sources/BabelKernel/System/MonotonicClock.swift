import CLinux

/// The time since the machine started, without the time that it was suspended. It never goes
/// backwards.
public enum MonotonicClock {
  /// Microseconds of CLOCK_MONOTONIC.
  public static func microseconds() -> Int64 { read(CLOCK_MONOTONIC) }

  /// Microseconds since the machine started, suspended or not (CLOCK_BOOTTIME).
  public static func bootMicroseconds() -> Int64 { read(CLOCK_BOOTTIME) }

  /// Microseconds since 1970 (CLOCK_REALTIME). This clock jumps when somebody sets it, so it is for
  /// log lines only.
  public static func wallMicroseconds() -> Int64 { read(CLOCK_REALTIME) }

  /// Microseconds of a processor that this process has taken (CLOCK_PROCESS_CPUTIME_ID).
  static func processorMicroseconds() -> Int64 { read(CLOCK_PROCESS_CPUTIME_ID) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var now = timespec()
    if clock_gettime(clock, &now) != 0 { die("clock_gettime failed") }
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
  }
}
