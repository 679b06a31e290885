import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing
import Yams

/// How an experiment's file says which task is learned when.
@Suite struct ScheduleSettingsTests {
    private func read(_ yaml: String) throws -> ScheduleSettings {
        try YAMLDecoder().decode([String: ScheduleSettings].self, from: "schedule: \(yaml)")["schedule"]
            ?? ScheduleSettings(.joint)
    }

    private func schedule(_ yaml: String) throws -> Schedule { try read(yaml).schedule().schedule }

    @Test func aNameIsEnough() throws {
        #expect(try schedule("joint") == .joint)
        #expect(try schedule("alternating") == .alternating(.batch))
        #expect(try schedule("{type: joint}") == .joint)
        #expect(try schedule("{type: alternating}") == .alternating(.batch))
    }

    @Test func optionsOfAlternating() throws {
        #expect(try schedule("{type: alternating, turns: epoch}") == .alternating(.epoch))
        #expect(
            try schedule("{type: alternating, turns: {steps: 5}, order: shuffled, trains: heads}")
                == .alternating(.steps(5), order: .shuffled, trains: .heads))
        #expect(
            try schedule("{type: alternating, turns: batch, order: round_robin, trains: blocks}")
                == .alternating(.batch, trains: .blocks))
        #expect(
            try schedule(
                "{type: alternating, turns: epoch, order: {proportional: 1, annealed_to: .2}, trains: all}")
                == .alternating(.epoch, order: .proportional(exponent: 1, annealedTo: 0.2)))
        #expect(
            try schedule("{type: alternating, turns: epoch, order: {proportional: 0.5}}")
                == .alternating(.epoch, order: .proportional(exponent: 0.5)))
    }

    @Test func optionsOfHierarchical() throws {
        #expect(
            try schedule("{type: hierarchical, levels: [[click], [cart, buy]]}")
                == .hierarchical(Hierarchy(levels: [["click"], ["cart", "buy"]])))
        #expect(
            try schedule(
                "{type: hierarchical, levels: [[click], [buy]], turns: {steps: 7}, regularization: .01, "
                    + "unfreeze_every: 2, level_rates: [1, .5]}")
                == .hierarchical(
                    Hierarchy(
                        levels: [["click"], ["buy"]], turns: .steps(7), regularization: 0.01,
                        unfreezeEvery: 2, rates: [1, 0.5])))
    }

    @Test func ratesOfEverySchedule() throws {
        for start in ["joint", "alternating", "hierarchical, levels: [[a], [b]]"] {
            let found = try read("{type: \(start), layer_rates: {\"trunk.0.*\": .1, embeddings.*: 0}}")
                .schedule()
            #expect(found.layerRates == LayerRates(["trunk.0.*": 0.1, "embeddings.*": 0]), "\(start)")
        }
        #expect(try read("joint").schedule().layerRates == LayerRates())
    }

    @Test(arguments: [
        ("both", "training, schedule: found \"both\", expected one of joint, alternating, hierarchical"),
        ("{turns: epoch}", "training, schedule, type: found nothing"),
        ("{type: both}", "training, schedule, type: found \"both\""),
        (
            "{type: joint, turns: epoch}",
            "training, schedule, turns: found an option that joint does not take, expected type or layer_rates"
        ),
        (
            "{type: alternating, levels: [[a]]}",
            "training, schedule, levels: found an option that alternating does not take, expected type or turns, "
                + "order, trains, layer_rates"
        ),
        (
            "{type: alternating, turns: often}",
            "training, schedule, turns: found \"often\", expected batch, epoch"
        ),
        ("{type: alternating, turns: {steps: few}}", "training, schedule, turns: found a map of 1"),
        ("{type: alternating, turns: {step: 2}}", "training, schedule, turns: found a map of 1"),
        ("{type: alternating, order: random}", "training, schedule, order: found \"random\""),
        ("{type: alternating, order: {annealed_to: 1}}", "training, schedule, order: found a map of 1"),
        (
            "{type: alternating, order: {proportional: 1, to: 1}}",
            "training, schedule, order: found a map of 2"
        ),
        ("{type: alternating, order: {proportional: much}}", "training, schedule, order: found a map of 1"),
        (
            "{type: alternating, trains: tails}",
            "training, schedule, trains: found \"tails\", expected all, heads or"
        ),
        ("{type: hierarchical}", "training, schedule, levels: found nothing"),
        ("{type: hierarchical, levels: [a, b]}", "training, schedule, levels: found a list of 2"),
        (
            "{type: hierarchical, levels: [[a], [b]], regularization: yes}",
            "training, schedule, regularization: found \"yes\", expected a number"
        ),
        (
            "{type: hierarchical, levels: [[a], [b]], unfreeze_every: 1.5}",
            "training, schedule, unfreeze_every: found \"1.5\", expected a whole number"
        ),
        ("{type: joint, layer_rates: [1]}", "training, schedule, layer_rates: found a list of 1"),
        ("{type: joint, layer_rates: {a: b}}", "training, schedule, layer_rates: found a map of 1"),
    ])
    func mistakesAreToldByPlace(yaml: String, message: String) {
        var found = "no error"
        do {
            _ = try read(yaml)
        } catch let error as InputError {
            found = error.description
        } catch DecodingError.dataCorrupted(let context) {
            found = (context.underlyingError as? InputError)?.description ?? "\(context)"
        } catch {
            found = "\(error)"
        }
        #expect(found.hasPrefix(message), "\(found)")
    }

    @Test(arguments: [
        "joint", "alternating", "{type: alternating, turns: {steps: 5}, order: {proportional: 1}}",
        "{type: hierarchical, levels: [[a], [b, c]], regularization: 0.5, layer_rates: {\"*\": 0.1}}",
    ])
    func whatIsWrittenIsReadAgain(yaml: String) throws {
        let settings = try read(yaml)
        let data = try JSONEncoder().encode(["schedule": settings])
        #expect(try JSONDecoder().decode([String: ScheduleSettings].self, from: data)["schedule"] == settings)
        // YAML writes 0.5 as 5e-1: another text of the same number.
        let text = try YAMLEncoder().encode(["schedule": settings])
        let again = try #require(
            try YAMLDecoder().decode([String: ScheduleSettings].self, from: text)["schedule"])
        #expect(try again.schedule() == settings.schedule())
    }

    @Test func aShopIsTrainedByLevels() throws {
        let found = try read(
            "{type: hierarchical, levels: [[a], [c, b]], regularization: .01, layer_rates: {\"trunk.0.*\": .5}}"
        ).schedule()
        let model = try MultiTaskModel(
            inputs: 6,
            architecture: SharingSettings(.sharedBottom, ["layers": [7, 5], "attach": ["a": 1]])
                .architecture { .relu($0) }, tasks: SmallProblem.tasks)
        let trainer = try Trainer<Float>(
            model, schedule: found.schedule, layerRates: found.layerRates, batchSize: 32)
        try trainer.fit(SmallProblem.data(Float.self, rows: 100), until: StoppingRule(epochs: 2))
        #expect(trainer.isFinite)
    }
}
