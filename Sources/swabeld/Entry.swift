import CLinux

// SwiftPM links an executable's entry point under the module's name; elsewhere it is plain main.

#if SWIFT_PACKAGE
  /// Where the C library enters.
  @c(swabeld_main)
  public func entry(
    _ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  ) -> CInt { Start.run(arguments(argc, argv)) }
#else
  /// Where the C library enters.
  @c(main)
  public func entry(
    _ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  ) -> CInt { Start.run(arguments(argc, argv)) }
#endif

/// The words of the command line as the octets they are.
private func arguments(
  _ count: CInt, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> [[UInt8]] {
  var result: [[UInt8]] = []
  for i in 0..<Int(count) {
    guard let word = words[i] else { continue }
    result.append((0..<strlen(word)).map { UInt8(bitPattern: word[Int($0)]) })
  }
  return result
}
