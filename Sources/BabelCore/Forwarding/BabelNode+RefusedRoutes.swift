import BabelWire

// Routes that the kernel refused, when rules say otherwise how they are to be installed.

/// How rules and parameters want a route installed, apart from where it leads.
struct InstallationForm: Equatable {
  let tables: InstallTables
  let kernelMetric: UInt32
  let preferredSource: IPAddress?
  let reflectsMetric: Bool
}

/// A route that the kernel refused, and in which form.
struct RefusedRoute {
  let number: RouteRow
  let form: InstallationForm
}

extension BabelNode {
  /// All routes that the kernel refused, as rules and parameters want them now.
  func refusedRoutes() -> [RefusedRoute] {
    var result: [RefusedRoute] = []
    for row in table.destinations.indexes where table.isLive(row) {
      var walk = table.routes(of: row)
      while let number = walk.next(in: table) {
        guard table.routes[number].flags.contains(.notInstallable) else { continue }
        result.append(RefusedRoute(number: number, form: installationForm(ofRoute: number)))
      }
    }
    return result
  }

  /// Routes that are wanted in another form than the one that the kernel refused may be installed
  /// again.
  mutating func allowInstallation(ofThoseThatDiffer refused: [RefusedRoute]) {
    for route in refused where installationForm(ofRoute: route.number) != route.form {
      table.routes[route.number].setInstallable(true)
    }
  }

  private func installationForm(ofRoute number: RouteRow) -> InstallationForm {
    let rule = installRule(ofRoute: number).map { filters.install.rules[$0] }
    let tables = rule?.tables ?? InstallTables()
    return InstallationForm(
      tables: tables.isEmpty ? InstallTables(parameters.exportTable) : tables,
      kernelMetric: rule?.kernelMetric ?? parameters.kernelPriority,
      preferredSource: rule?.preferredSource, reflectsMetric: parameters.reflectsKernelMetric)
  }
}
