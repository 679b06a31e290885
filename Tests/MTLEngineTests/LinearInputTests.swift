import MTLEngine
import Testing

/// Bad input to the linear models throws an error that names the place, what was found and what was expected.
@Suite struct LinearInputTests {
    private func failure(
        _ coupling: LinearCoupling = .traceNorm(0.1), loss: LinearLoss = .squared, tolerance: Double = 1e-6,
        iterations: Int = 10, x: [[Double]] = [[1, 2], [3, 4], [5, 7]],
        y: [[Double]] = [[0, 1], [1, 0], [.nan, 1]]
    ) -> String {
        do {
            _ = try LinearMultiTask(coupling, loss: loss, tolerance: tolerance, iterations: iterations)
                .fit(features: Matrix(x), labels: Matrix(y))
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func goodInputIsTaken() { #expect(failure() == "no error") }

    @Test func data() {
        #expect(
            failure(x: [[1, 2], [3, .nan], [5, 6]])
                == "features, row 1, column 1: found nan, expected a finite number")
        #expect(failure(x: [[1], [2]]) == "labels: found 3 rows, expected 2, as the features")
        #expect(failure(x: [[1, 2], [3]]) == "matrix, row 1: found 1 values, expected 2")
        #expect(failure(x: [[], [], []]) == "features: found no columns, expected at least one")
        #expect(failure(x: [], y: []) == "tasks: found none, expected at least one")
        #expect(
            failure(y: [[.nan, 1], [.nan, 0], [.nan, 1]]) == "task 0: found no label, expected at least one")
        #expect(
            failure(y: [[.infinity, 1], [1, 0], [1, 1]])
                == "labels, row 0, task 0: found inf, expected a finite number, or NaN for a missing label")
        #expect(
            failure(loss: .logistic, y: [[0, 1], [1, 2], [1, 0]])
                == "labels, row 1, task 1: found 2.0, expected 0, 1 or NaN for a missing label")
        #expect(
            failure(loss: .logistic, y: [[0, 1], [1, .nan], [1, 1]])
                == "task 1: found only labels 1, expected labels of both classes, since no finite intercept fits "
                + "one class")
        #expect(throws: InputError.self) { try Matrix(rows: 2, columns: 2, values: [1, 2, 3]) }
    }

    @Test func couplings() {
        #expect(failure(.traceNorm(-1)) == "coupling, penalty: found -1.0, expected 0 or above, finite")
        #expect(
            failure(.dirty(shared: 1, sparse: .nan))
                == "coupling, sparse: found nan, expected 0 or above, finite")
        #expect(
            failure(.sparseLowRank(sparse: 1, traceBound: 0))
                == "coupling, traceBound: found 0.0, expected above 0")
        #expect(failure(.clustered(clusters: 1, 1, l2: 0)) == "coupling, l2: found 0.0, expected above 0")
        #expect(
            failure(.alternatingStructure(dimensions: 3, 1))
                == "coupling, dimensions or clusters: found 3, expected 1 to 2, the smaller count of features and "
                + "tasks")
        #expect(
            failure(.graph([TaskEdge(0, 2)], 1))
                == "coupling, edge: found 0-2, expected two different tasks below 2")
        #expect(
            failure(.graph([TaskEdge(0, 1, weight: -2)], 1))
                == "coupling, edge 0-1: found -2.0, expected 0 or above, finite")
    }

    @Test func options() {
        #expect(failure(tolerance: 0) == "tolerance: found 0.0, expected above 0, finite")
        #expect(failure(iterations: 0) == "iterations: found 0, expected at least 1")
    }

    @Test func tasksWithRowsOfTheirOwn() throws {
        let wide = LinearTaskRows(features: try Matrix([[1, 2], [3, 4]]), labels: [1, 2])
        let narrow = LinearTaskRows(features: try Matrix([[1], [3]]), labels: [1, 2])
        let short = LinearTaskRows(features: wide.features, labels: [1])
        let estimator = LinearMultiTask(.traceNorm(0.1))
        func failure(_ tasks: [LinearTaskRows]) -> String {
            do {
                _ = try estimator.fit(tasks)
                return "no error"
            } catch { return error.description }
        }
        #expect(
            failure([wide, narrow]) == "features of task 1: found 1 columns, expected 2, as task 0")
        #expect(failure([wide, short]) == "labels of task 1: found 1 values, expected 2, as its features")
        #expect(failure([]) == "tasks: found none, expected at least one")
        let two = try LinearMultiTask(.traceNorm(0.1)).fit([wide, wide])
        #expect(throws: InputError.self) { try two.predict(narrow.features) }
        #expect(throws: InputError.self) {
            try LinearMultiTask(.traceNorm(0.1), losses: [.squared, .squared, .squared]).fit([wide, wide])
        }
    }
}
