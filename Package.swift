// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "mtl-engine",
    products: [
        .library(name: "MTLEngine", targets: ["MTLEngine"]),
        .library(name: "MTLData", targets: ["MTLData"]),
        .executable(name: "mtl", targets: ["mtl"]),
        .executable(name: "mtl-bench", targets: ["mtl-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CBLAS", pkgConfig: "openblas",
            providers: [.apt(["libopenblas-dev", "liblapacke-dev"]), .brew(["openblas"])]),
        .target(name: "MTLKernels"),
        .target(
            name: "MTLEngine",
            dependencies: ["CBLAS", "MTLKernels"],
            swiftSettings: settings,
            linkerSettings: [
                // Debian builds OpenBLAS without LAPACKE; Homebrew's has it inside.
                .linkedLibrary("lapacke", .when(platforms: [.linux])),
                .linkedLibrary("m", .when(platforms: [.linux])),
            ]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .systemLibrary(
            name: "CSQLite", pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
        .target(name: "MTLDataKernels"),
        .target(
            name: "MTLData", dependencies: ["MTLEngine", "MTLDataKernels", "CZlib", "CSQLite"],
            swiftSettings: settings),
        .target(
            name: "Terminal",
            dependencies: [
                "MTLEngine", "MTLDataKernels",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: settings),
        // Drawings as SVG, and the page that they stand in.
        .target(name: "Charts", swiftSettings: settings),
        .executableTarget(
            name: "mtl",
            dependencies: [
                "MTLEngine", "MTLData", "Charts", "Terminal", "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "mtl-bench",
            dependencies: [
                "MTLEngine", "MTLData", "Charts", "Terminal",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "QuickStart", dependencies: ["MTLEngine"], path: "Examples/QuickStart",
            packageAccess: false,
            swiftSettings: settings),
        // A process of its own, which the tests start: its malloc is not for the tests' process, so no target depends on it.
        .target(name: "MallocCounter", path: "Tests/MallocCounter"),
        .executableTarget(
            name: "allocation-probe",
            dependencies: ["MTLEngine", "MTLTestSupport", "MallocCounter", "KernelLevel"],
            path: "Tests/AllocationProbe",
            swiftSettings: settings),
        .target(name: "KernelLevel", dependencies: ["MTLKernels"], path: "Tests/KernelLevel"),
        .target(
            name: "MTLTestSupport", dependencies: ["MTLEngine"], path: "Tests/MTLTestSupport",
            swiftSettings: settings),
        .testTarget(
            name: "MTLEngineTests",
            dependencies: ["MTLEngine", "MTLTestSupport", "MTLKernels", "KernelLevel"],
            exclude: ["Fixtures"], swiftSettings: settings),
        // Compiles with what a user's package sees.
        .testTarget(
            name: "PublicAPITests", dependencies: ["MTLEngine", "MTLData"], packageAccess: false,
            swiftSettings: settings),
        .testTarget(
            name: "MTLDataTests",
            dependencies: [
                "MTLData", "MTLDataKernels", "MTLEngine", "MTLTestSupport", "KernelLevel", "CSQLite", "CZlib",
                "Charts", "Yams",
            ],
            exclude: ["Fixtures"],
            swiftSettings: settings),
    ]
)
