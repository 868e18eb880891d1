#if DEBUG
  /// The functions that were entered, in order: a test follows a received Update by it.
  ///
  /// Only debug builds have it. It is empty, and stays so, until a test begins it.
  package struct StepTrace {
    /// A function and the source file that it is in.
    package struct Step {
      /// The name with the argument labels, such as `receivePackets(over:)`.
      package let function: StaticString
      /// The path of the file when it was compiled.
      package let file: StaticString
    }

    /// What was entered since ``begin()``.
    package private(set) var steps: [Step] = []
    private var isOn = false

    /// Notes what is entered from now on.
    package mutating func begin() {
      steps = []
      isOn = true
    }

    /// A step calls this first. Compiler and not author say which function it is.
    package mutating func enter(
      _ function: StaticString = #function, file: StaticString = #filePath
    ) {
      if isOn { steps.append(Step(function: function, file: file)) }
    }
  }
#endif
