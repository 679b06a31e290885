package import MTLEngine

extension Trainer where Scalar == Float {
    /// Fits the last biases of the heads once more, on the training rows with all else as it is: a task's mean prediction is then
    /// the mean of its labels, as that of a regression fitted to its end is. What steps leave is a random last one, a few
    /// per cent beside it.
    ///
    /// Tasks whose bias moves another task's logits, or not all of their own alike (funnels), are left as they are, and so are tasks
    /// that weigh nothing, and later events of funnels whose rows were sampled: their mean is known of the rows that were kept alone.
    /// - Throws: `InputError` where the rows do not fit the model, or the file is damaged.
    package func fitIntercepts(_ training: RowCache) throws(InputError) {
        try training.check(model)
        let tried = try training.dataset(0)
        var fits: [(task: Int, names: [String])] = []
        for (index, task) in model.tasks.enumerated() where task.weight > 0 {
            let names = interceptNames(task)
            guard task.kind.hasMeanByIntercept, task.focusing == 0, !isOfKeptRows(index) else { continue }
            if !names.isEmpty, try movesItsTaskAlone(names, index, tried) { fits.append((index, names)) }
        }
        // Of very many rows some blocks of every source say as much.
        let every = max(1, training.rowCount / Self.enoughRows)
        let blocks = training.sources.flatMap { own in
            own.indices.filter { ($0 - own.lowerBound) % every == 0 }
        }
        var best = fits.map { _ in BestIntercept() }
        for pass in 0...Self.interceptPasses where !fits.isEmpty {
            var sums = fits.map { InterceptSums(model.tasks[$0.task]) }
            for block in blocks {
                let dataset = try training.dataset(block)
                let predictions = try predict(dataset)
                for place in fits.indices { try sums[place].add(dataset, predictions) }
            }
            var largest = 0.0
            for (place, (fit, sums)) in zip(fits, sums).enumerated() {
                guard let steps = sums.steps else { continue }
                if sums.slope < best[place].slope {
                    var values: [[Float]] = []
                    for name in fit.names { values.append(try parameter(name)) }
                    best[place] = BestIntercept(slope: sums.slope, values: values, steps: steps)
                } else {
                    // A step that went too far is tried once more by half, from where it began.
                    for (name, values) in zip(fit.names, best[place].values) {
                        try setParameter(name, to: values)
                    }
                    best[place].steps = best[place].steps.map { $0 / 2 }
                }
                // Nothing would say whether a step of the last pass went too far.
                guard pass < Self.interceptPasses else { continue }
                try move(fit.names, by: best[place].steps)
                largest = max(largest, best[place].steps.map(\.magnitude).max() ?? 0)
            }
            if largest < Self.smallStep { break }
        }
    }

    /// Whether its labels are those of a sample drawn by another task's.
    private func isOfKeptRows(_ task: Int) -> Bool {
        let first = model.plan.events.root(task)
        return first != task && model.tasks[first].negativeRate < 1
    }

    private static var enoughRows: Int { 4_000_000 }
    private static var interceptPasses: Int { 6 }
    /// A Newton step leaves about its square.
    private static var smallStep: Double { 0.01 }

    /// The last bias of a task's head, or its parts by scenario, or what a star's scenarios share of it.
    private func interceptNames(_ task: LearningTask) -> [String] {
        let prefix = "heads.\(task.name)."
        let biases = model.layout.segments.filter {
            $0.isTrained && $0.name.hasPrefix(prefix) && $0.name.hasSuffix("bias")
                && $0.count == task.outputs
        }.map(\.name)
        func layer(_ name: String) -> Int {
            Int(name.dropFirst(prefix.count).prefix { $0.isNumber }) ?? -1
        }
        let last = biases.map(layer).max() ?? -1
        let names = biases.filter { layer($0) == last }
        // Of a star's parts, which add up, one is moved: the one that all scenarios have.
        let shared = names.filter { $0.hasSuffix(".shared.bias") }
        guard shared.isEmpty else { return shared }
        return names.contains("\(prefix)\(last).bias") ? ["\(prefix)\(last).bias"] : names
    }

    private func move(_ names: [String], by steps: [Double]) throws(InputError) {
        for name in names {
            let biases = try parameter(name)
            // Of a logit for no and one for yes the latter.
            let other = [Double](repeating: 0, count: max(0, biases.count - steps.count))
            try setParameter(name, to: zip(biases, other + steps).map { $0 + Float($1) })
        }
    }

    /// Makes all members of a packed ensemble the first one: the logits of a mean of probabilities follow a bias only where all
    /// members' are equal.
    ///
    /// - Returns: what the others were.
    private func equalizeMembers() -> [Float] {
        var kept: [Float] = []
        let parameters = store.parameters.base
        forEachOtherMember { first, own in
            kept += UnsafeBufferPointer(start: parameters + own, count: first.count)
            (parameters + own).update(from: parameters + first.lowerBound, count: first.count)
        }
        if !kept.isEmpty { store.refreshTransposes() }
        return kept
    }

    private func restore(_ kept: [Float]) {
        var place = 0
        let parameters = store.parameters.base
        forEachOtherMember { first, own in
            for index in 0..<first.count { parameters[own + index] = kept[place + index] }
            place += first.count
        }
        if !kept.isEmpty { store.refreshTransposes() }
    }

    /// Ranges of the first member's parameters, and where another's of the same kind begin.
    private func forEachOtherMember(_ body: (_ first: Range<Int>, _ own: Int) -> Void) {
        for (first, stride) in model.plan.memberRanges {
            for member in 1..<max(1, model.ensemble ?? 1) { body(first, first.lowerBound + member * stride) }
        }
    }

    private func movesItsTaskAlone(
        _ names: [String], _ task: Int, _ dataset: Dataset<Float>
    ) throws(InputError) -> Bool {
        let kept = equalizeMembers()
        defer { restore(kept) }
        let before = try logits(dataset)
        var biases: [[Float]] = []
        for name in names { biases.append(try parameter(name)) }
        try move(names, by: [Double](repeating: 0.5, count: model.tasks[task].kind.outputs))
        let after = try logits(dataset)
        for (name, values) in zip(names, biases) { try setParameter(name, to: values) }
        for (index, one) in model.tasks.enumerated() {
            let distance: Float = index == task ? 0.5 : 0
            for (old, new) in zip(try before.values(one.name), try after.values(one.name))
            where !old.isNaN && abs(new - old - distance) > 1e-4 * max(1, abs(old)) { return false }
        }
        return true
    }
}

extension LearningTask.Kind {
    /// Whether moving the last bias can bring the mean prediction to the labels' mean: not a quantile's, which is no mean, nor where
    /// several outputs share it (payments, ordered classes).
    fileprivate var hasMeanByIntercept: Bool {
        switch self {
        case .quantile, .zeroInflatedLognormal, .ordinal: false
        default: true
        }
    }
}

/// The biases with which a task's mean prediction has been the nearest to its labels', and the step to take from there.
private struct BestIntercept {
    var slope = Double.infinity
    var values: [[Float]] = []
    var steps: [Double] = []
}

/// What a Newton step for the intercepts of a task is made of: sums over rows of the loss's slopes and curvatures.
private struct InterceptSums {
    private let task: LearningTask
    private var slopes: [Double]
    private var curvatures: [Double]
    /// Per class the weight of its labels.
    private var labels: [Double]
    /// Of a regression the sum of distances from the labels, and the weight of all.
    private var (distance, total) = (0.0, 0.0)

    init(_ task: LearningTask) {
        self.task = task
        slopes = [Double](repeating: 0, count: task.kind.outputs)
        curvatures = slopes
        labels = [Double](repeating: 0, count: max(2, task.kind.outputs))
    }

    mutating func add(_ dataset: Dataset<Float>, _ predictions: Predictions<Float>) throws(InputError) {
        let column = try dataset.labelColumn(task.name)
        let (values, targets) = (try predictions.values(task.name), try dataset.labels(task.name))
        let width = dataset.labelNames.count
        for (row, label) in targets.enumerated() where !label.isNaN {
            var weight = dataset.labelWeights.map { Double($0.base[row * width + column]) } ?? 1
            // Predictions are for all rows; each negative that is here stands for those left out.
            if label == 0, task.negativeRate < 1 { weight /= task.negativeRate }
            switch task.kind {
            case .binary:
                labels[label > 0.5 ? 1 : 0] += weight
                add(weight, Double(values[row]), label > 0.5 ? 1 : 0, 0)
            case .multiclass(let classes):
                let right = Int(label)
                labels[right] += weight
                for index in 0..<classes {
                    add(weight, Double(values[row * classes + index]), index == right ? 1 : 0, index)
                }
            case .squaredError:
                slopes[0] += weight * residual(values[row], label)
                curvatures[0] += weight
            case .poisson, .tweedie:
                // Of a mean's logarithm the step to the labels' mean is the same for both.
                let mean = task.labelScale.encode(Double(values[row]))
                slopes[0] += weight * (mean - task.labelScale.encode(Double(label)))
                curvatures[0] += weight * mean
            case .quantile, .zeroInflatedLognormal, .ordinal: break
            case .huber(let delta):
                let residual = residual(values[row], label)
                (distance, total) = (distance + weight * abs(residual), total + weight)
                slopes[0] += weight * max(-delta, min(delta, residual))
                curvatures[0] += abs(residual) < delta ? weight : 0
            }
        }
    }

    /// In the units in which the label is learned.
    private func residual(_ prediction: Float, _ label: Float) -> Double {
        guard task.labelScale.isLogarithmic else {
            return (Double(prediction) - Double(label)) / task.labelScale.scale
        }
        return task.labelScale.encode(Double(prediction)) - task.labelScale.encode(Double(label))
    }

    private mutating func add(_ weight: Double, _ prediction: Double, _ label: Double, _ place: Int) {
        slopes[place] += weight * (prediction - label)
        curvatures[place] += weight * prediction * (1 - prediction)
    }

    /// How far the sum of slopes is from 0.
    var slope: Double { slopes.reduce(0) { $0 + $1.magnitude } }

    /// Nil where there is nothing to go by: labels of one kind alone, predictions that are 0 or 1.
    var steps: [Double]? {
        var share = 1.0
        switch task.kind {
        case .binary: guard labels.allSatisfy({ $0 > 0 }) else { return nil }
        case .multiclass(let classes):
            guard labels.allSatisfy({ $0 > 0 }) else { return nil }
            // All classes move: of two each goes half the way.
            share = Double(classes - 1) / Double(classes)
        case .squaredError, .huber, .poisson, .tweedie: break
        case .quantile, .zeroInflatedLognormal, .ordinal: return nil
        }
        let limit =
            switch task.kind {
            case .binary, .multiclass, .poisson, .tweedie: 1.0
            case .squaredError, .quantile, .zeroInflatedLognormal, .ordinal: Double.infinity
            // Where few labels are within δ the curvature says little, and where none is, nothing.
            case .huber: distance / total
            }
        let steps = zip(slopes, curvatures).map { -share * $0 / $1 }
        guard steps.allSatisfy({ !$0.isNaN && min($0.magnitude, limit) < .infinity }) else { return nil }
        return steps.map { max(-limit, min(limit, $0)) }
    }
}
