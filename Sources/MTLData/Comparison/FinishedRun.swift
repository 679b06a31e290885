internal import Foundation
package import MTLEngine

/// What the folder of a run that came to its end says of its test rows.
package struct FinishedRun: Sendable {
    package let path: String
    /// By seed every task's metrics on the test rows.
    package let seeds: [(seed: UInt64, tasks: [TaskEvaluation])]

    /// Reads a run folder of `mtl train --run`; nothing of it is written or held.
    ///
    /// - Throws: `InputError` where there is none, it has no end, or no seed was judged by test rows.
    package init(_ path: String) throws(InputError) {
        self.path = path
        guard let manifest = try RunManifest.read(path) else {
            throw InputError(
                .file, at: path, found: "no run", expected: "a folder of mtl train --run")
        }
        guard manifest.isFinished else {
            throw InputError(
                .value, at: path, found: "a run that did not come to its end",
                expected: "one that did: mtl train --run … --resume")
        }
        seeds = manifest.outcomes.compactMap { outcome in
            outcome.evaluation.map { (outcome.seed, $0) }
        }
        guard !seeds.isEmpty else {
            throw InputError(
                .empty, at: path, found: "no test metrics", expected: "a run that was judged by test rows")
        }
    }

    /// Every task's metrics, in the order of a table.
    package var measures: [(task: String, metric: String)] {
        seeds[0].tasks.flatMap { task in task.values.map { (task.task, $0.name) } }
    }

    /// A metric by seed; empty where a seed has none of it.
    package func values(_ task: String, _ metric: String) -> [UInt64: Double] {
        var found: [UInt64: Double] = [:]
        for (seed, tasks) in seeds {
            let own = tasks.first { $0.task == task }?.values.first { $0.name == metric }
            guard let own else { return [:] }
            found[seed] = own.value
        }
        return found
    }

    /// The mean over the seeds; nil where it has none.
    package func mean(_ task: String, _ metric: String) -> Double? {
        let values = values(task, metric)
        guard !values.isEmpty else { return nil }
        return seeds.reduce(0) { $0 + (values[$1.seed] ?? 0) } / Double(seeds.count)
    }

    /// Student's interval of the difference from another run, seed by seed; nil where they have not two seeds or more, the same ones.
    package func difference(
        from other: FinishedRun, _ task: String, _ metric: String
    ) -> ConfidenceInterval? {
        let (own, others) = (values(task, metric), other.values(task, metric))
        guard Set(own.keys) == Set(others.keys) else { return nil }
        return ConfidenceInterval.mean(
            of: own.keys.sorted().compactMap { seed in
                own[seed].flatMap { value in others[seed].map { value - $0 } }
            })
    }

    /// Alike but for the order of a sum.
    private static func areAlike(_ one: Double, _ two: Double) -> Bool {
        (one - two).magnitude <= 1e-9 * one.magnitude
    }

    /// Makes sure that another run was judged by rows with the same labels, as far as what the best constants have tells.
    ///
    /// - Throws: `InputError` that names the run and the task.
    package func check(isComparableWith other: FinishedRun) throws(InputError) {
        for task in seeds[0].tasks {
            guard let own = other.seeds[0].tasks.first(where: { $0.task == task.task }) else { continue }
            let pairs = task.constantValues.map { ($1, own.constantValues[$0] ?? .nan) }
            guard own.labelledRows == task.labelledRows, pairs.allSatisfy(Self.areAlike) else {
                throw InputError(
                    .value, at: "\(other.path), task \"\(task.task)\"",
                    found: "test rows with other labels: \(own.labelledRows) with one",
                    expected: "those of \(path), \(task.labelledRows)")
            }
        }
    }
}
