import BabelKernel
import MeshPlan

/// The unit of systemd that brings a tunnel of wg-quick up at boot.
struct TunnelUnit {
  /// What systemd calls it.
  let name: String

  /// Nil if nothing but wg-quick itself knows of the tunnel.
  init?(of interface: String, _ setup: NodeSetup) {
    guard setup.format == .wgQuick, FileSystem.exists("/run/systemd/system") else { return nil }
    name = "wg-quick@\(interface)"
  }

  /// Whether it is started at boot; nil if systemd says neither, because it is masked for example.
  var isEnabled: Bool? {
    get throws(Failure) {
      switch try Tool.answer(["systemctl", "is-enabled", name]).text.split(separator: "\n").last {
      case "enabled": true
      case "disabled": false
      default: nil
      }
    }
  }

  /// Lets it be started at boot.
  func enable() throws(Failure) { try Tool.run(["systemctl", "enable", name]) }

  /// Starts it, even if systemd takes it for started, as it does when its interface was deleted.
  func start() throws(Failure) { try Tool.run(["systemctl", "restart", name]) }

  /// Stops it, for good.
  func remove() throws(Failure) {
    let answer = try Tool.answer(["systemctl", "disable", name])
    _ = try Tool.answer(["systemctl", "stop", name])
    guard try isEnabled != true else {
      throw Failure("\(name) is started at boot: \(answer.line)")
    }
  }
}
