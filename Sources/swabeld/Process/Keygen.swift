import BabelCore
import BabelKernel

/// `swabeld keygen [hmac-sha256|blake2s128]`: a new key as a statement that swabeld and babeld
/// read.
enum Keygen {
  /// Octets of a new key. RFC 8967 §7 advises so many for HMAC-SHA256, and BLAKE2s takes no more.
  private static let keyCount = 32

  /// Runs if the command line asks for it; returns the exit code, nil if it does not.
  static func run(_ arguments: [[UInt8]]) -> CInt? {
    let words = arguments.dropFirst().map { String(decoding: $0, as: UTF8.self) }
    guard let first = words.first, Array(first.utf8) == Array("keygen".utf8) else { return nil }
    guard let algorithm = algorithm(Array(words.dropFirst())) else {
      Log.write(Array("Usage: swabeld keygen [hmac-sha256|blake2s128]\n".utf8), to: 2)
      return 1
    }
    var key = [UInt8](repeating: 0, count: keyCount)
    Entropy.fill(&key)
    var line = Array("key id k1 type \(algorithm) value ".utf8)
    for octet in key {
      for digit in [octet >> 4, octet & 15] {
        line.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
      }
    }
    line.append(0x0a)
    Log.write(line, to: 1)
    return 0
  }

  private static func algorithm(_ words: [String]) -> MACAlgorithm? {
    guard let word = words.first else { return .hmacSHA256 }
    guard words.count == 1 else { return nil }
    for algorithm in [MACAlgorithm.hmacSHA256, .blake2s128]
    where Array(word.utf8) == Array(algorithm.description.utf8) {
      return algorithm
    }
    return nil
  }
}
