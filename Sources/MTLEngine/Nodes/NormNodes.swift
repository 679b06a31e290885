/// y = x ⊙ gain + shift, the same for all rows or a scenario's own for its rows.
package struct AffineNode: NodeOperation {
    package var x: GraphValue
    package var y: GraphValue
    package var gain: Int
    package var shift: Int
    /// The distance between scenarios' parameters; 0 where they are shared.
    package let scenarioStride: Int
    package let scenarios: Int
    package var dx = GradientMode.none

    package var output: GraphValue { y }

    package func part(_ some: Range<Int>) -> AffineNode {
        var copy = self
        copy.x = x.columns(some)
        copy.y = y.columns(some)
        copy.gain += some.lowerBound
        copy.shift += some.lowerBound
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package var parameters: [ParameterRange] {
        scenarioParameters(
            [gain, shift], count: x.width, stride: scenarioStride, scenarios: scenarios)
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let own = tile.scenario * scenarioStride
        let (from, to) = (tile.view(x), tile.view(y))
        Scalar._affine(
            level: tile.level, rows: tile.rows, columns: x.width, x: from.base, ldx: from.stride,
            gain: tile.parameters + gain + own, shift: tile.parameters + shift + own, y: to.base,
            ldy: to.stride)
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let own = tile.scenario * scenarioStride
        let adds = scenarioStride > 0 ? !tile.isFirstOfScenario : !tile.isFirst
        let (from, d) = (tile.view(x), tile.gradient(y))
        Scalar._columnDots(
            level: tile.level, rows: tile.rows, columns: x.width, a: from.base, lda: from.stride, b: d.base,
            ldb: d.stride, target: tile.gradients + gain + own, adds: adds)
        Scalar._columnSums(
            level: tile.level, rows: tile.rows, columns: x.width, source: d.base, ld: d.stride,
            target: tile.gradients + shift + own, accumulate: adds)
        guard dx != .none else { return }
        let to = tile.gradient(x)
        Scalar._affineBackward(
            level: tile.level, rows: tile.rows, columns: x.width, gain: tile.parameters + gain + own,
            dy: d.base, lddy: d.stride, dx: to.base, lddx: to.stride, adds: dx == .add)
    }
}

/// Vectors of every scenario, or of all.
func scenarioParameters(_ starts: [Int], count: Int, stride: Int, scenarios: Int) -> [ParameterRange] {
    (stride > 0 ? Array(0..<scenarios) : [0]).flatMap { scenario in
        starts.map {
            ParameterRange(
                start: $0 + scenario * stride, count: count, rowLength: 1,
                scenario: stride > 0 ? scenario : nil, transposed: nil)
        }
    }
}

/// y = (x - mean) / √(variance + ε) ⊙ gain + shift over the columns of a row's block (Ba et al., arXiv 1607.06450).
package struct LayerNormNode: NodeOperation {
    package let x: GraphValue
    package let y: GraphValue
    package let count: Int
    package let gain: Int
    package let shift: Int
    package let statistics: GraphValue
    package let epsilon: Double
    /// Whether all blocks have the first one's gain and shift.
    package var isTied = false
    package var blocks: Range<Int>
    package var dx = GradientMode.none

    private var width: Int { x.width / count }
    private var columns: Range<Int> { blocks.lowerBound * width..<blocks.upperBound * width }
    package var output: GraphValue { y.columns(columns) }
    package var blockWidth: Int { width }

    package func part(_ some: Range<Int>) -> LayerNormNode {
        var copy = self
        copy.blocks = blocks.lowerBound + some.lowerBound..<blocks.lowerBound + some.upperBound
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x.columns(columns)] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    /// The columns of the active blocks' parameters.
    private var own: Range<Int> { isTied ? 0..<width : columns }

    package var parameters: [ParameterRange] {
        [gain, shift].map {
            ParameterRange(
                start: $0 + own.lowerBound, count: own.count, rowLength: 1, scenario: nil, transposed: nil)
        }
    }

    private var statisticsOfBlocks: GraphValue {
        statistics.columns(2 * blocks.lowerBound..<2 * blocks.upperBound)
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x).columns(columns), tile.view(output))
        let s = tile.view(statisticsOfBlocks)
        func run(_ some: Range<Int>) {
            let first = some.lowerBound * width
            Scalar._layerNorm(
                level: tile.level, rows: tile.rows, blocks: some.count, width: width,
                epsilon: Scalar(epsilon), x: from.base + first, ldx: from.stride,
                gain: tile.parameters + gain + own.lowerBound,
                shift: tile.parameters + shift + own.lowerBound, y: to.base + first, ldy: to.stride,
                statistics: s.base + 2 * some.lowerBound, lds: s.stride)
        }
        guard isTied else { return run(0..<blocks.count) }
        for block in 0..<blocks.count { run(block..<block + 1) }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (from, d) = (tile.view(x).columns(columns), tile.gradient(output))
        let s = tile.view(statisticsOfBlocks)
        let to = dx == .none ? nil : tile.gradient(x).columns(columns)
        func run(_ some: Range<Int>, adds: Bool) {
            let first = some.lowerBound * width
            Scalar._layerNormBackward(
                level: tile.level, rows: tile.rows, blocks: some.count, width: width, x: from.base + first,
                ldx: from.stride, gain: tile.parameters + gain + own.lowerBound,
                statistics: s.base + 2 * some.lowerBound, lds: s.stride, dy: d.base + first,
                lddy: d.stride, dx: to.map { $0.base + first }, lddx: to?.stride ?? 0, adds: dx == .add,
                dgain: tile.gradients + gain + own.lowerBound,
                dshift: tile.gradients + shift + own.lowerBound, parametersAdd: adds)
        }
        guard isTied else { return run(0..<blocks.count, adds: !tile.isFirst) }
        for block in 0..<blocks.count { run(block..<block + 1, adds: !tile.isFirst || block > 0) }
    }
}
