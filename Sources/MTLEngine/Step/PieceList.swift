/// The parameters of a turn as pieces: whole matrices first, then cut so that every worker gets about the same work.
struct PieceList {
    private(set) var deferred: [DenseNode] = []
    private(set) var gradientRanges: [GradientRange] = []
    /// Those of the pieces of which each task's gradient is kept.
    private(set) var keptRanges: [GradientRange] = []
    private var whole: [ParameterPiece] = []
    private let rates: TurnRates
    private let layout: ParameterLayout
    private let factors: [Range<Int>]
    private let paces: StepPaces
    private let turn: Int
    private let group: Int
    /// Of which parameters each task's gradient is kept.
    private let kept: [ParameterRange]

    /// The most elements of a piece: its gradient stays in the cache until the optimiser has used it.
    private static let pieceLimit = 1 << 14
    /// The same of a range whose squares are summed up as one.
    private static let rangeLimit = 1 << 12

    /// - Parameter kept: of which parameters each task's gradient is kept.
    init(
        _ plan: ModelPlan, _ spec: TurnSpec, turn: Int, _ trained: [Program.Trained],
        kept: [ParameterRange], _ options: TurnPlan.Options, states: inout StateLayout
    ) {
        self.kept = kept
        rates = TurnRates(spec, plan.layout)
        layout = plan.layout
        factors = plan.factors
        paces = options.paces
        self.turn = turn
        group = spec.group
        // From the features up, so that a worker's pieces are neighbours.
        for trained in trained.reversed() {
            guard options.defersWeights, let dense = trained.dense else {
                for range in trained.ranges {
                    add(range, .shards, trained.ordinal, plan.undecayed, &states)
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
                add(all, .weights(node: node, block: -1), trained.ordinal, plan.undecayed, &states)
            } else {
                for range in weights {
                    let block = Int32((range.start - dense.layer.weight) / range.count)
                    add(
                        range, .weights(node: node, block: block), trained.ordinal, plan.undecayed, &states,
                        projected: options.projection?.weightRows(of: trained.ordinal) ?? [])
                }
            }
            for range in trained.ranges.dropFirst(weights.count) {
                add(range, .bias(node: node), trained.ordinal, plan.undecayed, &states)
            }
        }
    }

    private static func decays(_ index: Int, _ undecayed: [Range<Int>]) -> Bool {
        !undecayed.contains { $0.contains(index) }
    }

    /// Adds what is trained of a range, cut where decay begins or ends, where projected rows do, and between segments that
    /// have rates.
    private mutating func add(
        _ range: ParameterRange, _ source: ParameterPiece.Source, _ ordinal: Int, _ undecayed: [Range<Int>],
        _ states: inout StateLayout, projected: [Range<Int>] = []
    ) {
        let rows = range.count / range.rowLength
        var cuts = Set([0, rows])
        let rated = rates.over(range.start..<range.start + range.count).map(\.range)
        let shared = kept.map { $0.start..<$0.start + $0.count }
        for border in (undecayed + factors + rated + shared).flatMap({ [$0.lowerBound, $0.upperBound] })
        where border > range.start && border < range.start + range.count {
            cuts.insert((border - range.start) / range.rowLength)
        }
        for border in projected.flatMap({ [$0.lowerBound, $0.upperBound] }) { cuts.insert(border) }
        let sorted = cuts.sorted()
        let all = ParameterPiece(
            start: range.start, count: range.count, rowLength: range.rowLength,
            scenario: range.scenario ?? -1, transposed: range.transposed ?? -1,
            transposedStride: range.transposedStride, state: 0, decays: true, isFactor: false, pace: 0,
            source: source,
            ordinal: Int32(ordinal), isKept: false)
        var trained: [Range<Int>] = []
        for (first, end) in zip(sorted, sorted.dropFirst()) {
            let some = all.rows(first..<end)
            let segment = layout.segmentIndex(at: some.start)
            guard let pace = paces.pace(turn: turn, segment: segment) else { continue }
            if let last = trained.last, last.upperBound == first {
                trained[trained.count - 1] = last.lowerBound..<end
            } else {
                trained.append(first..<end)
            }
            let isKept = shared.contains { $0.contains(some.start) }
            if isKept { keptRanges += Self.ranges(of: some) }
            whole.append(
                ParameterPiece(
                    start: some.start, count: some.count, rowLength: some.rowLength, scenario: some.scenario,
                    transposed: some.transposed, transposedStride: some.transposedStride,
                    state: states.place(of: some.start..<some.start + some.count, group: group),
                    decays: Self.decays(some.start, undecayed),
                    isFactor: factors.contains { $0.contains(some.start) }, pace: Int32(pace),
                    source: projected.contains { $0.contains(first) } ? .projected : source,
                    ordinal: some.ordinal, isKept: isKept))
        }
        for rows in trained { gradientRanges += Self.ranges(of: all.rows(rows)) }
    }

    /// A piece in parts of which sums over its gradient are taken one by one.
    private static func ranges(of piece: ParameterPiece) -> [GradientRange] {
        stride(from: 0, to: piece.count, by: rangeLimit).map { start in
            GradientRange(
                start: piece.start + start, count: min(rangeLimit, piece.count - start),
                scenario: piece.scenario)
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
