package import MTLEngine

extension ComputeOptions {
    /// Our kernels at every level that the machine has, one thread.
    package static let everyLevel = InstructionSet.allCases.filter(\.isAvailable).map {
        ComputeOptions(threads: 1, backend: .kernels, instructions: $0)
    }

    /// Every level, two threads, and OpenBLAS.
    package static let various =
        everyLevel + [ComputeOptions(threads: 2), ComputeOptions(threads: 1, backend: .openBLAS)]
}
