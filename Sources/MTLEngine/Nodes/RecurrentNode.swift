/// The states of a gated recurrent unit along a row's positions (Cho et al., arXiv 1406.1078, in PyTorch's form):
/// r, z = σ(p + U h), n = tanh(p_n + r ⊙ (U_n h + b_n)), h ← h + a (1 - z) ⊙ (n - h), where a is 1, or a position's share of an attention
/// (AUGRU, arXiv 1809.03672).
///
/// Behind a row's last position the state stays as it is, so that the last block is every row's last state; what is read there changes no
/// bit.
package struct RecurrentNode: NodeOperation {
    /// p = W x + b of every position, `[rows, capacity · 3 units]`.
    package let x: GraphValue
    /// What a softmax over a row's positions makes a of, `[rows, capacity]`; nil for a of 1.
    package let scores: GraphValue?
    package let length: GraphValue
    /// The states, `[rows, capacity · units]`.
    package let y: GraphValue
    /// Per position r, z, U_n h + b_n and n; in the backward pass the gradients of U h in the place of the first three.
    package let saved: GraphValue
    /// a, and its gradient.
    package let shares: GraphValue?
    /// U and its biases, `[units, 3 units]`.
    package let layer: Dense
    package let capacity: Int
    package var dx = GradientMode.none
    package var dScores = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package var multiplyAdds: Int { capacity * layer.inputs * layer.outputs }
    package func part(_: Range<Int>) -> RecurrentNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] + (scores.map { [$0] } ?? []) }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 0 { dx = mode } else { dScores = mode }
    }

    package var parameters: [ParameterRange] {
        [
            ParameterRange(
                start: layer.weight, count: layer.weightCount, rowLength: layer.rowLength, scenario: nil,
                transposed: layer.transposed, transposedStride: layer.transposedStride),
            ParameterRange(
                start: layer.bias, count: layer.outputs, rowLength: 1, scenario: nil, transposed: nil),
        ]
    }

    private var units: Int { layer.inputs }

    private func state<Scalar>(_ place: Int, of y: MatrixView<Scalar>) -> MatrixView<Scalar> {
        y.columns(place * units..<(place + 1) * units)
    }

    private func products<Scalar>(_ place: Int, of saved: MatrixView<Scalar>) -> MatrixView<Scalar> {
        saved.columns(place * 4 * units..<place * 4 * units + 3 * units)
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (to, kept) = (tile.view(y), tile.view(saved))
        let b = UnsafePointer(tile.parameters + layer.bias)
        share(tile)
        for place in 0..<capacity {
            let sums = products(place, of: kept)
            if place > 0 {
                tile.product.multiply(
                    state(place - 1, of: to), layer.weights(0, at: tile.parameters), into: sums,
                    epilogue: .bias(b))
            } else {
                for row in 0..<tile.rows {
                    (sums.base + row * sums.stride).update(from: b, count: 3 * units)
                }
            }
            gate(place, sums, tile)
            move(place, sums, tile)
        }
    }

    /// r, z and n of a position, of all rows.
    private func gate<Scalar: BLASScalar>(
        _ place: Int, _ sums: MatrixView<Scalar>, _ tile: ForwardTile<Scalar>
    ) {
        let p = tile.view(x).columns(place * 3 * units..<(place + 1) * 3 * units)
        func activate(_ activation: Activation, _ count: Int, _ z: UnsafeMutablePointer<Scalar>) {
            Scalar._activate(
                level: tile.level, activation: activation.code, rows: tile.rows, columns: count, z: z,
                ldz: sums.stride, h: z, ldh: sums.stride)
        }
        Scalar._linear(
            level: tile.level, rows: tile.rows, columns: 2 * units, alpha: 1, x: p.base, ldx: p.stride,
            y: sums.base, ldy: sums.stride, adds: true)
        activate(.sigmoid, 2 * units, sums.base)
        for row in 0..<tile.rows {
            let (own, p) = (sums.base + row * sums.stride, p.base + row * p.stride + 2 * units)
            for unit in 0..<units { own[3 * units + unit] = p[unit] + own[unit] * own[2 * units + unit] }
        }
        activate(.tanh, units, sums.base + 3 * units)
    }

    /// The state behind a position.
    private func move<Scalar: BLASScalar>(
        _ place: Int, _ sums: MatrixView<Scalar>, _ tile: ForwardTile<Scalar>
    ) {
        let (lengths, to) = (tile.view(length), tile.view(y))
        let a = shares.map { tile.view($0) }
        let units = units
        for row in 0..<tile.rows {
            let target = to.base + row * to.stride + place * units
            let own = sums.base + row * sums.stride
            let isThere = place < Int(lengths.base[row * lengths.stride])
            let share = isThere ? a.map { $0.base[row * $0.stride + place] } ?? 1 : 0
            for unit in 0..<units {
                let before: Scalar = place > 0 ? target[unit - units] : 0
                target[unit] =
                    isThere
                    ? before + share * (1 - own[units + unit]) * (own[3 * units + unit] - before) : before
            }
        }
    }

    /// The softmax of the scores over every row's positions.
    private func share<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        guard let scores, let shares else { return }
        let (s, a, lengths) = (tile.view(scores), tile.view(shares), tile.view(length))
        for row in 0..<tile.rows {
            let count = Int(lengths.base[row * lengths.stride])
            guard count > 0 else { continue }
            Scalar._softmax(
                level: tile.level, rows: 1, classes: count, logits: s.base + row * s.stride, ld: s.stride,
                p: a.base + row * a.stride, ldp: a.stride)
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (states, lengths, kept) = (tile.view(y), tile.view(length), tile.view(saved))
        let d = tile.gradient(y)
        let units = units
        let toX = dx == .none ? nil : tile.gradient(x)
        let a = shares.map { tile.view($0) }
        let dw = layer.weights(0, at: tile.gradients)
        let w = MatrixView(
            tile.transposes + (layer.transposed ?? 0), rows: layer.outputs, columns: layer.inputs,
            stride: layer.transposedStride)
        if tile.isFirst, capacity == 1 {
            dw.base.update(repeating: 0, count: layer.weightCount)
        }
        for place in (0..<capacity).reversed() {
            let sums = products(place, of: kept)
            for row in 0..<tile.rows {
                let own = sums.base + row * sums.stride
                let gradient = d.base + row * d.stride + place * units
                let target = toX.map { $0.base + row * $0.stride + place * 3 * units }
                guard place < Int(lengths.base[row * lengths.stride]) else {
                    own.update(repeating: 0, count: 3 * units)
                    if let target, dx == .overwrite { target.update(repeating: 0, count: 3 * units) }
                    if place > 0 {
                        for unit in 0..<units { gradient[unit - units] += gradient[unit] }
                    }
                    continue
                }
                let h = states.base + row * states.stride + place * units
                let share = a.map { $0.base[row * $0.stride + place] } ?? 1
                var dShare: Scalar = 0
                for unit in 0..<units {
                    let (r, z, n) = (own[unit], own[units + unit], own[3 * units + unit])
                    let before: Scalar = place > 0 ? h[unit - units] : 0
                    let g = gradient[unit]
                    let step = share * (1 - z)
                    let toStep = g * (n - before)
                    dShare += toStep * (1 - z)
                    if place > 0 { gradient[unit - units] += g * (1 - step) }
                    let dn = g * step * (1 - n * n)
                    let dr = dn * own[2 * units + unit] * r * (1 - r)
                    let dz = -toStep * share * z * (1 - z)
                    (own[unit], own[units + unit], own[2 * units + unit]) = (dr, dz, dn * r)
                    guard let target else { continue }
                    if dx == .add {
                        target[unit] += dr
                        target[units + unit] += dz
                        target[2 * units + unit] += dn
                    } else {
                        (target[unit], target[units + unit], target[2 * units + unit]) = (dr, dz, dn)
                    }
                }
                if let a { a.base[row * a.stride + capacity + place] = dShare }
            }
            let adds = !tile.isFirst || place < capacity - 1
            Scalar._columnSums(
                level: tile.level, rows: tile.rows, columns: 3 * units, source: sums.base, ld: sums.stride,
                target: tile.gradients + layer.bias, accumulate: adds)
            guard place > 0 else { continue }
            tile.product.multiplyTransposed(state(place - 1, of: states), sums, into: dw, accumulate: adds)
            tile.product.multiply(
                sums, w, into: state(place - 1, of: d), accumulate: true, epilogue: .none)
        }
        handScores(tile)
    }

    private func handScores<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard let scores, let shares, dScores != .none else { return }
        let (a, lengths, to) = (tile.view(shares), tile.view(length), tile.gradient(scores))
        for row in 0..<tile.rows {
            let count = Int(lengths.base[row * lengths.stride])
            let (p, target) = (a.base + row * a.stride, to.base + row * to.stride)
            if dScores == .overwrite { (target + count).update(repeating: 0, count: capacity - count) }
            guard count > 0 else { continue }
            Scalar._softmaxBackward(
                level: tile.level, rows: 1, blocks: 1, width: count, scale: 1, y: p, ldy: a.stride,
                dy: p + capacity, lddy: a.stride, dz: target, lddz: to.stride, adds: dScores == .add)
        }
    }
}
