import BabelKernel
import CLinux

// What libFuzzer calls. The environment names the trial, since the command line is libFuzzer's.

private let trial = OwnProcess.environment("TRIAL").flatMap { Trial($0) }

/// Takes one input of libFuzzer.
@c(LLVMFuzzerTestOneInput)
public func tryOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let trial else { die("TRIAL names no trial") }
  trial.run(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}
