import MTLEngine
import MTLTestSupport
import Testing

/// Packed ensembles of every architecture: gradients, and what k networks that share say of each other.
@Suite struct EnsembleTests {
    typealias Case = EnsembleArchitectures.Case
    private static let members = 3

    /// Rows for a case's tasks, some labels missing.
    private func data(_ one: Case, _ model: MultiTaskModel, rows: Int) throws -> Dataset<Double> {
        var generator = SeededGenerator(seed: 21)
        let x = (0..<rows * 6).map { _ in generator.normal() }
        let ids = (0..<rows).map { _ in Int32(generator.below(9)) }
        let bags = (0..<rows).map { _ in (0..<generator.below(5)).map { _ in Int32(generator.below(7)) } }
        return try Dataset(
            featureNames: (0..<6).map { "x\($0)" }, features: x,
            ids: one.isEmbedded
                ? [try IDColumn("user", ids: ids), try IDColumn("history", bags: bags)] : [],
            labels: model.tasks.enumerated().map { index, task in
                (
                    task.name,
                    (0..<rows).map { row in
                        guard (row + 2 * index) % 7 != 0 else { return .nan }
                        let value = x[row * 6 + index]
                        return switch task.kind {
                        case .binary: value > 0 ? 1 : 0
                        case .multiclass(let classes), .ordinal(let classes): Double(row % classes)
                        case .squaredError where task.labelScale.isLogarithmic: abs(value)
                        case .squaredError, .huber, .quantile: value
                        case .poisson, .tweedie, .zeroInflatedLognormal: max(0, value)
                        }
                    }
                )
            }, scenarios: (0..<rows).map { Int32(SmallProblem.scenario($0, of: one.scenarios)) })
    }

    // MARK: Gradients

    @Test(arguments: EnsembleArchitectures.differentiable) func gradients(index: Int) throws {
        let one = EnsembleArchitectures.all[index]
        let model = try one.model(ensemble: Self.members)
        // A batch of one tile, and one of several shards on two threads.
        for (rows, compute) in [(23, ComputeOptions(threads: 1)), (90, ComputeOptions(threads: 2))] {
            try GradientCheck.expectAgreement(
                of: model, rows: rows, compute: compute, gathered: rows == 90, weighted: rows == 23,
                skips: { name in one.skips.contains { name.hasPrefix($0) } }, one.name)
        }
    }

    // MARK: Members

    /// What the first member's parameter is called of another.
    private static func name(_ first: String, of member: Int) -> String {
        first.replacing("members.0", with: "members.\(member)")
            .replacing("ensemble.0.", with: "ensemble.\(member).")
    }

    /// The parameters of one member as a vector of an ensemble of one.
    private func alone(_ member: Int, of trainer: Trainer<Double>, _ single: Trainer<Double>) throws {
        for segment in single.model.layout.segments {
            let name = Self.name(segment.name, of: member)
            try single.setParameter(segment.name, to: trainer.parameter(name))
        }
    }

    private func trainer(_ model: MultiTaskModel, rows: Int = 60, seed: UInt64 = 3) throws -> Trainer<Double>
    {
        try Trainer(model, batchSize: rows, seed: seed, compute: ComputeOptions(threads: 2))
    }

    /// Predictions are the mean of the members', spreads their distance from it, and the step's losses and gradients the means of
    /// the steps that each member would take alone.
    @Test(arguments: EnsembleArchitectures.all.indices) func membersAreNetworks(index: Int) throws {
        let one = EnsembleArchitectures.all[index]
        let trainer = try trainer(one.model(ensemble: Self.members))
        let single = try self.trainer(one.model(ensemble: 1))
        let data = try data(one, trainer.model, rows: 60)
        // Moving statistics in prediction are those of no step.
        let together = try Predictor(trainer.model, parameters: trainer.parameters)
        let (answers, spreads) = try together.predictWithSpread(data)
        let source = try BatchSource(data, for: trainer.model)
        trainer.trainingStep.step(source.batch(start: 0, rows: 60), updates: false)
        var predictions: [[[Double]]] = []
        var losses = [Double](repeating: 0, count: one.tasks.count)
        var gradients: [String: [Double]] = [:]
        for member in 0..<Self.members {
            try alone(member, of: trainer, single)
            predictions.append(
                try one.tasks.map { task in
                    try Predictor(single.model, parameters: single.parameters).predict(data).values(task.name)
                })
            single.trainingStep.step(source.batch(start: 0, rows: 60), updates: false)
            for task in one.tasks.indices {
                losses[task] += single.trainingStep.losses[task] / Double(Self.members)
            }
            for segment in single.model.layout.segments where segment.isTrained {
                let name = Self.name(segment.name, of: member)
                let own = single.trainingStep.gradient(segment).map { $0 / Double(Self.members) }
                gradients[name] = gradients[name].map { zip($0, own).map(+) } ?? own
            }
        }
        for (index, task) in one.tasks.enumerated() {
            let (found, spread) = (try answers.values(task.name), try spreads.values(task.name))
            for place in found.indices {
                let own = predictions.map { $0[index][place] }
                let mean = own.reduce(0, +) / Double(own.count)
                let variance = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(own.count)
                #expect(abs(found[place] - mean) < 1e-12, "\(one.name), \(task.name)")
                #expect(abs(spread[place] - variance.squareRoot()) < 1e-9, "\(one.name), \(task.name)")
            }
            #expect(spread.contains { $0 > 1e-4 }, "\(one.name), \(task.name)")
        }
        // Masks are drawn for each member.
        guard !["snr", "dropout, layer norms"].contains(one.name) else { return }
        expectClose(Array(trainer.trainingStep.losses), losses, relative: 1e-12, absolute: 1e-13, one.name)
        for segment in trainer.model.layout.segments where segment.isTrained {
            expectClose(
                trainer.trainingStep.gradient(segment), try #require(gradients[segment.name]),
                relative: 1e-10, absolute: 1e-13, "\(one.name), \(segment.name)")
        }
    }

    /// All that a scenario has of its own is told, of every member.
    @Test(arguments: EnsembleArchitectures.all.indices) func scenariosOwnTheirsOfEveryMember(index: Int)
        throws
    {
        let plan = try EnsembleArchitectures.all[index].model(ensemble: Self.members).plan
        for (range, scenario) in plan.owned {
            let told = plan.ownRanges(of: scenario).compactMap { $0 }
            #expect(
                range.allSatisfy { place in told.contains { $0.contains(place) } },
                "\(EnsembleArchitectures.all[index].name), \(range) of \(scenario)")
        }
    }

    /// Members far below what a logarithm tells apart predict -1, and their mean has a loss.
    @Test func aLogarithmsMeanIsFinite() throws {
        let task = LearningTask(
            "a", kind: .squaredError, labelScale: LabelScale(shift: 0, scale: 1, isLogarithmic: true))
        for bias in [-60.0, 800] {
            let trainer = try Trainer<Double>(
                MultiTaskModel(inputs: 1, trunk: [], tasks: [task], ensemble: 2), batchSize: 2)
            for segment in trainer.model.layout.segments where segment.name.hasSuffix("bias") {
                try trainer.setParameter(segment.name, to: [bias])
            }
            let data = try Dataset<Double>(featureNames: ["x"], features: [1, 2], labels: [("a", [1, 0])])
            #expect(try trainer.losses(data)[0].isFinite, "\(bias)")
        }
    }

    /// One member whose factors are 1 and stay it is the model without.
    @Test(arguments: EnsembleArchitectures.all.indices) func oneMemberIsTheModel(index: Int) throws {
        let one = EnsembleArchitectures.all[index]
        let rates = LayerRates(["ensemble.*": 0])
        func trainer(_ ensemble: Int?) throws -> Trainer<Double> {
            try Trainer(
                one.model(ensemble: ensemble), optimizer: .adam(learningRate: 1e-2),
                layerRates: ensemble == nil ? LayerRates() : rates, batchSize: 60, seed: 3)
        }
        let (plain, single) = (try trainer(nil), try trainer(1))
        for segment in single.model.layout.segments {
            try single.setParameter(
                segment.name,
                to: segment.name.hasSuffix(".scale")
                    ? [Double](repeating: 1, count: segment.count)
                    : plain.parameter(segment.name.replacing(".members.0", with: "")))
        }
        let data = try data(one, plain.model, rows: 60)
        for _ in 0..<4 {
            let found = try single.step(data, rows: 0..<60)
            expectClose(
                found, try plain.step(data, rows: 0..<60), relative: 1e-9, absolute: 1e-10, one.name)
        }
        let (answers, expected) = (try single.predict(data), try plain.predict(data))
        for task in one.tasks {
            expectClose(
                try answers.values(task.name), try expected.values(task.name), relative: 1e-7,
                absolute: 1e-8, "\(one.name), \(task.name)")
        }
    }

    /// Members begin apart: signs where all features are numbers, one factor for all columns of an embedded feature.
    @Test func factorsBeginAsThePaperHasThem() throws {
        func factors(_ index: Int) throws -> [[Double]] {
            let one = EnsembleArchitectures.all[index]
            let trainer = try trainer(one.model(ensemble: 20))
            return try (0..<20).map { try trainer.parameter("ensemble.\($0).scale") }
        }
        let signs = try factors(1)
        #expect(signs.joined().allSatisfy { abs($0) == 1 })
        #expect(Set(signs).count > 15)
        #expect((30...90).contains(signs.joined().count { $0 == 1 }))
        let drawn = try factors(0)
        for own in drawn {
            // Six numbers, then three columns of a user and five of the history.
            #expect(Set(own[6..<9]).count == 1 && Set(own[9..<14]).count == 1)
            #expect(Set(own).count == 8)
        }
    }

    // MARK: Training

    /// The loss that is reported falls, and the mean of the members is better than they are on the average.
    @Test func aMeanIsBetterThanItsMembers() throws {
        let model = try MultiTaskModel(
            inputs: 6, trunk: [.relu(32), .relu(16)], tasks: SmallProblem.tasks, ensemble: 8)
        let data = try SmallProblem.data(Double.self, rows: 600)
        let trainer = try Trainer<Double>(
            model, optimizer: .adam(learningRate: 1e-3), batchSize: 60, seed: 3)
        let report = try trainer.fit(data, until: StoppingRule(epochs: 8, patience: nil))
        let losses = report.epochs.map { $0.trainingLosses.reduce(0, +) }
        #expect(losses[7] < losses[0])
        let source = try BatchSource(data, for: model)
        let ofMean = trainer.inference.losses(source)
        let single = try self.trainer(
            MultiTaskModel(inputs: 6, trunk: [.relu(32), .relu(16)], tasks: SmallProblem.tasks, ensemble: 1))
        var ofMembers = [0.0, 0, 0]
        for member in 0..<8 {
            try alone(member, of: trainer, single)
            for (task, loss) in single.inference.losses(source).enumerated() {
                ofMembers[task] += loss / 8
            }
        }
        for task in 0..<3 { #expect(ofMean[task] < ofMembers[task]) }
    }

    /// Members take the place of each other: what is more is their parameters, and in prediction the sums of their answers.
    @Test func membersTakeLittleMemory() throws {
        func model(_ ensemble: Int?) throws -> MultiTaskModel {
            try MultiTaskModel(
                inputs: 40, trunk: [.relu(128), .relu(64)], tasks: SmallProblem.tasks, ensemble: ensemble)
        }
        func training(_ ensemble: Int?) throws -> Double {
            try MemoryNeed(
                training: model(ensemble), batch: 1024, workers: 2, stateVectors: 2, sets: 1, scalarBytes: 4
            ).bytes
        }
        #expect(try training(16) < 1.5 * training(nil))
        let predicting = try MemoryNeed(predicting: model(16), workers: 2, scalarBytes: 4)
        #expect(predicting.parts.contains { $0.place == "ensemble" })
    }

    @Test func refusals() throws {
        for one in EnsembleArchitectures.refused {
            _ = try one.case.model(ensemble: nil)
            let error = failure { _ = try one.case.model(ensemble: 4) }
            #expect(error?.place == "ensemble", "\(one.name)")
            #expect(error?.found.contains(one.says) ?? false, "\(one.name): \(error?.description ?? "none")")
        }
        for count in [0, -1, 1025, 1_000_000_000, Int.max] {
            let error = failure { _ = try EnsembleArchitectures.all[0].model(ensemble: count) }
            #expect(error?.place == "ensemble" && error?.found == "\(count)")
        }
    }

    /// Answers of a model of one have no spread to speak of.
    @Test func aSpreadTakesMembers() throws {
        let model = try EnsembleArchitectures.all[1].model(ensemble: nil)
        let trainer = try trainer(model)
        let data = try data(EnsembleArchitectures.all[1], model, rows: 20)
        let one = try Predictor(model, parameters: trainer.parameters)
        #expect(failure { _ = try one.predictWithSpread(data) }?.place == "spread")
    }
}
