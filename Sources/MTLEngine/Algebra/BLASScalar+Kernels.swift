internal import MTLKernels

// Products, activations, losses and optimisers: mtl_gemm.h and mtl_elementwise.h say what each does. A number by value
// travels as a Double, which holds it exactly, and is rounded back in C.

extension BLASScalar {
    @inline(__always)
    package static func _gemm(
        level: Int32, m: Int, n: Int, k: Int, a: _In, rowStride: Int, columnStride: Int, b: _In, ldb: Int,
        c: _Out, ldc: Int, flags: Int32, bias: _In?, gate: _In?, ldgate: Int
    ) {
        kernels(level).pointee.gemm(
            m, n, k, a, rowStride, columnStride, b, ldb, c, ldc, flags, bias, gate, ldgate)
    }

    @inline(__always)
    package static func _gemmDot(
        level: Int32, m: Int, n: Int, k: Int, a: _In, lda: Int, b: _In, ldb: Int, c: _Out, ldc: Int,
        bias: _In?
    ) {
        kernels(level).pointee.gemm_dot(m, n, k, a, lda, b, ldb, c, ldc, bias)
    }

    @inline(__always)
    package static func _activate(
        level: Int32, activation: Int32, rows: Int, columns: Int, z: _In, ldz: Int, h: _Out, ldh: Int
    ) {
        kernels(level).pointee.activate(activation, rows, columns, z, ldz, h, ldh)
    }

    @inline(__always)
    package static func _activateBackward(
        level: Int32, activation: Int32, rows: Int, columns: Int, saved: _In, lds: Int, d: _Out, ldd: Int
    ) {
        kernels(level).pointee.activate_backward(activation, rows, columns, saved, lds, d, ldd)
    }

    @inline(__always)
    package static func _transpose(
        level: Int32, rows: Int, columns: Int, source: _In, lds: Int, target: _Out, ldt: Int
    ) {
        kernels(level).pointee.transpose(rows, columns, source, lds, target, ldt)
    }

    @inline(__always)
    package static func _columnSums(
        level: Int32, rows: Int, columns: Int, source: _In, ld: Int, target: _Out, accumulate: Bool
    ) {
        kernels(level).pointee.column_sums(rows, columns, source, ld, target, accumulate)
    }

    @inline(__always)
    package static func _innerProducts(
        level: Int32, vectors: Int, count: Int, x: _In, y: _In, ldy: Int, sums: UnsafeMutablePointer<Double>
    ) {
        kernels(level).pointee.inner_products(vectors, count, x, y, ldy, sums)
    }

    @inline(__always)
    package static func _add(level: Int32, count: Int, source: _In, target: _Out) {
        kernels(level).pointee.add(1, count, source, count, target, count)
    }

    @inline(__always)
    package static func _countLabelled(level: Int32, rows: Int, labels: _In, stride: Int) -> Int {
        kernels(level).pointee.count_labelled(rows, labels, stride)
    }

    @inline(__always)
    package static func _lossBinary(
        level: Int32, rows: Int, logits: _In, stride: Int, labels: _In, labelStride: Int, scale: Self,
        d: _Out?, dStride: Int, smoothing: Self
    ) -> Double {
        kernels(level).pointee.loss_binary(
            rows, logits, stride, labels, labelStride, Double(scale), d, dStride, Double(smoothing))
    }

    @inline(__always)
    package static func _lossSquared(
        level: Int32, rows: Int, logits: _In, stride: Int, labels: _In, labelStride: Int, scale: Self,
        d: _Out?, dStride: Int
    ) -> Double {
        kernels(level).pointee.loss_squared(
            rows, logits, stride, labels, labelStride, Double(scale), d, dStride)
    }

    @inline(__always)
    package static func _lossHuber(
        level: Int32, rows: Int, logits: _In, stride: Int, labels: _In, labelStride: Int, scale: Self,
        delta: Self, d: _Out?, dStride: Int
    ) -> Double {
        kernels(level).pointee.loss_huber(
            rows, logits, stride, labels, labelStride, Double(scale), d, dStride, Double(delta))
    }

    @inline(__always)
    package static func _lossSoftmax(
        level: Int32, rows: Int, classes: Int, logits: _In, ld: Int, labels: _In, labelStride: Int,
        scale: Self, d: _Out?, ldd: Int, smoothing: Self
    ) -> Double {
        kernels(level).pointee.loss_softmax(
            rows, classes, logits, ld, labels, labelStride, Double(scale), d, ldd, Double(smoothing))
    }

    @inline(__always)
    package static func _sigmoid(level: Int32, rows: Int, logits: _In, stride: Int, p: _Out, pStride: Int) {
        kernels(level).pointee.sigmoid_rows(rows, logits, stride, p, pStride)
    }

    @inline(__always)
    package static func _softmax(
        level: Int32, rows: Int, classes: Int, logits: _In, ld: Int, p: _Out, ldp: Int
    ) {
        kernels(level).pointee.softmax_rows(rows, classes, logits, ld, p, ldp)
    }

    @inline(__always)
    package static func _sgd(
        level: Int32, count: Int, p: _Out, g: _In, buffer: _Out?, learningRate: Self, momentum: Self,
        dampening: Self, nesterov: Bool, weightDecay: Self, isFirstStep: Bool
    ) {
        kernels(level).pointee.sgd(
            count, p, g, buffer, Double(learningRate), Double(momentum), Double(dampening), nesterov,
            Double(weightDecay), isFirstStep)
    }

    @inline(__always)
    package static func _adam(
        level: Int32, count: Int, p: _Out, g: _In, m: _Out, v: _Out, step: AdamStep<Self>
    ) {
        kernels(level).pointee.adam(
            count, p, g, m, v, Double(step.learningRate), Double(step.beta1), Double(step.beta2),
            Double(step.oneMinusBeta1), Double(step.oneMinusBeta2), Double(step.epsilon),
            Double(step.weightDecay), step.isDecoupled, Double(step.biasCorrection1),
            Double(step.rootBiasCorrection2))
    }
}

/// The numbers of one Adam step, computed once in Double: learning rate, decay rates, bias corrections.
package struct AdamStep<Scalar: BLASScalar>: Sendable {
    package var learningRate, beta1, oneMinusBeta1, beta2, oneMinusBeta2, epsilon, weightDecay: Scalar
    package var isDecoupled: Bool
    package var biasCorrection1, rootBiasCorrection2: Scalar
}
