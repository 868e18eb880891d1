import BabelWire
import Testing

@Suite struct `An order that is one function for all types` {
  @Test func `every number of elements comes out in order`() {
    for count in 0...70 {
      let given = (0..<count).map { $0 * 37 % 71 }
      #expect(given.ordered() == given.sorted())
      #expect(given.ordered { $0 > $1 } == given.sorted { $0 > $1 })
    }
  }

  @Test func `elements of which none precedes the other stay as they were given`() {
    let given = (0..<100).map { (key: $0 * 7 % 5, place: $0) }
    let ordered = given.ordered { $0.key < $1.key }
    #expect(ordered.count == given.count)
    for (one, next) in zip(ordered, ordered.dropFirst()) {
      #expect((one.key, one.place) < (next.key, next.place))
    }
  }
}
