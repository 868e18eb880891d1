#if hasFeature(Embedded) && SWABELD_MUSL
  import CLinux

  /// The one function that Embedded Swift wants of a C library (for the seeds of its hash tables)
  /// and that musl does not have: fills `buffer` with `count` random octets.
  @c(arc4random_buf)
  public func fillWithRandomOctets(_ buffer: UnsafeMutableRawPointer, _ count: Int) {
    var done = 0
    while done < count {
      let filled = Syscall.retrying { getrandom(buffer + done, count - done, 0) }
      if filled <= 0 { die("getrandom failed") }
      done += filled
    }
  }
#endif
