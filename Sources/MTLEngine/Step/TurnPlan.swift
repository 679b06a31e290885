/// A program made ready: its parameters cut into pieces and dealt to workers. It owns the lists that a step reads.
package final class TurnPlan {
    package let view: Turn
    package let spec: TurnSpec
    /// The nodes that read projected tables, as this turn runs them.
    let projected: ProjectedNodes?
    /// Per structure of the plan how far a step moves its parameters, as a share of a joint step at the whole rate.
    let moved: [Double]
    private let owners: [AnyObject]

    /// What a step decides for all of its turns.
    package struct Options {
        package var workers = 1
        package var backend = MatrixBackend.kernels
        /// Rows of a batch, which a deferred gradient costs.
        package var rows = 1
        package var shards = 1
        package var defersWeights = false
        package var projection: ProjectedTables?
        /// Elements of a vector register, where the first two layers may be sliced; nil where they may not.
        package var slicedVector: Int?
        /// Where the gradients of the turn's tasks are weighed; nil where they are not. And its first column among those of all turns.
        package var frontier: TaskFrontier?
        package var frontierStart = 0
        /// What these gradients are of.
        package var gradients = Balancing.GradientSource.representation
        /// The paces of all turns.
        package var paces: StepPaces
        /// Vectors of state that the optimiser remembers.
        package var rowState = Optimizer.RowState(perElement: 0, perRow: 0)

        package init(_ paces: StepPaces) { self.paces = paces }
    }

    init(
        _ plan: ModelPlan, tasks: [LearningTask], specs: [TurnSpec], turn: Int, options: Options,
        states: inout StateLayout
    ) {
        let spec = specs[turn]
        self.spec = spec
        let program = Program(plan, tasks: tasks, turn: spec, reach: options.frontier == nil ? .all : .cut)
        var owners: [AnyObject] = []
        func keep<Element>(_ source: [Element]) -> UnsafeBufferPointer<Element> {
            let list = FixedList(source)
            owners.append(list)
            return list.elements
        }
        func starts<Element>(_ lists: [[Element]]) -> UnsafeBufferPointer<Int> {
            keep(lists.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) })
        }
        let projected = options.projection.map { ProjectedNodes($0, program) }
        self.projected = projected
        func entries(_ stages: [[Program.Entry]]) -> UnsafeBufferPointer<Turn.Entry> {
            keep(stages.joined().map { Turn.Entry($0) })
        }
        func split(_ stages: [[Program.Entry]]) -> [[Turn.Entry]] {
            stages.map { stage in stage.flatMap { projected?.split($0) ?? [Turn.Entry($0)] } }
        }
        let (forward, backward) = (split(program.forward), split(program.backward))
        let keptRanges =
            options.gradients == .representation
            ? nil : options.frontier?.parameters(plan, tasks: tasks, turn: spec)
        var pieces = PieceList(
            plan, spec, turn: turn, program.trained, kept: keptRanges ?? [], options, states: &states)
        let dealt = pieces.dealt(options)
        let sliced = options.slicedVector.flatMap { SlicePlan(program, batch: options.rows, vector: $0) }
        let slices = sliced.flatMap { sliced in
            pieces.slices(sliced).map { own in
                Slices(
                    lower: sliced.lower, upper: sliced.upper, lowerOrdinal: sliced.lowerOrdinal,
                    upperOrdinal: sliced.upperOrdinal, forward: entries([sliced.forward]),
                    backward: entries([sliced.backward]), pieces: keep(own.above),
                    decaysLower: (own.layers[0].decays, own.layers[1].decays),
                    decaysUpper: (own.layers[2].decays, own.layers[3].decays))
            }
        }
        func keepLists(_ lists: [Int32]) -> UnsafePointer<Int32> {
            let list = AlignedStorage<Int32>(copying: lists)
            owners.append(list)
            return UnsafePointer(list.base)
        }
        var passes: TaskPasses?
        if let frontier = options.frontier {
            let own = spec.tasks.map { task in
                var alone = spec
                alone.tasks = [task]
                return Program(plan, tasks: tasks, turn: alone, reach: .own(frontier))
            }
            let shared = Program(plan, tasks: tasks, turn: spec, reach: .shared(frontier))
            precondition(
                shared.forward.count == program.forward.count,
                "stages of one task among \(program.forward.count)")
            let ways = own.map { $0.backward.reversed().flatMap { $0.map { Turn.Entry($0) } } }
            var column = 0
            let places = frontier.values.map { value in
                defer { column += value.width }
                return TaskPasses.Place(value: value, column: column)
            }
            passes = TaskPasses(
                own: keep(ways.flatMap { $0 }), ownStarts: starts(ways),
                ownLists: keep(own.map { keepLists($0.lists) }), shared: entries(shared.backward),
                sharedStarts: starts(shared.backward), sharedLists: keepLists(shared.lists),
                frontier: keep(places),
                width: frontier.width, start: options.frontierStart, gradients: options.gradients,
                ranges: keep(pieces.keptRanges))
        }
        let lists = AlignedStorage<Int32>(copying: program.lists)
        owners.append(lists)
        let shares = TurnShares(
            plan, tasks: tasks, specs: specs, turn: turn, trained: program.parameters)
        let structures = StructureTerms(plan, shares)
        owners.append(structures)
        let tables = Self.tables(
            plan, spec, turn: turn, options, &states, reached: program.reachedTables)
        view = Turn(
            forward: keep(forward.flatMap { $0 }), forwardStarts: starts(forward),
            backward: keep(backward.flatMap { $0 }), backwardStarts: starts(backward),
            norms: keep(program.norms.flatMap { $0 }), normStarts: starts(program.norms),
            gathers: keep(program.gathers.flatMap { $0 }), gatherStarts: starts(program.gathers),
            members: program.members?.count ?? 0,
            memberForward: forward.dropLast().reduce(program.members?.forward ?? 0) { $0 + $1.count },
            memberBackward: backward.dropLast().reduce(program.members?.backward ?? 0) { $0 + $1.count },
            shared: keep(program.members?.shared ?? []),
            losses: keep(program.losses), classWeights: keep(program.classWeights),
            scalesLabels: program.losses.contains { !$0.labelScale.isIdentity || $0.teacherWeight > 0 },
            ranks: program.losses.contains { $0.ranking != nil },
            reweighs: program.losses.contains { $0.f1 != nil }, joints: keep(program.joints),
            zeros: keep(program.zeros),
            rounds: keep(program.rounds.flatMap { $0 }), roundStarts: starts(program.rounds),
            lists: UnsafePointer(lists.base), deferred: keep(pieces.deferred),
            pieces: keep(dealt.flatMap { $0 }), pieceStarts: starts(dealt),
            gradientRanges: keep(pieces.gradientRanges),
            penalties: keep(Self.penalties(plan, shares)),
            structures: structures.terms,
            anchors: keep(AnchorTerm.terms(plan, spec, trained: program.parameters)),
            reachesFeatures: program.reachesFeatures, tables: keep(tables),
            anchorsTables: tables.contains { $0.isTrained && $0.anchor > 0 }, passes: passes, slices: slices)
        self.owners = owners
        moved = plan.structures.map { structure in
            shares.moved(
                plan.layout.segments.filter { segment in structure.names.contains(segment.name) })
        }
    }

    private static func tables(
        _ plan: ModelPlan, _ spec: TurnSpec, turn: Int, _ options: Options, _ states: inout StateLayout,
        reached: [Bool]
    ) -> [TableStep] {
        zip(plan.embedding.tables, reached).map { table, isReached in
            let segment = plan.layout.segmentIndex(at: table.parameters)
            guard isReached, let pace = options.paces.pace(turn: turn, segment: segment) else {
                return .frozen
            }
            let isHeld = segment.flatMap { spec.anchor?.holds[$0] } ?? false
            return TableStep(
                state: states.place(of: table, options.rowState, group: spec.group),
                pace: pace, anchor: isHeld ? spec.anchor?.weight ?? 0 : 0)
        }
    }

    private static func penalties(_ plan: ModelPlan, _ turn: TurnShares) -> [PenaltyTerm] {
        func scenario(_ segment: ParameterSegment) -> Int {
            plan.owned.first { $0.range.contains(segment.offset) }?.scenario ?? -1
        }
        return plan.penalties.compactMap { penalty in
            let found = penalty.names.compactMap { name in plan.layout.segments.first { $0.name == name } }
            guard let first = found.first else { return nil }
            let second = found.count > 1 ? found[1] : nil
            let weight =
                switch penalty {
                case .squared(_, let weight), .distance(_, _, let weight): weight
                }
            return PenaltyTerm(
                first: first.offset, second: second?.offset ?? -1, count: first.count, weight: weight,
                firstShare: turn.share(of: first), secondShare: second.map(turn.share) ?? 0,
                firstScenario: scenario(first), secondScenario: second.map(scenario) ?? -1)
        }
    }
}
