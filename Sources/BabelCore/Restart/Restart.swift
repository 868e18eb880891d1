/// What is left of an earlier life of this node, and how far it has been got over.
///
/// The rest of the node asks two questions: may this route be selected (``BabelNode/isAwaiting``),
/// and may this prefix be announced (``BabelNode/isWithheld``).
struct Restart {
  /// How this life began.
  var beginning = Beginning.clean
  /// The wait for neighbours after a crash; nil when there is none.
  var recovery: Recovery?
  /// What an earlier life left in the kernel.
  var adoption = AdoptedForwarding()
  /// Destinations that an earlier life announced, to be looked at once.
  var restored = DelayLine(delay: ProtocolParameters.resumptionTime)
  /// By then everybody has forgotten what an earlier life announced; nil if not known.
  var seqnoLearningEnd: Instant?

  /// When something is to be done.
  var firstDeadline: Instant? {
    var first = Instant.distantFuture
    if let due = restored.first { first = min(first, due) }
    if let due = recovery?.checkDue { first = min(first, due) }
    if let due = adoption.firstDeadline { first = min(first, due) }
    return first == .distantFuture ? nil : first
  }
}
