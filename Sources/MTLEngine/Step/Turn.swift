/// A piece of the parameters whose gradient one worker completes, and steps while it is in its cache.
package struct ParameterPiece: BitwiseCopyable {
    /// Where its gradient comes from.
    enum Source: BitwiseCopyable {
        /// The sum of the shards' vectors.
        case shards
        /// Rows of a block's weights (-1: of all blocks' stacked ones) of a deferred dense node, over a chunk's rows.
        case weights(node: Int32, block: Int32)
        /// Biases of a deferred dense node, over a chunk's rows.
        case bias(node: Int32)
        /// The projected tables leave it in the gradient vector.
        case projected
    }

    var start: Int
    var count: Int
    let rowLength: Int
    /// The scenario it belongs to, or -1.
    let scenario: Int
    /// Where its transposed copy begins, or -1.
    var transposed: Int
    let transposedStride: Int
    /// Where its state begins in the first state vector.
    var state: Int
    let decays: Bool
    /// Whether decay pulls it to 1, not to 0.
    let isFactor: Bool
    /// Its place among the step's paces.
    let pace: Int32
    let source: Source
    /// The plan's node it belongs to.
    let ordinal: Int32
    /// Whether each task's gradient of it is kept, until their weights are known.
    let isKept: Bool

    /// Some of its rows.
    func rows(_ range: Range<Int>) -> ParameterPiece {
        var piece = self
        piece.start += range.lowerBound * rowLength
        piece.state += range.lowerBound * rowLength
        piece.count = range.count * rowLength
        if transposed >= 0 { piece.transposed += range.lowerBound }
        return piece
    }
}

/// A range of the parameter vector, whose squares the norm of the gradient sums.
package struct GradientRange: BitwiseCopyable {
    let start: Int
    let count: Int
    let scenario: Int
}

/// A penalty with its places: second is -1 for one that has none.
package struct PenaltyTerm {
    let first: Int
    let second: Int
    let count: Int
    let weight: Double
    /// What the turn has of each one's gradient (0 where it does not train it), and the scenarios they belong to (or -1).
    let firstShare: Double
    let secondShare: Double
    let firstScenario: Int
    let secondScenario: Int
}

/// What the workers read of a turn: lists that live as long as the training step.
package struct Turn {
    /// A node with its place among the plan's nodes.
    struct Entry {
        let node: Node
        let ordinal: Int
        /// Its place among the turn's nodes of its kind that read projected tables; -1 for none.
        let projection: Int
        /// Multiplications and additions of its forward products, per row.
        let multiplyAdds: Int

        init(_ entry: Program.Entry, projection: Int = -1) {
            node = entry.node
            ordinal = entry.ordinal
            self.projection = projection
            multiplyAdds = entry.ordinal < 0 ? 0 : entry.node.operation.multiplyAdds
        }

        init(_ operation: some NodeOperation, of entry: Program.Entry) {
            self.init(Program.Entry(ordinal: entry.ordinal, node: Node(operation)))
        }
    }

    /// Nodes of all stages, one after the other; stage k is `starts[k]..<starts[k + 1]`.
    let forward: UnsafeBufferPointer<Entry>
    let forwardStarts: UnsafeBufferPointer<Int>
    let backward: UnsafeBufferPointer<Entry>
    let backwardStarts: UnsafeBufferPointer<Int>
    let norms: UnsafeBufferPointer<BatchNormNode>
    let normStarts: UnsafeBufferPointer<Int>
    let gathers: UnsafeBufferPointer<BatchNormNode>
    let gatherStarts: UnsafeBufferPointer<Int>
    /// Members of a packed ensemble, 0 for none; the first of the last stage's nodes that every member runs, and the end of
    /// those that it runs backward; and the gradients that all of them add to.
    let members: Int
    let memberForward: Int
    let memberBackward: Int
    let shared: UnsafeBufferPointer<GraphValue>
    let losses: UnsafeBufferPointer<Program.TaskLoss>
    /// Classes' weights, where the losses' forms say.
    let classWeights: UnsafeBufferPointer<Double>
    /// Whether some task learns another number than its label.
    let scalesLabels: Bool
    /// Whether some task's loss compares rows.
    let ranks: Bool
    /// Whether some loss has weights that the batch's predictions decide.
    let reweighs: Bool
    let joints: UnsafeBufferPointer<JointLoss>
    let zeros: UnsafeBufferPointer<GraphValue>
    /// Rounds that move clusters' centres, between stages as the norms.
    let rounds: UnsafeBufferPointer<RoutingNode>
    let roundStarts: UnsafeBufferPointer<Int>
    let lists: UnsafePointer<Int32>
    /// Dense nodes whose weights' gradients are taken over a chunk's rows.
    let deferred: UnsafeBufferPointer<DenseNode>
    /// Pieces of all workers; worker w has `pieceStarts[w]..<pieceStarts[w + 1]`.
    let pieces: UnsafeBufferPointer<ParameterPiece>
    let pieceStarts: UnsafeBufferPointer<Int>
    let gradientRanges: UnsafeBufferPointer<GradientRange>
    let penalties: UnsafeBufferPointer<PenaltyTerm>
    let structures: UnsafeBufferPointer<StructureTerm>
    let anchors: UnsafeBufferPointer<AnchorTerm>
    let reachesFeatures: Bool
    /// Per table how it is stepped, and whether one of them is held to its anchor.
    let tables: UnsafeBufferPointer<TableStep>
    let anchorsTables: Bool
    /// The way back task by task down to what tasks share, and from there; nil where all tasks' gradients are added at once.
    let passes: TaskPasses?
    /// The first two layers in slices, where the turn is shared out so.
    let slices: Slices?

    var stages: Int { forwardStarts.count - 1 }
    var isAnchored: Bool { !anchors.isEmpty || anchorsTables }
    /// Values that workers leave for the sum of the penalties: the structures', the anchors', and those of tables.
    var penaltyValues: Int { structures.count + anchors.count + (anchorsTables ? tables.count : 0) }
}
