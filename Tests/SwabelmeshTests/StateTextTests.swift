import BabelWire
import MeshPlan
import Testing

@Suite struct `The text of a state` {
  private func state(_ text: String) throws -> MeshState {
    try MeshState(Array(text.utf8), file: "state")
  }

  private func sample() throws -> MeshState {
    var mesh = try SampleMesh(fourNodes)
    mesh.state.forget("lab")
    return mesh.state
  }

  @Test func `says all that the state holds`() throws {
    let sample = try sample()
    #expect(sample.formerKeys == ["lab": 1])
    let again = try state(sample.text)
    #expect(again == sample)
    #expect(again.text == sample.text)
  }

  @Test func `is refused if a part of it is missing`() throws {
    let octets = Array(try sample().text.utf8)
    for count in 0..<(octets.count - 1) {
      #expect(throws: TextError.self, "\(count) octets") {
        try MeshState(Array(octets.prefix(count)), file: "state")
      }
    }
  }

  /// Each replaces a text of the sample, and is refused at a place.
  @Test(arguments: [
    ("swabelmesh-state 1", "swabelmesh-state 2", "1:18: found \"2\", expected version 1"),
    ("swabelmesh-state 1", "babel-state 1", "1:1: found \"babel-state\", expected"),
    ("mesh example", "mesh Example", "2:6: found \"Example\", expected a name"),
    ("node boat key 0", "node boat key -1", "4:15: found \"-1\", expected the number of a key"),
    ("node boat key 0", "node berlin key 0", "4:6: node berlin is there twice"),
    ("public Tgfc", "public =gfc", "4:24: found \"=gfc"),
    ("former lab key 1", "former lab key 0", "6:16: found \"0\", expected the number of a key"),
    ("link berlin port 51820", "link berlin port 0", "7:18: found \"0\", expected a port"),
    ("link berlin port 51820", "link zoo port 51820", "7:39: the names of a link are not in order"),
    ("link berlin port 51820", "link aaa port 51820", "7:6: there is no node aaa"),
    ("link berlin port 51822", "link berlin port 51820", "8:6: the link, or one of its ports"),
    ("interface wg-boat boat", "interface wg/boat boat", "7:34: found \"wg/boat\", expected the"),
    ("mac ", "mac zz", "7:"), ("preshared ", "preshared A", "7:"),
    ("end\n", "end\nnode x key 1", "11:1: found \"node\", expected nothing after \"end\""),
    ("end\n", "end now\n", "10:5: found \"now\", expected the end of the line"),
  ])
  func `is refused with the place of what is wrong`(old: String, new: String, fault: String) throws
  {
    var text = try sample().text
    text.replaceSubrange(try #require(text.firstRange(of: old), "\(text)"), with: new)
    let error = #expect(throws: TextError.self) { try state(text) }
    let found = error?.description ?? ""
    #expect(found.hasPrefix("state:" + fault), "\(found)")
  }

  @Test func `is refused without showing a secret`() throws {
    let text = try sample().text
    let secret = try #require(try sample().links.values.first?.presharedKey.base64)
    let broken = text.replacing(secret, with: secret.dropLast())
    let error = #expect(throws: TextError.self) { try state(broken) }
    #expect(error?.description.contains(secret.prefix(8)) == false)
  }
}
