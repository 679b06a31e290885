// The kernels of the scalar type; their shapes stand in the C headers.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

internal import CBLAS
internal import MTLKernels

extension Float: BLASScalar {
    public static func _blas(
        transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, a: _Source, lda: Int, b: _Source,
        ldb: Int,
        accumulate: Bool, c: _Target, ldc: Int
    ) {
        cblas_sgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
            blasint(m), blasint(n), blasint(k), 1, a, blasint(lda), b, blasint(ldb), accumulate ? 1 : 0, c,
            blasint(ldc))
    }

    public static func _gemm(
        level: Int32, m: Int, n: Int, k: Int, a: _Source, rowStride: Int, columnStride: Int, b: _Source,
        ldb: Int,
        c: _Target, ldc: Int, flags: Int32, bias: _Source?, gate: _Source?, ldgate: Int
    ) {
        mtl_gemm_f32(level, m, n, k, a, rowStride, columnStride, b, ldb, c, ldc, flags, bias, gate, ldgate)
    }

    public static func _gemmDot(
        level: Int32, m: Int, n: Int, k: Int, a: _Source, lda: Int, b: _Source, ldb: Int, c: _Target,
        ldc: Int,
        bias: _Source?
    ) {
        mtl_gemm_dot_f32(level, m, n, k, a, lda, b, ldb, c, ldc, bias)
    }

    public static func _activate(
        level: Int32, activation: Int32, rows: Int, columns: Int, z: _Source, ldz: Int, h: _Target, ldh: Int
    ) {
        mtl_activate_f32(level, activation, rows, columns, z, ldz, h, ldh)
    }

    public static func _activateBackward(
        level: Int32, activation: Int32, rows: Int, columns: Int, saved: _Source, lds: Int, d: _Target,
        ldd: Int
    ) {
        mtl_activate_backward_f32(level, activation, rows, columns, saved, lds, d, ldd)
    }

    public static func _transpose(
        level: Int32, rows: Int, columns: Int, source: _Source, lds: Int, target: _Target, ldt: Int
    ) {
        mtl_transpose_f32(level, rows, columns, source, lds, target, ldt)
    }

    public static func _columnSums(
        level: Int32, rows: Int, columns: Int, source: _Source, ld: Int, target: _Target, accumulate: Bool
    ) {
        mtl_column_sums_f32(level, rows, columns, source, ld, target, accumulate ? 1 : 0)
    }

    public static func _add(level: Int32, count: Int, source: _Source, target: _Target) {
        mtl_add_f32(level, 1, count, source, count, target, count)
    }

    public static func _countLabelled(level: Int32, rows: Int, labels: _Source, stride: Int) -> Int {
        mtl_count_labelled_f32(level, rows, labels, stride)
    }

    public static func _lossBinary(
        level: Int32, rows: Int, logits: _Source, stride: Int, labels: _Source, labelStride: Int,
        scale: Float,
        d: _Target?, dStride: Int
    ) -> Double {
        mtl_loss_binary_f32(level, rows, logits, stride, labels, labelStride, scale, d, dStride)
    }

    public static func _lossSquared(
        level: Int32, rows: Int, logits: _Source, stride: Int, labels: _Source, labelStride: Int,
        scale: Float,
        d: _Target?, dStride: Int
    ) -> Double {
        mtl_loss_squared_f32(level, rows, logits, stride, labels, labelStride, scale, d, dStride)
    }

    public static func _lossHuber(
        level: Int32, rows: Int, logits: _Source, stride: Int, labels: _Source, labelStride: Int,
        scale: Float,
        delta: Float, d: _Target?, dStride: Int
    ) -> Double {
        mtl_loss_huber_f32(level, rows, logits, stride, labels, labelStride, scale, d, dStride, delta)
    }

    public static func _lossSoftmax(
        level: Int32, rows: Int, classes: Int, logits: _Source, ld: Int, labels: _Source, labelStride: Int,
        scale: Float, d: _Target?, ldd: Int
    ) -> Double {
        mtl_loss_softmax_f32(level, rows, classes, logits, ld, labels, labelStride, scale, d, ldd)
    }

    public static func _sigmoid(
        level: Int32, rows: Int, logits: _Source, stride: Int, p: _Target, pStride: Int
    ) {
        mtl_sigmoid_rows_f32(level, rows, logits, stride, p, pStride)
    }

    public static func _softmax(
        level: Int32, rows: Int, classes: Int, logits: _Source, ld: Int, p: _Target, ldp: Int
    ) {
        mtl_softmax_rows_f32(level, rows, classes, logits, ld, p, ldp)
    }

    public static func _sgd(
        level: Int32, count: Int, p: _Target, g: _Source, buffer: _Target?, learningRate: Float,
        momentum: Float,
        dampening: Float, nesterov: Bool, weightDecay: Float, isFirstStep: Bool
    ) {
        mtl_sgd_f32(
            level, count, p, g, buffer, learningRate, momentum, dampening, nesterov ? 1 : 0, weightDecay,
            isFirstStep ? 1 : 0)
    }

    public static func _adam(
        level: Int32, count: Int, p: _Target, g: _Source, m: _Target, v: _Target, step: AdamStep<Float>
    ) {
        mtl_adam_f32(
            level, count, p, g, m, v, step.learningRate, step.beta1, step.beta2,
            step.oneMinusBeta1, step.oneMinusBeta2, step.epsilon, step.weightDecay, step.isDecoupled ? 1 : 0,
            step.biasCorrection1,
            step.rootBiasCorrection2)
    }
}
