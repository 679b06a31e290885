import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing
import Yams

/// The experiments of a tuning, checked before anything runs.
@Suite struct TuningPlanTests {
    private static let experiment = """
        data: {source: shop.csv, decimal: ","}
        schema:
          features:
            - {name: age, type: numeric}
            - {name: city.code, type: categorical, dimension: 2}
          labels:
            - {name: click, type: binary, positive: ["1", "yes"]}
            - {name: a.b, type: regression, weight: 0.5, huber_delta: 1}
        split: {validation: 0.2}
        model: {trunk: [4], towers: {click: [3]}}
        training: {epochs: 9, batch: 64, seeds: [18446744073709551615, 2], learning_rate: 1}

        """

    private func base(_ change: (inout Experiment) -> Void = { _ in }) throws -> Experiment {
        var experiment = try YAMLDecoder().decode(Experiment.self, from: Self.experiment)
        change(&experiment)
        return experiment
    }

    private func plan(_ text: String, _ change: (inout Experiment) -> Void = { _ in }) throws -> TuningPlan {
        let settings = try YAMLDecoder().decode(
            TuningSettings.self, from: "experiment: shop.yaml\n" + text)
        return try TuningPlan(settings, base(change))
    }

    private func refusal(_ text: String, _ change: (inout Experiment) -> Void = { _ in }) -> InputError? {
        do {
            _ = try plan(text, change)
            return nil
        } catch DecodingError.dataCorrupted(let context) {
            return context.underlyingError as? InputError
        } catch { return error as? InputError }
    }

    @Test func settingsAreFoundByTheirNames() throws {
        let plan = try plan(
            """
            search: {type: grid}
            metrics: [{task: click, metric: auc}]
            space:
              schema.labels.a.b.weight: [2]
              schema.labels.click.smoothing: [0.1]
              schema.features.city.code.dimension: [7]
              model.towers.click: [[5, 6]]
              model.sharing: [{type: mmoe, experts: 3}]
              training.learning_rate: [0.25, 1]
              training.rate_schedule: [{type: cosine, floor: 0.1}]
              training.schedule: [alternating]
              training.clip_norm: [3]
            """)
        #expect(plan.trials.count == 2 && plan.trials.map(\.number) == [1, 2])
        #expect(plan.metrics.map(\.name) == ["click AUC"] && plan.rungs == [9])
        let drawn = plan.trials[0].experiment
        var expected = try base()
        expected.schema.labels[1].weight = 2
        expected.schema.labels[0].smoothing = 0.1
        expected.schema.features[1].dimension = 7
        expected.model.towers = ["click": [5, 6]]
        expected.model.sharing = SharingSettings(.mmoe, ["experts": 3])
        expected.training.learningRate = 0.25
        expected.training.rateSchedule = RateScheduleSettings(.cosine, ["floor": 0.1])
        expected.training.schedule = ScheduleSettings(.alternating)
        expected.training.clipNorm = 3
        // One seed, and the epoch that counts is the one that is kept.
        expected.training.seeds = [.max]
        expected.training.watch = WatchSettings(task: "click", metric: "AUC")
        #expect(try SettingTree(drawn) == SettingTree(expected))
        #expect(plan.chosen(plan.trials[0]).training.seeds == [.max, 2])
    }

    /// What is written for people is read as the same experiment.
    @Test func filesSayTheSame() throws {
        let experiment = try base {
            $0.training.learningRate = 1.25e-7
            $0.schema.scenario = "y"
            $0.histories = []
        }
        let text = try SettingTree(experiment).yaml
        #expect(try YAMLDecoder().decode(Experiment.self, from: text) == experiment, "\(text)")
        #expect(try SettingTree(experiment).experiment() == experiment)
    }

    @Test func pathsAreRightFromAnywhere() throws {
        let whole = try base { $0.data.test = "sqlite:a%20b.db?table=t" }.withPaths(from: "/x 1?")
        #expect(whole.data.source == "/x 1?/shop.csv")
        #expect(whole.data.test == "sqlite:/x 1%3F/a%20b.db?table=t")
        #expect(whole.withPaths(from: "/y") == whole)
    }

    @Test func drawsAreDistinctAndTheSameForTheSameSeed() throws {
        let text =
            "search: {type: random, trials: 40}\nspace: {model.dropout: [0, 0.1], training.batch: [8, 16, 32]}\n"
        let all = try plan(text)
        #expect(
            all.trials.count == 6
                && Set(all.trials.map { "\($0.values.sorted { $0.key < $1.key })" }).count == 6)
        let fewer = try plan(text.replacing("40", with: "4"))
        #expect(fewer.trials.map(\.values) == Array(all.trials.map(\.values).prefix(4)))
        #expect(try plan("seed: 2\n" + text).trials.map(\.values) != all.trials.map(\.values))
        // Halving draws what a random search draws.
        let halving = try plan(text.replacing("type: random", with: "type: asha, first_epochs: 2"))
        #expect(halving.trials.map(\.values) == all.trials.map(\.values) && halving.rungs == [2, 6, 9])
    }

    static let wrong: [(text: String, place: String, found: String)] = [
        ("search: {type: grid}\nspace: {model.dropout: {uniform: [0, 1]}}", "space.model.dropout", "a range"),
        ("search: {type: grid, trials: 3}\nspace: {model.dropout: [0]}", "search.trials", "3"),
        ("search: {type: random}\nspace: {model.dropout: [0]}", "search.trials", "nothing"),
        ("search: {type: random, trials: 0}\nspace: {model.dropout: [0]}", "search.trials", "0"),
        (
            "search: {type: random, trials: 2, reduction: 3}\nspace: {model.dropout: [0]}",
            "search.reduction", "beside"
        ),
        (
            "search: {type: asha, trials: 2, reduction: 1}\nspace: {model.dropout: [0]}", "search.reduction",
            "1"
        ),
        (
            "search: {type: asha, trials: 2, first_epochs: 9}\nspace: {model.dropout: [0]}",
            "search.first_epochs", "9"
        ),
        (
            "search: {type: asha, trials: 2}\nspace: {training.epochs: [3, 4]}", "space.training.epochs",
            "beside asha"
        ),
        (
            "search: {type: asha, trials: 2}\nseeds: [1, 2]\nspace: {model.dropout: [0]}", "seeds",
            "beside asha"
        ),
        ("search: {type: grid}\nseeds: [1, 1]\nspace: {model.dropout: [0]}", "seeds", "twice"),
        ("search: {type: grid}\ntrails: 3\nspace: {model.dropout: [0]}", "trails", "a setting of that name"),
        ("search: {type: best}\nspace: {model.dropout: [0]}", "search.type", "\"best\""),
        // Paths that lead nowhere.
        ("search: {type: grid}\nspace: {training.lr: [0]}", "space.training.lr", "of that name"),
        (
            "search: {type: grid}\nspace: {training.rate_schedule.floor: [0]}",
            "space.training.rate_schedule.floor", "no setting"
        ),
        (
            "search: {type: grid}\nspace: {training.batch.size: [0]}", "space.training.batch.size",
            "single value"
        ),
        (
            "search: {type: grid}\nmetrics: [{task: click}]\nspace: {schema.labels.clik.weight: [1]}",
            "space.schema.labels.clik.weight", "clik.weight"
        ),
        // Values that the experiment refuses: alone, and only together.
        (
            "search: {type: grid}\nspace: {training.learning_rate: [0.1, -1]}",
            "space.training.learning_rate", "-1"
        ),
        ("search: {type: grid}\nspace: {training.batch: [many]}", "space.training.batch", "\"many\""),
        (
            "search: {type: grid}\nspace: {model.sharing: [{type: mmoe, exprts: 2}]}", "space.model.sharing",
            "does not take"
        ),
        (
            "search: {type: grid}\nspace: {training.clip_norm: [1], training.clip_value: [1]}",
            "space, trial 1, training, clip_value", "clip_norm too"
        ),
        // What trials are compared by.
        ("search: {type: grid}\nmetrics: [{task: clik}]\nspace: {model.dropout: [0]}", "metrics.[0]", "clik"),
        (
            "search: {type: grid}\nmetrics: [{task: click, metric: RMSE}]\nspace: {model.dropout: [0]}",
            "metrics.[0]", "RMSE"
        ),
        (
            "search: {type: grid}\nmetrics: [{task: click}, {task: click}]\nspace: {model.dropout: [0]}",
            "metrics.[1]", "twice"
        ),
        (
            "search: {type: grid}\nspace: {schema.labels.click.weight: [1, 2]}", "metrics",
            "schema.labels.click.weight"
        ),
        (
            "search: {type: grid}\nmetrics: [{task: a.b}]\nspace: {schema.labels.a.b.huber_delta: [1, 2]}",
            "metrics", "huber_delta"
        ),
    ]

    @Test(arguments: wrong.indices)
    func whatIsWrongIsNamedBeforeAnythingRuns(_ index: Int) throws {
        let (text, place, found) = Self.wrong[index]
        let error = try #require(refusal(text), "\(text)")
        #expect(error.place == place && error.found.contains(found), "\(error)")
    }

    @Test func metricsThatMeanTheSameAreTakenWithWeights() throws {
        let text = "search: {type: grid}\nspace: {schema.labels.click.weight: [1, 2]}\n"
        for metrics in ["{task: click}", "{task: a.b, metric: RMSE}"] {
            #expect(try plan("metrics: [\(metrics)]\n" + text).trials.count == 2)
        }
        // What the experiment watches is what is asked for where nothing else is.
        let watching = try plan(text) { $0.training.watch = WatchSettings(task: "click", metric: "AUC") }
        #expect(watching.metrics.map(\.name) == ["click AUC"])
    }

    /// The same events lead to the same state, and those of another tuning are refused.
    /// What is written at the end has the refit that trials go without, and must be an experiment too.
    @Test func theChosenExperimentIsOneBeforeAnythingRuns() throws {
        let space = "search: {type: grid}\nspace:\n  training.rate_schedule: [{type: plateau}]\n"
        #expect(refusal(space) == nil)
        let error = refusal(space) { $0.training.refit = true }
        #expect(error?.description.contains("refit") == true, "\(error?.description ?? "accepted")")
    }

    @Test func deviancesOfSeveralPowersAreNotCompared() throws {
        func refused(_ metric: String) -> InputError? {
            refusal(
                "search: {type: grid}\nmetrics: [{task: a.b, metric: \(metric)}]\nspace:\n  schema.labels.a.b.power: [1.2, 1.8]\n"
            ) {
                $0.schema.labels[1].huberDelta = nil
                $0.schema.labels[1].loss = .tweedie
                $0.schema.labels[1].power = 1.5
            }
        }
        #expect(refused("deviance")?.place == "metrics")
        #expect(refused("rmse") == nil)
    }

    @Test func statesFollowFromTheirEvents() throws {
        let plan = try plan(
            "search: {type: asha, trials: 7, reduction: 2, first_epochs: 3}\nmetrics: [{task: click, metric: AUC}]\nspace: {model.dropout: {uniform: [0, 1]}}\n"
        )
        var state = TuningState(plan)
        var events: [TuningState.Event] = []
        var generator = SeededGenerator(seed: 1)
        while true {
            while state.open.count < 2, let (_, event) = state.next() { events.append(event) }
            guard let job = state.open.first else { break }
            let last = state.pause(after: job) == nil
            var event = TuningState.Event(last ? .finished : .paused, trial: job.trial + 1, rung: job.rung)
            if job.trial == 3 {
                event.event = .failed
                event.reason = "a reason, with a comma"
            } else {
                (event.epochs, event.values) = (state.limit(of: job), [generator.uniform()])
            }
            event.seconds = 0.25
            try state.take(event)
            events.append(event)
        }
        var again = TuningState(plan)
        for event in events { try again.take(event) }
        #expect(again.rows == state.rows && again.table == state.table && again.open.isEmpty)
        let best = try #require(state.best)
        let finished = state.rows.filter { $0.status == .finished }
        #expect(state.rows[best].values?[0] == finished.compactMap { $0.values?[0] }.max())
        #expect(state.front == [best] && state.ranked.first == best && state.ranked.count == 6)
        let lines = state.table.split(separator: "\n")
        #expect(lines[0] == "trial,state,epochs,seconds,model.dropout,click AUC,on front,reason")
        #expect(
            lines.count == 8 && lines[4].hasSuffix(",,no,\"a reason, with a comma\"")
                && lines[4].contains("failed"))
        var other = TuningState(plan)
        #expect(failure { () throws(InputError) in try other.take(events[3]) } != nil)
        var beyond = events[0]
        beyond.trial = 99
        #expect(failure { () throws(InputError) in try other.take(beyond) } != nil)
    }
}
