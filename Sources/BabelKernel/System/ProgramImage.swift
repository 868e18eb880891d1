import CLinux

/// The file of this program, as it lies in memory.
public enum ProgramImage {
  /// Takes the instructions and constants of the file out of our memory, but not out of the
  /// kernel's cache of files: what is used again is there at once, what is not used again does not
  /// count as ours any more. Nothing is lost, because nothing of it was ever written to.
  public static func release() {
    let count = Int(getauxval(UInt(AT_PHNUM)))
    let page = UInt(getauxval(UInt(AT_PAGESZ)))
    let place = UInt(getauxval(UInt(AT_PHDR)))
    guard page > 0, let table = UnsafePointer<swabel_segment>(bitPattern: place) else { return }
    let segments = UnsafeBufferPointer(start: table, count: count)
    guard let own = segments.first(where: { $0.p_type == PT_PHDR }) else { return }
    // The file says where things are as if it began at 0.
    let begin = place &- UInt(own.p_vaddr)
    // The table is in the first of them, so that one is last.
    for segment in segments.reversed()
    where segment.p_type == PT_LOAD && UInt32(segment.p_flags) & UInt32(PF_W) == 0 {
      let start = begin &+ UInt(segment.p_vaddr)
      let first = (start + page - 1) / page * page
      let end = (start + UInt(segment.p_filesz)) / page * page
      guard first < end else { continue }
      // That the kernel declines is no harm.
      _ = madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_DONTNEED)
    }
  }
}
