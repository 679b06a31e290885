/// y = v where v > threshold, else 0, with v = scale · σ(α x) and α from the parameter vector, which no gradient reaches.
package struct PruningNode: ColumnwiseNode {
    package var x: GraphValue
    package var y: GraphValue
    package let scale: Double
    package let threshold: Double
    /// Where α lies in the parameter vector.
    package let sharpness: Int
    package var dx = GradientMode.none

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (z, to) = (tile.view(x), tile.view(y))
        Scalar._linear(
            level: tile.level, rows: tile.rows, columns: x.width, alpha: tile.parameters[sharpness],
            x: z.base, ldx: z.stride, y: to.base, ldy: to.stride, adds: false)
        Scalar._activate(
            level: tile.level, activation: Activation.sigmoid.code, rows: tile.rows, columns: x.width,
            z: to.base, ldz: to.stride, h: to.base, ldh: to.stride)
        let (scale, threshold) = (Scalar(scale), Scalar(threshold))
        for row in 0..<tile.rows {
            let v = to.base + row * to.stride
            for column in 0..<x.width {
                let value = scale * v[column]
                v[column] = value > threshold ? value : 0
            }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let (v, d, to) = (tile.view(y), tile.gradient(y), tile.gradient(x))
        let (alpha, inverse) = (tile.parameters[sharpness], 1 / Scalar(scale))
        for row in 0..<tile.rows {
            let v = v.base + row * v.stride
            let (d, t) = (d.base + row * d.stride, to.base + row * to.stride)
            // What is cut is 0, and so is its slope.
            for column in 0..<x.width {
                let slope = alpha * d[column] * v[column] * (1 - v[column] * inverse)
                t[column] = dx == .add ? t[column] + slope : slope
            }
        }
    }
}
