import MTLEngine
import MTLTestSupport
import Testing

/// Bad input throws an error that names the place, what was found and what was expected.
@Suite struct InputErrorTests {
    private func failure(_ body: () throws(InputError) -> Void) -> String {
        MTLTestSupport.failure { try body() }?.description ?? "no error"
    }

    private func model(_ tasks: [LearningTask], inputs: Int = 2, trunk: [HiddenLayer] = [.relu(3)])
        throws(InputError)
    {
        _ = try MultiTaskModel(inputs: inputs, trunk: trunk, tasks: tasks)
    }

    private func data(_ labels: [Float] = [0, 1], name: String = "click") throws(InputError) -> Dataset<Float>
    {
        try Dataset(featureNames: ["a", "b"], features: [1, 2, 3, 4], labels: [(name, labels)])
    }

    private func trainer(
        _ task: LearningTask = .binary("click"), optimizer: Optimizer = .adam(), schedule: Schedule = .joint,
        batchSize: Int = 2, compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> Trainer<Float> {
        try Trainer(
            try MultiTaskModel(inputs: 2, trunk: [.relu(3)], tasks: [task]), optimizer: optimizer,
            schedule: schedule, batchSize: batchSize, compute: compute)
    }

    @Test func models() {
        #expect(
            failure { () throws(InputError) in try model([]) } == "tasks: found none, expected at least one")
        #expect(
            failure { () throws(InputError) in try model([.binary("a"), .regression("a")]) }
                == "task \"a\": found the name twice, expected names that differ")
        #expect(
            failure { () throws(InputError) in try model([.binary("a", weight: -0.1)]) }
                == "task \"a\": found weight -0.1, expected a finite weight, 0 or above")
        #expect(
            failure { () throws(InputError) in try model([.binary("a")], inputs: 0) }
                == "inputs: found 0, expected at least 1")
        #expect(
            failure { () throws(InputError) in try model([.binary("a")], trunk: [.relu(0)]) }
                == "trunk, layer 0: found 0 units, expected at least 1")
        #expect(
            failure { () throws(InputError) in try model([.multiclass("a", classes: 1)]) }
                == "task \"a\": found 1 classes, expected at least 2")
        #expect(
            failure { () throws(InputError) in try model([.regression("a", huberDelta: 0)]) }
                == "task \"a\": found delta 0.0, expected a finite delta above 0")
        #expect(
            failure { () throws(InputError) in try model([.binary("a", tower: [.relu(-1)])]) }
                == "task \"a\", tower, layer 0: found -1 units, expected at least 1")
    }

    @Test func datasets() {
        func dataset(_ names: [String], _ x: [Float], _ labels: [(name: String, values: [Float])]) -> String {
            failure { () throws(InputError) in
                _ = try Dataset(featureNames: names, features: x, labels: labels)
            }
        }
        #expect(dataset([], [], []) == "features: found no columns, expected at least one")
        #expect(dataset(["a"], [], []) == "dataset: found 0 rows, expected at least one")
        #expect(
            dataset(["a", "b"], [1, 2, 3], []) == "features: found 3 values, expected a multiple of 2 columns"
        )
        #expect(
            dataset(["a", "a"], [1, 2], [])
                == "feature \"a\": found the name twice, expected names that differ")
        #expect(dataset(["a"], [1], [("y", [1, 0])]) == "label \"y\": found 2 values, expected 1 rows")
        #expect(
            dataset(["a", "b"], [1, 2, 3, .infinity], [])
                == "row 1, feature \"b\": found inf, expected a finite number")
        #expect(
            dataset(["a"], [1, 2], [("y", [1, -.infinity])])
                == "row 1, label \"y\": found -inf, expected a finite number, or NaN for a missing label")
    }

    @Test func labels() throws {
        func fit(_ task: LearningTask, _ labels: [Float], name: String = "click") throws -> String {
            let trainer = try trainer(task)
            let data = try data(labels, name: name)
            return failure { () throws(InputError) in try trainer.fit(data) }
        }
        #expect(
            try fit(.binary("click"), [0, 2])
                == "task \"click\", row 1: found label 2.0, expected 0, 1 or NaN")
        #expect(
            try fit(.multiclass("click", classes: 3), [0, 3])
                == "task \"click\", row 1: found label 3.0, expected a class index from 0 to 2, or NaN")
        #expect(try fit(.multiclass("click", classes: 3), [0.5, 0]).contains("row 0: found label 0.5"))
        #expect(
            try fit(.binary("click"), [.nan, .nan])
                == "task \"click\": found no labelled row among 2, expected at least one")
        #expect(
            try fit(.binary("click"), [0, 1], name: "buy")
                == "task \"click\": found no label column of that name, expected one of buy")
    }

    @Test func batchesAndShapes() throws {
        let trainer = try trainer()
        let rows = try Dataset<Float>(
            featureNames: ["a", "b"], features: [1, 2, 3, 4, 5, 6], labels: [("click", [0, 1, 1])])
        let before = trainer.parameters
        #expect(
            failure { () throws(InputError) in try trainer.step(rows, rows: 0..<3) }
                == "batch: found 3 rows, expected at most 2, as planned")
        #expect(
            failure { () throws(InputError) in try trainer.step(rows, rows: 2..<4) }
                == "batch: found rows 2..<4, expected some of the 3 rows")
        #expect(
            failure { () throws(InputError) in try trainer.step(rows, rows: 1..<1) }.hasPrefix(
                "batch: found rows"))
        let narrow = try Dataset<Float>(featureNames: ["a"], features: [1, 2], labels: [("click", [0, 1])])
        #expect(
            failure { () throws(InputError) in try trainer.step(narrow, rows: 0..<2) }
                == "features: found 1 columns, expected 2, the model's inputs")
        #expect(
            failure { () throws(InputError) in _ = try trainer.predict(narrow) }
                == "features: found 1 columns, expected 2, the model's inputs")
        #expect(trainer.parameters == before)
        #expect(
            failure { () throws(InputError) in try trainer.setParameter("trunk.0.bias", to: [1]) }
                == "parameter \"trunk.0.bias\": found 1 values, expected [3]")
        #expect(
            failure { () throws(InputError) in _ = try trainer.parameter("x") }.hasPrefix(
                "parameter \"x\": found no"))
        let model = trainer.model
        #expect(
            failure { () throws(InputError) in _ = try Predictor<Float>(model, parameters: [1]) }
                == "parameters: found 1, expected \(model.layout.count)")
    }

    @Test func options() {
        func trainer(_ optimizer: Optimizer) -> String {
            failure { () throws(InputError) in _ = try self.trainer(optimizer: optimizer) }
        }
        #expect(trainer(.adam(learningRate: -1)).hasPrefix("optimizer, learning rate: found -1.0"))
        #expect(trainer(.adam(beta1: 1)).hasPrefix("optimizer, beta1"))
        #expect(trainer(.sgd(nesterov: true)).hasPrefix("optimizer, nesterov"))
        #expect(trainer(.adamW(weightDecay: .nan)).hasPrefix("optimizer, weight decay"))
        func options(_ body: () throws(InputError) -> Void) -> String { failure(body) }
        #expect(
            options { () throws(InputError) in _ = try self.trainer(batchSize: 0) }
                == "batch size: found 0, expected 1 to 16777216")
        #expect(
            options { () throws(InputError) in _ = try self.trainer(compute: ComputeOptions(threads: 0)) }
                .hasPrefix("threads: found 0"))
        #expect(
            options { () throws(InputError) in _ = try self.trainer(schedule: .alternating(.steps(0))) }
                == "schedule, steps per turn: found 0, expected at least 1")
        #expect(
            options { () throws(InputError) in
                try self.trainer().fit(try data(), until: StoppingRule(epochs: 0))
            } == "stopping rule, epochs: found 0, expected at least 1")
    }
}
