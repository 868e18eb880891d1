/// Words that older versions or forks of babeld take and 1.14 does not.
private enum RetiredStatement: KeywordText, ConfigurationKeyword {
  case diversity
  case diversityFactor = "diversity-factor"
  case keepUnfeasible = "keep-unfeasible"
  case firstTableNumber = "first-table-number"
  case firstRulePriority = "first-rule-priority"
  case parasitic
  case wireless = "wireless"
  case channel, interfering, noninterfering, hmac
  case kernelInstall = "kernel-install"
  case price
  case helloInterval = "hello-interval"
  case updateInterval = "update-interval"

  /// What to write instead.
  var replacement: String {
    switch self {
    case .diversity, .diversityFactor, .channel, .interfering, .noninterfering:
      "radio diversity was removed in babeld 1.13; delete it"
    case .keepUnfeasible: "unfeasible routes are always kept; delete it"
    case .firstTableNumber, .firstRulePriority:
      "IPv6 needs no tables of its own; for IPv4 see \"source-tables\""
    case .parasitic: "write \"redistribute local deny\" and \"out deny\" instead"
    case .wireless: "write \"default type wireless\" instead"
    case .hmac: "keys are given to interfaces: \"interface NAME key ID\""
    case .kernelInstall: "write \"install deny\" instead"
    case .price: "the price of our own traffic is \"fee\""
    case .helloInterval, .updateInterval: "write \"default\" in front of it"
    }
  }
}

/// The same inside `interface` and `default` statements.
private enum RetiredParameter: KeywordText, ConfigurationKeyword {
  case channel, interfering, noninterfering, diversity, wireless, tunnel
  case v4viav6
  case v4OverV6 = "v4-over-v6"
  case hmac
  case hmacVerify = "hmac-verify"

  /// What to write instead.
  var replacement: String {
    switch self {
    case .channel, .interfering, .noninterfering, .diversity:
      "radio diversity was removed in babeld 1.13; delete it with its value"
    case .wireless: "write \"type wireless\" instead"
    case .tunnel: "write \"type tunnel\" instead"
    case .v4viav6, .v4OverV6: "write \"v4-via-v6\" instead"
    case .hmac: "write \"key ID\" instead"
    case .hmacVerify: "write \"accept-bad-signatures true\" for \"hmac-verify false\""
    }
  }
}

extension StatementParser {
  /// The error about the first word of a statement.
  func unknownStatement(_ token: ConfigurationToken) -> ConfigurationError {
    let words = StatementKeyword.words + OptionKeyword.words + ProcessKeyword.words
    if !token.isQuoted, let request = RequestKeyword(octets: token.octets) {
      var error = reader.error(at: token, expected: "a statement")
      error = error.adding(hint: "\"\(request.text)\" is a request of the local socket")
      return error
    }
    var error = reader.error(at: token, expected: "a statement")
    if let retired = RetiredStatement(octets: token.octets) {
      error = error.adding(hint: retired.replacement)
    } else if let retired = RetiredParameter(octets: token.octets) {
      let place = "in \"default\" or \"interface NAME\""
      error = error.adding(hint: "\(retired.replacement), \(place)")
    } else if reader.source == .socket {
      error = error.adding(
        suggestion: nearestWord(to: token.octets, among: RequestKeyword.words + words))
    } else if InterfaceKeyword(octets: token.octets) != nil {
      error = error.adding(hint: "it is a parameter of \"interface NAME\" and \"default\"")
    } else if FilterKeyword(octets: token.octets) != nil {
      error = error.adding(hint: "it is part of an in, out, redistribute or install rule")
    } else {
      error = error.adding(suggestion: nearestWord(to: token.octets, among: words))
    }
    return error
  }

  /// The error about a word inside a statement that should be one of `words`.
  func unknownWord(
    _ token: ConfigurationToken, expected: String, among words: [String]
  ) -> ConfigurationError {
    var error = reader.error(at: token, expected: expected)
    if let retired = RetiredParameter(octets: token.octets),
      words.count == InterfaceKeyword.words.count
    {
      error = error.adding(hint: retired.replacement)
    } else {
      error = error.adding(suggestion: nearestWord(to: token.octets, among: words))
    }
    return error
  }

  /// The error about a statement that -C does not take.
  func notInStatement(_ token: ConfigurationToken) -> ConfigurationError {
    reader.error(at: token, expected: "a statement")
      .adding(hint: "\"flush\" is a request of the local socket")
  }

  /// The error about a statement that the local socket does not take.
  func notAtRunTime(_ token: ConfigurationToken) -> ConfigurationError {
    var error = reader.error(at: token, expected: "a request")
    error = error.adding(hint: "this statement is taken from files and -C only")
    return error
  }
}
