import BabelWire

/// The rows of routes, in blocks of sixteen that belong to one neighbour each. All routes of a
/// neighbour are found through its blocks, so that no row needs links to others of them.
struct RouteRows {
  private typealias Block = RouteBlock

  private var rows = ChunkedTable<Route>()
  private var blocks = ChunkedTable<Block>()
  /// Routes that there are.
  private(set) var count = 0

  /// One more than the highest row that ever was in a block.
  var capacity: UInt32 { rows.capacity }

  subscript(_ row: RouteRow) -> Route {
    _read { yield rows[row] }
    _modify { yield &rows[row] }
  }

  /// Stores a route among those of its neighbour.
  @inline(never)
  mutating func insert(_ route: Route, to list: inout Neighbour.Routes) -> RouteRow {
    let block = list.firstOpen == .none ? open(&list) : list.firstOpen
    let place = UInt32((~blocks[block].used).trailingZeroBitCount)
    blocks[block].used |= 1 << UInt16(place)
    if blocks[block].used == .max {
      takeOut(block, of: &list, wasFull: false)
      appendFull(block, to: &list)
    }
    count += 1
    list.count += 1
    let row = RouteRow(block.rawValue << Block.shift | place)
    // The rows of a new block exist from now on.
    while rows.capacity <= row.rawValue | Block.mask { _ = rows.insert(route) }
    rows[row] = route
    return row
  }

  /// Gives a row back; its contents stay until it is reused.
  @inline(never)
  mutating func remove(_ row: RouteRow, from list: inout Neighbour.Routes) {
    let block = BlockRow(row.rawValue >> Block.shift)
    let bit: UInt16 = 1 << UInt16(row.rawValue & Block.mask)
    if blocks[block].used == .max {
      takeOut(block, of: &list, wasFull: true)
      pushOpen(block, to: &list)
    }
    blocks[block].used &= ~bit
    blocks[block].waiting &= ~bit
    count -= 1
    list.count -= 1
    freeIfUnused(block, of: &list)
  }

  // MARK: Jobs

  /// All routes of a neighbour wait to be looked at: those that were to be looked at already, once.
  @inline(never)
  mutating func awaitJob(_ list: inout Neighbour.Routes) {
    var last = BlockRow.none
    list.firstOfJob = .none
    for first in [list.firstFull, list.firstOpen] {
      var block = first
      while block != .none {
        blocks[block].waiting = blocks[block].used
        blocks[block].nextOfJob = .none
        if last == .none { list.firstOfJob = block } else { blocks[last].nextOfJob = block }
        last = block
        block = blocks[block].next
      }
    }
  }

  /// The route that the job of a neighbour looks at next; nil if none waits.
  mutating func nextOfJob(_ list: inout Neighbour.Routes) -> RouteRow? {
    while list.firstOfJob != .none {
      let block = list.firstOfJob
      let waiting = blocks[block].waiting
      if waiting != 0 {
        blocks[block].waiting = waiting & (waiting - 1)
        return RouteRow(block.rawValue << Block.shift | UInt32(waiting.trailingZeroBitCount))
      }
      list.firstOfJob = blocks[block].nextOfJob
      blocks[block].nextOfJob = Block.noJob
      freeIfUnused(block, of: &list)
    }
    return nil
  }

  // MARK: Blocks

  private mutating func open(_ list: inout Neighbour.Routes) -> BlockRow {
    let block = blocks.insert(Block())
    pushOpen(block, to: &list)
    return block
  }

  /// Frees a block without routes, unless a job has still to come by.
  private mutating func freeIfUnused(_ block: BlockRow, of list: inout Neighbour.Routes) {
    guard blocks[block].used == 0, blocks[block].nextOfJob == Block.noJob else { return }
    takeOut(block, of: &list, wasFull: false)
    blocks.remove(block)
  }

  private mutating func pushOpen(_ block: BlockRow, to list: inout Neighbour.Routes) {
    blocks[block].previous = .none
    blocks[block].next = list.firstOpen
    if list.firstOpen != .none { blocks[list.firstOpen].previous = block }
    list.firstOpen = block
  }

  private mutating func appendFull(_ block: BlockRow, to list: inout Neighbour.Routes) {
    blocks[block].previous = list.lastFull
    blocks[block].next = .none
    if list.lastFull == .none { list.firstFull = block } else { blocks[list.lastFull].next = block }
    list.lastFull = block
  }

  private mutating func takeOut(
    _ block: BlockRow, of list: inout Neighbour.Routes, wasFull: Bool
  ) {
    let (previous, next) = (blocks[block].previous, blocks[block].next)
    if previous != .none {
      blocks[previous].next = next
    } else if wasFull {
      list.firstFull = next
    } else {
      list.firstOpen = next
    }
    if next != .none {
      blocks[next].previous = previous
    } else if wasFull {
      list.lastFull = previous
    }
  }
}

/// Sixteen rows for routes of one neighbour. It is in the list of the neighbour's full blocks or in
/// that of the others.
struct RouteBlock {
  fileprivate static let shift: UInt32 = 4
  fileprivate static let mask: UInt32 = 15
  /// What ``nextOfJob`` is when no job is to come by.
  fileprivate static let noJob = BlockRow(noRow - 1)

  fileprivate var previous = BlockRow.none
  fileprivate var next = BlockRow.none
  /// The block that a job comes to afterwards.
  fileprivate var nextOfJob = RouteBlock.noJob
  /// Rows in use, one bit each.
  fileprivate var used: UInt16 = 0
  /// Rows that a job has still to look at.
  fileprivate var waiting: UInt16 = 0
}

/// A block of rows for routes.
typealias BlockRow = RowIndex<RouteBlock>

extension Neighbour {
  /// The routes learned from a neighbour, which are in blocks of ``RouteRows``, and the job that
  /// judges them anew.
  struct Routes {
    fileprivate(set) var firstFull = BlockRow.none
    fileprivate(set) var lastFull = BlockRow.none
    fileprivate(set) var firstOpen = BlockRow.none
    fileprivate(set) var firstOfJob = BlockRow.none
    fileprivate(set) var count = 0
    /// Raised by a wildcard retraction: routes of an older epoch are retracted.
    private(set) var epoch: UInt8 = 0
    /// A job is under way.
    private(set) var hasJob = false
    /// The job under way carries out a retraction of everything.
    private(set) var jobRetracts = false
    /// The job under way, or the next one, brings the first round-trip time, or one that is known
    /// to be another: what went before is not the metric of the link, and averages leave it out.
    private(set) var jobRestartsSmoothing = false
    /// The cost before the change that the job under way spreads.
    private(set) var formerCost = Metric.infinity

    /// All routes are retracted: at once for all decisions, their rows by a job.
    mutating func retractAll() {
      epoch &+= 1
      jobRetracts = true
    }

    /// The next job, or the one under way, spreads a change of the cost.
    mutating func spread(from former: Metric) { formerCost = former }

    /// A job looks at all routes from now on. Returns whether none was under way.
    mutating func beginJob() -> Bool {
      defer { hasJob = true }
      return !hasJob
    }

    /// Ends the job. Returns whether it carried out a retraction.
    mutating func endJob() -> Bool {
      defer { jobRetracts = false }
      hasJob = false
      jobRestartsSmoothing = false
      return jobRetracts
    }

    /// See ``jobRestartsSmoothing``.
    mutating func setRestartsSmoothing(_ restarts: Bool) { jobRestartsSmoothing = restarts }
  }
}
