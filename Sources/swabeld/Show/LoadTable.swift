import BabelCore
import BabelKernel

extension Daemon {
  /// Writes what the daemon has taken of the machine and how many packets there were, all since its
  /// start. It walks no table, so it may be asked for often.
  func appendLoad(_ query: ShowQuery, to text: inout [UInt8]) {
    let writer = TableWriter(
      [
        TableColumn("CPU MS", "cpu_us", 9, isRight: true),
        TableColumn("MEMORY", "memory", 9, isRight: true),
        TableColumn("RECEIVED", "received", 9, isRight: true),
        TableColumn("DROPPED", "dropped", 8, isRight: true),
        TableColumn("SENT", "sent", 9, isRight: true),
        TableColumn("UNSENT", "unsent", 7, isRight: true),
        TableColumn("FLOODING", "flooding", 8, isRight: true),
        TableColumn("CLIENTS", "clients", 7, isRight: true),
      ], query.form)
    writer.appendTitles(to: &text)
    let processor = UInt64(clamping: ProcessUsage.processorMicroseconds)
    let dropped = DropReason.allCases.reduce(UInt64(0)) { $0 &+ node.counters[$1] }
    writer.append(
      [
        .count(query.form == .json ? processor : processor / 1000),
        ProcessUsage.residentOctets.map { .count($0) } ?? .none,
        .count(node.counters.packets), .count(dropped), .count(packets.sentCount),
        .count(packets.unsentCount), .count(packets.floodingCount),
        .number(server?.clientCount ?? 0),
      ], to: &text)
  }
}
