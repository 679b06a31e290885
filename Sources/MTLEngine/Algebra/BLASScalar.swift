// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// The scalar types the numeric core is compiled for: `Float` to run in, `Double` to check in.
///
/// The underscored requirements are the C kernels for the type; they are not API. `level` is the instruction
/// set of `InstructionSet`; shapes and in-place rules stand in the C headers.
public protocol BLASScalar: BinaryFloatingPoint, BitwiseCopyable, Sendable, _EmbeddingKernels, _GraphKernels {
    typealias _Source = UnsafePointer<Self>
    typealias _Target = UnsafeMutablePointer<Self>

    static func _blas(
        transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, a: _Source, lda: Int, b: _Source,
        ldb: Int,
        accumulate: Bool, c: _Target, ldc: Int)
    static func _gemm(
        level: Int32, m: Int, n: Int, k: Int, a: _Source, rowStride: Int, columnStride: Int, b: _Source,
        ldb: Int,
        c: _Target, ldc: Int, flags: Int32, bias: _Source?, gate: _Source?, ldgate: Int)
    static func _gemmDot(
        level: Int32, m: Int, n: Int, k: Int, a: _Source, lda: Int, b: _Source, ldb: Int, c: _Target,
        ldc: Int,
        bias: _Source?)

    static func _activate(
        level: Int32, activation: Int32, rows: Int, columns: Int, z: _Source, ldz: Int, h: _Target, ldh: Int)
    static func _activateBackward(
        level: Int32, activation: Int32, rows: Int, columns: Int, saved: _Source, lds: Int, d: _Target,
        ldd: Int)
    static func _transpose(
        level: Int32, rows: Int, columns: Int, source: _Source, lds: Int, target: _Target, ldt: Int)
    static func _columnSums(
        level: Int32, rows: Int, columns: Int, source: _Source, ld: Int, target: _Target, accumulate: Bool)

    static func _add(level: Int32, count: Int, source: _Source, target: _Target)

    static func _countLabelled(level: Int32, rows: Int, labels: _Source, stride: Int) -> Int
    static func _lossBinary(
        level: Int32, rows: Int, logits: _Source, stride: Int, labels: _Source, labelStride: Int, scale: Self,
        d: _Target?, dStride: Int
    ) -> Double
    static func _lossSquared(
        level: Int32, rows: Int, logits: _Source, stride: Int, labels: _Source, labelStride: Int, scale: Self,
        d: _Target?, dStride: Int
    ) -> Double
    static func _lossHuber(
        level: Int32, rows: Int, logits: _Source, stride: Int, labels: _Source, labelStride: Int, scale: Self,
        delta: Self, d: _Target?, dStride: Int
    ) -> Double
    static func _lossSoftmax(
        level: Int32, rows: Int, classes: Int, logits: _Source, ld: Int, labels: _Source, labelStride: Int,
        scale: Self, d: _Target?, ldd: Int
    ) -> Double
    static func _sigmoid(level: Int32, rows: Int, logits: _Source, stride: Int, p: _Target, pStride: Int)
    static func _softmax(
        level: Int32, rows: Int, classes: Int, logits: _Source, ld: Int, p: _Target, ldp: Int)

    static func _sgd(
        level: Int32, count: Int, p: _Target, g: _Source, buffer: _Target?, learningRate: Self,
        momentum: Self,
        dampening: Self, nesterov: Bool, weightDecay: Self, isFirstStep: Bool)
    static func _adam(
        level: Int32, count: Int, p: _Target, g: _Source, m: _Target, v: _Target, step: AdamStep<Self>)
    static func _embedAdam(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Target, state: _Target,
        sums: _Source, step: AdamStep<Self>)
}

/// The numbers of one Adam step, computed once in Double: learning rate, decay rates, bias corrections.
public struct AdamStep<Scalar: BLASScalar>: Sendable {
    package var learningRate, beta1, oneMinusBeta1, beta2, oneMinusBeta2, epsilon, weightDecay: Scalar
    package var isDecoupled: Bool
    package var biasCorrection1, rootBiasCorrection2: Scalar
}
