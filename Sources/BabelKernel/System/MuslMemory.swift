#if hasFeature(Embedded) && SWABELD_MUSL
  import CLinux

  /// Takes the place of musl's function, by which Embedded Swift allocates everything. That one
  /// takes each new block apart to see how it is aligned, which needs as many instructions again
  /// as finding the block. But all of musl's blocks are aligned to ``leastAlignment`` octets, and
  /// Swift hardly ever wants more. Returns 0 or an error number.
  @c(posix_memalign)
  public func allocateAligned(
    _ result: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: Int, _ count: Int
  ) -> CInt {
    let block =
      alignment <= leastAlignment ? malloc(count) : aligned_alloc(alignment, count)
    guard let block else { return ENOMEM }
    result.pointee = block
    return 0
  }

  /// What musl aligns every block to.
  private var leastAlignment: Int { 16 }
#endif
