import BabelCore
import BabelWire
import Testing

/// RFC 8967 §3.1 and §5: sets of keys, and their changes.
@Suite struct `RFC 8967 §3.1 Keys` {
  private func change(_ bench: Bench, _ parameters: InterfaceParameters) {
    let id = bench.interface
    bench.input { $0.setParameters(parameters, of: id, at: $1, into: &$2) }
  }

  @Test
  func `RFC 8967 §3.1 a permissive interface signs, answers, and takes everything but replays`()
    throws
  {
    let bench = try Bench(Signer.parameters { $0.acceptsBadSignatures = true })
    let plain = bench.peer(0xC1)
    #expect(bench.neighbour(plain)?.cost.isInfinite == false)
    let peer = Signer(bench)
    let first = peer.multicast(1)
    #expect(first.isAccepted && first.challenge != nil && bench.neighbourCount == 2)
    #expect(peer.unicast(2, reply: first.challenge, challenge: [4]).replies == [[4]])
    #expect(peer.unicast(2).isDropped)
    let stranger = Signer(bench, 0xC2, keys: [MACKey(hmacSHA256: [1])])
    let foreign = stranger.unicast(1, challenge: [6])
    #expect(foreign.isAccepted && foreign.replies == [[6]])
    #expect(
      foreign.notices.contains(
        .packetUnverified(.wrongMAC, from: stranger.address, interface: Peer.firstName)))
    // From now on bad signatures are refused. The known neighbour stays, and gets no other
    // challenge.
    change(bench, Signer.parameters())
    #expect(peer.multicast(3).isAccepted)
    #expect(stranger.multicast(2).isDropped)
    plain.isTalking = false
    bench.run(70)
    #expect(bench.neighbour(plain) == nil)
  }

  @Test func `RFC 8967 §3.1 keys change without a neighbour being lost`() throws {
    let bench = try Bench(Signer.parameters())
    let peer = Signer(bench)
    peer.join()
    let new = Signer.key("new", [5, 5, 5], .blake2s128)
    let steps: [[InterfaceKey]] = [
      [InterfaceKey(key: Signer.key()), InterfaceKey(key: new, signs: false)],
      [InterfaceKey(key: new), InterfaceKey(key: Signer.key(), signs: false)],
      [InterfaceKey(key: new)],
    ]
    var counter: UInt32 = 10
    for (number, keys) in steps.enumerated() {
      change(bench, Signer.parameters { $0.keys = keys })
      if number == 1 { peer.keys = [MACKey(blake2s128: [5, 5, 5])] }
      counter += 1
      let result = peer.multicast(counter)
      #expect(result.isAccepted && result.challenge == nil)
      bench.run(4)
    }
    #expect(bench.neighbourCount == 1 && bench.authentication?.counters.challenges == 1)
    // Without keys every packet is accepted, and none is signed.
    bench.forget()
    change(bench, InterfaceParameters())
    let plain = bench.peer(0xC1)
    #expect(bench.neighbour(plain) != nil && bench.authentication == nil)
    let macs = bench.sent.flatMap(\.tlvs).filter { if case .tlv(.mac) = $0 { true } else { false } }
    #expect(macs.isEmpty)
  }

  @Test func `RFC 8967 §3.1 keys may count for a time only`() throws {
    let text = """
      key id a type hmac-sha256 value \(String(repeating: "07", count: 32)) \
      sign-until 2026-06-01 verify-until 2026-06-02T00:00:00Z
      key id b type blake2s128 value 0909 sign-from 2026-06-01 verify-from 2026-05-31
      interface p0 key a also-key b
      """
    let configuration = try parse(text)
    let parameters = configuration.interfaceParameters(for: Peer.firstName, type: .wired)
    let bench = try Bench(parameters)
    let noon: Int64 = 1_780_228_800  // 2026-05-31T12:00:00Z
    func tell(_ second: Int64?) {
      bench.input { node, now, _ in node.setWallClock(second, at: now) }
    }
    func numbers() -> [Int] {
      bench.forget()
      bench.run(4)
      let macs = bench.sent.last?.tlvs.compactMap {
        if case .tlv(.mac(let mac)) = $0 { mac.count } else { nil }
      }
      return macs ?? []
    }
    #expect(numbers() == [32, 16], "the clock is not set")
    let old = Signer(bench)
    let new = Signer(bench, 0xB2, keys: [MACKey(blake2s128: [9, 9])])
    tell(noon - 86_400)
    #expect(numbers() == [32])
    #expect(old.multicast(1).isChallenged && new.multicast(1).isDropped)
    tell(noon)
    #expect(numbers() == [32])
    #expect(old.multicast(2).isChallenged && new.multicast(2).isChallenged)
    tell(noon + 86_400)
    #expect(numbers() == [16])
    #expect(old.multicast(3).isChallenged && new.multicast(3).isChallenged)
    tell(noon + 2 * 86_400)
    #expect(numbers() == [16])
    #expect(old.multicast(4).isDropped && new.multicast(4).isChallenged)
    tell(nil)
    #expect(numbers() == [32, 16])
  }

  @Test func `RFC 8967 §4.1 both algorithms on one interface`() throws {
    let other = Signer.key("b", [1, 2, 3], .blake2s128)
    let bench = try Bench(Signer.parameters { $0.keys.append(InterfaceKey(key: other)) })
    let peers = [
      Signer(bench), Signer(bench, 0xB2, keys: [MACKey(blake2s128: [1, 2, 3])]),
      Signer(
        bench, 0xB3, keys: [MACKey(hmacSHA256: [4]), MACKey(blake2s128: [1, 2, 3])]),
    ]
    for peer in peers { peer.join() }
    #expect(bench.neighbourCount == 3)
  }
}
