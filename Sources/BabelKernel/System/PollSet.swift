import CLinux

/// Waits until one of some descriptors is ready or a deadline has passed.
///
/// Each turn of the loop calls ``removeAll()``, then ``add(_:_:)`` for every descriptor, then
/// ``wait(until:)``. The storage is kept from turn to turn.
public struct PollSet: ~Copyable {
  /// What to wait for.
  public struct Interest: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt8
    /// Makes a set from bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Something to read, or a connection to accept.
    public static let read = Interest(rawValue: 1)
    /// Room to write.
    public static let write = Interest(rawValue: 2)
  }

  private var entries: [pollfd] = []

  /// Makes an empty set.
  public init() {}

  /// Forgets all descriptors.
  public mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  /// Adds a descriptor and returns its index in this turn.
  @discardableResult
  public mutating func add(_ descriptor: borrowing FileDescriptor, _ interest: Interest) -> Int {
    var events = 0
    if interest.contains(.read) { events |= Int(POLLIN) }
    if interest.contains(.write) { events |= Int(POLLOUT) }
    entries.append(pollfd(fd: descriptor.rawValue, events: Int16(events), revents: 0))
    return entries.count - 1
  }

  /// Waits until `deadline`, in microseconds of ``MonotonicClock``, or without end if that is nil.
  /// A deadline in the past means not to wait. Returns how many descriptors are ready, which is 0
  /// also after a signal.
  public mutating func wait(until deadline: Int64?) throws(KernelError) -> Int {
    var timeout = timespec()
    if let deadline {
      let left = max(0, deadline - MonotonicClock.microseconds())
      // A day is enough for one wait, and fits every time type.
      let bounded = min(left, 86_400_000_000)
      timeout.tv_sec = numericCast(bounded / 1_000_000)
      timeout.tv_nsec = numericCast(bounded % 1_000_000 * 1000)
    }
    let ready = entries.withUnsafeMutableBufferPointer { all in
      withUnsafePointer(to: timeout) {
        swabel_ppoll(all.baseAddress, numericCast(all.count), deadline == nil ? nil : $0, nil)
      }
    }
    if ready >= 0 { return Int(ready) }
    if Syscall.errno == ErrorNumber.interrupted {
      for i in entries.indices { entries[i].revents = 0 }
      return 0
    }
    throw Syscall.failure("ppoll")
  }

  /// Whether the descriptor can be read, or reading would tell of an error or the end.
  public func isReadable(_ index: Int) -> Bool {
    has(index, Int(POLLIN) | Int(POLLHUP) | Int(POLLERR))
  }

  /// Whether the descriptor can be written, or writing would tell of an error.
  public func isWritable(_ index: Int) -> Bool { has(index, Int(POLLOUT) | Int(POLLERR)) }

  /// Whether the other side is gone.
  public func isHungUp(_ index: Int) -> Bool { has(index, Int(POLLHUP) | Int(POLLERR)) }

  private func has(_ index: Int, _ bits: Int) -> Bool {
    entries.indices.contains(index) && Int(entries[index].revents) & bits != 0
  }
}
