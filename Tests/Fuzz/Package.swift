// swift-tools-version: 6.2
import PackageDescription

// Everything below is built with the fuzzer's coverage and the address sanitizer by scripts/fuzz.sh; nobody depends on
// this package, so it may have unsafe flags.
let fuzzer: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .unsafeFlags(["-parse-as-library", "-sanitize=fuzzer"]),
]
// The default linker on Debian dies of what it wants to say about a sanitizer.
let link: [LinkerSetting] = [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]

let package = Package(
    name: "mtl-engine-fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "mtl-engine", path: "../..")],
    targets: [
        .executableTarget(
            name: "fuzz-csv", dependencies: [.product(name: "MTLData", package: "mtl-engine")],
            swiftSettings: fuzzer, linkerSettings: link),
        .executableTarget(
            name: "fuzz-cache", dependencies: [.product(name: "MTLData", package: "mtl-engine")],
            swiftSettings: fuzzer, linkerSettings: link),
        .executableTarget(
            name: "fuzz-model", dependencies: [.product(name: "MTLData", package: "mtl-engine")],
            swiftSettings: fuzzer, linkerSettings: link),
        .executableTarget(
            name: "fuzz-experiment", dependencies: [.product(name: "MTLData", package: "mtl-engine")],
            swiftSettings: fuzzer, linkerSettings: link),
    ]
)
