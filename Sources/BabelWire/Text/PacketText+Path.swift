// Path Requests and Path Replies in words, see docs/path-tlvs.md.

extension PacketText {
  mutating func write(_ request: PathRequest) {
    begin("Path Request")
    add(request.destination)
    if !request.source.isDefault {
      add("from")
      add(request.source)
    }
    add("hop", UInt32(request.hop))
    add("nonce", request.nonce)
  }

  mutating func write(_ reply: PathReply) {
    begin("Path Reply")
    add("hop", UInt32(reply.hop))
    add("router-id")
    add(reply.routerID)
    add("status", UInt32(reply.step.status.rawValue))
    add("metric", reply.step.metric)
    if let nextHop = reply.step.nextHop {
      add("next-hop")
      add(nextHop)
      add("cost", reply.step.linkCost)
    }
    if let time = reply.step.roundTripTime { add("rtt-us", time) }
    add("nonce", reply.nonce)
  }
}
