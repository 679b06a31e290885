import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What `mtl compare` trains.
@Suite struct ComparisonPlanTests {
    private func experiment(_ labels: [String] = ["click", "buy", "return"]) -> Experiment {
        let schema = Schema(
            features: [Feature("age", .numeric)], labels: labels.map { Label($0, .binary) })
        return Experiment(data: DataSettings(source: "visits.csv"), schema: schema)
    }

    private func message(_ experiment: Experiment, schedules: [ScheduleType]? = nil) -> String {
        do throws(InputError) {
            _ = try ComparisonPlan(experiment, seeds: [1, 2], schedules: schedules)
            return ""
        } catch { return "\(error)" }
    }

    @Test func twinsHaveTheSameRowsLayersAndBudgetAndShareNothing() throws {
        var base = experiment()
        base.model.trunk = [48, 24]
        base.model.tower = [8]
        base.training.epochs = 7
        base.training.balancing = nil
        base.training.schedule = ScheduleSettings(.alternating)
        base.training.watch = WatchSettings(task: "buy", metric: "AUC")
        base.training.keep = .all
        let plan = try ComparisonPlan(base, seeds: [3, 5])
        #expect(plan.variants.map(\.name) == ["separate", "alternating"])
        #expect(plan.twinLayers == [48, 24])
        for (variant, seeds) in plan.variants.map({ ($0, $0.experiments.map(\.training.seeds)) }) {
            #expect(seeds == [[3], [5]], "\(variant.name)")
        }
        let twin = plan.variants[0].experiments[0]
        #expect(
            twin.model.sharing
                == SharingSettings(.separate, ["layers": .list([.scalar("48"), .scalar("24")])]))
        #expect(twin.training.stop == .eachTask && twin.training.schedule == ScheduleSettings(.joint))
        #expect(twin.training.watch == WatchSettings(task: nil, metric: "AUC"))
        #expect(twin.training.epochs == 7 && twin.model.tower == [8] && twin.schema == base.schema)
        var own = plan.variants[1].experiments[0]
        own.training.seeds = base.training.seeds
        own.training.keep = base.training.keep
        #expect(own == base)
    }

    @Test func aLossOfOneTaskIsNotWhatTheOthersStopBy() throws {
        var base = experiment()
        base.training.watch = WatchSettings(task: "buy")
        let plan = try ComparisonPlan(base, seeds: [1, 2])
        #expect(plan.variants[0].experiments[0].training.watch == nil)
        #expect(plan.variants[1].experiments[0].training.watch == base.training.watch)
    }

    @Test func schedulesStandSideBySide() throws {
        var base = experiment(["click", "buy"])
        base.training.schedule = ScheduleSettings(.alternating, ["turns": .scalar("batch")])
        base.training.epochs = 6
        let plan = try ComparisonPlan(base, seeds: [1, 2], schedules: [.joint, .alternating, .hierarchical])
        #expect(plan.variants.map(\.name) == ["separate", "joint", "alternating", "hierarchical"])
        let schedules = plan.variants.map { $0.experiments[0].training.schedule }
        #expect(schedules[1] == ScheduleSettings(.joint) && schedules[2] == base.training.schedule)
        #expect(
            schedules[3].options["levels"]
                == .list([.list([.scalar("click")]), .list([.scalar("buy")])]))
        // Two levels, whose turns are epochs.
        #expect(plan.variants.map { $0.experiments[0].training.epochs } == [6, 6, 6, 12])
        #expect(plan.notes.contains { $0.hasPrefix("hierarchical: levels are the labels") })
    }

    @Test func whatCannotBeComparedIsNamed() throws {
        #expect(message(experiment(["click"])).contains("schema, labels: found \"click\" alone"))
        var separate = experiment()
        separate.model.sharing = SharingSettings(.separate)
        #expect(message(separate).contains("found separate"))
        var unknown = experiment()
        unknown.model.sharing = SharingSettings(.esmm, ["parents": .map(["buy": .scalar("click")])])
        #expect(message(unknown).contains("--twin-layers"))
        var wrong = experiment()
        wrong.training.batch = 0
        #expect(message(wrong).contains("batch"))
        #expect(message(experiment()) == "")
    }

    @Test func aRefitIsLeftOutOfBoth() throws {
        var base = experiment()
        base.training.refit = true
        let plan = try ComparisonPlan(base, seeds: [1, 2])
        #expect(plan.variants.allSatisfy { $0.experiments.allSatisfy { !$0.training.refit } })
        #expect(plan.notes.contains { $0.hasPrefix("refit") })
    }

    /// The layers of a way to share that a twin gets are those that its network, expert or trunk has.
    @Test(arguments: SharingType.allCases) func layersAreThoseOfTheArchitecture(_ type: SharingType) throws {
        guard type != .separate else { return }
        var model = ModelSettings()
        for units in [nil, [40, 20]] as [[Int]?] {
            var options: [String: OptionValue] = [:]
            if let units { options["layers"] = .list(units.map { .scalar("\($0)") }) }
            let events: [String: OptionValue] = ["buy": .scalar("click")]
            if [.esmm, .escm2, .aitm, .resflow].contains(type) { options["parents"] = .map(events) }
            if [.dbmtl, .dc2vr].contains(type) {
                options["parents"] = .map(["buy": .list([.scalar("click")])])
            }
            model.sharing = SharingSettings(type, options)
            guard let architecture = try? model.sharing?.architecture({ .relu($0) }) else { continue }
            let found = Mirror(reflecting: architecture).children.filter {
                ["layers", "trunk"].contains($0.label)
            }
            let known = found.compactMap { $0.value as? [HiddenLayer] }.flatMap { $0 }.map(\.units)
            guard let twin = try? ComparisonPlan.layers(of: model) else {
                #expect(units == nil || known.isEmpty, "\(type)")
                continue
            }
            // Levels have layers of their own: those are not said here.
            if !known.isEmpty { #expect(twin == known, "\(type)") }
        }
    }
}
