// swift-tools-version: 6.2
import PackageDescription

// SWABELD_STRICT=1 (set by CI) turns every warning into an error.
let strict = Context.environment["SWABELD_STRICT"] == "1"
let common: [SwiftSetting] =
  [.enableUpcomingFeature("ExistentialAny")]
  + (strict ? [.treatAllWarnings(as: .error)] : [])
// What a packet can reach is compiled with strict memory safety.
let safe: [SwiftSetting] = common + [.strictMemorySafety()]

// SWABELD_TESTS=simulation builds what the simulated networks need, and no more: their build is an
// optimised one, and that of everything takes minutes. SWABELD_TESTS=mesh does the same for
// swabelmesh, which needs little of the daemon.
let parts = [
  "simulation": ["BabelWire", "BabelCore", "TestSupport", "SimulationTests"],
  "mesh": [
    "CLinux", "BabelWire", "BabelCore", "BabelKernel", "MeshPicture", "MeshPlan", "swabelmesh",
    "TestSupport", "MeshPictureTests", "SwabelmeshTests", "TidyTests",
  ],
]
let chosen = Context.environment["SWABELD_TESTS"].flatMap { parts[$0] }

let package = Package(
  name: "swabeld",
  products: [
    .executable(name: "swabeld", targets: ["swabeld"]),
    .executable(name: "swabelmesh", targets: ["swabelmesh"]),
    // For the measurements, which are a package of their own.
    .library(name: "BabelWire", targets: ["BabelWire"]),
    .library(name: "BabelCore", targets: ["BabelCore"]),
  ].filter { chosen?.contains($0.name) ?? true },
  targets: [
    .systemLibrary(name: "CLinux"),
    .target(name: "BabelWire", swiftSettings: safe),
    .target(name: "BabelCore", dependencies: ["BabelWire"], swiftSettings: safe),
    .target(name: "BabelKernel", dependencies: ["BabelWire", "CLinux"], swiftSettings: common),
    .executableTarget(
      name: "swabeld", dependencies: ["BabelCore", "BabelKernel", "BabelWire", "CLinux"],
      swiftSettings: common),
    .target(name: "MeshPlan", dependencies: ["BabelWire"], swiftSettings: safe),
    // Rounding and square roots, which are exact everywhere, are in the C library's libm.
    .target(
      name: "MeshPicture", dependencies: ["BabelWire"], swiftSettings: safe,
      linkerSettings: [.linkedLibrary("m")]),
    .executableTarget(
      name: "swabelmesh",
      dependencies: ["BabelKernel", "BabelWire", "CLinux", "MeshPicture", "MeshPlan"],
      swiftSettings: common),
    // The seeded chance that all tests share, and what is made with it.
    .target(
      name: "TestSupport", dependencies: ["BabelCore"], path: "Tests/TestSupport",
      swiftSettings: common),
    .testTarget(
      name: "BabelWireTests", dependencies: ["BabelWire", "TestSupport"],
      resources: [.copy("Vectors")], swiftSettings: common),
    .testTarget(
      name: "BabelCoreTests", dependencies: ["BabelCore", "BabelWire", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "BabelKernelTests",
      dependencies: ["BabelKernel", "BabelWire", "CLinux", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "SimulationTests", dependencies: ["BabelCore", "BabelWire", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "SwabeldTests",
      dependencies: ["swabeld", "BabelCore", "BabelKernel", "BabelWire", "CLinux", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "ForeignTests",
      dependencies: ["swabeld", "BabelCore", "BabelKernel", "BabelWire", "CLinux"],
      swiftSettings: common),
    .testTarget(
      name: "SwabelmeshTests",
      dependencies: [
        "swabelmesh", "MeshPlan", "BabelCore", "BabelKernel", "BabelWire", "TestSupport",
      ],
      exclude: ["Golden"], swiftSettings: common),
    .testTarget(
      name: "MeshPictureTests", dependencies: ["BabelWire", "MeshPicture", "TestSupport"],
      swiftSettings: common),
    .testTarget(name: "TidyTests", swiftSettings: common),
  ].filter { chosen?.contains($0.name) ?? true },
  swiftLanguageModes: [.v6]
)
