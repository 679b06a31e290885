/// A dense layer, h = act(x W + b), or several of equal shape side by side (one block per task).
///
/// A layer is a plan: it knows where its weights and activations lie, and owns no memory. Convention of all
/// layers: gradients of parameters accumulate where asked to, gradients of activations overwrite, except where
/// branches join, which the caller says.
///
/// T blocks · I inputs · O outputs · h output · dz gradient of the loss in the input of the activation
package struct Dense: Sendable {
    /// How a block's weights lie in the parameter vector.
    package enum Order: Sendable {
        /// `[I, O]`: the forward product and the weights' gradient read and write whole rows as they are.
        case inputMajor
        /// `[O, I]`, for logits: blocks over a shared input stack to one `[T·O, I]` matrix.
        case outputMajor
    }

    /// Where a layer's input comes from.
    package enum Source: Sendable, Equatable {
        case features
        case layer(Int)
    }

    package let source: Source
    package let blocks: Int
    package let inputs: Int
    package let outputs: Int
    /// Every block reads the whole input; else block t reads its own I columns of it.
    package let inputIsShared: Bool
    package let activation: Activation
    package let order: Order

    /// Offsets in the parameter vector: block t's weights at `weight + t·I·O`, its biases at `bias + t·O`.
    package var weight = 0
    package var bias = 0
    /// Offset of the transposed weights `[O, I]` per block, where the backward pass needs them.
    package var transposed: Int?
    /// Activations: `[rows, T·O]` each.
    package var output = WorkspaceSlot()
    package var saved: WorkspaceSlot?
    package var gradient = WorkspaceSlot()

    package var weightCount: Int { blocks * inputs * outputs }
    package var biasCount: Int { blocks * outputs }
    package var width: Int { blocks * outputs }
    /// Rows between transposed weights.
    package var transposedStride: Int { workspaceStride(columns: inputs) }

    /// Weights of a block as stored.
    package func weights<Scalar>(_ block: Int, at base: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
        let start = base + weight + block * inputs * outputs
        return switch order {
        case .inputMajor: MatrixView(start, rows: inputs, columns: outputs, stride: outputs)
        case .outputMajor: MatrixView(start, rows: outputs, columns: inputs, stride: inputs)
        }
    }

    /// Weights of neighbouring blocks of an output-major layer, `[active·O, I]`.
    private func stacked<Scalar>(
        _ active: Range<Int>, at base: UnsafeMutablePointer<Scalar>
    ) -> MatrixView<Scalar> {
        MatrixView(
            base + weight + active.lowerBound * outputs * inputs, rows: active.count * outputs,
            columns: inputs,
            stride: inputs)
    }

    private func columns(_ block: Int) -> Range<Int> { block * outputs..<(block + 1) * outputs }

    private func columns(_ active: Range<Int>) -> Range<Int> {
        active.lowerBound * outputs..<active.upperBound * outputs
    }

    private func input<Scalar>(_ block: Int, of x: MatrixView<Scalar>) -> MatrixView<Scalar> {
        inputIsShared ? x : x.columns(block * inputs..<(block + 1) * inputs)
    }

    /// Whether the blocks' weights act as one matrix on one input.
    private var isStacked: Bool { order == .outputMajor && inputIsShared }

    // MARK: Forward

    /// h = act(x W + b) of the active blocks, for `rows` of the chunk; `x` holds the same rows.
    package func forward<Scalar>(
        _ x: MatrixView<Scalar>, rows: Range<Int>, active: Range<Int>, memory: NetworkMemory<Scalar>,
        product: Product<Scalar>
    ) {
        let h = memory.view(output, columns: width).rows(rows)
        let biases = UnsafePointer(memory.parameters + bias)
        if isStacked {
            product.multiplyNarrow(
                x, byTransposeOf: stacked(active, at: memory.parameters),
                bias: biases + active.lowerBound * outputs, into: h.columns(columns(active)))
            return
        }
        for block in active {
            let w = weights(block, at: memory.parameters)
            let target = memory.view(saved ?? output, columns: width).rows(rows).columns(columns(block))
            let b = biases + block * outputs
            switch order {
            case .outputMajor:
                product.multiplyNarrow(input(block, of: x), byTransposeOf: w, bias: b, into: target)
            case .inputMajor:
                product.multiply(
                    input(block, of: x), w, into: target,
                    epilogue: activation == .relu ? .biasReLU(b) : .bias(b))
            }
            if activation != .relu && activation != .identity {
                let result = h.columns(columns(block))
                Scalar._activate(
                    level: product.level, activation: activation.code, rows: rows.count, columns: outputs,
                    z: target.base, ldz: target.stride, h: result.base, ldh: result.stride)
            }
        }
    }

    // MARK: Backward

    /// The gradient in the layer below: dz_below = (dz Wᵀ) ⊙ act_below′, summed over the active blocks.
    ///
    /// Several layers may read the one below; the first overwrites, the later ones add, and the last one
    /// (`completes`) applies the activation's derivative.
    package func backwardInput<Scalar>(
        into below: Dense, belowActive: Range<Int>, rows: Range<Int>, active: Range<Int>, overwrites: Bool,
        completes: Bool, memory: NetworkMemory<Scalar>, product: Product<Scalar>
    ) {
        let dz = memory.view(gradient, columns: width).rows(rows)
        let target = memory.view(below.gradient, columns: below.width).rows(rows)
        let h = memory.view(below.output, columns: below.width).rows(rows)
        let isFused = below.activation == .relu

        if isStacked {
            product.multiply(
                dz.columns(columns(active)), stacked(active, at: memory.parameters), into: target,
                accumulate: !overwrites, epilogue: isFused && completes ? .gate(h) : .none)
        } else {
            for block in active {
                let isLast = !inputIsShared || (completes && block == active.upperBound - 1)
                let isFirst = !inputIsShared || (overwrites && block == active.lowerBound)
                let w: MatrixView<Scalar>
                switch order {
                case .outputMajor: w = weights(block, at: memory.parameters)
                case .inputMajor: w = transposedWeights(block, memory: memory)
                }
                product.multiply(
                    dz.columns(columns(block)), w, into: input(block, of: target), accumulate: !isFirst,
                    epilogue: isFused && isLast ? .gate(input(block, of: h)) : .none)
            }
        }
        if completes && !isFused && below.activation != .identity {
            let range = below.columns(belowActive)
            let savedView = memory.view(below.saved ?? below.output, columns: below.width).rows(rows).columns(
                range)
            let d = target.columns(range)
            Scalar._activateBackward(
                level: product.level, activation: below.activation.code, rows: rows.count,
                columns: range.count,
                saved: savedView.base, lds: savedView.stride, d: d.base, ldd: d.stride)
        }
    }

    /// The gradient in some columns of the features: dx = dz Wᵀ, summed over the active blocks.
    package func backwardFeatures<Scalar>(
        columns range: Range<Int>, into dx: MatrixView<Scalar>, rows: Range<Int>, active: Range<Int>,
        overwrites: Bool, memory: NetworkMemory<Scalar>, product: Product<Scalar>
    ) {
        let dz = memory.view(gradient, columns: width).rows(rows)
        if isStacked {
            product.multiply(
                dz.columns(columns(active)), stacked(active, at: memory.parameters).columns(range), into: dx,
                accumulate: !overwrites)
            return
        }
        for block in active {
            let w: MatrixView<Scalar>
            switch order {
            case .outputMajor: w = weights(block, at: memory.parameters)
            case .inputMajor: w = transposedWeights(block, memory: memory)
            }
            product.multiply(
                dz.columns(columns(block)), w.columns(range), into: dx,
                accumulate: !(overwrites && block == active.lowerBound))
        }
    }

    /// dW of one piece of the layer, over `rows` of the chunk; `x` holds the same rows.
    package func backwardWeights<Scalar>(
        _ piece: ParameterPiece, x: MatrixView<Scalar>, rows: Range<Int>,
        gradients: UnsafeMutablePointer<Scalar>,
        accumulate: Bool,
        memory: NetworkMemory<Scalar>, product: Product<Scalar>
    ) {
        let dz = memory.view(gradient, columns: width).rows(rows)
        switch order {
        case .inputMajor:
            product.multiplyTransposed(
                input(piece.blocks.lowerBound, of: x).columns(piece.rows), dz.columns(columns(piece.blocks)),
                into: weights(piece.blocks.lowerBound, at: gradients).rows(piece.rows), accumulate: accumulate
            )
        case .outputMajor:
            let first = piece.blocks.lowerBound * outputs
            product.multiplyTransposed(
                dz.columns(first + piece.rows.lowerBound..<first + piece.rows.upperBound),
                input(piece.blocks.lowerBound, of: x),
                into: stacked(piece.blocks, at: gradients).rows(piece.rows),
                accumulate: accumulate)
        }
    }

    /// db of one piece of the layer, over `rows` rows of the chunk.
    package func backwardBiases<Scalar>(
        _ piece: ParameterPiece, rows: Range<Int>, gradients: UnsafeMutablePointer<Scalar>, accumulate: Bool,
        memory: NetworkMemory<Scalar>, level: Int32
    ) {
        let d = memory.view(gradient, columns: width).rows(rows).columns(columns(piece.blocks))
        Scalar._columnSums(
            level: level, rows: d.rows, columns: d.columns, source: d.base, ld: d.stride,
            target: gradients + bias + piece.blocks.lowerBound * outputs, accumulate: accumulate)
    }

    /// Floating-point operations of one of the layer's products over some rows and blocks.
    package func productOperations(rows: Int, active: Range<Int>) -> Int {
        2 * rows * inputs * outputs * active.count
    }

    // MARK: Transposed weights

    /// A block's transposed weights, `[O, I]`.
    package func transposedWeights<Scalar>(
        _ block: Int, memory: NetworkMemory<Scalar>
    ) -> MatrixView<Scalar> {
        guard let transposed else {
            preconditionFailure("a layer on the features needs no gradient of its input")
        }
        return MatrixView(
            memory.transposes + transposed + block * outputs * transposedStride, rows: outputs,
            columns: inputs,
            stride: transposedStride)
    }

    /// Brings the transposed copy of some rows of a block's weights up to date.
    package func refreshTransposed<Scalar>(
        block: Int, rows: Range<Int>, memory: NetworkMemory<Scalar>, level: Int32
    ) {
        guard transposed != nil else { return }
        let source = weights(block, at: memory.parameters).rows(rows)
        let target = transposedWeights(block, memory: memory).columns(rows)
        Scalar._transpose(
            level: level, rows: source.rows, columns: source.columns, source: source.base, lds: source.stride,
            target: target.base, ldt: target.stride)
    }
}

/// A share of one layer's parameters: some rows of its weight matrix, and its biases with the first rows.
package struct ParameterPiece: Sendable {
    package let layer: Int
    /// One block, or all active ones of a layer whose blocks are stacked.
    package let blocks: Range<Int>
    /// Rows of the (stacked) weight matrix.
    package let rows: Range<Int>
    /// Whether the gradient of the weights comes from folded features; see `FoldPlan`.
    package var isFolded = false
}

extension Dense {
    /// The weight matrices that the active blocks bring to a step, as whole pieces.
    package func pieces(layer: Int, active: Range<Int>) -> [ParameterPiece] {
        switch order {
        case .inputMajor:
            active.map { ParameterPiece(layer: layer, blocks: $0..<$0 + 1, rows: 0..<inputs) }
        case .outputMajor where inputIsShared:
            [ParameterPiece(layer: layer, blocks: active, rows: 0..<active.count * outputs)]
        case .outputMajor:
            active.map { ParameterPiece(layer: layer, blocks: $0..<$0 + 1, rows: 0..<outputs) }
        }
    }

    /// Elements in a row of the weight matrix.
    package var rowLength: Int { order == .inputMajor ? outputs : inputs }

    /// The ranges of the parameter vector that a piece covers: weights, and biases with the first rows.
    package func weightRange(of piece: ParameterPiece) -> Range<Int> {
        let start = weight + piece.blocks.lowerBound * inputs * outputs
        return start + piece.rows.lowerBound * rowLength..<start + piece.rows.upperBound * rowLength
    }

    package func biasRange(of piece: ParameterPiece) -> Range<Int>? {
        guard piece.rows.lowerBound == 0 else { return nil }
        return bias + piece.blocks.lowerBound * outputs..<bias + piece.blocks.upperBound * outputs
    }
}
