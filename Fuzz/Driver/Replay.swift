import BabelKernel
import CLinux

/// `replay TRIAL FILE…`: tries the inputs that are kept in files, without a sanitizer: on other
/// processors, and under a debugger. `replay checks FOLDER` looks at what must hold on every
/// processor, with vectors of that folder.
@c(main)
public func replay(
  _ count: CInt, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  var arguments: [String] = []
  for i in 1..<max(1, Int(count)) {
    if let word = words[i] { arguments.append(String(cString: word)) }
  }
  if arguments.count == 2, arguments[0].utf8.elementsEqual("checks".utf8) {
    return runChecks(arguments[1])
  }
  guard let name = arguments.first, let trial = Trial(name) else {
    Log.write(Array("usage: replay TRIAL FILE... | replay checks FOLDER\n".utf8), to: 2)
    return 2
  }
  for path in arguments.dropFirst() {
    do throws(KernelError) {
      trial.run(try FileSystem.read(path))
    } catch {
      Log.write(Array("\(error)\n".utf8), to: 2)
      return 2
    }
  }
  Log.write(Array("\(name): \(arguments.count - 1) inputs\n".utf8), to: 1)
  return 0
}

/// Runs the checks of all groups and tells the sums, in the form that Tests/run reads.
private func runChecks(_ folder: String) -> CInt {
  let begin = MonotonicClock.microseconds()
  var passed = 0
  for group in CheckGroup.allCases {
    var octets: [UInt8] = []
    if let file = group.file {
      do throws(KernelError) {
        octets = try FileSystem.read("\(folder)/\(file)")
      } catch {
        Log.write(Array("\(error)\n".utf8), to: 2)
      }
    }
    let findings = group.run(octets)
    for failure in findings.failures.prefix(20) {
      Log.write(Array("\(group.name): \(failure)\n".utf8), to: 1)
    }
    Log.write(Array("\(group.name): \(findings.checked) checks\n".utf8), to: 1)
    if findings.failures.isEmpty, findings.checked >= 20 { passed += 1 }
  }
  let failed = CheckGroup.allCases.count - passed
  let seconds = (MonotonicClock.microseconds() - begin) / 1_000_000
  Log.write(Array("\(passed) passed, \(failed) failed in \(seconds).0s\n".utf8), to: 1)
  return failed == 0 ? 0 : 1
}
