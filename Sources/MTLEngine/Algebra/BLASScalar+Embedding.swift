// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

internal import MTLKernels

/// Where the rows of a batch stand in the data: `indices`, or `start` and the rows behind it.
public struct _SourceRows {
    package let count: Int
    package let indices: UnsafePointer<Int32>?
    package let start: Int

    package init(count: Int, indices: UnsafePointer<Int32>?, start: Int) {
        self.count = count
        self.indices = indices
        self.start = start
    }

    /// Some of the rows.
    package func rows(_ range: Range<Int>) -> _SourceRows {
        _SourceRows(
            count: range.count, indices: indices.map { $0 + range.lowerBound },
            start: start + range.lowerBound)
    }

    /// The row of the data behind a row of the batch.
    package func source(_ row: Int) -> Int { indices.map { Int($0[row]) } ?? start + row }
}

/// The kernels of embedding tables; see mtl_embedding.h.
public protocol _EmbeddingKernels {
    typealias _In = UnsafePointer<Self>
    typealias _Out = UnsafeMutablePointer<Self>
    typealias _IDs = UnsafePointer<Int32>

    static func _embed(
        level: Int32, _ rows: _SourceRows, ids: _IDs, table: _In, width: Int, x: _Out, ldx: Int)
    static func _embedBags(
        level: Int32, _ rows: _SourceRows, offsets: _IDs, ids: _IDs, weights: _In?, mean: Bool, table: _In,
        width: Int, x: _Out, ldx: Int)
    static func _embedScatter(
        level: Int32, rows: Int, slots: _IDs, range: Range<Int>, next: Int, dx: _In, ldx: Int, width: Int,
        sums: _Out
    ) -> Int
    static func _embedScatterBags(
        level: Int32, _ rows: _SourceRows, offsets: _IDs, weights: _In?, mean: Bool, slots: _IDs,
        range: Range<Int>, next: Int, dx: _In, ldx: Int, width: Int, sums: _Out
    ) -> Int
    static func _foldGather(
        level: Int32, _ rows: _SourceRows, fields: Int, ids: UnsafePointer<_IDs?>,
        products: UnsafePointer<_In?>,
        width: Int, bias: _In?, relu: Bool, z: _Out, ldz: Int)
    static func _foldScatter(
        level: Int32, _ rows: _SourceRows, fields: Int, ids: UnsafePointer<_IDs?>,
        gradients: UnsafePointer<_Out?>,
        width: Int, dz: _In, ldz: Int)
    static func _embedSGD(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, sums: _In, learningRate: Self
    )
    static func _embedAdagrad(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, state: _Out, sums: _In,
        learningRate: Self, epsilon: Self)
    static func _adagrad(
        level: Int32, count: Int, p: _Out, g: _In, sum: _Out, learningRate: Self, epsilon: Self,
        weightDecay: Self)
}

/// Numbers the table rows a batch touches; see mtl_embedding.h.
package func embeddingSlots(
    _ rows: _SourceRows, offsets: UnsafePointer<Int32>?, ids: UnsafePointer<Int32>,
    sparse: UnsafeMutablePointer<Int32>, touched: UnsafeMutablePointer<Int32>, count: Int,
    slots: UnsafeMutablePointer<Int32>
) -> Int {
    mtl_embed_slots(rows.count, rows.indices, rows.start, offsets, ids, sparse, touched, count, slots)
}

extension Float: _EmbeddingKernels {
    public static func _foldGather(
        level: Int32, _ rows: _SourceRows, fields: Int, ids: UnsafePointer<_IDs?>,
        products: UnsafePointer<_In?>,
        width: Int, bias: _In?, relu: Bool, z: _Out, ldz: Int
    ) {
        mtl_fold_gather_f32(
            level, rows.count, rows.indices, rows.start, fields, ids, products, width, bias, relu ? 1 : 0, z,
            ldz)
    }

    public static func _foldScatter(
        level: Int32, _ rows: _SourceRows, fields: Int, ids: UnsafePointer<_IDs?>,
        gradients: UnsafePointer<_Out?>,
        width: Int, dz: _In, ldz: Int
    ) {
        mtl_fold_scatter_f32(
            level, rows.count, rows.indices, rows.start, fields, ids, gradients, width, dz, ldz)
    }

    public static func _embed(
        level: Int32, _ rows: _SourceRows, ids: _IDs, table: _In, width: Int, x: _Out, ldx: Int
    ) {
        mtl_embed_f32(level, rows.count, rows.indices, rows.start, ids, table, width, x, ldx)
    }

    public static func _embedBags(
        level: Int32, _ rows: _SourceRows, offsets: _IDs, ids: _IDs, weights: _In?, mean: Bool, table: _In,
        width: Int, x: _Out, ldx: Int
    ) {
        mtl_embed_bags_f32(
            level, rows.count, rows.indices, rows.start, offsets, ids, weights, mean ? 1 : 0, table, width, x,
            ldx)
    }

    public static func _embedScatter(
        level: Int32, rows: Int, slots: _IDs, range: Range<Int>, next: Int, dx: _In, ldx: Int, width: Int,
        sums: _Out
    ) -> Int {
        mtl_embed_scatter_f32(
            level, rows, slots, range.lowerBound, range.upperBound, next, dx, ldx, width, sums)
    }

    public static func _embedScatterBags(
        level: Int32, _ rows: _SourceRows, offsets: _IDs, weights: _In?, mean: Bool, slots: _IDs,
        range: Range<Int>, next: Int, dx: _In, ldx: Int, width: Int, sums: _Out
    ) -> Int {
        mtl_embed_scatter_bags_f32(
            level, rows.count, rows.indices, rows.start, offsets, weights, mean ? 1 : 0, slots,
            range.lowerBound, range.upperBound, next, dx, ldx, width, sums)
    }

    public static func _embedSGD(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, sums: _In,
        learningRate: Float
    ) {
        mtl_embed_sgd_f32(
            level, range.lowerBound, range.upperBound, touched, width, table, sums, learningRate)
    }

    public static func _embedAdagrad(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, state: _Out, sums: _In,
        learningRate: Float, epsilon: Float
    ) {
        mtl_embed_adagrad_f32(
            level, range.lowerBound, range.upperBound, touched, width, table, state, sums, learningRate,
            epsilon)
    }

    public static func _embedAdam(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, state: _Out, sums: _In,
        step: AdamStep<Float>
    ) {
        mtl_embed_adam_f32(
            level, range.lowerBound, range.upperBound, touched, width, table, state, sums, step.learningRate,
            step.beta1, step.beta2, step.oneMinusBeta1, step.oneMinusBeta2, step.epsilon,
            step.biasCorrection1,
            step.rootBiasCorrection2)
    }

    public static func _adagrad(
        level: Int32, count: Int, p: _Out, g: _In, sum: _Out, learningRate: Float, epsilon: Float,
        weightDecay: Float
    ) {
        mtl_adagrad_f32(level, count, p, g, sum, learningRate, epsilon, weightDecay)
    }
}

extension Double: _EmbeddingKernels {
    public static func _foldGather(
        level: Int32, _ rows: _SourceRows, fields: Int, ids: UnsafePointer<_IDs?>,
        products: UnsafePointer<_In?>,
        width: Int, bias: _In?, relu: Bool, z: _Out, ldz: Int
    ) {
        mtl_fold_gather_f64(
            level, rows.count, rows.indices, rows.start, fields, ids, products, width, bias, relu ? 1 : 0, z,
            ldz)
    }

    public static func _foldScatter(
        level: Int32, _ rows: _SourceRows, fields: Int, ids: UnsafePointer<_IDs?>,
        gradients: UnsafePointer<_Out?>,
        width: Int, dz: _In, ldz: Int
    ) {
        mtl_fold_scatter_f64(
            level, rows.count, rows.indices, rows.start, fields, ids, gradients, width, dz, ldz)
    }

    public static func _embed(
        level: Int32, _ rows: _SourceRows, ids: _IDs, table: _In, width: Int, x: _Out, ldx: Int
    ) {
        mtl_embed_f64(level, rows.count, rows.indices, rows.start, ids, table, width, x, ldx)
    }

    public static func _embedBags(
        level: Int32, _ rows: _SourceRows, offsets: _IDs, ids: _IDs, weights: _In?, mean: Bool, table: _In,
        width: Int, x: _Out, ldx: Int
    ) {
        mtl_embed_bags_f64(
            level, rows.count, rows.indices, rows.start, offsets, ids, weights, mean ? 1 : 0, table, width, x,
            ldx)
    }

    public static func _embedScatter(
        level: Int32, rows: Int, slots: _IDs, range: Range<Int>, next: Int, dx: _In, ldx: Int, width: Int,
        sums: _Out
    ) -> Int {
        mtl_embed_scatter_f64(
            level, rows, slots, range.lowerBound, range.upperBound, next, dx, ldx, width, sums)
    }

    public static func _embedScatterBags(
        level: Int32, _ rows: _SourceRows, offsets: _IDs, weights: _In?, mean: Bool, slots: _IDs,
        range: Range<Int>, next: Int, dx: _In, ldx: Int, width: Int, sums: _Out
    ) -> Int {
        mtl_embed_scatter_bags_f64(
            level, rows.count, rows.indices, rows.start, offsets, weights, mean ? 1 : 0, slots,
            range.lowerBound, range.upperBound, next, dx, ldx, width, sums)
    }

    public static func _embedSGD(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, sums: _In,
        learningRate: Double
    ) {
        mtl_embed_sgd_f64(
            level, range.lowerBound, range.upperBound, touched, width, table, sums, learningRate)
    }

    public static func _embedAdagrad(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, state: _Out, sums: _In,
        learningRate: Double, epsilon: Double
    ) {
        mtl_embed_adagrad_f64(
            level, range.lowerBound, range.upperBound, touched, width, table, state, sums, learningRate,
            epsilon)
    }

    public static func _embedAdam(
        level: Int32, range: Range<Int>, touched: _IDs, width: Int, table: _Out, state: _Out, sums: _In,
        step: AdamStep<Double>
    ) {
        mtl_embed_adam_f64(
            level, range.lowerBound, range.upperBound, touched, width, table, state, sums, step.learningRate,
            step.beta1, step.beta2, step.oneMinusBeta1, step.oneMinusBeta2, step.epsilon,
            step.biasCorrection1,
            step.rootBiasCorrection2)
    }

    public static func _adagrad(
        level: Int32, count: Int, p: _Out, g: _In, sum: _Out, learningRate: Double, epsilon: Double,
        weightDecay: Double
    ) {
        mtl_adagrad_f64(level, count, p, g, sum, learningRate, epsilon, weightDecay)
    }
}
