internal import MTLKernels

/// Where the rows of a batch stand in the data: `indices`, or `start` and the rows behind it.
package struct _SourceRows {
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

/// Tables multiplied with their part of the layer above: lists with an element per field.
package struct _FoldedFields<Scalar: BLASScalar> {
    package let count: Int
    package let ids: UnsafePointer<UnsafePointer<Int32>?>
    package let products: UnsafePointer<UnsafePointer<Scalar>?>
    package let gradients: UnsafePointer<UnsafeMutablePointer<Scalar>?>
    /// Between rows of products and gradients.
    package let stride: Int
    /// Where the gates of row 0 stand, and how far behind them those of the next row; nil where no field has one.
    package let gates: UnsafePointer<UnsafePointer<Scalar>?>?
    package let gateStrides: UnsafePointer<Int>?

    package init(
        count: Int, ids: UnsafePointer<UnsafePointer<Int32>?>,
        products: UnsafePointer<UnsafePointer<Scalar>?>,
        gradients: UnsafePointer<UnsafeMutablePointer<Scalar>?>, stride: Int,
        gates: UnsafePointer<UnsafePointer<Scalar>?>?, gateStrides: UnsafePointer<Int>?
    ) {
        self.count = count
        self.ids = ids
        self.products = products
        self.gradients = gradients
        self.stride = stride
        self.gates = gates
        self.gateStrides = gateStrides
    }

    /// Some of the fields.
    package func fields(_ range: Range<Int>) -> _FoldedFields {
        _FoldedFields(
            count: range.count, ids: ids + range.lowerBound, products: products + range.lowerBound,
            gradients: gradients + range.lowerBound, stride: stride,
            gates: gates.map { $0 + range.lowerBound },
            gateStrides: gateStrides.map { $0 + range.lowerBound })
    }
}

/// Numbers the table rows a batch touches; see mtl_embedding.h.
package func embeddingSlots(
    _ rows: _SourceRows, offsets: UnsafePointer<Int32>?, ids: UnsafePointer<Int32>,
    sparse: UnsafeMutablePointer<Int32>, touched: UnsafeMutablePointer<Int32>, count: Int,
    slots: UnsafeMutablePointer<Int32>
) -> Int {
    mtl_embed_slots(rows.count, rows.indices, rows.start, offsets, ids, sparse, touched, count, slots)
}

// What each does: mtl_embedding.h.

extension BLASScalar {
    @inline(__always)
    package static func _embed(
        level: Int32, _ rows: _SourceRows, ids: _IDs, table: _In, width: Int, x: _Out, ldx: Int
    ) {
        kernels(level).pointee.embed(rows.count, rows.indices, rows.start, ids, table, width, x, ldx)
    }

    @inline(__always)
    package static func _embedBags(
        level: Int32, _ rows: _SourceRows, offsets: _IDs, ids: _IDs, weights: _In?, mean: Bool, table: _In,
        width: Int, x: _Out, ldx: Int
    ) {
        kernels(level).pointee.embed_bags(
            rows.count, rows.indices, rows.start, offsets, ids, weights, mean, table, width, x, ldx)
    }

    @inline(__always)
    package static func _embedScatter(
        level: Int32, rows: Int, slots: _IDs, range: Range<Int>, next: Int, dx: _In, ldx: Int, width: Int,
        sums: _Out
    ) -> Int {
        kernels(level).pointee.embed_scatter(
            rows, slots, range.lowerBound, range.upperBound, next, dx, ldx, width, sums)
    }

    @inline(__always)
    package static func _embedScatterBags(
        level: Int32, _ rows: _SourceRows, offsets: _IDs, weights: _In?, mean: Bool, slots: _IDs,
        range: Range<Int>, next: Int, dx: _In, ldx: Int, width: Int, sums: _Out
    ) -> Int {
        kernels(level).pointee.embed_scatter_bags(
            rows.count, rows.indices, rows.start, offsets, weights, mean, slots, range.lowerBound,
            range.upperBound, next, dx, ldx, width, sums)
    }

    /// - Parameter first: the row of the gates that the first row has.
    @inline(__always)
    package static func _foldGather(
        level: Int32, _ rows: _SourceRows, _ fields: _FoldedFields<Self>, width: Int, first: Int, bias: _In?,
        relu: Bool, z: _Out, ldz: Int
    ) {
        kernels(level).pointee.fold_gather(
            rows.count, rows.indices, rows.start, fields.count, fields.ids, fields.products, width,
            fields.stride,
            fields.gates, fields.gateStrides, first, bias, relu, z, ldz)
    }

    @inline(__always)
    package static func _foldScatter(
        level: Int32, _ rows: _SourceRows, _ fields: _FoldedFields<Self>, width: Int, first: Int, dz: _In,
        ldz: Int
    ) {
        kernels(level).pointee.fold_scatter(
            rows.count, rows.indices, rows.start, fields.count, fields.ids, fields.gradients, width,
            fields.stride,
            fields.gates, fields.gateStrides, first, dz, ldz)
    }

    @inline(__always)
    package static func _foldDots(
        level: Int32, _ rows: _SourceRows, fields: Int, ids: UnsafePointer<_IDs?>,
        products: UnsafePointer<_In?>, width: Int, stride: Int, dz: _In, ldz: Int,
        targets: UnsafePointer<_Out?>,
        strides: UnsafePointer<Int>, first: Int, adds: Bool
    ) {
        kernels(level).pointee.fold_dots(
            rows.count, rows.indices, rows.start, fields, ids, products, width, stride, dz, ldz, targets,
            strides, first, adds)
    }

    @inline(__always)
    package static func _adagrad(
        level: Int32, count: Int, p: _Out, g: _In, sum: _Out, learningRate: Self, epsilon: Self,
        weightDecay: Self
    ) {
        kernels(level).pointee.adagrad(
            count, p, g, sum, Double(learningRate), Double(epsilon), Double(weightDecay))
    }
}
