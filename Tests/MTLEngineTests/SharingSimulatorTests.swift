import Foundation
import MTLEngine
import Testing

@Suite struct SharingSimulatorTests {
    @Test(arguments: SharingSimulator.World.allCases)
    func labelsFollowTheTruth(_ world: SharingSimulator.World) throws {
        let log = try SharingSimulator(world, seed: 3).log(rows: 20_000, stream: 1)
        for (task, plan) in SharingSimulator.tasks.enumerated() {
            var (difference, variance) = (0.0, 0.0)
            for (label, both) in zip(try log.dataset.labels(plan.name), log.chances) where !label.isNaN {
                difference += Double(label) - both[task]
                variance += both[task] * (1 - both[task])
            }
            #expect(abs(difference) < 5 * variance.squareRoot(), "\(plan.name)")
        }
        let known = try log.dataset.labels("second").count { !$0.isNaN }
        let share = world.knownShare
        #expect(abs(Double(known) - 20_000 * share) < 5 * (20_000 * share * (1 - share) + 1).squareRoot())
        let again = try SharingSimulator(world, seed: 3).log(rows: 20_000, stream: 1, hidesLabels: false)
        #expect(try again.dataset.labels("second").allSatisfy { !$0.isNaN })
    }

    /// What a world is named for: correlation of the tasks' logits, and of a task's with the same row in another scenario.
    @Test(arguments: [
        (SharingSimulator.World.smallTask, 0.85...1.0), (.tasksConflict, -0.35...0.35),
        (.nothingShared, -0.1...0.1),
    ])
    func tasksHaveInCommonWhatTheWorldSays(_ world: SharingSimulator.World, _ range: ClosedRange<Double>)
        throws
    {
        let chances = try SharingSimulator(world, seed: 3).log(rows: 5000, stream: 1).chances
        let first = chances.map { logit($0[0]) }
        let second = chances.map { logit($0[1]) }
        let (a, b) = (centred(first), centred(second))
        let correlation = dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
        #expect(range.contains(correlation), "\(correlation)")
        #expect((1...3).contains((dot(a, a) / 5000).squareRoot()))
    }

    @Test func noRowsAreRefused() {
        #expect(throws: InputError.self) { try SharingSimulator(.smallTask).log(rows: 0, stream: 1) }
    }

    private func logit(_ p: Double) -> Double { log(p / (1 - p)) }
    private func centred(_ values: [Double]) -> [Double] {
        let mean = values.reduce(0, +) / Double(values.count)
        return values.map { $0 - mean }
    }
    private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
}
