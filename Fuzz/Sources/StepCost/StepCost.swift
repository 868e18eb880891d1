import BabelCore
import BabelWire
import CAllocations
import Glibc

/// Does one step of the daemon's work very often, so that it can be told what one costs.
///
/// `StepCost STEP` prints how often the step was done and how many allocations that took. All of
/// it, and nothing else, happens inside ``measured(_:)``, so that a profiler can count what is
/// spent there alone.
@main struct StepCost {
  /// Routes, packets and questions are so many, where the step does not say.
  static let count = 10_000

  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    let number = words.count > 1 ? Int(words[1]) ?? 0 : 0
    switch words.first ?? "" {
    case "decode": Codec.decode()
    case "encode": Codec.encode()
    case "hmac": Codec.verify(MACKey(hmacSHA256: [UInt8](repeating: 7, count: 32)), number)
    case "blake2s": Codec.verify(MACKey(blake2s128: [UInt8](repeating: 7, count: 32)), number)
    case "same": Listener.hearTheSame()
    case "metric": Listener.hearOtherMetrics()
    case "switch": Listener.switchRoutes()
    case "dump": Listener.dump()
    case "in", "out", "install", "redistribute": Files.decide(words[0], number)
    case "lines": Files.read(number)
    default: fail("what is to be measured?")
    }
  }

  /// Does `work`, which is `count` steps, and prints what it took.
  static func measure(_ count: Int, _ work: () -> Void) {
    let before = allocation_count()
    measured(work)
    print(count, allocation_count() - before)
  }

  @inline(never) private static func measured(_ work: () -> Void) { work() }

  /// Ends the program: a step did not do what it is measured for.
  static func fail(_ reason: String) -> Never {
    print(reason)
    exit(1)
  }

  /// A destination for each number, as RouteCost has them.
  static func destination(_ i: Int) -> Prefix {
    Prefix(mapped: IPAddress(high: 0x2001_0DB8_0000_0000 | UInt64(i), low: 0), mappedLength: 64)
  }
}
