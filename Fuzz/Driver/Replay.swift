import BabelKernel
import CLinux

/// `replay TRIAL FILE…`: tries the inputs that are kept in files, without a sanitizer: on other
/// processors, and under a debugger.
@c(main)
public func replay(
  _ count: CInt, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  var arguments: [String] = []
  for i in 1..<max(1, Int(count)) {
    if let word = words[i] { arguments.append(String(cString: word)) }
  }
  guard let name = arguments.first, let trial = Trial(name) else {
    Log.write(Array("usage: replay TRIAL FILE...\n".utf8), to: 2)
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
