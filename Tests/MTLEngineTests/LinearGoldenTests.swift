import MTLEngine
import MTLTestSupport
import Testing

/// The minima that solvers of another kind found; see Fixtures/make_linear_goldens.py.
struct LinearGoldens: Decodable {
    struct Block: Decodable {
        let features: [[Double]]
        let labels: [[Double?]]
    }

    struct Coupling: Decodable {
        let kind: String
        let penalty, l1, l2, shared, sparse, lowRank, outliers, traceBound: Double?
        let count: Int?
        let edges: [[Double]]?

        func value() throws -> LinearCoupling {
            let penalty = penalty ?? .nan
            let (l1, l2) = (l1 ?? 0, l2 ?? 0)
            switch kind {
            case "independent": return .independent(l1: l1, l2: l2)
            case "jointFeatures": return .jointFeatures(penalty, l2: l2)
            case "traceNorm": return .traceNorm(penalty, l2: l2)
            case "dirty": return .dirty(shared: shared ?? .nan, sparse: sparse ?? .nan)
            case "robust": return .robust(lowRank: lowRank ?? .nan, outliers: outliers ?? .nan)
            case "robustFeatures":
                return .robustFeatures(shared: shared ?? .nan, outliers: outliers ?? .nan)
            case "sparseLowRank":
                return .sparseLowRank(sparse: sparse ?? .nan, traceBound: traceBound ?? .nan)
            case "meanRegularized": return .meanRegularized(penalty, l1: l1)
            case "graph":
                let edges = try #require(edges).map { TaskEdge(Int($0[0]), Int($0[1]), weight: $0[2]) }
                return .graph(edges, penalty, l1: l1)
            case "alternatingStructure": return .alternatingStructure(dimensions: count ?? 0, penalty, l2: l2)
            case "convexAlternatingStructure":
                return .convexAlternatingStructure(dimensions: count ?? 0, penalty, l2: l2)
            case "clustered": return .clustered(clusters: count ?? 0, penalty, l2: l2)
            case "taskCovariance": return .taskCovariance(penalty, l2: l2)
            default: throw InputError(.name, at: "golden", found: kind, expected: "a coupling")
            }
        }
    }

    struct Case: Decodable, CustomTestStringConvertible, Sendable {
        let name, data, loss, reduction: String
        let intercept, precise: Bool
        let coupling: Coupling
        let objective: Double
        let coefficients: [[Double]]?
        let intercepts: [Double]?

        var testDescription: String { name }
    }

    let data: [String: [Block]]
    let cases: [Case]

    static let shared: LinearGoldens? = {
        try? fixture(LinearGoldens.self, "linear.json")
    }()

    /// One matrix of features for all tasks, or rows per task.
    func fit(_ estimator: LinearMultiTask, on name: String) throws -> LinearMultiTaskModel {
        let blocks = try #require(data[name])
        let tasks = try blocks.map { block in
            (x: try Matrix(block.features), y: try Matrix(block.labels.map { $0.map { $0 ?? .nan } }))
        }
        if tasks.count == 1 { return try estimator.fit(features: tasks[0].x, labels: tasks[0].y) }
        return try estimator.fit(tasks.map { LinearTaskRows(features: $0.x, labels: $0.y.column(0)) })
    }
}

@Suite struct LinearGoldenTests {
    @Test func goldensAreThere() throws {
        let goldens = try #require(LinearGoldens.shared)
        #expect(Set(goldens.cases.map(\.coupling.kind)).count == 13)
    }

    @Test(arguments: LinearGoldens.shared?.cases ?? [])
    func minimumAgrees(_ golden: LinearGoldens.Case) throws {
        let goldens = try #require(LinearGoldens.shared)
        let estimator = LinearMultiTask(
            try golden.coupling.value(), loss: try #require(LinearLoss(rawValue: golden.loss)),
            reduction: try #require(LinearReduction(rawValue: golden.reduction)),
            intercept: golden.intercept, tolerance: 1e-9, iterations: 100_000)
        let model = try goldens.fit(estimator, on: golden.data)
        let (converged, objective) = (model.converged, model.objective)
        #expect(converged)
        let excess = (objective - golden.objective) / golden.objective
        // The reference's objective is that of a point, so never below the minimum, and up to 1e-8 above it.
        #expect(
            excess < 1e-11 && excess > (golden.precise ? -1e-11 : -1e-7), "\(objective), \(golden.objective)")
        guard let coefficients = golden.coefficients, let intercepts = golden.intercepts else { return }
        // The distance of points goes with the root of the distance of objectives.
        let tolerance = golden.precise ? 1e-6 : 5e-4
        for (row, expected) in coefficients.enumerated() {
            for (task, value) in expected.enumerated() {
                let found = model.coefficients[row, task]
                #expect(abs(found - value) < tolerance * (1 + abs(value)), "W[\(row), \(task)]")
            }
        }
        for (task, value) in intercepts.enumerated() {
            let found = model.intercepts[task]
            #expect(abs(found - value) < tolerance * (1 + abs(value)), "b[\(task)]")
        }
    }
}
