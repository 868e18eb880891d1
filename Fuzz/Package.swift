// swift-tools-version: 6.2
import PackageDescription

// Measurements; see README.md. Apart from the main package, so that nobody who builds the daemon
// compiles them.
let package = Package(
  name: "fuzz",
  dependencies: [.package(name: "swabeld", path: "..")],
  targets: [
    .target(name: "CAllocations"),
    .executableTarget(
      name: "WireCost",
      dependencies: ["CAllocations", .product(name: "BabelWire", package: "swabeld")]),
    .executableTarget(
      name: "RouteCost",
      dependencies: [
        "CAllocations", .product(name: "BabelCore", package: "swabeld"),
        .product(name: "BabelWire", package: "swabeld"),
      ]),
    .executableTarget(
      name: "StepCost",
      dependencies: [
        "CAllocations", .product(name: "BabelCore", package: "swabeld"),
        .product(name: "BabelWire", package: "swabeld"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
