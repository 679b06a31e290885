import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What a file may say of rates, of the tables' optimiser, of averages and of smoothed labels.
@Suite struct TrainingSettingsTests {
    private func settings(_ text: String) throws -> TrainingSettings {
        try JSONDecoder().decode(TrainingSettings.self, from: Data(text.utf8))
    }

    private func refusal(_ text: String) -> InputError? {
        failure { try settings(text).check() }
    }

    @Test func ratesAreReadAndWritten() throws {
        let cases: [(String, RateSchedule)] = [
            (#"{"type": "constant", "warmup": 9}"#, .constant(warmup: 9)),
            (#"{"type": "exponential", "gamma": 0.9}"#, .exponential(gamma: 0.9)),
            (
                #"{"type": "exponential", "gamma": 0.9, "every": 5, "staircase": true, "warmup": 2}"#,
                .exponential(gamma: 0.9, every: 5, isStaircase: true, warmup: 2)
            ),
            (#"{"type": "step", "every": 7}"#, .step(every: 7)),
            (
                #"{"type": "step", "milestones": [3, 8], "gamma": 0.5, "warmup": 1}"#,
                .step(milestones: [3, 8], gamma: 0.5, warmup: 1)
            ),
            (#"{"type": "cosine"}"#, .cosine()),
            (#"{"type": "cosine", "floor": 0.1, "warmup": 500}"#, .cosine(floor: 0.1, warmup: 500)),
            (#"{"type": "linear", "floor": 0.2}"#, .linear(floor: 0.2)),
            (#"{"type": "one_cycle"}"#, .oneCycle()),
            (
                #"{"type": "one_cycle", "rise": 0.2, "divisor": 10, "final_divisor": 100, "warmup": 3}"#,
                .oneCycle(rise: 0.2, divisor: 10, finalDivisor: 100, warmup: 3)
            ),
            (#"{"type": "plateau"}"#, .plateau()),
            (
                #"{"type": "plateau", "factor": 0.5, "patience": 1, "threshold": 0, "floor": 0.1, "warmup": 4}"#,
                .plateau(PlateauState(factor: 0.5, patience: 1, threshold: 0, floor: 0.1), warmup: 4)
            ),
        ]
        for (text, expected) in cases {
            let read = try settings(#"{"rate_schedule": \#(text)}"#)
            try read.check()
            #expect(try read.rateSchedule?.schedule() == expected, "\(text)")
            let again = try JSONDecoder().decode(TrainingSettings.self, from: JSONEncoder().encode(read))
            #expect(again == read, "\(text)")
        }
        #expect(try settings("{}").rateSchedule == nil)
    }

    @Test func rulesOfTablesAreReadAndWritten() throws {
        let cases: [(String, Optimizer)] = [
            (#"{"type": "sgd"}"#, .sgd()), (#"{"type": "adagrad"}"#, .adagrad()),
            (
                #"{"type": "adagrad", "learning_rate": 0.05, "epsilon": 0.1}"#,
                .adagrad(learningRate: 0.05, epsilon: 0.1)
            ),
            (#"{"type": "row_adagrad"}"#, .rowAdagrad()), (#"{"type": "adam"}"#, .adam()),
            (
                #"{"type": "row_adagrad", "learning_rate": 0.05, "epsilon": 0.1}"#,
                .rowAdagrad(learningRate: 0.05, epsilon: 0.1)
            ),
            (
                #"{"type": "adam", "learning_rate": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.1}"#,
                .adam(learningRate: 0.05, beta1: 0.8, beta2: 0.9, epsilon: 0.1)
            ),
            (#"{"type": "ftrl"}"#, .ftrl()),
            (
                #"{"type": "ftrl", "alpha": 0.1, "beta": 0.5, "l1": 0.2, "l2": 0.3}"#,
                .ftrl(alpha: 0.1, beta: 0.5, l1: 0.2, l2: 0.3)
            ),
        ]
        for (text, expected) in cases {
            let read = try settings(#"{"table_optimizer": \#(text), "embedding_l2": 0.01}"#)
            try read.check()
            #expect(try read.tableRule() == expected.withRowDecay(0.01), "\(text)")
            let again = try JSONDecoder().decode(TrainingSettings.self, from: JSONEncoder().encode(read))
            #expect(again == read, "\(text)")
        }
        // The layers' rule, without the decay that is theirs.
        let shared = try settings(#"{"optimizer": "adamw", "weight_decay": 0.1, "embedding_l2": 0.01}"#)
        #expect(try shared.tableRule() == .adamW(weightDecay: 0).withRowDecay(0.01))
        #expect(try settings(#"{"weight_decay": 0.1}"#).tableRule() == nil)
    }

    @Test func trainersGetWhatTheFileSays() throws {
        let tables = try MultiTaskModel(
            inputs: 1, embedded: [.single("item")], tables: [EmbeddingTable("item", rows: 3, dimension: 2)],
            trunk: [], tasks: [.binary("a")])
        let plain = try MultiTaskModel(inputs: 1, trunk: [], tasks: [.binary("a")])
        let own = try settings(
            #"{"table_optimizer": {"type": "sgd", "learning_rate": 1}, "embedding_l2": 2, "averaging": 0.5}"#)
        let trainer = try own.trainer(tables, seed: 1)
        #expect(trainer.averagedParameters == trainer.parameters)
        // e - (0 + 2 e) = -e: the gradient is 0 without a difference between label and logit.
        let name = "embeddings.item.weight"
        try trainer.setParameter("heads.a.0.weight", to: [0, 0, 0])
        let before = try trainer.parameter(name)
        let data = try Dataset<Float>(
            featureNames: ["x"], features: [1], ids: [IDColumn("item", ids: [1])], labels: [("a", [1])])
        try trainer.step(data, rows: 0..<1)
        let after = try trainer.parameter(name)
        #expect(after == [before[0], before[1], -before[2], -before[3], before[4], before[5]])

        #expect(try settings("{}").trainer(plain, seed: 1).averagedParameters != nil)
        #expect(try settings(#"{"averaging": 0}"#).trainer(plain, seed: 1).averagedParameters == nil)
        #expect(failure { _ = try own.trainer(plain, seed: 1) }?.place == "training, table_optimizer")
        let decayed = try settings(#"{"embedding_l2": 2}"#)
        #expect(failure { _ = try decayed.trainer(plain, seed: 1) }?.place == "training, embedding_l2")
    }

    @Test func wrongSettingsAreNamed() {
        for (text, place) in [
            (#"{"rate_schedule": {"type": "cosin"}}"#, "training, rate_schedule, type"),
            (#"{"rate_schedule": {"floor": 1}}"#, "training, rate_schedule, type"),
            (#"{"rate_schedule": {"type": "cosine", "gamma": 1}}"#, "training, rate_schedule, gamma"),
            (#"{"rate_schedule": {"type": "cosine", "floor": 2}}"#, "training, rate_schedule, floor"),
            (#"{"rate_schedule": {"type": "cosine", "warmup": 1.5}}"#, "training, rate_schedule, warmup"),
            (#"{"rate_schedule": {"type": "exponential"}}"#, "training, rate_schedule, gamma"),
            (#"{"rate_schedule": {"type": "step"}}"#, "training, rate_schedule, every"),
            (
                #"{"rate_schedule": {"type": "step", "every": 3, "milestones": [1]}}"#,
                "training, rate_schedule, every"
            ),
            (#"{"table_optimizer": {"type": "adamw"}}"#, "training, table_optimizer, type"),
            (
                #"{"table_optimizer": {"type": "sgd", "momentum": 0.9}}"#,
                "training, table_optimizer, momentum"
            ),
            (
                #"{"table_optimizer": {"type": "ftrl", "l1": -1}}"#, "training, table_optimizer, ftrl, l1"
            ),
            (#"{"embedding_l2": -1}"#, "training, embedding_l2"),
            (#"{"averaging": 1}"#, "training, averaging"),
            (#"{"gradient_limit": 0}"#, "training, gradient_limit"),
            (#"{"gradient_limit": 9, "clip_norm": 1}"#, "training, gradient_limit"),
            (#"{"stop": "each_task", "watch": {"task": "a"}}"#, "training, watch"),
            (#"{"watch": {"metric": "AUC"}}"#, "training, watch"),
        ] {
            #expect(refusal(text)?.place == place, "\(text)")
        }
    }

    @Test func labelsMayBeSmoothed() throws {
        func label(_ text: String) throws -> Label {
            try JSONDecoder().decode(Label.self, from: Data(text.utf8))
        }
        let read = try label(#"{"name": "a", "type": "binary", "smoothing": 0.1}"#)
        try read.check()
        #expect(read.smoothing == 0.1)
        #expect(try JSONDecoder().decode(Label.self, from: JSONEncoder().encode(read)) == read)
        for text in [
            #"{"name": "a", "type": "regression", "smoothing": 0.1}"#,
            #"{"name": "a", "type": "binary", "smoothing": 1}"#,
            #"{"name": "a", "type": "multiclass", "smoothing": -0.1}"#,
        ] {
            #expect(failure { try label(text).check() }?.place == "label \"a\", smoothing", "\(text)")
        }
        // It comes to the model, past the model's own settings of tasks.
        let files = try FieldCase()
        try files.write(visits("price,click") { ["\($0)", "\($0 % 2)"] })
        let experiment = try files.experiment(
            ["{name: price, type: numeric}"], label: "{name: click, type: binary, smoothing: 0.2}")
        let data = try files.prepared(experiment)
        let model = try experiment.model.model(data.preprocessor, sampling: experiment.sampling)
        #expect(model.tasks.map(\.smoothing) == [0.2])
    }
}
