import CLinux

/// Turns -1 and `errno` into typed throws. No other place in the project reads `errno`.
enum Syscall {
  /// The error number of the last failed call of this thread.
  static var errno: Int32 { __errno_location().pointee }

  /// The C library's words for an error number.
  static func reason(_ number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
  }

  /// Calls again while interrupted by a signal, at most ``interruptionLimit`` times.
  static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    var result = call()
    var left = interruptionLimit
    while result < 0, errno == ErrorNumber.interrupted, left > 0 {
      result = call()
      left -= 1
    }
    return result
  }

  /// Calls, and throws with the name of the operation if the result is negative.
  @discardableResult
  static func check<Result: SignedInteger>(
    _ operation: @autoclosure () -> String, _ call: () -> Result
  ) throws(KernelError) -> Result {
    let result = retrying(call)
    if result < 0 { throw failure(operation()) }
    return result
  }

  /// The error of the last failed call.
  static func failure(_ operation: String) -> KernelError {
    KernelError(operation: operation, errno: errno)
  }

  /// How often an interrupted call is repeated. Signals are blocked, so even one interruption is
  /// unusual.
  private static let interruptionLimit = 100
}

/// Writes `why` to descriptor 2 and aborts, when something that must hold does not. A trap of
/// Embedded Swift would say nothing.
public func die(_ why: StaticString) -> Never {
  _ = write(2, why.utf8Start, why.utf8CodeUnitCount)
  _ = write(2, "\n", 1)
  abort()
}
