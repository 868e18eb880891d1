import BabelCore

/// What a client of the control socket may do.
struct ClientRights: Equatable {
  /// It may change something.
  let isReadWrite: Bool
  /// It may change all that can be changed. A port can be used by everybody on this machine, so
  /// without this only what ``RequestWord`` lists may be asked for there.
  let isTrusted: Bool
  /// It may look at packets, which tell more of the network than the tables do.
  let maySeePackets: Bool

  /// What a client is told who may not.
  static let refusal =
    "no A port is open to every local user: this needs a Unix socket, or trust-local-port\n"

  /// Nothing but to look.
  static let none = ClientRights(isReadWrite: false, isTrusted: false, maySeePackets: false)

  private init(isReadWrite: Bool, isTrusted: Bool, maySeePackets: Bool) {
    self.isReadWrite = isReadWrite
    self.isTrusted = isTrusted
    self.maySeePackets = maySeePackets
  }

  /// What the configuration grants to those who connect.
  init(_ server: LocalServer, _ configuration: Configuration) {
    isReadWrite = server.isReadWrite
    switch server.endpoint {
    case .path:
      isTrusted = server.isReadWrite
      maySeePackets = true
    case .port:
      isTrusted = server.isReadWrite && configuration.trustsLocalPort
      maySeePackets = configuration.trustsLocalPort
    }
  }
}
