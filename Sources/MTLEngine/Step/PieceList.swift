/// The parameters of a turn as pieces: whole matrices first, then cut so that every worker gets about the same work.
struct PieceList {
    /// Elements of the first state vector.
    private(set) var stateCount = 0
    private(set) var deferred: [DenseNode] = []
    private(set) var gradientRanges: [GradientRange] = []
    private var whole: [ParameterPiece] = []
    private let stateStart: Int

    /// The most elements of a piece: its gradient stays in the cache until the optimiser has used it.
    private static let pieceLimit = 1 << 14
    /// The same of a range whose squares are summed up as one.
    private static let rangeLimit = 1 << 12

    init(
        _ plan: ModelPlan, _ trained: [Program.Trained], _ options: TurnPlan.Options, stateStart: Int
    ) {
        self.stateStart = stateStart
        // From the features up, so that a worker's pieces are neighbours.
        for trained in trained.reversed() {
            guard options.defersWeights, let dense = trained.dense else {
                for range in trained.ranges {
                    add(range, .shards, trained.ordinal, plan.undecayed)
                }
                continue
            }
            let node = Int32(deferred.count)
            deferred.append(dense)
            let weights = Array(trained.ranges.prefix(dense.blocks.count))
            if dense.layer.isStacked, let first = weights.first,
                Set(weights.map { Self.decays($0.start, plan.undecayed) }).count == 1
            {
                var all = first
                all.count = weights.reduce(0) { $0 + $1.count }
                add(all, .weights(node: node, block: -1), trained.ordinal, plan.undecayed)
            } else {
                for range in weights {
                    let block = Int32((range.start - dense.layer.weight) / range.count)
                    add(
                        range, .weights(node: node, block: block), trained.ordinal, plan.undecayed,
                        projected: options.projection?.weightRows(of: trained.ordinal) ?? [])
                }
            }
            for range in trained.ranges.dropFirst(weights.count) {
                add(range, .bias(node: node), trained.ordinal, plan.undecayed)
            }
        }
    }

    private static func decays(_ index: Int, _ undecayed: [Range<Int>]) -> Bool {
        !undecayed.contains { $0.contains(index) }
    }

    /// Adds a range, cut where decay begins or ends and where projected rows do.
    private mutating func add(
        _ range: ParameterRange, _ source: ParameterPiece.Source, _ ordinal: Int, _ undecayed: [Range<Int>],
        projected: [Range<Int>] = []
    ) {
        let rows = range.count / range.rowLength
        var cuts = Set([0, rows])
        for border in undecayed.flatMap({ [$0.lowerBound, $0.upperBound] })
        where border > range.start && border < range.start + range.count {
            cuts.insert((border - range.start) / range.rowLength)
        }
        for border in projected.flatMap({ [$0.lowerBound, $0.upperBound] }) { cuts.insert(border) }
        let sorted = cuts.sorted()
        let all = ParameterPiece(
            start: range.start, count: range.count, rowLength: range.rowLength,
            scenario: range.scenario ?? -1, transposed: range.transposed ?? -1,
            transposedStride: range.transposedStride, state: stateStart + stateCount, decays: true,
            source: source, ordinal: Int32(ordinal))
        for (first, end) in zip(sorted, sorted.dropFirst()) {
            let some = all.rows(first..<end)
            whole.append(
                ParameterPiece(
                    start: some.start, count: some.count, rowLength: some.rowLength, scenario: some.scenario,
                    transposed: some.transposed, transposedStride: some.transposedStride, state: some.state,
                    decays: Self.decays(some.start, undecayed),
                    source: projected.contains { $0.contains(first) } ? .projected : source,
                    ordinal: some.ordinal))
        }
        stateCount += range.count
        for start in stride(from: 0, to: range.count, by: Self.rangeLimit) {
            gradientRanges.append(
                GradientRange(
                    start: range.start + start, count: min(Self.rangeLimit, range.count - start),
                    scenario: range.scenario ?? -1))
        }
    }

    /// The pieces of a sliced turn: weights and biases of the two layers, and those of what lies above.
    ///
    /// nil where a layer's parameters do not decay alike.
    func slices(_ plan: SlicePlan) -> (layers: [ParameterPiece], above: [ParameterPiece])? {
        let lower = whole.filter { $0.ordinal == Int32(plan.lowerOrdinal) }
        let upper = whole.filter { $0.ordinal == Int32(plan.upperOrdinal) }
        guard lower.count == 2, upper.count == 2 else { return nil }
        let above = whole.filter { piece in plan.trained.contains { Int32($0.ordinal) == piece.ordinal } }
        return (lower + upper, above)
    }

    /// Per worker its pieces.
    mutating func dealt(_ options: TurnPlan.Options) -> [[ParameterPiece]] {
        // OpenBLAS may round a product otherwise when it is cut otherwise: there the cut is fixed.
        let sections = options.backend == .openBLAS ? max(4, options.workers) : options.workers
        let cut = Self.cut(whole, into: sections, options)
        return (0..<options.workers).map { worker in
            stride(from: worker, to: sections, by: options.workers).flatMap { cut[$0] }.flatMap(Self.split)
        }
    }

    private static func split(_ piece: ParameterPiece) -> [ParameterPiece] {
        let rows = piece.count / piece.rowLength
        let step = max(8, pieceLimit / piece.rowLength / 8 * 8)
        return stride(from: 0, to: rows, by: step).map { piece.rows($0..<min($0 + step, rows)) }
    }

    /// Cuts between rows so that every section gets about the same work.
    private static func cut(
        _ pieces: [ParameterPiece], into sections: Int, _ options: TurnPlan.Options
    ) -> [[ParameterPiece]] {
        // In units of a sixteenth of a vector's cycle: one product per row of the batch or one sum per shard, the
        // optimiser's square root and division, and the transposed copy (measured at batch 32, where they weigh most).
        func cost(_ piece: ParameterPiece) -> Int {
            let gradient =
                switch piece.source {
                case .weights: options.rows
                case .shards: options.shards * 4
                case .bias: options.rows / 4
                case .projected: 0
                }
            let perElement = gradient + 32 + (piece.transposed < 0 ? 0 : 12)
            return piece.count / piece.rowLength * workspaceStride(columns: piece.rowLength) * perElement
        }
        var left = pieces.reduce(0) { $0 + cost($1) }
        var result: [[ParameterPiece]] = []
        var queue = pieces[...]
        for section in 0..<sections {
            var share = left / (sections - section)
            var mine: [ParameterPiece] = []
            while let piece = queue.first, share > 0 || section == sections - 1 {
                let whole = cost(piece)
                let total = piece.count / piece.rowLength
                let perRow = max(1, whole / total)
                let rows = (share / perRow + 2) / 4 * 4
                if section == sections - 1 || rows >= total {
                    queue.removeFirst()
                    mine.append(piece)
                    share -= whole
                    left -= whole
                } else {
                    if rows > 0 {
                        mine.append(piece.rows(0..<rows))
                        queue[queue.startIndex] = piece.rows(rows..<total)
                        left -= rows * perRow
                    }
                    share = 0
                }
            }
            result.append(mine)
        }
        return result
    }
}
