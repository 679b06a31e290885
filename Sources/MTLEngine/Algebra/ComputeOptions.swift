/// How a model computes: which never changes what it computes beyond rounding.
public struct ComputeOptions: Sendable, Equatable {
    /// Workers, counting the caller. The bits of the result do not depend on it (up to 4 with OpenBLAS).
    public var threads: Int
    /// Which code multiplies matrices.
    public var backend: MatrixBackend
    /// The vector instructions of the engine's own kernels.
    public var instructions: InstructionSet

    /// By default one thread, the back end and the instructions that suit this machine.
    public init(
        threads: Int = 1, backend: MatrixBackend = .automatic, instructions: InstructionSet = .best
    ) {
        self.threads = threads
        self.backend = backend
        self.instructions = instructions
    }
}
