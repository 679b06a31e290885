internal import MTLKernels

// What each does: mtl_embedding.h. `range` is of slots, `touched` their rows, `sums` their gradients.

extension BLASScalar {
    @inline(__always)
    package static func _embedSGD(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, sums: _In,
        learningRate: Self, decay: Self
    ) {
        kernels(level).pointee.embed_sgd(
            range.lowerBound, range.upperBound, touched, width, table, sums, Double(learningRate),
            Double(decay))
    }

    @inline(__always)
    package static func _embedAdagrad(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, state: _Out, sums: _In,
        learningRate: Self, epsilon: Self, decay: Self
    ) {
        kernels(level).pointee.embed_adagrad(
            range.lowerBound, range.upperBound, touched, width, table, state, sums, Double(learningRate),
            Double(epsilon), Double(decay))
    }

    @inline(__always)
    package static func _embedRowAdagrad(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, state: _Out, sums: _In,
        learningRate: Self, epsilon: Self, decay: Self
    ) {
        kernels(level).pointee.embed_row_adagrad(
            range.lowerBound, range.upperBound, touched, width, table, state, sums, Double(learningRate),
            Double(epsilon), Double(decay))
    }

    @inline(__always)
    package static func _embedAdam(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, state: _Out, sums: _In,
        step: AdamStep<Self>, decay: Self
    ) {
        kernels(level).pointee.embed_adam(
            range.lowerBound, range.upperBound, touched, width, table, state, sums, Double(step.learningRate),
            Double(step.beta1), Double(step.beta2), Double(step.oneMinusBeta1), Double(step.oneMinusBeta2),
            Double(step.epsilon), Double(step.biasCorrection1), Double(step.rootBiasCorrection2),
            Double(decay))
    }

    @inline(__always)
    package static func _embedFTRL(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, state: _Out, sums: _In,
        step: FTRLStep<Self>, decay: Self
    ) {
        kernels(level).pointee.embed_ftrl(
            range.lowerBound, range.upperBound, touched, width, table, state, sums, Double(step.alpha),
            Double(step.beta), Double(step.l1), Double(step.l2), Double(decay))
    }

    @inline(__always)
    package static func _average(level: Int32, count: Int, averages: _Out, p: _In, keep: Self, take: Self) {
        kernels(level).pointee.average(count, averages, p, Double(keep), Double(take))
    }

    @inline(__always)
    package static func _embedAverage(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _In, averages: _Out, keep: Self,
        take: Self
    ) {
        kernels(level).pointee.embed_average(
            range.lowerBound, range.upperBound, touched, width, table, averages, Double(keep), Double(take))
    }

    @inline(__always)
    package static func _embedSettle(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _In, averages: _Out,
        stamps: UnsafeMutablePointer<Int32>, step: Int, window: AverageWindow
    ) {
        kernels(level).pointee.embed_settle(
            range.lowerBound, range.upperBound, touched, width, table, averages, stamps, Int32(step),
            window.decay, window.warm, window.powers.baseAddress, window.powers.count)
    }
}

/// The numbers of FTRL-proximal.
package struct FTRLStep<Scalar: BLASScalar>: Sendable {
    package var alpha, beta, l1, l2: Scalar
}
