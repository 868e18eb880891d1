import Foundation

/// What a fuzzer does with one input; traps if something is wrong.
public typealias Trial = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

#if FUZZING
  // SwiftPM renames `main`, so libFuzzer's own cannot be used; its driver can.
  @_silgen_name("LLVMFuzzerRunDriver")
  private func runDriver(
    _ argc: UnsafeMutablePointer<CInt>,
    _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ trial: Trial
  ) -> CInt

  /// Hands control to libFuzzer.
  public func runFuzzer(_ trial: Trial) {
    var argc = CommandLine.argc
    var argv = CommandLine.unsafeArgv
    exit(runDriver(&argc, &argv, trial))
  }
#else
  /// Replays the files named on the command line.
  public func runFuzzer(_ trial: Trial) {
    for path in CommandLine.arguments.dropFirst() {
      guard let data = FileManager.default.contents(atPath: path) else {
        print("cannot read \(path)")
        exit(1)
      }
      Array(data).withUnsafeBufferPointer { _ = trial($0.baseAddress, $0.count) }
      print("\(path): fine")
    }
  }
#endif

/// Takes an input apart into numbers; zeros when it runs out.
public struct Octets {
  private let octets: [UInt8]
  private var position = 0

  public init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
    octets = Array(UnsafeBufferPointer(start: start, count: count))
  }

  public var isEmpty: Bool { position >= octets.count }
  public var rest: [UInt8] { Array(octets.dropFirst(position)) }

  public mutating func next8() -> UInt8 {
    defer { position += 1 }
    return position < octets.count ? octets[position] : 0
  }
  public mutating func next16() -> UInt16 { UInt16(next8()) << 8 | UInt16(next8()) }
  public mutating func next32() -> UInt32 { UInt32(next16()) << 16 | UInt32(next16()) }
  public mutating func next64() -> UInt64 { UInt64(next32()) << 32 | UInt64(next32()) }
}
