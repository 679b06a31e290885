/// A model with its numbers: the parameter vector, the transposed weights that the backward pass reads, and the workers
/// that compute.
package final class ParameterStore<Scalar: BLASScalar> {
    package let plan: ModelPlan
    package let tasks: [LearningTask]
    /// The parameters, up to date.
    package var parameters: AlignedStorage<Scalar> {
        if isBehind {
            isBehind = false
            settle?()
        }
        return storage
    }
    /// Whether a step keeps newer parameters in memory of its own, and what brings them here.
    package var isBehind = false
    package var settle: (() -> Void)?
    private let storage: AlignedStorage<Scalar>
    package let transposes: AlignedStorage<Scalar>
    package let pool: WorkerPool
    package let product: Product<Scalar>
    /// How often the parameters were changed from outside a step.
    package private(set) var version = 0
    private let transposedRanges: [ParameterRange]

    /// - Parameter workers: those of another store, of as many threads; nil for its own.
    package init(
        _ model: MultiTaskModel, compute: ComputeOptions, sharing workers: WorkerPool? = nil
    ) throws(InputError) {
        guard compute.instructions.isAvailable else {
            throw InputError(
                .value, at: "instruction set", found: "\(compute.instructions)",
                expected: "at most \(InstructionSet.best) on this machine")
        }
        plan = model.plan
        tasks = model.tasks
        transposedRanges = plan.nodes.flatMap { $0.operation.parameters }.filter { $0.transposed != nil }
        if let workers { pool = workers } else { pool = try WorkerPool(count: compute.threads) }
        product = Product(backend: compute.backend, instructions: compute.instructions)
        storage = AlignedStorage(zeroed: plan.layout.count)
        transposes = AlignedStorage(zeroed: plan.transposedCount)
    }

    /// Fills the parameters, each from the stream of its name: so that a task, expert or scenario more changes no other.
    package func initialize(_ initialization: Initialization, seed: UInt64) {
        let root = SeededGenerator(seed: seed)
        for beginning in plan.beginnings {
            switch beginning {
            case .layer(let weights, let biases, let inputs, let outputs, let name):
                var generator = root.split(Self.stream(of: name))
                initialization.fill(
                    weights: UnsafeMutableBufferPointer(
                        start: parameters.base + weights.lowerBound, count: weights.count),
                    biases: UnsafeMutableBufferPointer(
                        start: parameters.base + biases.lowerBound, count: biases.count), inputs: inputs,
                    outputs: outputs, generator: &generator)
            case .constant(let range, let value):
                (parameters.base + range.lowerBound).update(repeating: Scalar(value), count: range.count)
            case .strided(let start, let stride, let count, let value):
                for index in 0..<count { parameters.base[start + index * stride] = Scalar(value) }
            case .uniform(let range, let bound, let name):
                var generator = root.split(Self.stream(of: name))
                for index in range {
                    parameters.base[index] = Scalar((2 * generator.uniform() - 1) * bound)
                }
            case .normal(let range, let deviation, let name):
                var generator = root.split(Self.stream(of: name))
                for index in range { parameters.base[index] = Scalar(deviation * generator.normal()) }
            case .sphere(let start, let rows, let columns, let name):
                var generator = root.split(Self.stream(of: name))
                for row in 0..<rows {
                    let own = parameters.base + start + row * columns
                    for column in 0..<columns { own[column] = Scalar(generator.normal()) }
                    var squares = 0.0
                    for column in 0..<columns { squares += Double(own[column]) * Double(own[column]) }
                    let length = squares.squareRoot()
                    for column in 0..<columns { own[column] = Scalar(Double(own[column]) / length) }
                }
            case .orthonormal(let start, let rows, let columns, let name):
                var generator = root.split(Self.stream(of: name))
                fillOrthonormal(
                    parameters.base + start, rows: rows, columns: columns, generator: &generator)
            case .scaling(let start, let sections, let name):
                var generator = root.split(Self.stream(of: name))
                sections.fill(parameters.base + start, generator: &generator)
            case .diagonal(let start, let size, let on, let off):
                for index in 0..<size * size {
                    parameters.base[start + index] = Scalar(index % (size + 1) == 0 ? on : off)
                }
            }
        }
        for (index, table) in plan.embedding.tables.enumerated() {
            var generator = root.split(1 << 40 | UInt64(index))
            for element in 0..<table.rows * table.width {
                parameters.base[table.parameters + element] = Scalar(
                    (2 * generator.uniform() - 1) * EmbeddingTable.initialBound)
            }
        }
        refreshTransposes()
    }

    /// FNV-1a.
    private static func stream(of name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// To be called whenever the parameters were changed from outside a step.
    package func refreshTransposes() {
        version += 1
        for range in transposedRanges {
            guard let transposed = range.transposed else { continue }
            Scalar._transpose(
                level: product.level, rows: range.count / range.rowLength, columns: range.rowLength,
                source: parameters.base + range.start, lds: range.rowLength,
                target: transposes.base + transposed, ldt: range.transposedStride)
        }
    }
}
