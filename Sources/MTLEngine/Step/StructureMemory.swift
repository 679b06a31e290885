/// The couplings' matrices, and the updates of structures between steps: planned once, they allocate nothing.
///
/// They run on one thread, in a fixed order, so that bits do not depend on the workers.
package final class StructureMemory<Scalar: BLASScalar> {
    package let values: AlignedStorage<Double>
    package let couplings: AlignedStorage<Double>
    private let store: ParameterStore<Scalar>
    private let learningRate: Double
    private var covariances: [Covariance] = []
    private var proximals: [Proximal] = []
    private var subspaces: [Subspace] = []
    private var retractions: [Retraction] = []
    private var rises: [Rise] = []

    /// Pieces of the tasks' parameters: task t's piece of part p begins at `places[p · tasks + t]`.
    private struct Parts {
        let places: AlignedStorage<Int>
        let counts: AlignedStorage<Int>
        let tasks: Int
        var total = 0

        init(_ parts: [[String]], _ segment: (String) -> ParameterSegment) {
            places = AlignedStorage(copying: parts.flatMap { $0.map { segment($0).offset } })
            counts = AlignedStorage(copying: parts.map { segment($0[0]).count })
            tasks = parts[0].count
            for part in counts.buffer { total += part }
        }
    }

    private struct Covariance {
        let parts: Parts
        let omega: Int
        let matrix: Int
        let every: Int
        let spectrum: EigenvalueWorkspace
    }

    private struct Proximal {
        let parts: Parts
        /// Its place among the plan's structures.
        let index: Int
        let weight: Double
        let every: Int
        let svd: SingularValueWorkspace
    }

    private struct Subspace {
        /// `[rank, inputs]`
        let map: Int
        let rank: Int
        let inputs: Int
        let units: Int
        /// Per task where its own weights and coefficients begin, and the distances of units and of inputs there.
        let own: AlignedStorage<Int>
        let coefficients: AlignedStorage<Int>
        let ownStrides: (unit: Int, input: Int)
        let coefficientStrides: (unit: Int, input: Int)
        let every: Int
        let svd: SingularValueWorkspace
        /// A row u + vΘ.
        let row: AlignedStorage<Double>
    }

    private struct Retraction {
        /// `[rows, columns]`
        let matrix: Int
        let rows: Int
        let columns: Int
        /// Its place among the plan's structures.
        let index: Int
        let work: AlignedStorage<Double>
    }

    private struct Rise {
        let place: Int
        let step: Scalar
        let limit: Scalar
    }

    package init(_ store: ParameterStore<Scalar>, learningRate: Double, termLimit: Int) {
        self.store = store
        self.learningRate = learningRate
        let plan = store.plan
        values = AlignedStorage(zeroed: termLimit)
        couplings = AlignedStorage(zeroed: plan.structures.reduce(0) { $0 + $1.couplingCount })
        func segment(_ name: String) -> ParameterSegment {
            guard let found = plan.layout.segments.first(where: { $0.name == name }) else {
                preconditionFailure("no parameter \"\(name)\"")
            }
            return found
        }
        var matrix = 0
        for (index, structure) in plan.structures.enumerated() {
            switch structure {
            case .coupling(let parts, let kind, _):
                let tasks = parts[0].count
                switch kind {
                case .pairwise: fill(matrix, tasks, on: Double(tasks) - 1, off: -1)
                case .mean: fill(matrix, tasks, on: 1 - 1 / Double(tasks), off: -1 / Double(tasks))
                case .covariance(let name, let every):
                    covariances.append(
                        Covariance(
                            parts: Parts(parts, segment), omega: segment(name).offset, matrix: matrix,
                            every: every, spectrum: EigenvalueWorkspace(size: tasks)))
                }
            case .traceNorm(let names, let weight, let every):
                let parts = Parts(names, segment)
                proximals.append(
                    Proximal(
                        parts: parts, index: index, weight: weight, every: every,
                        svd: SingularValueWorkspace(rows: parts.total, columns: parts.tasks)))
            case .subspace(let map, let own, let coefficients, let every):
                let theta = segment(map)
                let (u, v) = (segment(own[0]), segment(coefficients[0]))
                let (rank, inputs, units) = (theta.shape[0], theta.shape[1], u.shape[0])
                subspaces.append(
                    Subspace(
                        map: theta.offset, rank: rank, inputs: inputs, units: units,
                        own: AlignedStorage(copying: own.map { segment($0).offset }),
                        coefficients: AlignedStorage(copying: coefficients.map { segment($0).offset }),
                        ownStrides: u.isTransposed ? (1, units) : (inputs, 1),
                        coefficientStrides: v.isTransposed ? (1, units) : (rank, 1), every: every,
                        svd: SingularValueWorkspace(rows: inputs, columns: own.count * units),
                        row: AlignedStorage(zeroed: inputs)))
            case .orthonormal(let name):
                let found = segment(name)
                retractions.append(
                    Retraction(
                        matrix: found.offset, rows: found.shape[0], columns: found.shape[1], index: index,
                        work: AlignedStorage(zeroed: found.count)))
            case .raised(let name, let step, let limit):
                rises.append(Rise(place: segment(name).offset, step: Scalar(step), limit: Scalar(limit)))
            case .orthogonality, .openGates: break
            }
            matrix += structure.couplingCount
        }
    }

    private func fill(_ start: Int, _ tasks: Int, on: Double, off: Double) {
        for index in 0..<tasks * tasks {
            couplings.base[start + index] = index % (tasks + 1) == 0 ? on : off
        }
    }

    /// K = Ω⁻¹, from the Ω that the parameters hold now: whoever sets them sets it too.
    package func prepare() {
        for one in covariances {
            let (tasks, k) = (one.parts.tasks, couplings.base + one.matrix)
            for index in 0..<tasks * tasks { k[index] = Double(store.parameters.base[one.omega + index]) }
            invertSymmetric(k, size: tasks)
        }
    }

    /// The updates that are due after so many steps.
    ///
    /// - Parameters:
    ///   - moves: per structure how far the latest step moved its parameters (`TurnPlan.moved`).
    ///   - rateFactor: how much of the learning rate the latest step had.
    ///   - rates: per structure the sum of the rates since its update, to which the latest step's is added.
    package func alternate(
        after steps: Int, moved moves: [Double], rateFactor: Double, rates: inout [Double]?
    ) {
        var moved = false
        for one in proximals { rates?[one.index] += learningRate * rateFactor * moves[one.index] }
        for one in covariances where steps % one.every == 0 { update(one) }
        for one in proximals where steps % one.every == 0 {
            step(one, rates?[one.index] ?? 0)
            rates?[one.index] = 0
            moved = true
        }
        for one in subspaces where steps % one.every == 0 {
            turn(one)
            moved = true
        }
        // Nothing that the step left alone may change by rounding. These have no transposes.
        for one in retractions where moves[one.index] > 0 { retract(one) }
        for one in rises {
            let value = store.parameters.base[one.place]
            store.parameters.base[one.place] = min(value + one.step, one.limit)
        }
        if moved { store.refreshTransposes() }
    }

    // MARK: Ω

    /// Ω = S/tr S, S = (WᵀW)^{1/2}, whose eigenvalues are lifted by a thousandth of their mean, so that Ω has an
    /// inverse where tasks depend on each other. Where W is 0, Ω stays.
    private func update(_ one: Covariance) {
        let (tasks, p) = (one.parts.tasks, UnsafePointer(store.parameters.base))
        let gram = one.spectrum.matrix.base
        for first in 0..<tasks {
            for second in first..<tasks {
                var sum = 0.0
                for part in 0..<one.parts.counts.count {
                    let a = p + one.parts.places.base[part * tasks + first]
                    let b = p + one.parts.places.base[part * tasks + second]
                    for index in 0..<one.parts.counts.base[part] {
                        sum += Double(a[index]) * Double(b[index])
                    }
                }
                gram[first * tasks + second] = sum
                gram[second * tasks + first] = sum
            }
        }
        guard one.spectrum.run() else { return }
        let lambda = one.spectrum.values.base
        var trace = 0.0
        for index in 0..<tasks {
            lambda[index] = max(lambda[index], 0).squareRoot()
            trace += lambda[index]
        }
        guard trace > 0 else { return }
        let lift = 1e-3 * trace / Double(tasks)
        for row in 0..<tasks {
            for column in 0..<tasks {
                var value = 0.0
                for index in 0..<tasks {
                    value +=
                        (lambda[index] + lift) * gram[index * tasks + row] * gram[index * tasks + column]
                }
                store.parameters.base[one.omega + row * tasks + column] = Scalar(value / (1.001 * trace))
            }
        }
    }

    // MARK: Trace norm

    /// Singular values less weight times the sum of the learning rates that moved the parameters, at least 0.
    private func step(_ one: Proximal, _ rate: Double) {
        let (tasks, total, p) = (one.parts.tasks, one.parts.total, store.parameters.base)
        let threshold = rate * one.weight
        guard threshold > 0 else { return }
        let a = one.svd.matrix.base
        for task in 0..<tasks {
            var place = task * total
            for part in 0..<one.parts.counts.count {
                let source = p + one.parts.places.base[part * tasks + task]
                for index in 0..<one.parts.counts.base[part] { a[place + index] = Double(source[index]) }
                place += one.parts.counts.base[part]
            }
        }
        guard one.svd.run() else { return }
        let (u, s, vt, rank) = (one.svd.left.base, one.svd.values.base, one.svd.right.base, one.svd.rank)
        for task in 0..<tasks {
            let column = a + task * total
            column.update(repeating: 0, count: total)
            for index in 0..<rank where s[index] > threshold {
                let factor = (s[index] - threshold) * vt[task * rank + index]
                let vector = u + index * total
                for row in 0..<total { column[row] += factor * vector[row] }
            }
            var place = 0
            for part in 0..<one.parts.counts.count {
                let target = p + one.parts.places.base[part * tasks + task]
                for index in 0..<one.parts.counts.base[part] { target[index] = Scalar(column[place + index]) }
                place += one.parts.counts.base[part]
            }
        }
    }

    // MARK: Orthonormal rows

    /// Each row without what it has of those before it, twice, and of length 1. A row that nothing is left of stays as it is.
    private func retract(_ one: Retraction) {
        let (p, q) = (store.parameters.base + one.matrix, one.work.base)
        for row in 0..<one.rows {
            let vector = q + row * one.columns
            for index in 0..<one.columns { vector[index] = Double(p[row * one.columns + index]) }
            for _ in 0..<2 {
                for before in 0..<row {
                    let other = q + before * one.columns
                    var dot = 0.0
                    for index in 0..<one.columns { dot += vector[index] * other[index] }
                    for index in 0..<one.columns { vector[index] -= dot * other[index] }
                }
            }
            var square = 0.0
            for index in 0..<one.columns { square += vector[index] * vector[index] }
            guard square > 0, square.isFinite else { continue }
            let factor = 1 / square.squareRoot()
            for index in 0..<one.columns {
                vector[index] *= factor
                p[row * one.columns + index] = Scalar(vector[index])
            }
        }
    }

    // MARK: Subspace

    /// Row u + vΘ of a task's unit, into `row`.
    private func gather(_ one: Subspace, task: Int, unit: Int) {
        let p = store.parameters.base
        let u = p + one.own.base[task] + unit * one.ownStrides.unit
        let v = p + one.coefficients.base[task] + unit * one.coefficientStrides.unit
        let (theta, row) = (p + one.map, one.row.base)
        for input in 0..<one.inputs {
            var value = Double(u[input * one.ownStrides.input])
            for index in 0..<one.rank {
                value +=
                    Double(v[index * one.coefficientStrides.input])
                    * Double(theta[index * one.inputs + input])
            }
            row[input] = value
        }
    }

    /// Θ from the rows of all tasks; then v = wΘᵀ and u = w - vΘ, so that no row changes.
    private func turn(_ one: Subspace) {
        let (p, row, columns) = (store.parameters.base, one.row.base, one.svd.matrix.base)
        let rows = one.own.count * one.units
        for place in 0..<rows {
            gather(one, task: place / one.units, unit: place % one.units)
            (columns + place * one.inputs).update(from: row, count: one.inputs)
        }
        guard one.svd.run() else { return }
        // The rows once more, as the decomposition has destroyed them and Θ is about to go.
        for place in 0..<rows {
            gather(one, task: place / one.units, unit: place % one.units)
            (columns + place * one.inputs).update(from: row, count: one.inputs)
        }
        let theta = p + one.map
        for index in 0..<one.rank * one.inputs { theta[index] = Scalar(one.svd.left.base[index]) }
        for place in 0..<rows {
            let (task, unit) = (place / one.units, place % one.units)
            let w = columns + place * one.inputs
            let u = p + one.own.base[task] + unit * one.ownStrides.unit
            let v = p + one.coefficients.base[task] + unit * one.coefficientStrides.unit
            for index in 0..<one.rank {
                var dot = 0.0
                let axis = one.svd.left.base + index * one.inputs
                for input in 0..<one.inputs { dot += w[input] * axis[input] }
                v[index * one.coefficientStrides.input] = Scalar(dot)
            }
            for input in 0..<one.inputs {
                var value = w[input]
                for index in 0..<one.rank {
                    value -=
                        Double(v[index * one.coefficientStrides.input])
                        * Double(theta[index * one.inputs + input])
                }
                u[input * one.ownStrides.input] = Scalar(value)
            }
        }
    }
}
