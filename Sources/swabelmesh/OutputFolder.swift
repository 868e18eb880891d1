import BabelKernel
import MeshPlan

/// The folder with the files of all nodes. A list in it says which files are of our making, so that
/// those that are not wanted any more can be removed, and others are left alone.
struct OutputFolder {
  /// What a writing did.
  struct Outcome: Equatable {
    var written: [String] = []
    var removed: [String] = []
    var unchanged = 0
  }

  /// Its path.
  let path: String

  private var listPath: String { path + "/.swabelmesh" }
  private static let listLimit = 64 << 20

  /// Makes the folder hold these files, by path below it, and no other of our making.
  func write(_ files: [(path: String, file: OutputFile)]) throws(Failure) -> Outcome {
    do throws(KernelError) {
      return try change(to: files)
    } catch {
      throw Failure(error)
    }
  }

  /// Makes sure that no file of somebody else stands where one of ours is to be.
  func checkPlaces(_ files: [(path: String, file: OutputFile)]) throws(Failure) {
    do throws(KernelError) {
      let ours = Set(try ownFiles())
      for (place, _) in files where !ours.contains(place) && FileSystem.exists(whole(place)) {
        throw KernelError(operation: "write \(whole(place))", errno: ErrorNumber.exists)
          .saying("it is not of swabelmesh's making; move it away, or name another folder with -o")
      }
    } catch {
      throw Failure(error)
    }
  }

  private func change(
    to files: [(path: String, file: OutputFile)]
  ) throws(KernelError) -> Outcome {
    let former = try ownFiles()
    let wanted = Set(files.map { $0.path })
    var outcome = Outcome()
    if !FileSystem.exists(path) { try FileSystem.makeDirectory(path, mode: 0o700) }
    // After a crash the list must have all files of our making, so first it has both.
    try remember(wanted.union(former))
    for (place, file) in files {
      if try isSame(place, file) {
        outcome.unchanged += 1
        continue
      }
      try makeFolders(of: place)
      try replace(whole(place), Array(file.text.utf8), mode: file.mode)
      outcome.written.append(place)
    }
    for place in former where !wanted.contains(place) {
      if FileSystem.exists(whole(place)) {
        try FileSystem.remove(whole(place))
        outcome.removed.append(place)
      }
      removeEmptyFolders(of: place)
    }
    try remember(wanted)
    return outcome
  }

  /// Replaces a file as a whole. It is not synced, because a second writing would make it again,
  /// and to sync thousands of files takes a minute.
  private func replace(_ path: String, _ octets: [UInt8], mode: UInt32) throws(KernelError) {
    let draft = path + ".swabelmesh"
    if FileSystem.exists(draft) { try FileSystem.remove(draft) }
    try FileSystem.createExclusively(draft, octets, mode: mode)
    // What the mask of the process took away.
    try FileSystem.setMode(draft, mode)
    try FileSystem.move(draft, to: path)
  }

  private func whole(_ place: String) -> String { path + "/" + place }

  /// The files of our making, sorted.
  private func ownFiles() throws(KernelError) -> [String] {
    guard FileSystem.exists(listPath) else { return [] }
    let octets = try FileSystem.read(listPath, limit: Self.listLimit)
    return octets.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
      .filter(Self.isPlace)
  }

  private func remember(_ places: Set<String>) throws(KernelError) {
    let text = places.sorted().map { $0 + "\n" }.joined()
    if FileSystem.exists(listPath),
      try FileSystem.read(listPath, limit: Self.listLimit) == Array(text.utf8)
    {
      return
    }
    try FileSystem.writeAtomically(listPath, Array(text.utf8), mode: 0o600)
  }

  /// Whether a line of the list is a path of a node's file. Whoever changes the list must not make
  /// us remove files elsewhere.
  private static func isPlace(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return (2...3).contains(parts.count)
      && parts.allSatisfy { !$0.isEmpty && !$0.elementsEqual("..".utf8) }
  }

  private func isSame(_ place: String, _ file: OutputFile) throws(KernelError) -> Bool {
    guard FileSystem.kind(of: whole(place)) == .file else { return false }
    let found = try FileSystem.readWithRights(whole(place), limit: Self.listLimit)
    return found.mode == file.mode && found.octets == Array(file.text.utf8)
  }

  private func makeFolders(of place: String) throws(KernelError) {
    for folder in Self.folders(of: place) where !FileSystem.exists(whole(folder)) {
      try FileSystem.makeDirectory(whole(folder), mode: 0o700)
    }
  }

  private func removeEmptyFolders(of place: String) {
    for folder in Self.folders(of: place).reversed() {
      guard FileSystem.removeDirectory(whole(folder)) else { return }
    }
  }

  /// The folders that lead to a file, the outermost first.
  private static func folders(of place: String) -> [String] {
    let parts = place.split(separator: "/").dropLast()
    return parts.indices.map { parts[...$0].joined(separator: "/") }
  }
}
