internal import MTLKernels

// The nodes of a graph: mtl_graph.h says what each does.

extension BLASScalar {
    @inline(__always)
    package static func _linear(
        level: Int32, rows: Int, columns: Int, alpha: Self, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    ) {
        kernels(level).pointee.linear(rows, columns, Double(alpha), x, ldx, y, ldy, adds)
    }

    @inline(__always)
    package static func _sumParts(
        level: Int32, rows: Int, columns: Int, parts: Int, x: _In, part: Int, ldx: Int, relu: Bool, y: _Out,
        ldy: Int
    ) {
        kernels(level).pointee.sum_parts(rows, columns, parts, x, part, ldx, relu, y, ldy)
    }

    @inline(__always)
    package static func _product(
        level: Int32, rows: Int, blocks: Int, width: Int, a: _In, lda: Int, b: _In, ldb: Int, y: _Out,
        ldy: Int, adds: Bool
    ) {
        kernels(level).pointee.product(rows, blocks, width, a, lda, b, ldb, y, ldy, adds)
    }

    @inline(__always)
    package static func _factorGradients(
        level: Int32, count: Int, d: _In, a: _In, da: _Out, addsA: Bool, b: _In, db: _Out, addsB: Bool
    ) {
        kernels(level).pointee.factor_gradients(count, d, a, da, addsA, b, db, addsB)
    }

    @inline(__always)
    package static func _dots(
        level: Int32, rows: Int, blocks: Int, width: Int, a: _In, lda: Int, b: _In, ldb: Int, y: _Out,
        ldy: Int, adds: Bool
    ) {
        kernels(level).pointee.dots(rows, blocks, width, a, lda, b, ldb, y, ldy, adds)
    }

    @inline(__always)
    package static func _columnDots(
        level: Int32, rows: Int, columns: Int, a: _In, lda: Int, b: _In, ldb: Int, target: _Out, adds: Bool
    ) {
        kernels(level).pointee.column_dots(rows, columns, a, lda, b, ldb, target, adds)
    }

    @inline(__always)
    package static func _affine(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, gain: _In, shift: _In, y: _Out, ldy: Int
    ) {
        kernels(level).pointee.affine(rows, columns, x, ldx, gain, shift, y, ldy)
    }

    @inline(__always)
    package static func _affineBackward(
        level: Int32, rows: Int, columns: Int, gain: _In, dy: _In, lddy: Int, dx: _Out, lddx: Int, adds: Bool
    ) {
        kernels(level).pointee.affine_backward(rows, columns, gain, dy, lddy, dx, lddx, adds)
    }

    @inline(__always)
    package static func _mixture(
        level: Int32, rows: Int, count: Int, width: Int, x: _In, ldx: Int, first: _IDs, g: _In, ldg: Int,
        y: _Out, ldy: Int
    ) {
        kernels(level).pointee.mixture(rows, count, width, x, ldx, first, g, ldg, y, ldy)
    }

    @inline(__always)
    package static func _mixtureBackward(
        level: Int32, rows: Int, count: Int, width: Int, x: _In, ldx: Int, first: _IDs, g: _In, ldg: Int,
        dy: _In, lddy: Int, dx: _Out, lddx: Int, modes: _IDs, dg: _Out?, lddg: Int, adds: Bool
    ) {
        kernels(level).pointee.mixture_backward(
            rows, count, width, x, ldx, first, g, ldg, dy, lddy, dx, lddx, modes, dg, lddg, adds)
    }

    @inline(__always)
    package static func _softmaxBackward(
        level: Int32, rows: Int, blocks: Int, width: Int, scale: Self, y: _In, ldy: Int, dy: _In, lddy: Int,
        dz: _Out, lddz: Int, adds: Bool
    ) {
        kernels(level).pointee.softmax_backward(
            rows, blocks, width, Double(scale), y, ldy, dy, lddy, dz, lddz, adds)
    }

    @inline(__always)
    package static func _stitch(
        level: Int32, rows: Int, outs: Int, ins: Int, width: Int, alpha: _In, rowStride: Int,
        columnStride: Int, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    ) {
        kernels(level).pointee.stitch(
            rows, outs, ins, width, alpha, rowStride, columnStride, x, ldx, y, ldy, adds)
    }

    @inline(__always)
    package static func _stitchGradient(
        level: Int32, rows: Int, outs: Int, ins: Int, width: Int, dy: _In, lddy: Int, x: _In, ldx: Int,
        dalpha: _Out, adds: Bool
    ) {
        kernels(level).pointee.stitch_gradient(rows, outs, ins, width, dy, lddy, x, ldx, dalpha, adds)
    }

    @inline(__always)
    package static func _layerNorm(
        level: Int32, rows: Int, blocks: Int, width: Int, epsilon: Self, x: _In, ldx: Int, gain: _In,
        shift: _In, y: _Out, ldy: Int, statistics: _Out, lds: Int
    ) {
        kernels(level).pointee.layer_norm(
            rows, blocks, width, Double(epsilon), x, ldx, gain, shift, y, ldy, statistics, lds)
    }

    @inline(__always)
    package static func _layerNormBackward(
        level: Int32, rows: Int, blocks: Int, width: Int, x: _In, ldx: Int, gain: _In, statistics: _In,
        lds: Int, dy: _In, lddy: Int, dx: _Out?, lddx: Int, adds: Bool, dgain: _Out, dshift: _Out,
        parametersAdd: Bool
    ) {
        kernels(level).pointee.layer_norm_backward(
            rows, blocks, width, x, ldx, gain, statistics, lds, dy, lddy, dx, lddx, adds, dgain, dshift,
            parametersAdd)
    }

    @inline(__always)
    package static func _moments(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: UnsafeMutablePointer<Double>,
        squares: UnsafeMutablePointer<Double>
    ) {
        kernels(level).pointee.moments(rows, columns, x, ldx, mean, squares)
    }

    @inline(__always)
    package static func _normalize(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, gain: _In, shift: _In,
        y: _Out, ldy: Int
    ) {
        kernels(level).pointee.normalize(rows, columns, x, ldx, mean, root, gain, shift, y, ldy)
    }

    @inline(__always)
    package static func _normalizeSums(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, dy: _In, lddy: Int,
        sums: UnsafeMutablePointer<Double>, dots: UnsafeMutablePointer<Double>
    ) {
        kernels(level).pointee.normalize_sums(rows, columns, x, ldx, mean, root, dy, lddy, sums, dots)
    }

    @inline(__always)
    package static func _normalizeBackward(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, gain: _In, sum: _In,
        dot: _In, dy: _In, lddy: Int, dx: _Out, lddx: Int, adds: Bool
    ) {
        kernels(level).pointee.normalize_backward(
            rows, columns, x, ldx, mean, root, gain, sum, dot, dy, lddy, dx, lddx, adds)
    }

    @inline(__always)
    package static func _dropout(
        level: Int32, rows: Int, columns: Int, key: UInt64, positions: _IDs?, start: Int, firstColumn: Int,
        rate: Double, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    ) {
        kernels(level).pointee.dropout(
            rows, columns, key, positions, start, firstColumn, rate, x, ldx, y, ldy, adds)
    }

    @inline(__always)
    package static func _logitProduct(
        level: Int32, rows: Int, a: _In, lda: Int, b: _In, ldb: Int, z: _Out, ldz: Int
    ) {
        kernels(level).pointee.logit_product(rows, a, lda, b, ldb, z, ldz)
    }

    @inline(__always)
    package static func _logitProductBackward(
        level: Int32, rows: Int, a: _In, lda: Int, b: _In, ldb: Int, dz: _In, lddz: Int, da: _Out?, ldda: Int,
        addsA: Bool, db: _Out?, lddb: Int, addsB: Bool
    ) {
        kernels(level).pointee.logit_product_backward(
            rows, a, lda, b, ldb, dz, lddz, da, ldda, addsA, db, lddb, addsB)
    }
}
