/// How long to wait before something that did not succeed is tried again: twice as long each time.
/// What cannot succeed while others go on changing things then costs ever less.
struct Patience {
  private let first: Int64
  private let longest: Int64
  private var delay: Int64

  /// Both in microseconds: the wait after the first failure, at least 1, and the longest one.
  init(first: Int64, longest: Int64) {
    self.first = max(1, first)
    self.longest = max(self.first, longest)
    delay = self.first
  }

  /// It failed once more: microseconds until the next try.
  mutating func next() -> Int64 {
    let wait = delay
    delay = delay > longest / 2 ? longest : delay * 2
    return wait
  }

  /// It succeeded, or there is something new to try.
  mutating func reset() { delay = first }
}
