package import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension LearningTask.Kind {
    /// The mean loss of the best constant, about, for labels as they are learned.
    fileprivate func constantLoss(_ labels: [Double]) -> Double {
        guard !labels.isEmpty else { return 0 }
        let count = Double(labels.count)
        let mean = labels.reduce(0, +) / count
        var logits: [Double]
        switch self {
        case .quantile(let level):
            logits = [labels.sorted()[min(labels.count - 1, Int(level * count))]]
        case .poisson, .tweedie: logits = [log(max(mean, .leastNormalMagnitude))]
        case .zeroInflatedLognormal:
            let logs = labels.filter { $0 > 0 }.map { log($0) }
            let share = Double(logs.count) / count
            let centre = logs.reduce(0, +) / max(1, Double(logs.count))
            let square = logs.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / max(1, Double(logs.count))
            let deviation = max(1e-3, square.squareRoot())
            // A share of 0 or 1 has a finite logit that does as well.
            let odds = max(share, 1e-12) / max(1 - share, 1e-12)
            logits = [log(odds), centre, log(expm1(deviation))]
        default: logits = [mean]
        }
        var values = labels
        var logitRows = labels.flatMap { _ in logits }
        return values.withUnsafeMutableBufferPointer { labels in
            logitRows.withUnsafeMutableBufferPointer { logits in
                guard let z = logits.baseAddress, let y = labels.baseAddress else { return 0 }
                return loss(
                    MatrixView(z, rows: labels.count, columns: outputs, stride: outputs), labels: y,
                    labelStride: 1, scale: 0, gradient: nil, level: 0) / count
            }
        }
    }
}

/// What the labels of prepared training rows are: whether there is anything to learn of them.
package struct LabelAudit: Sendable {
    /// The labels of one task.
    package struct One: Sendable {
        /// Rows with a label, and those that count in the loss.
        package fileprivate(set) var labelled = 0
        package fileprivate(set) var counted = 0
        /// The least and greatest of the labels that count.
        package fileprivate(set) var least = Double.infinity
        package fileprivate(set) var greatest = -Double.infinity
        package fileprivate(set) var sum = 0.0
        fileprivate var squares = 0.0
        /// The weights of the rows that count, and of those of each class (no and yes are two).
        fileprivate var weight = 0.0
        fileprivate var classes: [Int: Double] = [:]
        /// An even sample, and the label furthest from 0.
        package fileprivate(set) var sample: [Double] = []
        package fileprivate(set) var furthest = 0.0

        /// By the rows' weights.
        package var mean: Double { weight > 0 ? sum / weight : 0 }
        package var variance: Double { weight > 0 ? max(0, squares / weight) : 0 }

        /// The loss of the best constant, about, by the rows' weights where it is one of classes or squares: what learning nothing
        /// comes to, in the units that a task's losses are in.
        package func constantLoss(_ task: LearningTask) -> Double {
            let scale = task.labelScale
            switch task.kind {
            case .squaredError where !scale.isLogarithmic: return variance / scale.scale / scale.scale
            case .huber where !scale.isLogarithmic: return variance / scale.scale / scale.scale / 2
            case .binary, .multiclass, .ordinal:
                return classes.values.reduce(0) { sum, part in
                    let share = part / weight
                    return share > 0 ? sum - share * log(share) : sum
                }
            default: return task.kind.constantLoss(sample.map(scale.encode))
            }
        }
    }

    /// A later event of a funnel beside the one before it.
    private struct Later {
        let label: Int
        let parent: Int
        /// Rows where the earlier event did not happen, those of them that have the later label, and those where it is yes.
        var without = 0
        var labelled = 0
        var happened = 0
        /// Rows where it happened, and those of them that have the later label.
        var with = 0
        var labelledWith = 0

        init(label: Int, parent: Int) { (self.label, self.parent) = (label, parent) }

        mutating func add(_ values: UnsafePointer<Float>) {
            let (value, before) = (values[label], values[parent])
            switch before {
            case 0:
                without += 1
                if !value.isNaN { labelled += 1 }
                if value == 1 { happened += 1 }
            case 1:
                with += 1
                if !value.isNaN { labelledWith += 1 }
            default: break
            }
        }

        /// Whether rows without the earlier event have the later label far less often than rows with it.
        var isScarce: Bool {
            Double(labelled) * Double(with) < 0.1 * Double(labelledWith) * Double(without)
        }
    }

    /// In the order of the schema.
    package private(set) var labels: [One]
    private var later: [Later]
    private let schema: Schema

    /// Reads all labels of a cache, twice.
    ///
    /// - Parameter parents: per later event of a funnel that learns events of all rows the one before it.
    /// - Throws: `InputError` where the file is damaged.
    package init(_ cache: RowCache, _ schema: Schema, parents: [String: String] = [:]) throws(InputError) {
        self.schema = schema
        labels = [One](repeating: One(), count: schema.labels.count)
        later = schema.labels.enumerated().compactMap { place, label in
            schema.labels.firstIndex { $0.name == parents[label.name] }.map {
                Later(label: place, parent: $0)
            }
        }
        let width = schema.labels.count
        let every = max(1, cache.rowCount / 20_000)
        var row = 0
        try Self.forEach(cache) { values, weights in
            for label in 0..<width where !values[label].isNaN {
                labels[label].add(
                    Double(values[label]), weight: Double(weights[label]), isSampled: row % every == 0,
                    hasClasses: schema.labels[label].kind != .regression)
            }
            for place in later.indices { later[place].add(values) }
            row += 1
        }
        guard schema.labels.contains(where: { $0.kind == .regression }) else { return }
        let means = labels.map(\.mean)
        try Self.forEach(cache) { values, weights in
            for label in 0..<width where !values[label].isNaN && weights[label] > 0 {
                let distance = Double(values[label]) - means[label]
                labels[label].squares += Double(weights[label]) * distance * distance
            }
        }
    }

    private static func forEach(
        _ cache: RowCache, _ body: (UnsafePointer<Float>, UnsafePointer<Float>) -> Void
    ) throws(InputError) {
        let width = cache.layout.labels.count
        let perRow = cache.layout.weightCount
        var weights = [Float](repeating: 1, count: width)
        let memory = BlockMemory()
        defer { withExtendedLifetime(memory) {} }
        for block in cache.blocks.indices {
            let rows = try cache.rows(block, into: memory)
            weights.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                for row in 0..<rows.count {
                    if let given = rows.weights {
                        for label in 0..<width {
                            base[label] = given[row * perRow + (perRow > 1 ? label : 0)]
                        }
                    }
                    body(rows.labels + row * width, base)
                }
            }
        }
    }

    /// What nothing can be learned of, or another thing than the model says, by the place of the label in the schema.
    package var problems: [(label: Int, error: InputError)] { emptyLabels + conditionalLabels }

    /// Later events of a funnel that are only known where the earlier one happened: their likelihood among those rows would be taken
    /// for that among all.
    private var conditionalLabels: [(label: Int, error: InputError)] {
        later.filter { $0.without > 0 && $0.labelled == 0 }.map { one in
            let parent = schema.labels[one.parent].name
            return (
                one.label,
                InputError(
                    .value, at: "label \"\(schema.labels[one.label].name)\", training rows",
                    found: "none in \(Wording.count(one.without, "row")) where \"\(parent)\" is no",
                    expected: "no there too: a funnel learns the event of all rows")
            )
        }
    }

    /// Rows of a funnel that contradict it, and later events that are hardly known where the earlier one did not happen, told as notes.
    package var funnelNotes: [String] {
        later.flatMap { one in
            let (name, parent) = (schema.labels[one.label].name, schema.labels[one.parent].name)
            var notes: [String] = []
            if one.happened > 0 {
                notes.append(
                    "label \"\(name)\": yes in \(Wording.count(one.happened, "training row")) where \"\(parent)\" is no, which the model holds to be impossible"
                )
            }
            if one.isScarce, one.labelled > 0 {
                notes.append(
                    "label \"\(name)\": known in \(Wording.count(one.labelled)) of \(Wording.count(one.without, "training row")) where \"\(parent)\" is no, and in \(Wording.count(one.labelledWith)) of \(Wording.count(one.with)) where it is yes; what is learned of so few says that it is likelier among all rows than it is, and no there would say how rare it is"
                )
            }
            return notes
        }
    }

    private var emptyLabels: [(label: Int, error: InputError)] {
        zip(schema.labels, labels).enumerated().compactMap { place, pair in
            let (label, one) = pair
            func problem(_ found: String, _ expected: String) -> (Int, InputError) {
                (
                    place,
                    InputError(
                        .empty, at: "label \"\(label.name)\", training rows", found: found, expected: expected
                    )
                )
            }
            let advice = "; or leave the label out"
            guard one.labelled > 0 else {
                return problem("no labelled row", "at least one\(advice)")
            }
            guard one.counted > 0 else {
                return problem(
                    "\(Wording.count(one.labelled, "row")), all with weight 0",
                    "some with a larger weight\(advice)")
            }
            guard one.least < one.greatest else {
                let rows = Wording.count(one.counted, "row")
                switch label.kind {
                case .binary:
                    return problem(
                        "\(one.greatest > 0 ? "only yes" : "only no") in \(rows)", "yes and no\(advice)")
                case .multiclass: return problem("only one class in \(rows)", "at least two\(advice)")
                case .regression:
                    return problem(
                        "only \(Wording.number(one.greatest)) in \(rows)", "numbers that differ\(advice)")
                }
            }
            return nil
        }
    }

    /// Labels that are numbers far from all others, by the place of the label: how many times as far from 0 as 99 of 100.
    package var outliers: [(label: Int, value: Double, factor: Double)] {
        schema.labels.indices.compactMap { place in
            guard schema.labels[place].kind == .regression else { return nil }
            let one = labels[place]
            return Outlier.factor(one.furthest, sample: one.sample).map { (place, one.furthest, $0) }
        }
    }
}

extension LabelAudit.One {
    fileprivate mutating func add(_ value: Double, weight: Double, isSampled: Bool, hasClasses: Bool) {
        labelled += 1
        if isSampled { sample.append(value) }
        if value.magnitude > furthest.magnitude { furthest = value }
        guard weight > 0 else { return }
        counted += 1
        self.weight += weight
        sum += weight * value
        least = min(least, value)
        greatest = max(greatest, value)
        if hasClasses { classes[Int(value), default: 0] += weight }
    }
}
