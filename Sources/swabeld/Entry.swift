import BabelCore
import BabelKernel
import CLinux

#if SWIFT_PACKAGE
  @c(swabeld_main)
  public func entry(
    _ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  ) -> CInt { 0 }
#else
  @c(main)
  public func entry(
    _ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  ) -> CInt { 0 }
#endif
