import BabelCore
import BabelWire
import Testing

@Suite struct `Configuration: what babeld does not have` {
  @Test func `tables for sources are a range of at most 1024, none of the kernel's own`() throws {
    let configuration = try parse("source-tables 1000 2023\nsource-rule-priority 20\n")
    #expect(configuration.sourceTables == 1000...2023)
    #expect(configuration.sourceRulePriority == 20)
    #expect(try parse("").sourceTables == nil)
    let node = configuration.nodeParameters(routerID: RouterID(1), seqno: Seqno(0), seed: 0)
    #expect(node.supportsSourceSpecificIPv4)
    for text in [
      "source-tables", "source-tables 10", "source-tables 10 9", "source-tables 0 5",
      "source-tables 250 260", "source-tables 255 256", "source-tables 1000 2024",
      "source-tables 10 20 30", "source-rule-priority 0", "source-rule-priority 32001",
    ] {
      #expect(refusal(of: text) != nil, "\(text)")
    }
  }

  @Test func `prices belong to the node, attributes and formats to interfaces`() throws {
    let configuration = try parse(
      "fee 4294967295\nmetric-factor 0\ninterface v0 path-attributes true althea-wire false\n"
        + "default althea-wire true\ninterface v1\n")
    #expect(configuration.pricing == Pricing(fee: .max, metricFactor: 0))
    let name = try #require(InterfaceName("v0"))
    let first = configuration.interfaceParameters(for: name, type: .unknown)
    #expect(first.pathAttributes && first.wireFormat == .standard && first.carriesPathAttributes)
    let other = try #require(InterfaceName("v1"))
    let second = configuration.interfaceParameters(for: other, type: .unknown)
    #expect(second.wireFormat == .althea && second.carriesPathAttributes)
    #expect(!InterfaceParameters().carriesPathAttributes)
    #expect(refusal(of: "fee -1") != nil && refusal(of: "metric-factor 4294967296") != nil)
  }
}
