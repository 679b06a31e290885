/// The first two layers of a turn in slices: instead of rows, workers share units.
///
/// A slice owns some columns of the lower layer's weights and the matching rows of the upper one's, with their moments: they
/// never leave its worker's core. Of the forward pass only the partial sums `[rows, units]` of the upper layer cross, at one
/// meeting; what lies above (heads, towers), and every sum over it, each worker computes for itself on its own copy of those
/// few parameters. For small batches that is less than handing half of all parameters from core to core every step.
///
/// The number of slices is fixed, so no sum depends on the workers.
package struct SlicePlan: Sendable {
    package static let count = 2
    /// Above this many rows, sharing them costs less.
    private static let rowLimit = 64
    /// What lies above may take this share of the products, as every worker repeats it.
    private static let repeatedShare = 0.15

    package let lower: DenseNode
    package let upper: DenseNode
    package let lowerOrdinal: Int
    package let upperOrdinal: Int
    /// What lies above, and its parameters.
    package let forward: [Program.Entry]
    package let backward: [Program.Entry]
    package let trained: [Program.Trained]

    /// nil where a program does not begin with two such layers, or slices would not pay.
    package init?(_ program: Program, batch: Int, vector: Int) {
        guard batch <= Self.rowLimit, program.forward.count == 1, program.joints.isEmpty,
            program.forward[0].count > 2, program.backward[0].count >= 2,
            case .dense(let lower) = program.backward[0][program.backward[0].count - 1].node,
            case .dense(let upper) = program.backward[0][program.backward[0].count - 2].node,
            lower.x.isFeatures, lower.dx == .none, upper.x == lower.y,
            [lower, upper].allSatisfy({
                $0.layer.blocks == 1 && $0.layer.order == .inputMajor && $0.trainsBias
            }),
            lower.layer.outputs % (Self.count * vector) == 0
        else { return nil }
        let (first, second) = (program.forward[0][0], program.forward[0][1])
        self.lower = lower
        self.upper = upper
        lowerOrdinal = first.ordinal
        upperOrdinal = second.ordinal
        forward = Array(program.forward[0].dropFirst(2))
        backward = Array(program.backward[0].dropLast(2))
        trained = program.trained.filter { $0.ordinal != first.ordinal && $0.ordinal != second.ordinal }
        let above = forward.reduce(0) { $0 + $1.node.operation.multiplyAdds }
        guard program.backward[0].last?.ordinal == first.ordinal,
            program.backward[0][program.backward[0].count - 2].ordinal == second.ordinal,
            !forward.contains(where: { entry in
                entry.node.operation.inputs(program.lists).contains {
                    $0.isFeatures || $0.storage == lower.y.storage
                }
            }),
            Double(above) < Self.repeatedShare * Double(lower.multiplyAdds + upper.multiplyAdds)
        else { return nil }
    }
}

extension SlicePlan {
    /// Whether all of a schedule's turns may share out their first layers so.
    static func serves<Scalar: BLASScalar>(
        _ turns: [TurnSpec], _ store: ParameterStore<Scalar>, batch: Int, clipping: GradientClipping,
        vector: Int
    ) -> Bool {
        let plan = store.plan
        guard store.product.backend == .kernels, !clipping.isNorm, plan.embedding.isEmpty,
            !plan.usesScenarios, plan.trainsDenseAlone, plan.penalties.isEmpty, plan.structures.isEmpty,
            turns.allSatisfy(\.isPlain), plan.members == nil, !plan.ranks, !plan.reweighs
        else { return false }
        var options = TurnPlan.Options(StepPaces(turns, plan.layout))
        options.rows = batch
        options.slicedVector = vector
        var states = StateLayout()
        // The memory of the slices is of one pair of layers.
        var pair: [Int]?
        return turns.indices.allSatisfy {
            let slices = TurnPlan(
                plan, tasks: store.tasks, specs: turns, turn: $0, options: options, states: &states
            ).view.slices
            guard let slices else { return false }
            let own = [slices.lower.layer.weight, slices.upper.layer.weight]
            defer { pair = own }
            return pair == nil || pair == own
        }
    }
}

/// Where a slice's numbers lie in its own memory: parameters, then the transposed upper weights, then gradients in the
/// order of the parameters, then per turn the optimiser's state in that order.
///
/// Memory of its own, as neighbours in one matrix would not do: a core fetches lines beside those that it reads.
package struct SliceLayout: Sendable {
    package let inputs: Int
    package let width: Int
    package let outputs: Int
    package let stateVectors: Int

    private static func whole(_ count: Int) -> Int { (count + 15) / 16 * 16 }

    /// `[inputs, width]`, then `[width, outputs]`, `[width]`, and in the first slice `[outputs]`.
    package var upperWeights: Int { Self.whole(inputs * width) }
    package var lowerBiases: Int { upperWeights + Self.whole(width * outputs) }
    package var upperBiases: Int { lowerBiases + Self.whole(width) }
    package var count: Int { upperBiases + Self.whole(outputs) }
    /// `[outputs, width]`
    package var transposed: Int { count }
    package var transposedStride: Int { workspaceStride(columns: width) }
    package var gradients: Int { transposed + Self.whole(outputs * transposedStride) }
    package func state(turn: Int) -> Int { gradients + count * (1 + turn * stateVectors) }
    /// Elements of a slice; a page apart from the next one.
    package func total(turns: Int) -> Int { (state(turn: turns) + 4095) / 4096 * 4096 + 1024 }
}

/// What the workers read of a sliced turn: lists that live as long as the training step.
package struct Slices {
    let lower: DenseNode
    let upper: DenseNode
    let lowerOrdinal: Int
    let upperOrdinal: Int
    /// What every worker repeats.
    let forward: UnsafeBufferPointer<Turn.Entry>
    let backward: UnsafeBufferPointer<Turn.Entry>
    let pieces: UnsafeBufferPointer<ParameterPiece>
    /// Whether weights and biases of the two layers decay.
    let decaysLower: (weights: Bool, biases: Bool)
    let decaysUpper: (weights: Bool, biases: Bool)

    var width: Int { lower.layer.outputs / SlicePlan.count }
    func columns(_ slice: Int) -> Range<Int> { slice * width..<(slice + 1) * width }

    func layout(stateVectors: Int) -> SliceLayout {
        SliceLayout(
            inputs: lower.layer.inputs, width: width, outputs: upper.layer.outputs, stateVectors: stateVectors
        )
    }
}
