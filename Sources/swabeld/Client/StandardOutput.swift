import BabelKernel

/// Standard output of the client. A file or pipe that takes nothing is told of, because whoever
/// reads the result would take half of it for all.
enum StandardOutput {
  /// Writes all octets, and waits for a slow reader.
  static func write(_ octets: [UInt8]) throws(KernelError) {
    var start = 0
    while start < octets.count {
      guard let count = try FileDescriptor.write(octets, from: start, to: 1) else {
        var poll = PollSet()
        let output = try FileDescriptor.copy(of: 1)
        poll.add(output, .write)
        _ = try poll.wait(until: nil)
        continue
      }
      start += count
    }
  }

  /// Writes text.
  static func write(_ text: String) throws(KernelError) { try write(Array(text.utf8)) }

  /// How the program ends if that failed. A reader that has seen enough, such as `head`, is no
  /// failure.
  static func exit(after failure: KernelError) -> ControlClient.Exit {
    guard failure.errno != ErrorNumber.brokenPipe else { return .done }
    let text = KernelError(operation: "standard output", errno: failure.errno).description
    ControlClient.complain(text)
    return .refused
  }

  /// Writes text, and tells how the program ends.
  static func print(_ text: String) -> ControlClient.Exit {
    do throws(KernelError) {
      try write(text)
      return .done
    } catch {
      return exit(after: error)
    }
  }
}
