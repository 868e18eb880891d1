import CLinux

/// Blocks of memory of many sizes, in which nothing is.
///
/// While they are there, the C library keeps the pages from which it takes blocks of these sizes.
/// Otherwise, as long as the heap is almost empty, it would get a page from the kernel for a block,
/// and give it back when that block is freed, again and again. Of a start on a small board that was
/// a third of the time. They cost a few pages, so they are let go of when the start is over.
public final class HeldBlocks {
  private var blocks: [UnsafeMutableRawPointer?] = []

  /// Allocates them. Larger sizes than a page are rare.
  public init() {
    var size = 12
    while size < 4096 {
      blocks.append(malloc(size))
      size += max(16, size / 4)
    }
  }

  /// Lets go of them.
  public func release() {
    for block in blocks { free(block) }
    blocks = []
  }
}
