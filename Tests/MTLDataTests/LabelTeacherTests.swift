import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing
import Yams

/// A teacher's column, from the experiment file to what a model has learned.
@Suite struct LabelTeacherTests {
    private static let x = "{name: x, type: numeric}"

    private func label(_ yaml: String) throws -> Label { try YAMLDecoder().decode(Label.self, from: yaml) }

    @Test func settingsAreReadAndWritten() throws {
        let short = try label("{name: click, type: binary, teacher: t}")
        let long = try label("{name: click, type: binary, teacher: {column: t, weight: 0.3}}")
        #expect(short.teacher == LabelTeacher("t", weight: 0.5) && long.teacher?.weight == 0.3)
        for one in [short, long] { #expect(try label(YAMLEncoder().encode(one)) == one) }
    }

    @Test(arguments: [
        ("type: binary, teacher: {column: t, weight: 0}", ", weight"),
        ("type: binary, teacher: {column: t, weight: 1.5}", ", weight"),
        ("type: binary, teacher: click", ""), ("type: binary, teacher: \"\"", ""),
        ("type: multiclass, teacher: t", ""), ("type: regression, loss: huber, teacher: t", ""),
        ("type: binary, loss: focal, teacher: t", ""), ("type: binary, positive_weight: 2, teacher: t", ""),
        ("type: binary, ranking: pairwise, teacher: t", ""),
    ])
    func wrongSettingsAreNamed(settings: String, place: String) throws {
        let label = try label("{name: click, \(settings)}")
        #expect(failure { try label.check() }?.place == "label \"click\", teacher\(place)")
    }

    @Test func wrongColumnsAndCellsAreNamed() throws {
        let files = try FieldCase()
        func refusal(_ cell: String, features: [String] = [Self.x], sampling: Double? = nil) throws
            -> InputError?
        {
            try files.write(visits("x,click,t") { ["\($0)", "\($0 % 2)", $0 == 7 ? cell : "0.5"] })
            var experiment = try files.experiment(
                features, label: "{name: click, type: binary, teacher: t}")
            if let sampling { experiment.sampling.negatives["click"] = sampling }
            return files.refusal(experiment)
        }
        #expect(try refusal("NA") == nil)
        for cell in ["1.2", "-0.1", "high"] {
            let place = try #require(refusal(cell)?.place)
            #expect(place.contains("visits.csv") && place.contains("9") && place.contains("t"), "\(place)")
        }
        #expect(
            try refusal("0.5", features: [Self.x, "{name: t, type: numeric}"])?.place
                == "label \"click\", teacher")
        #expect(try refusal("0.5", sampling: 0.5)?.place == "sampling, negatives, \"click\"")
        try files.write(visits("x,click") { ["\($0)", "\($0 % 2)"] })
        let error = files.refusal(
            try files.experiment([Self.x], label: "{name: click, type: binary, teacher: t}"))
        #expect(error?.place.hasPrefix("label \"click\", teacher") == true)
    }

    @Test(arguments: ["evaluate", "predict"]) func rowsToBeJudgedNeedNoTeacher(command: String) throws {
        let files = try FieldCase()
        try files.write(visits("x,click,t") { ["\($0)", "\($0 % 2)", "0.5"] })
        _ = try files.model(
            files.experiment([Self.x], label: "{name: click, type: binary, teacher: t}"))
        try files.write(visits("x,click") { ["\($0)", "\($0 % 2)"] })
        let result = try Command.run(
            "mtl", [command, "model.safetensors", "visits.csv"], in: files.folder.path)
        #expect(result.status == 0 && result.output.contains("click"), "\(result.errors)")
    }

    /// Most labels are missing, and the teacher knows their rate: rows without a label are learned from, and none is measured by them.
    @Test func aModelLearnsOfItsTeacherAndIsMeasuredByLabels() throws {
        let files = try FieldCase()
        var noise = SeededGenerator(seed: 3)
        try files.write(
            visits("x,click,t", rows: 3000) { row in
                let x = noise.normal()
                let coin = noise.uniform() < 1 / (1 + exp(-3 * x)) ? 1 : 0
                return ["\(x)", row % 4 == 0 ? "\(coin)" : "", "\(1 / (1 + exp(-3 * x)))"]
            })
        func run(_ settings: String) throws -> (TrainingRun, PreparedData) {
            var experiment = try files.experiment(
                [Self.x], label: "{name: click, type: binary\(settings)}",
                split: "{by: random, validation: 0.1, test: 0.3}")
            experiment.training.epochs = 10
            experiment.training.learningRate = 0.02
            let data = try files.prepared(experiment)
            return (try TrainingRun(experiment, data), data)
        }
        let (alone, _) = try run("")
        let (taught, all) = try run(", teacher: {column: t, weight: 0.9}")
        #expect(all.training.layout.labels == ["click", "click, teacher"])
        let (one, other) = (alone.evaluations[0][0], taught.evaluations[0][0])
        #expect(one.labelledRows == other.labelledRows)
        #expect(try #require(other.logLoss) < #require(one.logLoss) + 0.02, "\(one.values) \(other.values)")
    }
}
