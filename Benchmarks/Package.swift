// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "mtl-engine-benchmarks",
    platforms: [.macOS(.v13)],
    dependencies: [
        .package(name: "mtl-engine", path: ".."),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "Kernels",
            dependencies: [
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "MTLEngine", package: "mtl-engine"),
            ],
            path: "Benchmarks/Kernels",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
        .executableTarget(
            name: "Steps",
            dependencies: [
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "MTLEngine", package: "mtl-engine"),
            ],
            path: "Benchmarks/Steps",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ]
)
