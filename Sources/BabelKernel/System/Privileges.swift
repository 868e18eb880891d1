import CLinux

/// Gives up the powers of root that a router does not need.
public enum Privileges {
  /// CAP_NET_ADMIN: routes, addresses, kernel settings under net.
  private static let netAdmin: UInt32 = 12
  /// CAP_NET_BIND_SERVICE: a socket that is opened later may have a port below 1024.
  private static let netBindService: UInt32 = 10
  /// CAP_NET_RAW: binding to interfaces.
  private static let netRaw: UInt32 = 13

  /// CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER: a log or state file may lie in a
  /// directory of somebody else.
  private static let fileCapabilities: UInt32 = 1 << 1 | 1 << 2 | 1 << 3

  // Numbers of prctl(2) and capget(2).
  private static let setKeepCapabilities: Int32 = 8
  private static let dropFromBoundingSet: Int32 = 24
  private static let setNoNewPrivileges: Int32 = 38
  private static let getNoNewPrivileges: Int32 = 39
  private static let getSecureBits: Int32 = 27
  private static let noRoot: Int32 = 1
  private static let ambientCapabilities: Int32 = 47
  private static let raise: UInt = 2
  private static let capabilityVersion: UInt32 = 0x2008_0522
  /// The kernel has fewer capabilities than this.
  private static let capabilityCount: UInt32 = 64

  /// Becomes another user for good, and keeps of root's powers only the administration of the
  /// network, if we have it. It must be called while there is only one thread.
  public static func drop(toUser user: UInt32, group: UInt32) throws(KernelError) {
    let wanted: UInt32 = 1 << netAdmin | 1 << netRaw
    let kept = try permitted() & wanted
    for capability in 0..<capabilityCount where wanted & bit(capability) == 0 {
      // A failure means that the kernel does not know the capability or that we may not drop it. In
      // both cases we do not have it.
      _ = swabel_prctl(dropFromBoundingSet, UInt(capability), 0, 0, 0)
    }
    // Whoever started us may have done this already. We have no right to do it then.
    if getuid() != user || geteuid() != user {
      try Syscall.check("keep capabilities") { swabel_prctl(setKeepCapabilities, 1, 0, 0, 0) }
      var groups = [group]
      try Syscall.check("setgroups") { swabel_setgroups(1, &groups) }
      try Syscall.check("become group \(group)") { swabel_setresgid(group, group, group) }
      try Syscall.check("become user \(user)") { swabel_setresuid(user, user, user) }
    }
    try set(kept)
    try Syscall.check("forbid new privileges") { swabel_prctl(setNoNewPrivileges, 1, 0, 0, 0) }
  }

  /// Gives up the capabilities that serve nobody once everything is open: all but those for the
  /// network and for files of others.
  public static func reduce() throws(KernelError) {
    let kept = 1 << netAdmin | 1 << netRaw | 1 << netBindService | fileCapabilities
    try set(try permitted() & kept)
  }

  /// Whether executing a program gives root's capabilities back after ``reduce()``: only to root,
  /// unless root is nobody special here, and not after "no new privileges".
  public static var areRegained: Bool {
    geteuid() == 0 && swabel_prctl(getSecureBits, 0, 0, 0, 0) & noRoot == 0
      && swabel_prctl(getNoNewPrivileges, 0, 0, 0, 0) == 0
  }

  /// Lets a program that this process executes have the capabilities that this process has now.
  public static func keepOverExecution() throws(KernelError) {
    let kept = try permitted()
    try set(kept, inheritable: kept)
    for capability in 0..<capabilityCount where kept & bit(capability) != 0 {
      try Syscall.check("keep capability \(capability)") {
        swabel_prctl(ambientCapabilities, raise, UInt(capability), 0, 0)
      }
    }
  }

  private static func bit(_ capability: UInt32) -> UInt32 {
    capability < 32 ? 1 << capability : 0
  }

  /// Capabilities 0 to 31 we may use.
  private static func permitted() throws(KernelError) -> UInt32 {
    var header = [capabilityVersion, 0]
    var data = [UInt32](repeating: 0, count: 6)
    try Syscall.check("capget") { swabel_capget(&header, &data) }
    return data[1]
  }

  private static func set(
    _ capabilities: UInt32, inheritable: UInt32 = 0
  ) throws(KernelError) {
    var header = [capabilityVersion, 0]
    // Effective, permitted and inheritable, for capabilities 0 to 31 and 32 to 63.
    let data: [UInt32] = [capabilities, capabilities, inheritable, 0, 0, 0]
    try Syscall.check("capset") { swabel_capset(&header, data) }
  }
}
