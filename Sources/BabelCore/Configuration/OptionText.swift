import BabelWire

// What each statement about the daemon as a whole says: a value for each time that it must be
// written, none where the value is unset.
extension Configuration {
  func values(of option: OptionKeyword) -> [[UInt8]] {
    switch option {
    case .protocolGroup: [Array(protocolGroup.description.utf8)]
    case .protocolPort: number(UInt32(protocolPort))
    case .kernelPriority: number(kernelPriority)
    case .reflectKernelMetric: boolean(reflectsKernelMetric)
    case .allowDuplicates: number(allowDuplicates.map { UInt32($0) })
    case .randomID: boolean(usesRandomID)
    case .routerID: routerID.map { [Array($0.description.utf8)] } ?? []
    case .ipv6Subtrees: boolean(ipv6Subtrees)
    case .debug: number(UInt32(clamping: debugLevel))
    case .localPort, .localPathReadWrite, .localPath, .localPortReadWrite: socketValue(of: option)
    case .exportTable: number(exportTable)
    case .importTable: importTables.map { Array("\($0)".utf8) }
    case .kernelCheckInterval: number(kernelCheckInterval)
    case .kernelNexthops: boolean(sharesNexthops)
    case .shutdownDelay: number(shutdownDelay)
    case .linkDetect: boolean(detectsLinks)
    case .smoothingHalfLife: number(smoothingHalfLife)
    case .switchMargin: number(switchMargin.map { UInt32($0) })
    case .switchDwell: switchDwell.map { [Array(decimal($0).utf8)] } ?? []
    case .neighbourLoss: [Array(neighbourLossText.utf8)]
    case .daemonise: boolean(daemonises)
    case .skipKernelSetup: boolean(skipsKernelSetup)
    case .reloadOnHangup: boolean(reloadsOnHangup)
    case .stateFile: [StatementText.quoted(stateFile)]
    case .pidFile: [StatementText.quoted(pidFile)]
    case .logFile: logFile.map { [StatementText.quoted($0)] } ?? []
    case .logLevel: logLevelTexts
    case .limit:
      LimitKeyword.allCases.compactMap { word in
        limits[word].map { Array("\(word.text) \($0)".utf8) }
      }
    case .sourceTables:
      sourceTables.map { [Array("\($0.lowerBound) \($0.upperBound)".utf8)] } ?? []
    case .sourceRulePriority: number(sourceRulePriority)
    case .fee: number(pricing.fee)
    case .metricFactor: number(pricing.metricFactor)
    case .maxUpdateRetry: number(maxUpdateRetry)
    case .protocolBufferSize: []
    }
  }

  func values(of keyword: ProcessKeyword) -> [[UInt8]] {
    switch keyword {
    case .user: user.map { [$0] } ?? []
    case .socketMode: socketAccess.mode.map { [Array("0\(String($0, radix: 8))".utf8)] } ?? []
    case .socketOwner: socketAccess.owner.map { [$0] } ?? []
    case .socketGroup: socketAccess.group.map { [$0] } ?? []
    case .socketDialect: [Array(DialectKeyword(socketDialect).text.utf8)]
    case .trustLocalPort: boolean(trustsLocalPort)
    case .metricsPort:
      if case .port(let port) = metricsServer { number(UInt32(port)) } else { [] }
    case .metricsPath:
      if case .path(let path) = metricsServer { [StatementText.quoted(path)] } else { [] }
    case .hook: hookValues
    }
  }

  private func socketValue(of option: OptionKeyword) -> [[UInt8]] {
    guard let localServer else { return [] }
    switch localServer.endpoint {
    case .port(let port):
      let own: OptionKeyword = localServer.isReadWrite ? .localPortReadWrite : .localPort
      return own == option ? number(UInt32(port)) : []
    case .path(let path):
      let own: OptionKeyword = localServer.isReadWrite ? .localPathReadWrite : .localPath
      return own == option ? [StatementText.quoted(path)] : []
    }
  }

  private func number(_ value: UInt32?) -> [[UInt8]] {
    value.map { [Array("\($0)".utf8)] } ?? []
  }

  private func boolean(_ value: Bool?) -> [[UInt8]] {
    value.map { [Array(($0 ? "true" : "false").utf8)] } ?? []
  }

  /// What holds where an option is unset, in words; nil if nothing does.
  func absence(of option: OptionKeyword) -> String? {
    switch option {
    case .routerID: "from a MAC address, or by chance"
    case .allowDuplicates: "off"
    case .ipv6Subtrees: "as the kernel can"
    case .importTable: "254"
    case .localPath: localServer == nil ? "none" : nil
    case .linkDetect, .switchMargin, .switchDwell, .kernelNexthops: "auto"
    case .logFile: "standard error"
    case .sourceTables: "none"
    case .maxUpdateRetry: "as many as are useful"
    case .protocolGroup, .protocolPort, .kernelPriority, .reflectKernelMetric, .randomID, .debug,
      .localPort, .localPortReadWrite, .localPathReadWrite, .exportTable, .kernelCheckInterval,
      .shutdownDelay, .smoothingHalfLife, .neighbourLoss, .daemonise, .skipKernelSetup, .stateFile,
      .pidFile,
      .reloadOnHangup, .logLevel, .limit, .sourceRulePriority, .fee, .metricFactor,
      .protocolBufferSize:
      nil
    }
  }
}
