import BabelCore
import BabelKernel

extension Daemon {
  /// Opens the local socket that settings ask for in place of the present one, or changes who may
  /// use it. If that fails everything stays as it is. Whoever is connected stays connected.
  func moveLocalSocket(to new: Settings) throws(ReloadRefusal) {
    let (before, after) = (settings.configuration, new.configuration)
    guard !before.hasLocalSocket(like: after) else { return }
    guard let local = after.localServer else {
      server?.listen(at: nil, ClientRights.none)
      return
    }
    let rights = ClientRights(local, after)
    let access = try SocketRights(of: after)
    do throws(KernelError) {
      if let server, before.localServer?.endpoint == local.endpoint {
        try server.setAccess(access, rights)
        return
      }
      let listener = try SocketPlace(local, access).open()
      if let server {
        server.listen(at: listener, rights)
      } else {
        let server = ControlServer(listener, rights, LineForm(after))
        server.setBanner(Self.banner(node.routerID))
        self.server = server
      }
    } catch {
      throw ReloadRefusal(error.description)
    }
  }
}
