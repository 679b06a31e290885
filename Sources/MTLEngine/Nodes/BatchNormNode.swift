#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// y = (x - mean) / √(variance + ε) ⊙ gain + shift per column, mean and variance over the rows of the batch
/// (Ioffe & Szegedy, arXiv 1502.03167), or over those of the row's scenario with the scenario's own factors
/// (partitioned normalisation, arXiv 2101.11427): gain γ_s ⊙ γ, shift β_s + β.
///
/// In prediction mean and variance are moving ones, which training steps bring up to date. A node on either side of
/// this one is in another stage: between them all rows have to come this far.
///
/// Few rows say little of a mean and nothing of a variance: a scenario with less than `fewRows` rows in a batch is normalised
/// by its moving statistics, as constants, once these are of as many. They begin as the first batch's: the n-th batch has the
/// weight (1 - β)/(1 - βⁿ), and fewer rows count as a part of a batch.
///
/// Statistics of a column: mean, root, gain, shift, the means over the batch of dy and of dy (x - mean) root, and whether mean
/// and variance are the batch's.
package struct BatchNormNode: NodeOperation {
    package var x: GraphValue
    package var y: GraphValue
    package var gain: Int
    package var shift: Int
    /// Own factors per scenario, `scenarioStride` apart; nil without.
    package var ownGain: Int?
    package var ownShift: Int?
    package var movingMean: Int
    package var movingVariance: Int
    /// Where the batches that the moving statistics are of are counted, one number per scenario and block; nil without scenarios.
    package let tracked: Int?
    /// Blocks of equal width, each with a count of its own.
    package let blocks: Int
    package let isPartitioned: Bool
    package let scenarios: Int
    /// The width of the whole node: the distance between scenarios' parameters and between statistics.
    package let width: Int
    /// Its place among the statistics of all norms, in columns.
    package let place: Int
    /// Its first column.
    package var first = 0
    package let epsilon: Double
    package let momentum: Double
    /// Without, the gain is 1, the shift 0, and neither is a parameter.
    package let hasFactors: Bool
    package var dx = GradientMode.none

    package static var vectors: Int { 7 }
    /// Rows of a scenario below which a batch's statistics are not its own.
    package static var fewRows: Int { 32 }

    package var output: GraphValue { y }

    /// A block's batches are counted once, by whoever has its columns.
    package var blockWidth: Int { isPartitioned ? width / blocks : 1 }
    package var partsAreSingle: Bool { isPartitioned }

    package func part(_ some: Range<Int>) -> BatchNormNode {
        let some = some.lowerBound * blockWidth..<some.upperBound * blockWidth
        var copy = self
        copy.x = x.columns(some)
        copy.y = y.columns(some)
        copy.gain += some.lowerBound
        copy.shift += some.lowerBound
        copy.ownGain = ownGain.map { $0 + some.lowerBound }
        copy.ownShift = ownShift.map { $0 + some.lowerBound }
        copy.movingMean += some.lowerBound
        copy.movingVariance += some.lowerBound
        copy.first += some.lowerBound
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package var parameters: [ParameterRange] {
        guard hasFactors else { return [] }
        var result = scenarioParameters([gain, shift], count: x.width, stride: 0, scenarios: scenarios)
        if let ownGain, let ownShift {
            result += scenarioParameters(
                [ownGain, ownShift], count: x.width, stride: width, scenarios: scenarios)
        }
        return result
    }

    /// One of the seven vectors of statistics.
    package func vector<Scalar>(
        _ index: Int, of norms: UnsafeMutablePointer<Scalar>
    ) -> UnsafeMutablePointer<Scalar> {
        norms + place * Self.vectors + index * width + first
    }

    private func statistics<Scalar>(_ tile: ForwardTile<Scalar>) -> UnsafeMutablePointer<Scalar> {
        isPartitioned ? tile.scenarioNorms : tile.norms
    }

    /// The tile's own sums: two per column.
    package func sums(_ base: UnsafeMutablePointer<Double>, _ index: Int) -> UnsafeMutablePointer<Double> {
        base + place * 2 + index * width + first
    }

    /// What the batch's mean and variance are made of, at the end of the stage below.
    package func measure<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let from = tile.view(x)
        Scalar._moments(
            level: tile.level, rows: tile.rows, columns: x.width, x: from.base, ldx: from.stride,
            mean: sums(tile.sums, 0), squares: sums(tile.sums, 1))
    }

    /// Where a scenario's batches are counted, of a node of one block.
    private func counter(_ scenario: Int) -> Int? {
        tracked.map { $0 + scenario * blocks + first / blockWidth }
    }

    /// Whether so many rows of a scenario are normalised by its moving statistics.
    package func usesMoving<Scalar: BLASScalar>(
        rows: Int, scenario: Int, parameters: UnsafePointer<Scalar>
    ) -> Bool {
        guard rows < Self.fewRows, let counter = counter(scenario) else { return false }
        return parameters[counter] >= 1
    }

    /// How much of a batch the moving statistics take.
    package func share<Scalar: BLASScalar>(
        rows: Int, scenario: Int, parameters: UnsafePointer<Scalar>
    ) -> Double {
        guard let counter = counter(scenario) else { return momentum }
        let before = Double(parameters[counter])
        let part = min(1, Double(rows) / Double(Self.fewRows))
        return (1 - pow(1 - momentum, part)) / (1 - pow(1 - momentum, before + part))
    }

    /// Counts a batch of so many rows of a scenario; no more than what still changes anything.
    package func count<Scalar: BLASScalar>(
        rows: Int, scenario: Int, parameters: UnsafeMutablePointer<Scalar>
    ) {
        guard let counter = counter(scenario) else { return }
        let part = min(1, Double(rows) / Double(Self.fewRows))
        parameters[counter] = Scalar(min(Double(parameters[counter]) + part, ParameterSegment.countOfBefore))
    }

    /// Fills the statistics that a forward pass reads from a mean and a variance.
    package func set<Scalar: BLASScalar>(
        _ column: Int, mean: Double, variance: Double, isOfBatch: Bool = true, scenario: Int,
        parameters: UnsafeMutablePointer<Scalar>, norms: UnsafeMutablePointer<Scalar>
    ) {
        vector(6, of: norms)[column] = isOfBatch ? 1 : 0
        vector(0, of: norms)[column] = Scalar(mean)
        vector(1, of: norms)[column] = Scalar(1 / (variance + epsilon).squareRoot())
        var (g, s): (Scalar, Scalar) =
            hasFactors ? (parameters[gain + column], parameters[shift + column]) : (1, 0)
        if let ownGain, let ownShift {
            g *= parameters[ownGain + scenario * width + column]
            s += parameters[ownShift + scenario * width + column]
        }
        vector(2, of: norms)[column] = g
        vector(3, of: norms)[column] = s
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let norms = statistics(tile)
        if !tile.isTraining {
            let own = isPartitioned ? tile.scenario * width : 0
            for column in 0..<x.width {
                set(
                    column, mean: Double(tile.parameters[movingMean + own + column]),
                    variance: Double(tile.parameters[movingVariance + own + column]),
                    scenario: tile.scenario, parameters: tile.parameters, norms: norms)
            }
        }
        let (from, to) = (tile.view(x), tile.view(y))
        Scalar._normalize(
            level: tile.level, rows: tile.rows, columns: x.width, x: from.base, ldx: from.stride,
            mean: vector(0, of: norms), root: vector(1, of: norms), gain: vector(2, of: norms),
            shift: vector(3, of: norms), y: to.base, ldy: to.stride)
    }

    /// The sums that the stage's backward pass leaves for `backward`, and the parameters' gradients.
    package func gather<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let norms = statistics(tile.forward)
        let (from, d) = (tile.view(x), tile.gradient(y))
        let (slopes, dots) = (sums(tile.sums, 0), sums(tile.sums, 1))
        Scalar._normalizeSums(
            level: tile.level, rows: tile.rows, columns: x.width, x: from.base, ldx: from.stride,
            mean: vector(0, of: norms), root: vector(1, of: norms), dy: d.base, lddy: d.stride, sums: slopes,
            dots: dots)
        guard hasFactors else { return }
        func add(_ value: Double, at index: Int, adds: Bool) {
            tile.gradients[index] = adds ? tile.gradients[index] + Scalar(value) : Scalar(value)
        }
        for column in 0..<x.width {
            guard let ownGain, let ownShift else {
                add(dots[column], at: gain + column, adds: !tile.isFirst)
                add(slopes[column], at: shift + column, adds: !tile.isFirst)
                continue
            }
            let own = tile.scenario * width + column
            let (g, all) = (Double(tile.parameters[ownGain + own]), Double(tile.parameters[gain + column]))
            add(dots[column] * g, at: gain + column, adds: !tile.isFirst)
            add(slopes[column], at: shift + column, adds: !tile.isFirst)
            add(dots[column] * all, at: ownGain + own, adds: !tile.isFirstOfScenario)
            add(slopes[column], at: ownShift + own, adds: !tile.isFirstOfScenario)
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let norms = statistics(tile.forward)
        let (from, d, to) = (tile.view(x), tile.gradient(y), tile.gradient(x))
        Scalar._normalizeBackward(
            level: tile.level, rows: tile.rows, columns: x.width, x: from.base, ldx: from.stride,
            mean: vector(0, of: norms), root: vector(1, of: norms), gain: vector(2, of: norms),
            sum: vector(4, of: norms), dot: vector(5, of: norms), dy: d.base, lddy: d.stride, dx: to.base,
            lddx: to.stride, adds: dx == .add)
    }
}
