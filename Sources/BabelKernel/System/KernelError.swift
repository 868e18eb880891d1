/// A system call, or a request to the kernel, that failed.
public struct KernelError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was tried, in words for an operator, such as `bind [::]:6696`.
  public let operation: String
  /// The error number as Linux defines it, positive.
  public let errno: Int32
  /// What the kernel says beyond the number (netlink extended acknowledgment); may be empty.
  public let kernelMessage: String

  /// Makes an error.
  public init(operation: String, errno: Int32, kernelMessage: String = "") {
    self.operation = operation
    self.errno = errno
    self.kernelMessage = kernelMessage
  }

  /// We compare octets, because String's own comparison would pull Unicode tables into the program.
  public static func == (a: KernelError, b: KernelError) -> Bool {
    a.errno == b.errno && a.operation.utf8.elementsEqual(b.operation.utf8)
      && a.kernelMessage.utf8.elementsEqual(b.kernelMessage.utf8)
  }

  /// The same error with more to say.
  public func saying(_ text: String) -> KernelError {
    KernelError(operation: operation, errno: errno, kernelMessage: text)
  }

  /// `reason (the kernel's own words)`.
  public var reason: String {
    let text = Syscall.reason(errno)
    return kernelMessage.utf8.isEmpty ? text : text + " (" + kernelMessage + ")"
  }

  /// `operation: reason (the kernel's own words)`.
  public var description: String {
    operation + ": " + reason
  }
}

/// Error numbers that callers tell apart. All other errors are only reported.
public enum ErrorNumber {
  /// No permission.
  public static let notPermitted: Int32 = 1
  /// No such file, table or address.
  public static let noEntry: Int32 = 2
  /// No such route ("no such process").
  public static let noSuchProcess: Int32 = 3
  /// Interrupted by a signal.
  public static let interrupted: Int32 = 4
  /// There is nothing to read, or no room to write, now.
  public static let wouldBlock: Int32 = 11
  /// There is no memory left, or one socket may not take more.
  public static let noMemory: Int32 = 12
  /// Permission denied.
  public static let accessDenied: Int32 = 13
  /// Something is busy. In a dump: the table changed meanwhile.
  public static let busy: Int32 = 16
  /// The route or file exists.
  public static let exists: Int32 = 17
  /// No such device.
  public static let noDevice: Int32 = 19
  /// Invalid argument.
  public static let invalid: Int32 = 22
  /// The file system can only be read.
  public static let readOnlyFileSystem: Int32 = 30
  /// Nobody reads the pipe any more.
  public static let brokenPipe: Int32 = 32
  /// Operation not supported by the function.
  public static let functionNotImplemented: Int32 = 38
  /// Datagram too long.
  public static let messageTooLong: Int32 = 90
  /// A socket of this kind, or this kernel, has no such option.
  public static let noSuchOption: Int32 = 92
  /// Operation not supported.
  public static let notSupported: Int32 = 95
  /// The system, or the sandbox of a service manager, does not let this kind of socket be made.
  public static let familyNotSupported: Int32 = 97
  /// The address is in use.
  public static let addressInUse: Int32 = 98
  /// There is no such address, or group, here.
  public static let addressNotAvailable: Int32 = 99
  /// The network is down.
  public static let networkDown: Int32 = 100
  /// The network is unreachable.
  public static let networkUnreachable: Int32 = 101
  /// Buffer space ran out; on a netlink listener: notifications were lost.
  public static let noBufferSpace: Int32 = 105
  /// It took too long.
  public static let timedOut: Int32 = 110
  /// Nothing listens.
  public static let connectionRefused: Int32 = 111
}
