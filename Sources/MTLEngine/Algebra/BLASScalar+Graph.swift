// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

internal import MTLKernels

extension Float: _GraphKernels {
    public static func _linear(
        level: Int32, rows: Int, columns: Int, alpha: Float, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    ) {
        mtl_linear_f32(
            level, rows, columns, alpha, x, ldx, y, ldy, adds ? 1 : 0)
    }

    public static func _product(
        level: Int32, rows: Int, blocks: Int, width: Int, a: _In, lda: Int, b: _In, ldb: Int, y: _Out,
        ldy: Int, adds: Bool
    ) {
        mtl_product_f32(
            level, rows, blocks, width, a, lda, b, ldb, y, ldy, adds ? 1 : 0)
    }

    public static func _factorGradients(
        level: Int32, count: Int, d: _In, a: _In, da: _Out, addsA: Bool, b: _In, db: _Out, addsB: Bool
    ) {
        mtl_factor_gradients_f32(level, count, d, a, da, addsA ? 1 : 0, b, db, addsB ? 1 : 0)
    }

    public static func _dots(
        level: Int32, rows: Int, blocks: Int, width: Int, a: _In, lda: Int, b: _In, ldb: Int, y: _Out,
        ldy: Int, adds: Bool
    ) {
        mtl_dots_f32(
            level, rows, blocks, width, a, lda, b, ldb, y, ldy, adds ? 1 : 0)
    }

    public static func _columnDots(
        level: Int32, rows: Int, columns: Int, a: _In, lda: Int, b: _In, ldb: Int, target: _Out, adds: Bool
    ) {
        mtl_column_dots_f32(
            level, rows, columns, a, lda, b, ldb, target, adds ? 1 : 0)
    }

    public static func _affine(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, gain: _In, shift: _In, y: _Out, ldy: Int
    ) {
        mtl_affine_f32(
            level, rows, columns, x, ldx, gain, shift, y, ldy)
    }

    public static func _affineBackward(
        level: Int32, rows: Int, columns: Int, gain: _In, dy: _In, lddy: Int, dx: _Out, lddx: Int, adds: Bool
    ) {
        mtl_affine_backward_f32(
            level, rows, columns, gain, dy, lddy, dx, lddx, adds ? 1 : 0)
    }

    public static func _mixture(
        level: Int32, rows: Int, count: Int, width: Int, x: _In, ldx: Int, first: _IDs, g: _In, ldg: Int,
        y: _Out, ldy: Int
    ) {
        mtl_mixture_f32(
            level, rows, count, width, x, ldx, first, g, ldg, y, ldy)
    }

    public static func _mixtureBackward(
        level: Int32, rows: Int, count: Int, width: Int, x: _In, ldx: Int, first: _IDs, g: _In, ldg: Int,
        dy: _In, lddy: Int, dx: _Out, lddx: Int, modes: _IDs, dg: _Out?, lddg: Int, adds: Bool
    ) {
        mtl_mixture_backward_f32(
            level, rows, count, width, x, ldx, first, g, ldg, dy, lddy, dx, lddx, modes, dg, lddg,
            adds ? 1 : 0)
    }

    public static func _softmaxBackward(
        level: Int32, rows: Int, blocks: Int, width: Int, scale: Float, y: _In, ldy: Int, dy: _In, lddy: Int,
        dz: _Out, lddz: Int, adds: Bool
    ) {
        mtl_softmax_backward_f32(
            level, rows, blocks, width, scale, y, ldy, dy, lddy, dz, lddz, adds ? 1 : 0)
    }

    public static func _stitch(
        level: Int32, rows: Int, outs: Int, ins: Int, width: Int, alpha: _In, rowStride: Int,
        columnStride: Int, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    ) {
        mtl_stitch_f32(
            level, rows, outs, ins, width, alpha, rowStride, columnStride, x, ldx, y, ldy, adds ? 1 : 0)
    }

    public static func _stitchGradient(
        level: Int32, rows: Int, outs: Int, ins: Int, width: Int, dy: _In, lddy: Int, x: _In, ldx: Int,
        dalpha: _Out, adds: Bool
    ) {
        mtl_stitch_gradient_f32(
            level, rows, outs, ins, width, dy, lddy, x, ldx, dalpha, adds ? 1 : 0)
    }

    public static func _layerNorm(
        level: Int32, rows: Int, blocks: Int, width: Int, epsilon: Float, x: _In, ldx: Int, gain: _In,
        shift: _In, y: _Out, ldy: Int, statistics: _Out, lds: Int
    ) {
        mtl_layer_norm_f32(
            level, rows, blocks, width, epsilon, x, ldx, gain, shift, y, ldy, statistics, lds)
    }

    public static func _layerNormBackward(
        level: Int32, rows: Int, blocks: Int, width: Int, x: _In, ldx: Int, gain: _In, statistics: _In,
        lds: Int, dy: _In, lddy: Int, dx: _Out?, lddx: Int, adds: Bool, dgain: _Out, dshift: _Out,
        parametersAdd: Bool
    ) {
        mtl_layer_norm_backward_f32(
            level, rows, blocks, width, x, ldx, gain, statistics, lds, dy, lddy, dx, lddx, adds ? 1 : 0,
            dgain, dshift, parametersAdd ? 1 : 0)
    }

    public static func _moments(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _Doubles, squares: _Doubles
    ) {
        mtl_moments_f32(
            level, rows, columns, x, ldx, mean, squares)
    }

    public static func _normalize(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, gain: _In, shift: _In,
        y: _Out, ldy: Int
    ) {
        mtl_normalize_f32(
            level, rows, columns, x, ldx, mean, root, gain, shift, y, ldy)
    }

    public static func _normalizeSums(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, dy: _In, lddy: Int,
        sums: _Doubles, dots: _Doubles
    ) {
        mtl_normalize_sums_f32(
            level, rows, columns, x, ldx, mean, root, dy, lddy, sums, dots)
    }

    public static func _normalizeBackward(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, gain: _In, sum: _In,
        dot: _In, dy: _In, lddy: Int, dx: _Out, lddx: Int, adds: Bool
    ) {
        mtl_normalize_backward_f32(
            level, rows, columns, x, ldx, mean, root, gain, sum, dot, dy, lddy, dx, lddx, adds ? 1 : 0)
    }

    public static func _dropout(
        level: Int32, rows: Int, columns: Int, key: UInt64, positions: _IDs?, start: Int, firstColumn: Int,
        rate: Double, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    ) {
        mtl_dropout_f32(
            level, rows, columns, key, positions, start, firstColumn, rate, x, ldx, y, ldy, adds ? 1 : 0)
    }

    public static func _logitProduct(
        level: Int32, rows: Int, a: _In, lda: Int, b: _In, ldb: Int, z: _Out, ldz: Int
    ) {
        mtl_logit_product_f32(
            level, rows, a, lda, b, ldb, z, ldz)
    }

    public static func _logitProductBackward(
        level: Int32, rows: Int, a: _In, lda: Int, b: _In, ldb: Int, dz: _In, lddz: Int, da: _Out?, ldda: Int,
        addsA: Bool, db: _Out?, lddb: Int, addsB: Bool
    ) {
        mtl_logit_product_backward_f32(
            level, rows, a, lda, b, ldb, dz, lddz, da, ldda, addsA ? 1 : 0, db, lddb, addsB ? 1 : 0)
    }
}

extension Double: _GraphKernels {
    public static func _linear(
        level: Int32, rows: Int, columns: Int, alpha: Double, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    ) {
        mtl_linear_f64(
            level, rows, columns, alpha, x, ldx, y, ldy, adds ? 1 : 0)
    }

    public static func _product(
        level: Int32, rows: Int, blocks: Int, width: Int, a: _In, lda: Int, b: _In, ldb: Int, y: _Out,
        ldy: Int, adds: Bool
    ) {
        mtl_product_f64(
            level, rows, blocks, width, a, lda, b, ldb, y, ldy, adds ? 1 : 0)
    }

    public static func _factorGradients(
        level: Int32, count: Int, d: _In, a: _In, da: _Out, addsA: Bool, b: _In, db: _Out, addsB: Bool
    ) {
        mtl_factor_gradients_f64(level, count, d, a, da, addsA ? 1 : 0, b, db, addsB ? 1 : 0)
    }

    public static func _dots(
        level: Int32, rows: Int, blocks: Int, width: Int, a: _In, lda: Int, b: _In, ldb: Int, y: _Out,
        ldy: Int, adds: Bool
    ) {
        mtl_dots_f64(
            level, rows, blocks, width, a, lda, b, ldb, y, ldy, adds ? 1 : 0)
    }

    public static func _columnDots(
        level: Int32, rows: Int, columns: Int, a: _In, lda: Int, b: _In, ldb: Int, target: _Out, adds: Bool
    ) {
        mtl_column_dots_f64(
            level, rows, columns, a, lda, b, ldb, target, adds ? 1 : 0)
    }

    public static func _affine(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, gain: _In, shift: _In, y: _Out, ldy: Int
    ) {
        mtl_affine_f64(
            level, rows, columns, x, ldx, gain, shift, y, ldy)
    }

    public static func _affineBackward(
        level: Int32, rows: Int, columns: Int, gain: _In, dy: _In, lddy: Int, dx: _Out, lddx: Int, adds: Bool
    ) {
        mtl_affine_backward_f64(
            level, rows, columns, gain, dy, lddy, dx, lddx, adds ? 1 : 0)
    }

    public static func _mixture(
        level: Int32, rows: Int, count: Int, width: Int, x: _In, ldx: Int, first: _IDs, g: _In, ldg: Int,
        y: _Out, ldy: Int
    ) {
        mtl_mixture_f64(
            level, rows, count, width, x, ldx, first, g, ldg, y, ldy)
    }

    public static func _mixtureBackward(
        level: Int32, rows: Int, count: Int, width: Int, x: _In, ldx: Int, first: _IDs, g: _In, ldg: Int,
        dy: _In, lddy: Int, dx: _Out, lddx: Int, modes: _IDs, dg: _Out?, lddg: Int, adds: Bool
    ) {
        mtl_mixture_backward_f64(
            level, rows, count, width, x, ldx, first, g, ldg, dy, lddy, dx, lddx, modes, dg, lddg,
            adds ? 1 : 0)
    }

    public static func _softmaxBackward(
        level: Int32, rows: Int, blocks: Int, width: Int, scale: Double, y: _In, ldy: Int, dy: _In, lddy: Int,
        dz: _Out, lddz: Int, adds: Bool
    ) {
        mtl_softmax_backward_f64(
            level, rows, blocks, width, scale, y, ldy, dy, lddy, dz, lddz, adds ? 1 : 0)
    }

    public static func _stitch(
        level: Int32, rows: Int, outs: Int, ins: Int, width: Int, alpha: _In, rowStride: Int,
        columnStride: Int, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    ) {
        mtl_stitch_f64(
            level, rows, outs, ins, width, alpha, rowStride, columnStride, x, ldx, y, ldy, adds ? 1 : 0)
    }

    public static func _stitchGradient(
        level: Int32, rows: Int, outs: Int, ins: Int, width: Int, dy: _In, lddy: Int, x: _In, ldx: Int,
        dalpha: _Out, adds: Bool
    ) {
        mtl_stitch_gradient_f64(
            level, rows, outs, ins, width, dy, lddy, x, ldx, dalpha, adds ? 1 : 0)
    }

    public static func _layerNorm(
        level: Int32, rows: Int, blocks: Int, width: Int, epsilon: Double, x: _In, ldx: Int, gain: _In,
        shift: _In, y: _Out, ldy: Int, statistics: _Out, lds: Int
    ) {
        mtl_layer_norm_f64(
            level, rows, blocks, width, epsilon, x, ldx, gain, shift, y, ldy, statistics, lds)
    }

    public static func _layerNormBackward(
        level: Int32, rows: Int, blocks: Int, width: Int, x: _In, ldx: Int, gain: _In, statistics: _In,
        lds: Int, dy: _In, lddy: Int, dx: _Out?, lddx: Int, adds: Bool, dgain: _Out, dshift: _Out,
        parametersAdd: Bool
    ) {
        mtl_layer_norm_backward_f64(
            level, rows, blocks, width, x, ldx, gain, statistics, lds, dy, lddy, dx, lddx, adds ? 1 : 0,
            dgain, dshift, parametersAdd ? 1 : 0)
    }

    public static func _moments(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _Doubles, squares: _Doubles
    ) {
        mtl_moments_f64(
            level, rows, columns, x, ldx, mean, squares)
    }

    public static func _normalize(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, gain: _In, shift: _In,
        y: _Out, ldy: Int
    ) {
        mtl_normalize_f64(
            level, rows, columns, x, ldx, mean, root, gain, shift, y, ldy)
    }

    public static func _normalizeSums(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, dy: _In, lddy: Int,
        sums: _Doubles, dots: _Doubles
    ) {
        mtl_normalize_sums_f64(
            level, rows, columns, x, ldx, mean, root, dy, lddy, sums, dots)
    }

    public static func _normalizeBackward(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, gain: _In, sum: _In,
        dot: _In, dy: _In, lddy: Int, dx: _Out, lddx: Int, adds: Bool
    ) {
        mtl_normalize_backward_f64(
            level, rows, columns, x, ldx, mean, root, gain, sum, dot, dy, lddy, dx, lddx, adds ? 1 : 0)
    }

    public static func _dropout(
        level: Int32, rows: Int, columns: Int, key: UInt64, positions: _IDs?, start: Int, firstColumn: Int,
        rate: Double, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    ) {
        mtl_dropout_f64(
            level, rows, columns, key, positions, start, firstColumn, rate, x, ldx, y, ldy, adds ? 1 : 0)
    }

    public static func _logitProduct(
        level: Int32, rows: Int, a: _In, lda: Int, b: _In, ldb: Int, z: _Out, ldz: Int
    ) {
        mtl_logit_product_f64(
            level, rows, a, lda, b, ldb, z, ldz)
    }

    public static func _logitProductBackward(
        level: Int32, rows: Int, a: _In, lda: Int, b: _In, ldb: Int, dz: _In, lddz: Int, da: _Out?, ldda: Int,
        addsA: Bool, db: _Out?, lddb: Int, addsB: Bool
    ) {
        mtl_logit_product_backward_f64(
            level, rows, a, lda, b, ldb, dz, lddz, da, ldda, addsA ? 1 : 0, db, lddb, addsB ? 1 : 0)
    }
}
