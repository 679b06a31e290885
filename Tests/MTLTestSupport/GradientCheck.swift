package import MTLEngine
package import Testing

/// Gradients against central differences, in Double.
package enum GradientCheck {
    /// The pass mark for ‖analytic - numeric‖ / max(‖analytic‖, ‖numeric‖).
    package static let tolerance = 1e-6

    /// The relative error of a gradient of `loss` at `point`.
    package static func relativeError(
        of analytic: [Double], at point: [Double], skips: Set<Int> = [], loss: ([Double]) throws -> Double
    ) rethrows -> Double {
        precondition(
            analytic.count == point.count, "\(analytic.count) gradients at \(point.count) parameters")
        let step = 1e-5
        var difference = 0.0
        var analyticSquare = 0.0
        var numericSquare = 0.0
        var moved = point
        for index in point.indices where !skips.contains(index) {
            moved[index] = point[index] + step
            let above = try loss(moved)
            moved[index] = point[index] - step
            let below = try loss(moved)
            moved[index] = point[index]
            let numeric = (above - below) / (2 * step)
            difference += (analytic[index] - numeric) * (analytic[index] - numeric)
            analyticSquare += analytic[index] * analytic[index]
            numericSquare += numeric * numeric
        }
        let scale = max(analyticSquare, numericSquare).squareRoot()
        return scale == 0 ? 0 : difference.squareRoot() / scale
    }

    /// Random rows for a model: of every feature, a label of every task where it exists and is not missing.
    package static func dataset(
        for model: MultiTaskModel, rows: Int, missing: Double = 0.3, seed: UInt64 = 7, weighted: Bool = false
    ) throws -> Dataset<Double> {
        var generator = SeededGenerator(seed: seed)
        var scenarioGenerator = SeededGenerator(seed: seed + 1)
        let scenarios = (0..<rows).map { _ in Int32(scenarioGenerator.below(model.scenarios)) }
        return try Dataset<Double>(
            featureNames: (0..<model.inputs).map { "x\($0)" },
            features: (0..<rows * model.inputs).map { _ in generator.normal() },
            ids: try model.embedded.map { try randomIDs($0, of: model, rows: rows, &generator) },
            labels: model.tasks.map { task in
                (
                    task.name,
                    (0..<rows).map { row in
                        let isMissing = row > 0 && generator.uniform() < missing
                        let label = randomLabel(task.kind, &generator)
                        return isMissing || !task.exists(in: Int(scenarios[row])) ? .nan : label
                    }
                )
            }
                + model.tasks.compactMap { task in
                    task.teacher.map { teacher in
                        (
                            teacher.column,
                            (0..<rows).map { row in
                                let isMissing =
                                    row % 3 == 1 || !task.exists(in: Int(scenarios[row]))
                                return isMissing ? .nan : generator.uniform()
                            }
                        )
                    }
                }, weights: weighted ? (0..<rows).map { Double($0 % 4) / 2 } : nil,
            scenarios: scenarios,
            // Neighbours, some of no group.
            groups: (0..<rows).map { $0 % 11 == 4 ? -1 : Int32($0 / 5) })
    }

    /// The relative error of a model's own backward pass on random rows.
    package static func relativeError(
        of model: MultiTaskModel, rows: Int, missing: Double, compute: ComputeOptions, seed: UInt64 = 7,
        gathered: Bool = false, weighted: Bool = false, skips: (String) -> Bool = { _ in false }
    ) throws -> Double {
        let dataset = try dataset(for: model, rows: rows, missing: missing, seed: seed, weighted: weighted)
        let trainer = try Trainer<Double>(model, batchSize: rows, seed: seed, compute: compute)
        let source = try BatchSource(dataset, for: model)
        let order = (0..<Int32(rows)).reversed().map { $0 }
        func weightedLoss() -> Double {
            order.withUnsafeBufferPointer { indices in
                let batch = source.batch(gathered ? indices.baseAddress : nil, start: 0, rows: rows)
                trainer.trainingStep.step(batch, updates: false)
            }
            let penalties = trainer.trainingStep.penalties
            return zip(model.tasks, trainer.trainingStep.losses).reduce(penalties) {
                $0 + $1.0.weight * $1.1
            }
        }
        let point = trainer.parameters
        _ = weightedLoss()
        var analytic = [Double](repeating: 0, count: point.count)
        for segment in model.layout.segments {
            analytic.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                try? model.layout.write(trainer.trainingStep.gradient(segment), to: segment, of: base)
            }
        }
        // What no optimiser changes may well change the loss (a covariance, a fixed map), and what lies behind a stopped
        // edge has a gradient that differences do not show.
        let checked = Set(
            model.layout.segments.filter { $0.isTrained && !skips($0.name) }
                .flatMap { $0.offset..<$0.offset + $0.count })
        return relativeError(of: analytic, at: point, skips: Set(point.indices).subtracting(checked)) {
            parameters in
            trainer.parameters = parameters
            return weightedLoss()
        }
    }

    /// Expects the relative error below the pass mark.
    package static func expectAgreement(
        of model: MultiTaskModel, rows: Int, missing: Double = 0.3, compute: ComputeOptions,
        gathered: Bool = false, weighted: Bool = false, tolerance: Double = tolerance,
        skips: (String) -> Bool = { _ in false }, _ what: String = "",
        _ place: SourceLocation = #_sourceLocation
    ) throws {
        let error = try relativeError(
            of: model, rows: rows, missing: missing, compute: compute, gathered: gathered,
            weighted: weighted, skips: skips)
        #expect(error < tolerance, "\(what), \(rows) rows, \(compute)", sourceLocation: place)
    }

    /// Every kind of loss, over towers and without.
    package static let tasks: [LearningTask] = [
        .binary("a", weight: 0.7, tower: [.dense(5, .tanh)]), .regression("b", weight: 1.3),
        .multiclass("c", classes: 3, weight: 0.4, tower: [.dense(5, .gelu)]),
        .regression("d", huberDelta: 0.5, weight: 0.9, tower: [.dense(5, .tanh)]),
    ]

    /// An architecture with and without tables, with every way of computing.
    package static func check(
        _ architecture: some Architecture, tasks: [LearningTask] = tasks, scenarios: Int = 1,
        inputs: Int = 6, rows: [Int] = [1, 37], computes: [ComputeOptions] = ComputeOptions.various,
        tolerance: Double = tolerance, _ place: SourceLocation = #_sourceLocation
    ) throws {
        for isEmbedded in [false, true] {
            let model = try MultiTaskModel(
                inputs: inputs, embedded: isEmbedded ? SmallProblem.embedded : [],
                tables: isEmbedded ? SmallProblem.tables : [], scenarios: scenarios,
                architecture: architecture, tasks: tasks)
            for (number, compute) in computes.enumerated() where isEmbedded || number == 0 {
                // The smallest batch once; one of several shards and tiles with two threads.
                let last = rows[rows.count - 1]
                let some = number == 0 ? rows : compute.threads > 1 && isEmbedded ? [150] : [last]
                for count in some {
                    try expectAgreement(
                        of: model, rows: count, compute: compute, gathered: number % 2 == 1,
                        weighted: count == 37 && number == 0, tolerance: tolerance,
                        "embedded \(isEmbedded)", place)
                }
            }
        }
    }

    private static func randomIDs(
        _ feature: EmbeddedFeature, of model: MultiTaskModel, rows: Int, _ generator: inout SeededGenerator
    ) throws -> IDColumn<Double> {
        let size = model.tables.first { $0.name == feature.table }?.rows ?? 1
        func id() -> Int32 { Int32(generator.below(size)) }
        guard feature.pooling != .single else {
            return try IDColumn(feature.name, ids: (0..<rows).map { _ in id() })
        }
        if feature.pooling == .positions {
            // As many in a row of every sequence, which may be of the same behaviours.
            var counts = SeededGenerator(seed: 77)
            let bags = (0..<rows).map { _ in (0..<counts.below(feature.maximumCount + 1)).map { _ in id() } }
            return try IDColumn(feature.name, bags: bags)
        }
        let bags = (0..<rows).map { _ in (0..<generator.below(feature.maximumCount + 1)).map { _ in id() } }
        return try IDColumn(
            feature.name, bags: bags, weights: bags.map { $0.map { _ in 0.5 + generator.uniform() } })
    }

    private static func randomLabel(_ kind: LearningTask.Kind, _ generator: inout SeededGenerator) -> Double {
        switch kind {
        case .binary: generator.uniform() < 0.4 ? 1 : 0
        case .multiclass(let classes), .ordinal(let classes):
            (generator.uniform() * Double(classes)).rounded(.towardZero)
        case .squaredError, .huber, .quantile: generator.normal()
        case .poisson: Double(generator.below(5))
        case .tweedie, .zeroInflatedLognormal: generator.uniform() < 0.4 ? 0 : 4 * generator.uniform()
        }
    }
}
