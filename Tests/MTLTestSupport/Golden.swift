import Foundation
package import MTLEngine
package import Testing

/// A model's numbers in another library, as a fixture has them: rows ("x", "ids/NAME", "labels", "scenarios"), the
/// parameters before training, and logits, losses, penalty and gradients of the first batch; after some steps the
/// losses of each, the parameters ("final/NAME") and the logits of all rows ("answers/NAME").
package struct Golden {
    /// |found - expected| ≤ relative · |expected| + absolute.
    package struct Tolerance {
        package var relative, absolute: Double

        package init(relative: Double, absolute: Double) {
            (self.relative, self.absolute) = (relative, absolute)
        }

        package func times(_ factor: Double) -> Tolerance {
            Tolerance(relative: factor * relative, absolute: factor * absolute)
        }
    }

    /// How a model is trained on it.
    package struct Run {
        var optimizer: Optimizer
        /// Rows in a batch; all where it is nil.
        var batch: Int?
        var steps: Int
        /// False where the golden holds the logits of training and the model answers otherwise in prediction.
        var comparesLogits: Bool
        var computes: [ComputeOptions]

        package init(
            _ optimizer: Optimizer = .adam(), batch: Int? = nil, steps: Int = 1, comparesLogits: Bool = true,
            computes: [ComputeOptions]
        ) {
            (self.optimizer, self.batch, self.steps) = (optimizer, batch, steps)
            (self.comparesLogits, self.computes) = (comparesLogits, computes)
        }
    }

    package let name: String
    package let tensors: Safetensors
    private let place: SourceLocation

    package init(
        _ name: String, beside file: String = #filePath, _ place: SourceLocation = #_sourceLocation
    ) throws {
        let data = try Data(contentsOf: fixture(name + ".safetensors", beside: file))
        self.init(name, try Safetensors(data), place)
    }

    private init(_ name: String, _ tensors: Safetensors, _ place: SourceLocation) {
        (self.name, self.tensors, self.place) = (name, tensors, place)
    }

    /// The golden with one expected value moved.
    package func moved(_ tensor: String, by distance: Double) throws -> Golden {
        Golden(name, try tensors.moved(tensor, by: distance), place)
    }

    // MARK: Rows

    /// All rows, each number rounded to the scalar.
    package func dataset<Scalar: BLASScalar>(
        _: Scalar.Type, for model: MultiTaskModel
    ) throws -> Dataset<Scalar> {
        let labels = try tensors.values("labels")
        let (tasks, rows) = (model.tasks.count, labels.count / model.tasks.count)
        return try Dataset(
            featureNames: (0..<model.inputs).map { "x\($0)" },
            features: model.inputs > 0 ? try tensors.values("x").map { Scalar($0) } : [],
            ids: try model.embedded.map { try ids($0, rows: rows) },
            labels: model.tasks.enumerated().map { index, task in
                (task.name, (0..<rows).map { Scalar(labels[$0 * tasks + index]) })
            },
            scenarios: tensors.has("scenarios") ? try tensors.values("scenarios").map { Int32($0) } : nil,
            groups: tensors.has("groups") ? try tensors.values("groups").map { Int32($0) } : nil)
    }

    /// One id a row as "ids/NAME" `[rows]`; bags one behind the other with their "offsets/NAME" `[rows + 1]`, or as
    /// `[rows, most]` with -1 behind their last.
    private func ids<Scalar: BLASScalar>(
        _ feature: EmbeddedFeature, rows: Int
    ) throws -> IDColumn<Scalar> {
        let ids = try tensors.values("ids/" + feature.name).map { Int32($0) }
        guard feature.pooling != .single else { return try IDColumn(feature.name, ids: ids) }
        guard tensors.has("offsets/" + feature.name) else {
            let most = ids.count / rows
            return try IDColumn(
                feature.name,
                bags: (0..<rows).map { row in ids[row * most..<(row + 1) * most].filter { $0 >= 0 } })
        }
        let offsets = try tensors.values("offsets/" + feature.name).map { Int($0) }
        func bags<Element>(_ values: [Element]) -> [[Element]] {
            zip(offsets, offsets.dropFirst()).map { Array(values[$0..<$1]) }
        }
        let weights = "weights/" + feature.name
        return try IDColumn(
            feature.name, bags: bags(ids),
            weights: tensors.has(weights) ? bags(try tensors.values(weights).map { Scalar($0) }) : nil)
    }

    // MARK: What is compared

    /// Trains with every way of computing, and compares whatever the file holds.
    package func check<Scalar: BLASScalar>(
        _ model: MultiTaskModel, _: Scalar.Type, _ tolerance: Tolerance, _ run: Run
    ) throws {
        let dataset = try dataset(Scalar.self, for: model)
        for compute in run.computes {
            let trainer = try Trainer<Scalar>(
                model, optimizer: run.optimizer, batchSize: run.batch ?? dataset.rowCount, compute: compute)
            try begin(trainer)
            if run.comparesLogits { try checkLogits(trainer, dataset, tolerance, compute) }
            let losses = try trainer.step(dataset, rows: 0..<trainer.batchSize)
            try checkStep(trainer, losses, tolerance)
            guard run.steps > 1 else { continue }
            // Adam divides by gradients' size: what a gradient near 0 lost is seen in its step.
            try train(trainer, dataset, steps: 1..<run.steps)
            try checkEnd(trainer, tolerance.times(100))
            let answers = try Predictor(model, parameters: trainer.parameters, compute: compute).logits(
                dataset)
            for task in model.tasks {
                let name = "answers/" + task.name
                compare(try answers.values(task.name), try tensors.values(name), tolerance.times(100), name)
            }
        }
    }

    /// Gives a trainer the parameters before training; the file has all of them.
    package func begin<Scalar: BLASScalar>(_ trainer: Trainer<Scalar>) throws {
        let names = tensors.names(under: "initial")
        let segments = trainer.model.layout.segments
        #expect(Set(names) == Set(segments.map(\.name)), "\(name)", sourceLocation: place)
        for name in names {
            try trainer.setParameter(name, to: tensors.values("initial/" + name).map { Scalar($0) })
        }
    }

    /// The first batch's logits, before a step is taken.
    package func checkLogits<Scalar: BLASScalar>(
        _ trainer: Trainer<Scalar>, _ dataset: Dataset<Scalar>, _ tolerance: Tolerance,
        _ compute: ComputeOptions, suffix: String = ""
    ) throws {
        let logits = try Predictor(trainer.model, parameters: trainer.parameters, compute: compute).logits(
            dataset)
        for task in trainer.model.tasks {
            let name = "logits\(suffix)/" + task.name
            let found = try logits.values(task.name).prefix(trainer.batchSize * task.kind.outputs)
            compare(Array(found), try tensors.values(name), tolerance, name)
        }
    }

    /// What the first step gives: the tasks' losses, the penalty and the gradient of all that is trained.
    package func checkStep<Scalar: BLASScalar>(
        _ trainer: Trainer<Scalar>, _ losses: [Double], _ tolerance: Tolerance, suffix: String = ""
    ) throws {
        compare(losses, try tensors.values("task_losses" + suffix), tolerance, "task_losses" + suffix)
        let penalty = tensors.has("penalty") ? try tensors.values("penalty") : [0]
        compare([trainer.trainingStep.penalties], penalty, tolerance, "penalty")
        let names = tensors.names(under: "gradient" + suffix)
        let trained = trainer.model.layout.segments.filter(\.isTrained).map(\.name)
        #expect(Set(trained).isSubset(of: names), "\(name)", sourceLocation: place)
        for name in names {
            let key = "gradient\(suffix)/" + name
            compare(try trainer.gradient(name), try tensors.values(key), tolerance, key)
        }
    }

    /// Takes steps, over and over the batches, and compares their losses where there is a tolerance for them.
    package func train<Scalar: BLASScalar>(
        _ trainer: Trainer<Scalar>, _ dataset: Dataset<Scalar>, steps: Range<Int>,
        _ tolerance: Tolerance? = nil
    ) throws {
        let (batch, tasks) = (trainer.batchSize, trainer.model.tasks.count)
        for step in steps {
            let start = step % (dataset.rowCount / batch) * batch
            let losses = try trainer.step(dataset, rows: start..<start + batch)
            guard let tolerance else { continue }
            let expected = try tensors.values("step_losses")[step * tasks..<(step + 1) * tasks]
            // PyTorch's loop writes 0 for a batch without a label of the task.
            compare(
                losses.map { $0.isNaN ? 0 : $0 }, Array(expected), tolerance, "step_losses, step \(step)")
        }
    }

    /// Every parameter and every moving statistic after the last step.
    package func checkEnd<Scalar: BLASScalar>(_ trainer: Trainer<Scalar>, _ tolerance: Tolerance) throws {
        let names = tensors.names(under: "final")
        let segments = trainer.model.layout.segments.map(\.name)
        #expect(Set(names) == Set(segments), "\(name)", sourceLocation: place)
        for name in names {
            compare(
                try trainer.parameter(name), try tensors.values("final/" + name), tolerance, "final/" + name)
        }
    }

    private func compare<Scalar: BLASScalar>(
        _ found: [Scalar], _ expected: [Double], _ tolerance: Tolerance, _ what: String
    ) {
        #expect(expected.allSatisfy { $0.isFinite }, "\(name), \(what)", sourceLocation: place)
        expectClose(
            found, expected, relative: tolerance.relative, absolute: tolerance.absolute,
            "\(name), \(Scalar.self), \(what)", place)
    }
}
