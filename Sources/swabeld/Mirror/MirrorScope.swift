import BabelCore
import BabelKernel
import BabelWire

/// Which parts of the kernel's tables concern us.
struct MirrorScope: Equatable {
  /// Tables routes are installed into.
  let exportTables: [UInt32]
  /// Tables routes are redistributed from.
  var importTables: [UInt32]
  /// Where our routes may be put.
  let places: ForeignRoutes.Places
  /// Addresses that routes of ours have as their source.
  let preferredSources: [IPAddress]

  /// The route as something to redistribute, if its table is one we look at.
  func offer(_ route: KernelRoute, _ links: LinkTable) -> KernelOffer? {
    guard importTables.contains(route.table) else { return nil }
    return route.offer { links.name($0) }
  }
}

extension MirrorScope {
  /// What the operator's settings say.
  init(_ settings: Settings) {
    exportTables = settings.exportTables
    importTables = settings.importTables
    places = settings.places
    preferredSources = settings.configuration.filters.install.rules.compactMap {
      $0.preferredSource
    }
  }
}
