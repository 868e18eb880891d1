import BabelWire

// Before editing, read RFC 8966 Appendix B. Times are microseconds unless the name says
// otherwise.

/// Values of RFC 8966 Appendix B and of the sections named.
enum ProtocolParameters {
  /// An IHU is promised every third Hello (§3.4.2).
  static let hellosPerIHU: UInt16 = 3
  /// The longest interval of an IHU in milliseconds: its field has 16 bits (§4.6.6), and the
  /// highest value of them stands for infinity.
  static let longestIHUInterval: UInt32 = 655_340
  /// A Hello is missing this many halves of its interval after the one before it: 1.5 (§3.4.1).
  static let helloHoldHalves: Int64 = 3
  /// A neighbour that falls silent is lost this many halves of its Hello interval later: 2.5. Two
  /// of the last three Hellos are missing then (A.2.1).
  static let lossHalves: Int64 = 5
  /// Expected Hellos that a history remembers (A.1).
  static let helloHistory = 16
  /// The expected transmission count looks at so many Hellos (A.2.2).
  static let etxWindow: UInt32 = 6
  /// Hold time of an IHU in halves of its interval: 3.5 (§3.4.2).
  static let ihuHoldHalves: Int64 = 7
  /// Hold time of a route in halves of its Update's interval: 3.5 (§3.5.3).
  static let routeHoldHalves: Int64 = 7
  /// When a selected route is asked for again, in halves of its interval: 2.5 (§3.8.2.3).
  static let routeRefreshHalves: Int64 = 5
  /// Garbage-collection time of a source (§3.7.3), at least. It is made for an Update every 16 s;
  /// where Updates are rarer, ``sourceLifetime(_:)`` counts.
  static let sourceGarbageCollection: Int64 = 180_000_000
  /// A source is kept for three hold times of a route (§3.5.3): the last neighbour that heard us
  /// may believe us for one, and whoever has it from that neighbour for one more.
  static let sourceHolds: Int64 = 3

  /// For how many microseconds a source is kept where Updates come every `interval` microseconds.
  static func sourceLifetime(_ interval: Int64) -> Int64 {
    max(sourceGarbageCollection, interval * routeHoldHalves / 2 * sourceHolds)
  }

  /// The longest time a source can be kept: intervals are at most 655.35 s.
  static let longestSourceLifetime = sourceLifetime(655_350_000)
  /// By how much a life that lost its seqno may raise it in all to what neighbours remember: a
  /// number that is further ahead is an older one (§3.2.1).
  static let learnableSeqnos = 0x7FFF
  /// First repetition of a seqno request, doubled each time (§3.8.2.1).
  static let seqnoRequestTimeout: Int64 = 2_000_000
  /// Repetitions of a seqno request.
  static let seqnoRequestRepeats: UInt8 = 3
  /// Hop count of our own seqno requests: in a large network the origin may be a hundred hops away.
  static let initialHopCount: UInt8 = 255
  /// An urgent TLV leaves within this time (§3.1).
  static let urgentTimeout: Int64 = 200_000
  /// Other TLVs leave within half a Hello interval (§3.1). We send them within a quarter of it, a
  /// time that is at least and at most so long.
  static let normalTimeout: ClosedRange<Int64> = 10_000...1_000_000
  /// A Hello seqno that jumps further means that the neighbour restarted (A.1).
  static let helloJump = 16
  /// The smallest sensible datagram (§4).
  static let leastDatagram = 512
  /// IPv6 and UDP header octets.
  static let ipv6Overhead = 48
  /// IPv4 and UDP header octets.
  static let ipv4Overhead = 28

  // Our own choices.

  /// An urgent TLV waits so long where senders do not collide.
  static let relayDelay: ClosedRange<Int64> = 1_000...4_000
  /// It waits so long where they may collide.
  static let radioDelay: ClosedRange<Int64> = 5_000...(urgentTimeout / 2)
  /// A Hello leaves so many hundredths of its interval after the one before: it is never later
  /// than promised (§3.1).
  static let helloJitter: ClosedRange<Int64> = 85...97
  /// Two Hellos are at least so far apart, however short the interval is.
  static let leastHelloSpacing: Int64 = 1_000
  /// Quick Hellos leave at so many points of time in each interval of theirs.
  static let probePoints: Int64 = 8
  /// A full update begins so many hundredths of its interval after the one before.
  static let updateJitter: ClosedRange<Int64> = 75...95

  /// Triggered updates that may leave a node, on all its interfaces together, without waiting
  /// for more than ``relayDelay``; on each interface three at least.
  static let changesAtOnce: Int64 = 24
  /// Each triggered update beyond these waits so long for every interface of the node.
  static let changeShare: Int64 = 10_000
  /// However many interfaces there are, that wait is at least and at most so long.
  static let changeSpacing: ClosedRange<Int64> = 50_000...200_000

  /// Hellos sent in quick succession when an interface comes up, or a neighbour is new: with two
  /// of them 2-out-of-3 has what it needs, the third is for a lost one.
  static let helloBurst: UInt8 = 3
  /// Time between two of them.
  static let burstSpacing: ClosedRange<Int64> = 10_000...50_000
  /// When a neighbour is new, the first of them waits so long for other new ones.
  static let greetingDelay: ClosedRange<Int64> = 5_000...50_000
  /// The interval that our last Hello promises, in hundredths of a second, so that neighbours miss
  /// the next one quickly.
  static let farewellInterval: UInt16 = 10
  /// A neighbour that ends says both, to retract everything and to be missed soon, within so many
  /// microseconds.
  static let farewellTime: Int64 = 200_000
  /// Operators are told of a link that works in one direction only when this has lasted for so many
  /// microseconds, and for four intervals of the neighbour's Hellos: with the first packets it is
  /// always so.
  static let oneWayPatience: Int64 = 10_000_000
  /// A neighbour that we hear, and that does not hear us for one of its Hello intervals, is asked
  /// by unicast. The wait doubles with each further step; it is at least and at most so long.
  static let healingWait: ClosedRange<Int64> = 2_000_000...300_000_000
  /// All neighbours of an interface together are asked at most this often, because forged ones must
  /// not make us shout.
  static let healingSpacing: Int64 = 50_000
  /// A neighbour is sent unicast Hellos no longer if it ceased to hear us so many times in a row,
  /// each time within so many microseconds. babeld forgets whoever it does not hear by multicast.
  static let healingRelapses: UInt8 = 2
  static let healingTrial: Int64 = 30_000_000
  /// A neighbour that is sent unicast Hellos because it misses those to the group is asked every so
  /// many microseconds, by a packet to the group, whether it hears that again.
  static let groupTrialInterval: Int64 = 60_000_000
  /// Each of so many steps to heal a link makes the neighbour's row anew; the others ask.
  static let healingRound: UInt16 = 3
  /// A neighbour gets an IHU with every Hello if sending to it costs so much, or if one of its last
  /// four Hellos is missing: on a marginal link IHUs get lost (§3.4.2).
  static let marginalCost: UInt16 = 384
  /// An acknowledgment that has to wait for work to be done is tried again after this time.
  static let acknowledgmentRetry: Int64 = 1_000
  /// Quick Hellos for new neighbours leave at most this often, however many there are: so each of
  /// them hears two before its own second Hello, which can then say so.
  static let greetingSpacing: Int64 = 1_000_000
  /// A neighbour is sent everything we know at most this often.
  static let fullUpdateSpacing: Int64 = 4_000_000
  /// A neighbour that never sent a scheduled Hello is forgotten after this time (§3.4).
  static let silentNeighbour: Int64 = 60_000_000
  /// When all places for neighbours of an interface are taken, a neighbour that can go is looked
  /// for at most this often.
  static let placeSpacing: Int64 = 10_000
  /// Packets that may leave an interface back to back, at least and at most.
  static let packetBurst = 4...64
  /// What all nodes of a link may put into a peer's socket at once, in octets of its buffer. That
  /// has 212,992 unless somebody asked for more, and a packet takes up to twice its length there.
  static let burstOctets = 160 << 10
  /// Time per packet beyond the burst. 700 packets a second is what a peer takes that installs
  /// one route per system call; a default socket buffer holds about 90 packets.
  static let packetSpacing: Int64 = 2_000
  /// A second and a third copy of a critical update follow after this time each (§3.7.2).
  static let copySpacing: Int64 = 1_000_000
  /// Within which time a neighbour is asked to acknowledge our retraction, in hundredths of a
  /// second: peers use about 0.6 of it.
  static let acknowledgmentInterval: UInt16 = 20
  /// An acknowledgment is waited for so long before it is asked for again. The wait doubles each
  /// time, and grows no further than to eight times this. Enough for a round trip by satellite.
  static let acknowledgmentTimeout: Int64 = 500_000
  /// After a crash neighbours are listened to for 5/4 of a Hello interval.
  static let listeningQuarters: Int64 = 5
  /// However long the Hello interval is, neighbours are listened to for no longer than this.
  static let longestListening: Int64 = 5_000_000
  /// So many Hello intervals a resumed life listens to a neighbour before it says that it does not
  /// hear it: two Hellos make a link usable, and one may be lost.
  static let introductionHellos: Int64 = 4
  /// A new neighbour says within this time whether it hears us.
  static let introductionTime: Int64 = 2_000_000
  /// Adopted entries are taken back when they were not confirmed within four Hello intervals: a
  /// link that works becomes usable with two Hellos, and one may be lost. They have ten seconds at
  /// least, because a neighbour may answer no request before its next full update, and a minute or
  /// four of the longest Hello intervals at most.
  static let adoptionHellos: Int64 = 4
  static let shortestAdoption: Int64 = 10_000_000
  static let longestAdoption: Int64 = 60_000_000
  /// A neighbour that became usable tells its routes within this time, or is asked for them.
  static let firstFullUpdateTime: Int64 = 1_000_000
  /// It answers within this time.
  static let adoptedAnswerTime: Int64 = 2_000_000
  /// So many entries are asked for one by one; more are left to the next full update.
  static let adoptedRequestLimit = 256
  /// A better route that has to prove itself is looked at again after this time.
  static let settlingTime: Int64 = 2_000_000
  /// What is withheld because of adopted entries is looked at again after this time.
  static let withheldTime: Int64 = 250_000
  /// Different ways (next hop, metric, table) of entries left in the kernel. A neighbour has a
  /// few; with the Babel metric reflected there may be one per entry.
  static let adoptedTargetLimit = 65_535
  /// Metric changes below this wait for the periodic update; where costs are measured, those
  /// below a tenth of the metric as well.
  static let insignificantMetric: UInt16 = 24
  /// A metric that jumps by so much is no jitter: a link of the path was drained, which adds 16384,
  /// or is no longer. Lost Hellos add less: at most 9216 to a radio of the usual cost.
  static let drainedDifference = 12_288
  /// What was measured of the link to a neighbour is kept for so many microseconds after its last
  /// Hello, and for so many neighbours.
  static let linkMemory: Int64 = 3_600_000_000
  static let linkRecordLimit = 1024
  /// Our own seqno is raised at most this often, so that a flood cannot spin it.
  static let seqnoIncreaseSpacing: Int64 = 100_000
  /// Forwarded requests are remembered this long, to pass the answer on (§3.8.1.2).
  static let forwardedRequestMemory: Int64 = 10_000_000
  /// The same request is not sent again within this time: shorter than the first repetition of
  /// whoever wants the answer, or repetitions would end at the first hop (§3.8.1.2, §3.8.2.1).
  static let duplicateRequestSpacing: Int64 = 1_000_000
  /// TLVs waiting for one destination; beyond it the newcomer is dropped.
  static let queueLimit = 1024
  /// Neighbours of an interface that are greeted by unicast because they do so, beyond those
  /// configured: whatever is sent goes to each of them, and their addresses may be forged.
  static let unicastAnswerLimit = 64
  /// Unicast full updates that one interface runs at a time; beyond it one by multicast serves all.
  static let unicastFullUpdateLimit = 4
  /// Round-trip samples older than this say nothing (RFC 9616 §3.3).
  static let rttValidity: Int64 = 180_000_000
  /// So many IHUs with stamps fit beside a Hello into 1280 octets, the least MTU of IPv6, with
  /// room for a signature.
  static let ihusBesideHello = 37
  /// Where costs are measured, a route must be better by so much to replace a usable one. Round
  /// trips of 100 ms ± 30 % make a cost that rises by 150 from 10 to 120 ms vary by about 5
  /// (standard deviation).
  static let switchMargin: UInt16 = 12
  /// It must be better by that for so many microseconds.
  static let switchDwell: Int64 = 4_000_000
  /// Microseconds beyond eight times the average from which a round-trip sample must be confirmed.
  static let rttOutlier: UInt64 = 100_000
  /// Of a greatest deviation an eighth is forgotten in so many microseconds, half of it in 156 s.
  static let jitterFading: Int64 = 30_000_000
  /// When samples have changed sides so many times they vary about the average.
  static let jitterSides: UInt8 = 4
  /// An index is forgotten so long after the last packet that was accepted (RFC 8967 §4.4, B).
  static let indexLifetime: Int64 = 300_000_000
  /// A challenge can be answered so long (RFC 8967 §4.3.1.1).
  static let challengeLifetime: Int64 = 30_000_000
  /// Least time between two challenges, or two answers, of one neighbour (RFC 8967 §4.3.1).
  static let challengeSpacing: Int64 = 300_000
  /// A challenge that was not answered is repeated after this time: enough for a round trip by
  /// satellite, whose answer a newer challenge would make worthless.
  static let challengePatience: Int64 = 1_000_000
  /// Senders that have not answered a challenge which an interface remembers.
  static let strangerLimit = 64
  /// Challenges and answers an interface may send at once, and time per further one: whoever
  /// replays packets of many must not make us shout.
  static let exchangeBurst = 100
  static let exchangeSpacing: Int64 = 5_000
  /// How often it is looked for senders that are gone.
  static let authenticationSweep: Int64 = 60_000_000
  /// A metric that has not changed for so long does not jitter.
  static let calmMetricTime: Int64 = 15_000_000
  /// So many samples in a row on one side of the average, by more than a quarter of it, are a new
  /// round-trip time and no jitter: ± 30 % happen that often by chance once in several days.
  static let rttRun: UInt8 = 5
  /// The weight of a sample from then on, in 1/256.
  static let rttQuickDecay: UInt16 = 128
}
