/// What the workers of a step read and write of the parameters' moving average: pointers and numbers only.
///
/// a = d a + (1 - d) p after every step, d that of its `AverageWindow`. Parameters that a step leaves alone (rows of tables, other
/// tasks' heads in a turn, scenarios without rows) have a *stamp*, the step that their average is of: as they have not
/// changed since, steps missed are a = p + k (a - p) with k the product of their d, made up for before they change again.
package struct AverageRun<Scalar: BLASScalar> {
    /// The most elements of a block of rows: it stays in the cache from its update to its average.
    static var blockLimit: Int { 4096 }

    /// The average, in the parameters' layout.
    let average: UnsafeMutablePointer<Scalar>
    let window: AverageWindow
    /// Where the layers' segments begin, and behind them their end; the stamp of each.
    let starts: UnsafeBufferPointer<Int>
    let stamps: UnsafeMutablePointer<Int>
    let rowStamps: UnsafeMutablePointer<Int32>
    /// Whether a step may leave segments alone.
    let isLazy: Bool
    /// Whether the layers' average waits for what moves them between steps.
    let waits: Bool

    /// The step under way, counted from 1, and what it keeps and takes.
    var step = 1
    var keep: Scalar = 0
    var take: Scalar = 1

    /// Before a range of the layers' parameters changes: its average as of the step before.
    @inline(__always)
    func settle(_ range: Range<Int>, parameters: UnsafeMutablePointer<Scalar>, level: Int32) {
        guard isLazy else { return }
        forEachSegment(of: range) { segment, part in
            fade(average, part, from: stamps[segment], to: step - 1, parameters: parameters, level: level)
        }
    }

    /// After it has changed.
    @inline(__always)
    func take(_ range: Range<Int>, parameters: UnsafeMutablePointer<Scalar>, level: Int32) {
        guard !waits else { return }
        Scalar._average(
            level: level, count: range.count, averages: average + range.lowerBound,
            p: parameters + range.lowerBound, keep: keep, take: take)
    }

    /// Notes that a range has been stepped.
    func stamp(_ range: Range<Int>) {
        forEachSegment(of: range) { segment, _ in stamps[segment] = step }
    }

    /// The same of the table rows that slots stand for; a worker stamps its own.
    func settleRows(
        _ range: Range<Int>, of table: EmbeddingPlan.Table, touched: UnsafePointer<Int32>,
        parameters: UnsafeMutablePointer<Scalar>, level: Int32
    ) {
        Scalar._embedSettle(
            level: level, range: range, touched: touched, width: table.width,
            table: parameters + table.parameters, averages: average + table.parameters,
            stamps: rowStamps + table.rowsBefore, step: step - 1, window: window)
    }

    func takeRows(
        _ range: Range<Int>, of table: EmbeddingPlan.Table, touched: UnsafePointer<Int32>,
        parameters: UnsafeMutablePointer<Scalar>, level: Int32
    ) {
        Scalar._embedAverage(
            level: level, range: range, touched: touched, width: table.width,
            table: parameters + table.parameters, averages: average + table.parameters, keep: keep, take: take
        )
        for slot in range { rowStamps[table.rowsBefore + Int(touched[slot])] = Int32(step) }
    }

    /// Steps of parameters that stayed as they are, on `target` in the average's place.
    func fade(
        _ target: UnsafeMutablePointer<Scalar>, _ range: Range<Int>, from: Int, to: Int,
        parameters: UnsafeMutablePointer<Scalar>, level: Int32
    ) {
        guard from < to else { return }
        let keep = window.keep(from: from, to: to)
        Scalar._average(
            level: level, count: range.count, averages: target + range.lowerBound,
            p: parameters + range.lowerBound, keep: Scalar(keep), take: Scalar(1 - keep))
    }

    @inline(__always)
    private func forEachSegment(of range: Range<Int>, _ body: (_ segment: Int, _ part: Range<Int>) -> Void) {
        var (low, high) = (0, starts.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= range.lowerBound { low = middle } else { high = middle }
        }
        while low < starts.count - 1, starts[low] < range.upperBound {
            let part = max(range.lowerBound, starts[low])..<min(range.upperBound, starts[low + 1])
            if !part.isEmpty { body(low, part) }
            low += 1
        }
    }
}

/// The memory of a moving average of all parameters, planned once (Polyak averaging with an exponential window that grows
/// with training).
///
/// - SeeAlso: `tf.train.ExponentialMovingAverage` with `num_updates`; Shamir and Zhang, ICML 2013, for averages of a share of
///   the steps.
package final class AverageMemory<Scalar: BLASScalar> {
    /// How many steps the average has taken.
    package private(set) var steps = 0
    private let plan: ModelPlan
    private let average: AlignedStorage<Scalar>
    private let powers: AlignedStorage<Double>
    private let starts: AlignedStorage<Int>
    private let stamps: AlignedStorage<Int>
    private let rowStamps: AlignedStorage<Int32>
    private var run: AverageRun<Scalar>

    /// - Throws: `InputError` for a decay that is not at least 0 and below 1.
    package init(_ plan: ModelPlan, decay: Double, turns: Int) throws(InputError) {
        try requireRate(decay, "averaging")
        self.plan = plan
        let dense = plan.layout.segments.filter { $0.offset < plan.layout.denseCount }
        average = AlignedStorage(zeroed: plan.layout.count)
        var power = 1.0
        powers = AlignedStorage(
            copying: (0..<1024).map { _ in
                defer { power *= decay }
                return power
            })
        starts = AlignedStorage(copying: dense.map(\.offset) + [plan.layout.denseCount])
        stamps = AlignedStorage(zeroed: dense.count)
        rowStamps = AlignedStorage(zeroed: plan.embedding.rowCount)
        run = AverageRun(
            average: average.base,
            window: AverageWindow(decay: decay, powers: UnsafeBufferPointer(powers.buffer)),
            starts: UnsafeBufferPointer(starts.buffer), stamps: stamps.base, rowStamps: rowStamps.base,
            isLazy: (turns > 1 || plan.usesScenarios) && plan.structures.isEmpty,
            waits: !plan.structures.isEmpty)
    }

    /// What the workers of the next step are given.
    func begin(_ store: ParameterStore<Scalar>) -> AverageRun<Scalar> {
        if steps == 0 { average.base.update(from: store.parameters.base, count: plan.layout.count) }
        run.step = steps + 1
        let keep = run.window.keep(run.step)
        run.keep = Scalar(keep)
        run.take = Scalar(1 - keep)
        return run
    }

    /// Ends the step that has begun, behind whatever moved parameters between steps.
    func end(_ current: StepRun<Scalar>, _ store: ParameterStore<Scalar>) {
        steps += 1
        if run.waits {
            Scalar._average(
                level: store.product.level, count: plan.layout.denseCount, averages: average.base,
                p: store.parameters.base, keep: run.keep, take: run.take)
        } else if run.isLazy {
            for piece in current.turn.pieces where current.steps(piece) {
                run.stamp(piece.start..<piece.start + piece.count)
            }
        }
    }

    /// The average as it is now, into a vector of the parameters' layout. What no optimiser changes (moving statistics) is as it
    /// is in the model; before the first step all is.
    package func copy(_ store: ParameterStore<Scalar>, into target: UnsafeMutablePointer<Scalar>) {
        let (parameters, count) = (store.parameters.base, plan.layout.count)
        target.update(from: steps == 0 ? parameters : average.base, count: count)
        guard steps > 0 else { return }
        settle(target, store)
        for segment in plan.layout.segments where !segment.isTrained {
            (target + segment.offset).update(from: parameters + segment.offset, count: segment.count)
        }
    }

    /// Brings all stamps to the latest step: to be called before parameters are changed from outside, and when the average
    /// is stored, so that a run that goes on has the bits of one that is resumed.
    package func settle(_ store: ParameterStore<Scalar>) {
        guard steps > 0 else { return }
        settle(average.base, store)
        stamps.buffer.update(repeating: steps)
        rowStamps.buffer.update(repeating: Int32(steps))
    }

    private func settle(_ target: UnsafeMutablePointer<Scalar>, _ store: ParameterStore<Scalar>) {
        let (parameters, level) = (store.parameters.base, store.product.level)
        if run.isLazy {
            for segment in 0..<stamps.count {
                run.fade(
                    target, starts.base[segment]..<starts.base[segment + 1],
                    from: stamps.base[segment], to: steps, parameters: parameters, level: level)
            }
        }
        for table in plan.embedding.tables {
            for row in 0..<table.rows {
                let start = table.parameters + row * table.width
                run.fade(
                    target, start..<start + table.width,
                    from: Int(rowStamps.base[table.rowsBefore + row]), to: steps, parameters: parameters,
                    level: level)
            }
        }
    }

    /// The average's own numbers, some of which wait for their steps; see `position`.
    var values: UnsafeMutableBufferPointer<Scalar> { average.buffer }

    /// Which step each part of the average is of: to go on from here without making up for steps before they are due, which
    /// would round otherwise.
    package var position: AverageStamps {
        AverageStamps(steps: steps, segments: Array(stamps.buffer), rows: Array(rowStamps.buffer))
    }

    /// Goes on from a position, after the numbers were written.
    package func restore(_ position: AverageStamps) {
        precondition(
            position.segments.count == stamps.count && position.rows.count == rowStamps.count,
            "stamps of another model")
        steps = position.steps
        stamps.write(position.segments)
        rowStamps.write(position.rows)
    }
}

/// Which step each part of an average is of.
package struct AverageStamps: Sendable, Equatable {
    package var steps: Int
    /// Per segment of the layers.
    package var segments: [Int]
    /// Per row of the tables.
    package var rows: [Int32]

    package init(steps: Int, segments: [Int], rows: [Int32]) {
        self.steps = steps
        self.segments = segments
        self.rows = rows
    }
}
