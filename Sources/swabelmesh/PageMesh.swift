import BabelKernel
import MeshPicture

/// What the sources of a page said last. All clients share it: sources are asked at most every few
/// seconds for all of them together, and nobody waits long for a source that hangs. What was known
/// of it stays.
final class PageMesh {
  private struct Source {
    let name: String
    /// A question that is not answered yet.
    var talk: SourceTalk?
    /// What it said at first, and what it said last.
    var first: Sighting?, last: Sighting?
    /// When it said that, in words.
    var time = ""
    /// Why it cannot be asked; empty if it could be.
    var trouble = ""
  }

  private var sources: [Source]
  /// When the sources were asked last; nil before.
  private var asked: Int64?
  /// How often something new was learnt.
  private(set) var version = 0
  /// When somebody answered last, in words.
  private(set) var time = PictureDrawer.now
  /// When the first answer came, in words.
  private(set) var firstTime = ""

  /// Microseconds from one time of asking to the next.
  private static let interval: Int64 = 3_000_000
  /// Microseconds that a client waits for an answer of a source.
  private static let patience: Int64 = 2_000_000

  /// Names what is asked.
  init(_ names: [String]) { sources = names.map { Source(name: $0) } }

  /// What all sources together said last; nil if none of them has said anything.
  var last: Sighting? { Self.joined(sources.compactMap { $0.last }) }

  /// What each of them said at first.
  var first: Sighting? { Self.joined(sources.compactMap { $0.first }) }

  private static func joined(_ sightings: [Sighting]) -> Sighting? {
    guard var all = sightings.first else { return nil }
    for sighting in sightings.dropFirst() { all.add(sighting) }
    return all
  }

  /// Which sources do not answer, and how old what is known of them is; empty if all answer.
  var trouble: String {
    sources.compactMap { source in
      let isHanging = source.talk.map { $0.begin + Self.patience <= MonotonicClock.microseconds() }
      let reason =
        source.trouble.isEmpty && isHanging == true
        ? "\(source.name): it does not answer" : source.trouble
      guard !reason.isEmpty else { return nil }
      return reason + (source.last == nil ? "" : ", as of \(source.time)")
    }.joined(separator: "; ")
  }

  /// Why a file cannot be read, which further questions would not change; nil if all can.
  var fileTrouble: String? {
    sources.first { source in
      !source.trouble.isEmpty && (try? MeshSource(source.name))?.isFile ?? true
    }?.trouble
  }

  /// Asks all sources, unless that was done a moment ago. A question that is open stays.
  func refresh() {
    let now = MonotonicClock.microseconds()
    if let asked, now < asked + Self.interval { return }
    asked = now
    for place in sources.indices where sources[place].talk == nil {
      do throws(Failure) {
        let source = try MeshSource(sources[place].name)
        sources[place].talk = try source.talk()
        if sources[place].talk == nil { learn(Result.success(try source.octets()), place) }
      } catch {
        learn(Result.failure(error), place)
      }
    }
  }

  /// When a client need not wait any longer: a time that has passed if there is nothing to wait
  /// for.
  var readyTime: Int64 {
    sources.compactMap { $0.talk?.begin }.map { $0 + Self.patience }.max() ?? 0
  }

  /// When something ends by itself.
  var deadlines: [Int64] { sources.compactMap { $0.talk?.deadline } }

  /// Adds what open questions wait for.
  func addInterests(to poll: inout PollSet) {
    for source in sources { source.talk?.addInterest(to: &poll) }
  }

  /// Reads what has come.
  func advance() {
    for place in sources.indices {
      guard let talk = sources[place].talk else { continue }
      talk.advance()
      guard let outcome = talk.outcome else { continue }
      sources[place].talk = nil
      learn(outcome, place)
    }
  }

  private func learn(_ outcome: Result<[UInt8], Failure>, _ place: Int) {
    version += 1
    do throws(Failure) {
      let sighting = try PictureDrawer.sighting(outcome.get(), of: sources[place].name)
      time = PictureDrawer.now
      if firstTime.isEmpty { firstTime = time }
      sources[place].first = sources[place].first ?? sighting
      (sources[place].last, sources[place].time, sources[place].trouble) = (sighting, time, "")
    } catch {
      sources[place].trouble = error.description
    }
  }
}
