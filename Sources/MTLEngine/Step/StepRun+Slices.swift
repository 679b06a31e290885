/// A step whose first two layers are shared out by units; see `SlicePlan`.
extension StepRun {
    /// A worker's own copy of what is repeated: the first worker's is the model's own.
    struct Replica {
        let parameters: UnsafeMutablePointer<Scalar>
        let transposes: UnsafeMutablePointer<Scalar>
        let gradients: UnsafeMutablePointer<Scalar>
        let state: UnsafeMutablePointer<Scalar>
        /// Partial losses, `[tasks]`.
        let losses: UnsafeMutablePointer<Double>
    }

    func runSlices<Observer: StepObserver>(
        _ slices: Slices, _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        let count = SlicePlan.count
        let active = min(workers, count)
        guard worker < active else { return wait(worker, observer) }
        let replica = replica(worker)
        let tile = tile(0, batch, worker: worker, refreshes: true, replica: replica)
        gather(tiles[0], batch, into: tile.features, worker: worker, observer: observer)
        for slice in stride(from: worker, to: count, by: active) {
            forward(slices, slice, tile, worker: worker, observer: observer)
        }
        wait(worker, observer)
        finishUpper(slices, tile)
        for entry in slices.forward {
            let work = 2 * tile.rows * entry.multiplyAdds
            observer.observe(.forward, index: entry.ordinal, worker: worker, work: work) {
                entry.node.forward(tile)
            }
        }
        let back = backward(
            tile, gradients: replica.gradients, isFirst: true, isFirstOfScenario: true, refreshes: false)
        observer.observe(.loss, index: 0, worker: worker, work: 0) {
            losses(0, back, batch, into: replica.losses)
        }
        let source = sourceRows(tiles[0], batch)
        for entry in slices.backward { run(entry, back, source, worker: worker, observer: observer) }
        slices.upper.backwardActivation(back)
        for piece in slices.pieces {
            let values = replica.gradients + piece.start
            clip(piece, values)
            optimize(
                piece, values, parameters: replica.parameters, transposes: replica.transposes,
                state: replica.state, worker: worker, observer: observer)
        }
        for slice in stride(from: worker, to: count, by: active) {
            backward(slices, slice, back, worker: worker, observer: observer)
        }
    }

    private func replica(_ worker: Int) -> Replica {
        guard worker > 0 else {
            return Replica(
                parameters: parameters, transposes: transposes, gradients: gradients, state: state,
                losses: partialLosses)
        }
        let base = replicas + (worker - 1) * replicaStride
        let transposed = base + parameterStride
        let vectors = transposed + transposedStride
        return Replica(
            parameters: base, transposes: transposed, gradients: vectors, state: vectors + gradientStride,
            losses: partialLosses + worker * lossStride)
    }

    /// The partial sums of a slice, `[rows, units of the upper layer]`.
    private func partial(_ slice: Int, _ slices: Slices, rows: Int) -> MatrixView<Scalar> {
        let stride = workspaceStride(columns: slices.upper.layer.outputs)
        return MatrixView(
            partialSums + slice * capacity * stride, rows: rows, columns: slices.upper.layer.outputs,
            stride: stride)
    }

    /// A slice's own memory.
    private func memory(_ slice: Int) -> UnsafeMutablePointer<Scalar> { sliceMemory + slice * sliceStride }

    private func forward<Observer: StepObserver>(
        _ slices: Slices, _ slice: Int, _ tile: ForwardTile<Scalar>, worker: Int, observer: Observer
    ) {
        let (lower, upper, own) = (slices.lower, slices.upper, memory(slice))
        let columns = slices.columns(slice)
        let z = tile.view(lower.saved).columns(columns)
        let h = tile.view(lower.y).columns(columns)
        let work = 2 * tile.rows * columns.count
        observer.observe(
            .forward, index: slices.lowerOrdinal, worker: worker, work: work * lower.layer.inputs
        ) {
            let bias = UnsafePointer(own + sliceLayout.lowerBiases)
            product.multiply(
                tile.view(lower.x), lowerWeights(own), into: z,
                epilogue: lower.layer.activation == .relu ? .biasReLU(bias) : .bias(bias))
            activate(lower.layer.activation, z, h)
        }
        observer.observe(
            .forward, index: slices.upperOrdinal, worker: worker, work: work * upper.layer.outputs
        ) {
            product.multiply(
                h, upperWeights(own), into: partial(slice, slices, rows: tile.rows),
                epilogue: slice == 0 ? .bias(UnsafePointer(own + sliceLayout.upperBiases)) : .none)
        }
    }

    private func lowerWeights(_ base: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
        MatrixView(base, rows: sliceLayout.inputs, columns: sliceLayout.width, stride: sliceLayout.width)
    }

    private func upperWeights(_ base: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
        MatrixView(
            base + sliceLayout.upperWeights, rows: sliceLayout.width, columns: sliceLayout.outputs,
            stride: sliceLayout.outputs)
    }

    private func transposedWeights(_ own: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
        MatrixView(
            own + sliceLayout.transposed, rows: sliceLayout.outputs, columns: sliceLayout.width,
            stride: sliceLayout.transposedStride)
    }

    private func refreshTransposed(_ own: UnsafeMutablePointer<Scalar>) {
        let (w, t) = (upperWeights(own), transposedWeights(own))
        Scalar._transpose(
            level: product.level, rows: w.rows, columns: w.columns, source: w.base, lds: w.stride,
            target: t.base, ldt: t.stride)
    }

    private func activate(
        _ activation: Activation, _ z: MatrixView<Scalar>, _ h: MatrixView<Scalar>
    ) {
        guard activation != .identity, activation != .relu else { return }
        Scalar._activate(
            level: product.level, activation: activation.code, rows: z.rows, columns: z.columns, z: z.base,
            ldz: z.stride, h: h.base, ldh: h.stride)
    }

    /// The sum of all slices' partial sums, in their order, and the activation.
    private func finishUpper(_ slices: Slices, _ tile: ForwardTile<Scalar>) {
        let upper = slices.upper
        let z = tile.view(upper.saved)
        let first = partial(0, slices, rows: tile.rows)
        Scalar._sumParts(
            level: product.level, rows: z.rows, columns: z.columns, parts: SlicePlan.count, x: first.base,
            part: capacity * first.stride, ldx: first.stride, relu: upper.layer.activation == .relu,
            y: z.base, ldy: z.stride)
        activate(upper.layer.activation, z, tile.view(upper.y))
    }

    private func backward<Observer: StepObserver>(
        _ slices: Slices, _ slice: Int, _ tile: BackwardTile<Scalar>, worker: Int, observer: Observer
    ) {
        let (lower, upper, own) = (slices.lower, slices.upper, memory(slice))
        let g = own + sliceLayout.gradients
        let columns = slices.columns(slice)
        let (dz, h) = (tile.gradient(upper.y), tile.view(lower.y).columns(columns))
        let dh = tile.gradient(lower.y).columns(columns)
        let work = 2 * tile.rows * columns.count
        observer.observe(
            .backwardInput, index: slices.upperOrdinal, worker: worker, work: work * upper.layer.outputs
        ) {
            product.multiply(
                dz, transposedWeights(own), into: dh, epilogue: upper.fusesReLU ? .gate(h) : .none)
        }
        if lower.layer.activation != .identity && !lower.reluIsFused {
            let saved = tile.view(lower.layer.activation.savesInput ? lower.saved : lower.y).columns(columns)
            Scalar._activateBackward(
                level: product.level, activation: lower.layer.activation.code, rows: dh.rows,
                columns: dh.columns, saved: saved.base, lds: saved.stride, d: dh.base, ldd: dh.stride)
        }
        observer.observe(
            .weightGradient, index: slices.upperOrdinal, worker: worker, work: work * upper.layer.outputs
        ) {
            product.multiplyTransposed(h, dz, into: upperWeights(g), accumulate: false)
        }
        observer.observe(
            .weightGradient, index: slices.lowerOrdinal, worker: worker, work: work * lower.layer.inputs
        ) {
            product.multiplyTransposed(tile.view(lower.x), dh, into: lowerWeights(g), accumulate: false)
        }
        sumBiases(dh, into: g + sliceLayout.lowerBiases)
        if slice == 0 { sumBiases(dz, into: g + sliceLayout.upperBiases) }
        observer.observe(
            .optimizer, index: slices.lowerOrdinal, worker: worker,
            work: 7 * sliceLayout.count * MemoryLayout<Scalar>.stride
        ) {
            step(own, 0..<sliceLayout.upperWeights, decays: slices.decaysLower.weights)
            step(own, sliceLayout.upperWeights..<sliceLayout.lowerBiases, decays: slices.decaysUpper.weights)
            step(own, sliceLayout.lowerBiases..<sliceLayout.upperBiases, decays: slices.decaysLower.biases)
            if slice == 0 {
                step(own, sliceLayout.upperBiases..<sliceLayout.count, decays: slices.decaysUpper.biases)
            }
        }
        guard update != nil else { return }
        observer.observe(.transpose, index: slices.upperOrdinal, worker: worker, work: 0) {
            refreshTransposed(own)
        }
    }

    private func sumBiases(_ dz: MatrixView<Scalar>, into target: UnsafeMutablePointer<Scalar>) {
        Scalar._columnSums(
            level: product.level, rows: dz.rows, columns: dz.columns, source: dz.base, ld: dz.stride,
            target: target, accumulate: false)
    }

    /// The optimiser on a part of a slice.
    private func step(_ own: UnsafeMutablePointer<Scalar>, _ range: Range<Int>, decays: Bool) {
        guard let update = decays ? update : undecayed else { return }
        let g = own + sliceLayout.gradients + range.lowerBound
        clip(g, range.count)
        update.apply(
            count: range.count, parameters: own + range.lowerBound, gradients: UnsafePointer(g),
            state: own + sliceLayout.state(turn: turnIndex) + range.lowerBound,
            stateStride: sliceLayout.count,
            level: product.level)
    }

    // MARK: The slices' memory and the model's

    /// The optimiser's memory of all that is not in slices, and of the slices.
    var stateValues: UnsafeMutableBufferPointer<Scalar> {
        UnsafeMutableBufferPointer(start: state, count: stateCount)
    }
    var sliceValues: UnsafeMutableBufferPointer<Scalar> {
        UnsafeMutableBufferPointer(start: sliceMemory, count: sliceMemoryCount)
    }

    /// Gives further workers the state that they repeat, after it was set from outside.
    func repeatState() {
        guard turn.slices != nil else { return }
        for worker in 1..<max(1, min(workers, SlicePlan.count)) {
            replica(worker).state.update(from: state, count: stateCount)
        }
    }

    /// Takes parameters that were set from outside: into the slices, and into what further workers repeat.
    func takeParameters(_ slices: Slices, count: Int, transposed: Int) {
        for worker in 1..<max(1, min(workers, SlicePlan.count)) {
            let replica = replica(worker)
            replica.parameters.update(from: parameters, count: count)
            replica.transposes.update(from: transposes, count: transposed)
        }
        for slice in 0..<SlicePlan.count {
            let own = memory(slice)
            forEachPart(slices, slice, at: parameters) { mine, model in
                mine(own).copy(model)
            }
            refreshTransposed(own)
        }
    }

    /// Gives the slices' parameters, or their gradients, back to the vector of the model's.
    func giveBack(_ slices: Slices, gradients isGradient: Bool) {
        for slice in 0..<SlicePlan.count {
            let own = memory(slice) + (isGradient ? sliceLayout.gradients : 0)
            forEachPart(slices, slice, at: isGradient ? gradients : parameters) { mine, model in
                model.copy(mine(own))
            }
        }
        guard !isGradient else { return }
        let layer = slices.upper.layer
        let (w, t) = (layer.weights(0, at: parameters), layer.transposedWeights(0..<1, at: transposes))
        Scalar._transpose(
            level: product.level, rows: w.rows, columns: w.columns, source: w.base, lds: w.stride,
            target: t.base, ldt: t.stride)
    }

    /// The parts of a slice, beside the same numbers in a vector of the model's layout.
    private func forEachPart(
        _ slices: Slices, _ slice: Int, at vector: UnsafeMutablePointer<Scalar>,
        _ body: ((UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar>, MatrixView<Scalar>) -> Void
    ) {
        let (lower, upper, columns) = (slices.lower.layer, slices.upper.layer, slices.columns(slice))
        func row(_ offset: Int, _ count: Int, _ base: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
            MatrixView(base + offset, rows: 1, columns: count, stride: count)
        }
        body(lowerWeights, lower.weights(0, at: vector).columns(columns))
        body(upperWeights, upper.weights(0, at: vector).rows(columns))
        body(
            { row(sliceLayout.lowerBiases, columns.count, $0) },
            row(lower.bias + columns.lowerBound, columns.count, vector))
        guard slice == 0 else { return }
        body({ row(sliceLayout.upperBiases, upper.outputs, $0) }, row(upper.bias, upper.outputs, vector))
    }
}
