import BabelWire

extension BabelNode {
  /// Interfaces in the order they were added.
  public func interfaces() -> [InterfaceStatus] {
    var result: [InterfaceStatus] = []
    for id in links.order {
      if let interface = interface(id) { result.append(interfaceStatus(id, interface)) }
    }
    return result
  }

  func interfaceStatus(_ id: InterfaceID, _ interface: Interface) -> InterfaceStatus {
    InterfaceStatus(
      id: id, name: interface.name, isUp: interface.isUp,
      linkLocal: interface.isUp ? interface.state.linkLocals.first : nil,
      ipv4: interface.isUp ? interface.state.ipv4 : nil)
  }

  func reportInterface(
    _ event: TableEvent, _ id: InterfaceID, _ buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id) else { return }
    buffer.actions.append(.notify(.interface(event, interfaceStatus(id, interface))))
  }
}
