extension Neighbour {
  /// The full update for one neighbour.
  struct FullUpdate {
    /// Where it stands in the announcement order; nil when none is under way.
    private(set) var position: Int?
    /// When it goes on; nil when none is under way.
    private(set) var due: Instant?
    /// When the last one began.
    private(set) var began: Instant?

    /// Notes the time: its full update begins, or one by multicast takes its place.
    mutating func noteBegin(at now: Instant) { began = now }

    /// It leaves from the beginning, at `due`.
    mutating func plan(at due: Instant) {
      position = 0
      self.due = due
    }

    /// A part of it has left; it goes on later.
    mutating func pause(at position: Int, until due: Instant?) {
      self.position = position
      self.due = due
    }

    /// It has left, or ends where it is.
    mutating func end() {
      position = nil
      due = nil
    }
  }
}
