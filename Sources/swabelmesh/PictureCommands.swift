import BabelKernel
import MeshPicture
import MeshPlan

extension PictureRequest {
  /// Draws what is asked for.
  func carryOut() throws(Failure) {
    let drawer = try PictureDrawer(self)
    if let port {
      try PageServer(drawer, port: port).run()
      return
    }
    let picture = try drawer.picture(drawer.read(), since: drawer.earlier)
    switch form {
    case .svg: try Output.write(SVGText.document(picture))
    case .dot: try Output.write(DOTText.document(picture))
    case .netjson: try Output.write(NetJSONText.document(picture))
    case .page:
      let data = PageData(
        time: PictureDrawer.now, prefix: prefix ?? "",
        since: earlier.joined(separator: ", "))
      try Output.write(PageText.document(picture, data))
    }
  }
}

/// Standard output for a document, which is whole or else an error.
private enum Output {
  static func write(_ text: String) throws(Failure) {
    let octets = Array(text.utf8)
    var done = 0
    do throws(KernelError) {
      while done < octets.count {
        guard let count = try FileDescriptor.write(octets, from: done, to: 1) else { continue }
        done += count
      }
    } catch {
      throw Failure(error)
    }
  }
}

/// Reads the mesh, as often as needed, and draws it.
struct PictureDrawer {
  let request: PictureRequest
  /// The mesh at the earlier time; nil if none is named.
  private(set) var earlier: MeshGraph?
  private var names: [String: String] = [:]
  private var routerIDs: [String: String] = [:]

  /// Names the socket of the daemon, as for `swabelctl`.
  private static let variable = "SWABELD_SOCKET"

  init(_ request: PictureRequest) throws(Failure) {
    self.request = request
    let list = request.list ?? (FileSystem.exists("mesh.conf") ? "mesh.conf" : nil)
    if let list {
      let known = try Self.list(at: list)
      names = known.namesByRouterID
      if let links = MeshLinks(known) { routerIDs = known.routerIDsByAddress(links) }
    }
    if !request.earlier.isEmpty { earlier = try read(request.earlier) }
  }

  private static func list(at path: String) throws(Failure) -> MeshList {
    let request: Request
    do throws(UsageError) {
      request = try Request(["-f", path, "check"])
    } catch {
      throw Failure("swabelmesh: \(error.reason)")
    }
    return try request.readList()
  }

  /// The date and the time of day.
  static var now: String {
    WallClock.stamp().prefix(19).replacing("T", with: " ") + " UTC"
  }

  /// The names of what is asked.
  var sources: [String] {
    let usual = OwnProcess.environment(Self.variable) ?? "/run/swabeld.sock"
    return request.sources.isEmpty ? [usual] : request.sources
  }

  /// The mesh as it is now; waits for all answers.
  func read() throws(Failure) -> MeshGraph { try read(sources) }

  private func read(_ sources: [String]) throws(Failure) -> MeshGraph {
    var all = Sighting()
    for source in sources {
      all.add(try Self.sighting(MeshSource(source).octets(), of: source))
    }
    return graph(all)
  }

  /// What a source says.
  static func sighting(_ octets: [UInt8], of source: String) throws(Failure) -> Sighting {
    do throws(PictureError) {
      return try ViewReader.read(octets)
    } catch {
      throw Failure("\(source): \(error)")
    }
  }

  /// The mesh that was seen, with the names of the list.
  func graph(_ sighting: Sighting) -> MeshGraph {
    MeshGraph(sighting.renamed(known), names: names)
  }

  /// The router-id of a neighbour that only its address is known of, if the list has that address.
  private func known(_ id: String) -> String {
    guard let percent = id.firstIndex(of: "%") else { return id }
    return routerIDs[String(id[..<percent])] ?? id
  }

  /// A picture of the mesh.
  func picture(_ graph: MeshGraph, since before: MeshGraph?) throws(Failure) -> Picture {
    do throws(PictureError) {
      // A page draws the ways itself, so that they can be chosen there.
      let picture = try Picture(
        graph, to: request.prefix, since: before, title: request.title)
      let count = picture.graph.nodes.count
      if count > SVGText.nodeLimit, request.form == .svg || request.form == .page {
        throw PictureError(
          "\(count) nodes are too many for a picture; \(SVGText.nodeLimit) at most")
      }
      guard request.form == .page else { return picture }
      return try Picture(graph, since: before, title: request.title)
    } catch {
      throw Failure("swabelmesh: \(error)")
    }
  }
}
