/// A program with its parameters cut into pieces and dealt to workers; it owns the lists that a step reads.
package final class GraphTurnPlan {
    package let view: GraphTurn
    /// Elements of the first state vector that the turn's parameters need.
    package let stateCount: Int
    private let owners: [AnyObject]

    /// The most elements of a piece.
    private static let pieceLimit = 1 << 12

    package init(
        _ plan: GraphPlan, tasks: [LearningTask], task: Int?, workers: Int, stateStart: Int,
        tableStateOffset: Int
    ) {
        let program = GraphProgram(plan, tasks: tasks, task: task)
        var owners: [AnyObject] = []
        func keep<Element>(_ source: [Element]) -> UnsafeBufferPointer<Element> {
            let list = FixedList(source)
            owners.append(list)
            return list.elements
        }
        func starts<Element>(_ lists: [[Element]]) -> UnsafeBufferPointer<Int> {
            keep(lists.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) })
        }
        var pieces: [GraphPiece] = []
        var stateCount = 0
        for range in program.parameters {
            pieces += Self.pieces(
                range, state: stateStart + stateCount, first: pieces.count,
                decays: !plan.undecayed.contains { $0.contains(range.start) })
            stateCount += range.count
        }
        self.stateCount = stateCount
        let lists = AlignedStorage<Int32>(copying: program.lists)
        owners.append(lists)
        let dealt = Self.deal(pieces, workers: workers)
        let structures = StructureTerms(plan, trained: program.parameters)
        owners.append(structures)
        view = GraphTurn(
            forward: keep(program.forward.flatMap { $0 }), forwardStarts: starts(program.forward),
            backward: keep(program.backward.flatMap { $0 }), backwardStarts: starts(program.backward),
            norms: keep(program.norms.flatMap { $0 }), normStarts: starts(program.norms),
            gathers: keep(program.gathers.flatMap { $0 }), gatherStarts: starts(program.gathers),
            seats: keep(program.seats), joints: keep(program.joints), zeros: keep(program.zeros),
            routings: keep(
                program.forward.flatMap { $0 }.compactMap { node in
                    if case .routing(let routing) = node { routing } else { nil }
                }),
            lists: UnsafePointer(lists.base), gradientOffsets: keep(plan.gradients.offsets),
            pieces: keep(dealt.flatMap { $0 }), pieceStarts: starts(dealt),
            penalties: keep(Self.penalties(plan, program.parameters)),
            structures: structures.terms, reachesFeatures: program.reachesFeatures,
            tableStateOffset: tableStateOffset)
        self.owners = owners
    }

    private static func pieces(
        _ range: GraphParameter, state: Int, first: Int, decays: Bool
    ) -> [GraphPiece] {
        let rows = range.count / range.rowLength
        let step = max(1, pieceLimit / range.rowLength)
        return stride(from: 0, to: rows, by: step).enumerated().map { index, row in
            let offset = row * range.rowLength
            return GraphPiece(
                start: range.start + offset, count: (min(row + step, rows) - row) * range.rowLength,
                rowLength: range.rowLength, scenario: range.scenario ?? -1,
                transposed: range.transposed.map { $0 + row } ?? -1,
                transposedStride: range.transposedStride, state: state + offset, decays: decays,
                number: first + index)
        }
    }

    /// Largest first, each to the worker with least to do.
    private static func deal(_ pieces: [GraphPiece], workers: Int) -> [[GraphPiece]] {
        var result = [[GraphPiece]](repeating: [], count: workers)
        var load = [Int](repeating: 0, count: workers)
        for piece in pieces.sorted(by: { ($0.count, $1.number) > ($1.count, $0.number) }) {
            let least = load.indices.min { load[$0] < load[$1] } ?? 0
            result[least].append(piece)
            load[least] += piece.count + 64
        }
        return result.map { $0.sorted { $0.number < $1.number } }
    }

    private static func penalties(_ plan: GraphPlan, _ parameters: [GraphParameter]) -> [GraphPenalty] {
        func trains(_ segment: ParameterSegment) -> Bool {
            parameters.contains { $0.start <= segment.offset && segment.offset < $0.start + $0.count }
        }
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
            return GraphPenalty(
                first: first.offset, second: second?.offset ?? -1, count: first.count, weight: weight,
                trainsFirst: trains(first), trainsSecond: second.map(trains) ?? false,
                firstScenario: scenario(first), secondScenario: second.map(scenario) ?? -1)
        }
    }
}
