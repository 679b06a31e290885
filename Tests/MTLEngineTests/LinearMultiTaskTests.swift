import Foundation
import MTLEngine
import Testing

/// What must hold of a minimum whatever solver found it, with gradients that these tests compute themselves.
@Suite struct LinearMultiTaskTests {
    private let rows = 50
    private let features = 7
    private let tasks = 4

    /// Features with a mean, labels of a linear model, a fifth of them missing.
    private func data(logistic: Bool = false, seed: UInt64 = 7) -> (x: Matrix, y: Matrix) {
        var generator = SeededGenerator(seed: seed)
        let x = Matrix(rows, features, (0..<rows * features).map { _ in generator.normal() + 0.5 })
        let w = Matrix(features, tasks, (0..<features * tasks).map { _ in generator.normal() })
        let scores = x.multiplied(by: w)
        let y = scores.values.map { score in
            if generator.uniform() < 0.2 { return Double.nan }
            let noisy = score + generator.normal()
            return logistic ? (noisy > 1 ? 1 : 0) : noisy
        }
        return (x, Matrix(rows, tasks, y))
    }

    /// The gradient of the losses at a model, by its predictions; and per task the sum of its residuals.
    private func gradient(
        _ model: LinearMultiTaskModel, _ x: Matrix, _ y: Matrix, mean: Bool = true
    ) throws -> (w: Matrix, b: [Double]) {
        let predictions = try model.predict(x)
        var w = Matrix(zeros: x.columns, y.columns)
        var b = [Double](repeating: 0, count: y.columns)
        for task in 0..<y.columns {
            let labelled = (0..<y.rows).filter { !y[$0, task].isNaN }
            for row in labelled {
                let residual = (predictions[row, task] - y[row, task]) / (mean ? Double(labelled.count) : 1)
                b[task] += residual
                for feature in 0..<x.columns { w[feature, task] += residual * x[row, feature] }
            }
        }
        return (w, b)
    }

    private func largest(_ values: [Double]) -> Double { values.map { abs($0) }.max() ?? 0 }

    @Test(arguments: [LinearCoupling.traceNorm(0), .jointFeatures(0), .taskCovariance(0), .independent()])
    func withoutPenaltyItIsLeastSquares(_ coupling: LinearCoupling) throws {
        let (x, y) = data()
        let model = try LinearMultiTask(coupling, tolerance: 1e-11).fit(features: x, labels: y)
        let (dw, db) = try gradient(model, x, y)
        #expect(model.converged && largest(dw.values) < 1e-9 && largest(db) < 1e-12)
    }

    @Test(arguments: [LinearLoss.squared, .logistic])
    func jointFeaturesSatisfyTheirOptimalityConditions(_ loss: LinearLoss) throws {
        let (x, y) = data(logistic: loss == .logistic)
        let (lambda, l2) = loss == .squared ? (0.8, 0.1) : (0.2, 0.01)
        let model = try LinearMultiTask(.jointFeatures(lambda, l2: l2), loss: loss, tolerance: 1e-11)
            .fit(features: x, labels: y)
        let (dw, db) = try gradient(model, x, y)
        #expect(largest(db) < 1e-12)
        var zeroRows = 0
        for feature in 0..<features {
            let (w, g) = (model.coefficients.row(feature), dw.row(feature))
            let norm = w.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm == 0 {
                zeroRows += 1
                #expect(g.reduce(0) { $0 + $1 * $1 }.squareRoot() <= lambda)
            } else {
                for (w, g) in zip(w, g) { #expect(abs(g + lambda * w / norm + 2 * l2 * w) < 1e-9) }
            }
        }
        #expect(zeroRows > 0 && zeroRows < features)
        #expect(model.usedFeatures.count == features - zeroRows)
        #expect(model.sparsity == Double(zeroRows) / Double(features))
    }

    @Test func jointFeaturesAboveTheLargestUsefulPenaltyAreZero() throws {
        let (x, y) = data()
        let empty = try LinearMultiTask(.independent(l2: 1e12)).fit(features: x, labels: y)
        let start = try gradient(empty, x, y).w
        let limit = (0..<features).map { start.row($0).reduce(0) { $0 + $1 * $1 }.squareRoot() }.max() ?? 0
        let above = try LinearMultiTask(.jointFeatures(limit * 1.0001)).fit(features: x, labels: y)
        #expect(above.coefficients.values.allSatisfy { $0 == 0 } && above.rank == 0 && above.sparsity == 1)
        for task in 0..<tasks {
            let labels = y.column(task).filter { !$0.isNaN }
            #expect(abs(above.intercepts[task] - labels.reduce(0, +) / Double(labels.count)) < 1e-13)
        }
        let below = try LinearMultiTask(.jointFeatures(limit * 0.999)).fit(features: x, labels: y)
        #expect(below.usedFeatures.count == 1)
    }

    @Test func traceNormSatisfiesItsOptimalityConditions() throws {
        let (x, y) = data()
        let lambda = 1.2
        let model = try LinearMultiTask(.traceNorm(lambda), tolerance: 1e-11).fit(features: x, labels: y)
        let dw = try gradient(model, x, y).w
        // -∇/λ lies in the unit ball of the spectral norm and touches it at W.
        #expect(try SingularValues(dw).sigma[0] <= lambda * (1 + 1e-9))
        let norm = model.singularValues.reduce(0, +)
        #expect(abs(dw.dot(model.coefficients) + lambda * norm) < 1e-9 * norm)
        #expect(model.rank > 0 && model.rank < tasks)
    }

    private static let couplings: [LinearCoupling] = [
        .independent(l1: 0.1, l2: 0.1), .jointFeatures(0.3, l2: 0.1), .traceNorm(0.5),
        .dirty(shared: 0.3, sparse: 0.2), .robust(lowRank: 0.3, outliers: 0.25),
        .robustFeatures(shared: 0.3, outliers: 0.25), .sparseLowRank(sparse: 0.3, traceBound: 2),
        .meanRegularized(0.5), .graph([TaskEdge(0, 2), TaskEdge(1, 3, weight: 3)], 0.4, l1: 0.1),
        .alternatingStructure(dimensions: 2, 0.5),
        .convexAlternatingStructure(dimensions: 2, 0.4, l2: 0.1), .clustered(clusters: 2, 0.4, l2: 0.1),
        .taskCovariance(0.05, l2: 0.01),
    ]

    @Test(arguments: couplings)
    func permutingTasksPermutesColumns(_ coupling: LinearCoupling) throws {
        let (x, y) = data()
        let order = [2, 0, 3, 1]
        let permuted = Matrix(rows, tasks, (0..<rows).flatMap { row in order.map { y[row, $0] } })
        var other = coupling
        if case .graph(let edges, let lambda, let l1) = coupling {
            func place(_ task: Int) -> Int { order.firstIndex(of: task) ?? -1 }
            other = .graph(
                edges.map { TaskEdge(place($0.first), place($0.second), weight: $0.weight) }, lambda, l1: l1)
        }
        let first = try LinearMultiTask(coupling, tolerance: 1e-10).fit(features: x, labels: y)
        let second = try LinearMultiTask(other, tolerance: 1e-10).fit(features: x, labels: permuted)
        for (column, task) in order.enumerated() {
            for feature in 0..<features {
                #expect(
                    abs(second.coefficients[feature, column] - first.coefficients[feature, task]) < 1e-6)
            }
            #expect(abs(second.intercepts[column] - first.intercepts[task]) < 1e-6)
        }
    }

    @Test(arguments: couplings)
    func ownRowsAreSharedRowsWithMissingLabels(_ coupling: LinearCoupling) throws {
        let (x, y) = data()
        let own = (0..<tasks).map { task in
            let labelled = (0..<rows).filter { !y[$0, task].isNaN }
            return LinearTaskRows(
                features: Matrix(labelled.count, features, labelled.flatMap { x.row($0) }),
                labels: labelled.map { y[$0, task] })
        }
        let estimator = LinearMultiTask(coupling, tolerance: 1e-10)
        let shared = try estimator.fit(features: x, labels: y)
        let apart = try estimator.fit(own)
        #expect(shared.converged && apart.converged)
        #expect(largest(shared.coefficients.adding(-1, apart.coefficients).values) < 1e-6)
        #expect(abs(shared.objective - apart.objective) < 1e-12 * shared.objective)
    }

    @Test(arguments: couplings)
    func theSameBitsEveryTime(_ coupling: LinearCoupling) throws {
        let (x, y) = data()
        let estimator = LinearMultiTask(coupling)
        let (first, second) = (
            try estimator.fit(features: x, labels: y), try estimator.fit(features: x, labels: y)
        )
        let areEqual = first == second
        #expect(areEqual)
    }

    @Test(arguments: [
        LinearCoupling.meanRegularized(1e7), .graph([TaskEdge(0, 1), TaskEdge(1, 2), TaskEdge(3, 2)], 1e7),
    ])
    func hugeMeanPenaltyMakesTasksAlike(_ coupling: LinearCoupling) throws {
        let (x, y) = data()
        let model = try LinearMultiTask(coupling, tolerance: 1e-10).fit(features: x, labels: y)
        #expect(model.converged && largest(model.coefficients.values) > 0.1)
        for feature in 0..<features {
            let row = model.coefficients.row(feature)
            #expect(row.allSatisfy { abs($0 - row[0]) < 1e-6 })
        }
    }

    @Test func taskCovarianceReachesThePapersObjective() throws {
        let (x, y) = data()
        let (lambda, l2) = (0.05, 0.01)
        let model = try LinearMultiTask(.taskCovariance(lambda, l2: l2), tolerance: 1e-10)
            .fit(features: x, labels: y)
        let omega = try SymmetricEigenvalues(try #require(model.taskStructure))
        #expect(abs(omega.lambda.reduce(0, +) - 1) < 1e-12 && omega.lambda[0] > 0)
        // tr(W Ω⁻¹ Wᵀ), by the eigenvectors of Ω.
        let rotated = model.coefficients.multiplied(by: omega.vt, transposeB: true)
        let trace = rotated.scalingColumns(omega.lambda.map { 1 / $0 }).dot(rotated)
        var expected = lambda * trace + l2 * model.coefficients.squaredNorm
        let predictions = try model.predict(x)
        for task in 0..<tasks {
            let labelled = (0..<rows).filter { !y[$0, task].isNaN }
            for row in labelled {
                let residual = predictions[row, task] - y[row, task]
                expected += residual * residual / 2 / Double(labelled.count)
            }
        }
        #expect(abs(model.objective - expected) < 1e-9 * expected)
    }

    @Test func clusteredTasksShareTheirCluster() throws {
        var generator = SeededGenerator(seed: 2)
        let x = Matrix(rows, features, (0..<rows * features).map { _ in generator.normal() })
        let centres = Matrix(features, 2, (0..<features * 2).map { _ in generator.normal() })
        let scores = x.multiplied(by: centres)
        // Tasks 0 and 2 have one centre, 1 and 3 the other.
        let y = Matrix(
            rows, tasks,
            (0..<rows).flatMap { row in (0..<tasks).map { scores[row, $0 % 2] + 0.1 * generator.normal() } })
        let model = try LinearMultiTask(.clustered(clusters: 2, 1, l2: 0.1)).fit(features: x, labels: y)
        let structure = try #require(model.taskStructure)
        let eigen = try SymmetricEigenvalues(structure)
        #expect(eigen.lambda.allSatisfy { $0 > -1e-12 && $0 < 1 + 1e-12 })
        #expect(abs(eigen.lambda.reduce(0, +) - 2) < 1e-9)
        #expect(abs(structure[0, 2]) > 0.4 && abs(structure[1, 3]) > 0.4)
        #expect(abs(structure[0, 1]) < 0.1 && abs(structure[2, 3]) < 0.1)
    }

    @Test func subspacesAreOrthonormalAndTheBallIsKept() throws {
        let (x, y) = data()
        for coupling in [
            LinearCoupling.alternatingStructure(dimensions: 2, 0.5),
            .convexAlternatingStructure(dimensions: 2, 0.4, l2: 0.1),
        ] {
            let model = try LinearMultiTask(coupling).fit(features: x, labels: y)
            let theta = try #require(model.sharedSubspace)
            let gram = theta.multiplied(by: theta, transposeB: true)
            #expect(theta.rows == 2 && gram.adding(-1, Matrix(2, 2, [1, 0, 0, 1])).squaredNorm < 1e-26)
        }
        let model = try LinearMultiTask(.sparseLowRank(sparse: 0.3, traceBound: 2)).fit(
            features: x, labels: y)
        #expect(try SingularValues(model.parts[1]).sigma.reduce(0, +) <= 2 * (1 + 1e-12))
        #expect(model.parts[0].adding(1, model.parts[1]) == model.coefficients)
    }

    @Test func eachTaskMayHaveItsOwnLoss() throws {
        let (x, y) = data(logistic: true)
        let losses: [LinearLoss] = [.squared, .logistic, .logistic, .squared]
        let mixed = try LinearMultiTask(.independent(l2: 0.05), losses: losses, tolerance: 1e-10)
            .fit(features: x, labels: y)
        for (task, loss) in losses.enumerated() {
            let alone = try LinearMultiTask(.independent(l2: 0.05), loss: loss, tolerance: 1e-10)
                .fit(features: x, labels: Matrix(rows, 1, y.column(task)))
            for feature in 0..<features {
                #expect(abs(alone.coefficients[feature, 0] - mixed.coefficients[feature, task]) < 1e-7)
            }
        }
        let probabilities = try mixed.predict(x)
        let odds = try mixed.scores(x)
        #expect((0..<rows).allSatisfy { probabilities[$0, 1] > 0 && probabilities[$0, 1] < 1 })
        #expect((0..<rows).allSatisfy { probabilities[$0, 0] == odds[$0, 0] })
    }

    /// From a start where every probability is 0 or 1, Newton's method alone leaves for infinity.
    @Test(arguments: [-700.0, 0, 400, 1e6, .infinity])
    func logisticInterceptsAreFoundFromAnywhere(_ start: Double) {
        let scores = [-800.0, 3, 0, -2, 800, 0.5]
        let labels = [1.0, 0, .nan, 1, 0, 1]
        let intercept = scores.withUnsafeBufferPointer { z in
            labels.withUnsafeBufferPointer { y in
                guard let z = z.baseAddress, let y = y.baseAddress else { return Double.nan }
                return TaskColumn(loss: .logistic, scores: z, labels: y, rows: 6, stride: 1, count: 5)
                    .bestIntercept(startingAt: start)
            }
        }
        let sum = zip(scores, labels).filter { !$0.1.isNaN }.reduce(0) {
            $0 + 1 / (1 + exp(-$1.0 - intercept))
        }
        #expect(abs(sum - 3) < 1e-13)
    }

    @Test func aDatasetIsItsMatrices() throws {
        let (x, y) = data()
        let names = (0..<features).map { "f\($0)" }
        let set = try Dataset<Double>(
            featureNames: names, features: x.values,
            labels: (0..<tasks).map { ("t\($0)", y.column($0)) })
        let estimator = LinearMultiTask(.traceNorm(0.3))
        let areEqual = try estimator.fit(set) == estimator.fit(features: x, labels: y)
        #expect(areEqual)
        let ids = try Dataset<Double>(
            featureNames: names, features: x.values, labels: [("t", y.column(0))],
            weights: [Double](repeating: 1, count: rows))
        #expect(throws: InputError.self) { try estimator.fit(ids) }
    }

    @Test func anEndBeforeConvergenceIsSaid() throws {
        let (x, y) = data()
        for coupling in Self.couplings {
            let model = try LinearMultiTask(coupling, tolerance: 1e-12, iterations: 3).fit(
                features: x, labels: y)
            let (converged, steps) = (model.converged, model.objectives.count)
            #expect(!converged && steps == 3)
        }
    }
}
