import MTLData
import MTLEngine
import Testing

/// Asynchronous successive halving, whatever order its results come in.
@Suite struct HalvingSchedulerTests {
    private typealias Job = HalvingScheduler.Job

    /// Worked out by hand: one goes on as soon as it is among the best third of those that have come.
    @Test func theBestThirdGoesOn() {
        var scheduler = HalvingScheduler(trials: 9, rungs: 3, reduction: 3)
        let costs: [Double] = [5, 6, 4, 1, 7, 8, 9, 3, 0]
        var jobs: [Job] = []
        while let job = scheduler.next() {
            jobs.append(job)
            scheduler.report(job, job.rung == 2 ? .ended([costs[job.trial]]) : .reached([costs[job.trial]]))
        }
        let expected = [
            (0, 0), (1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (5, 0), (6, 0), (7, 0), (7, 1), (3, 2),
            (8, 0), (8, 1), (8, 2),
        ]
        #expect(jobs == expected.map { Job(trial: $0.0, rung: $0.1) })
    }

    @Test func withOneRungEachRunsToItsEndInOrder() {
        var scheduler = HalvingScheduler(trials: 4, rungs: 1, reduction: 2)
        for trial in 0..<4 { #expect(scheduler.next() == Job(trial: trial, rung: 0)) }
        #expect(scheduler.next() == nil)
        scheduler.report(Job(trial: 2, rung: 0), .failed)
        scheduler.report(Job(trial: 0, rung: 0), .ended([1]))
        #expect(scheduler.next() == nil)
    }

    /// Too few for a promotion: the best one comes to its end all the same, after the others, and where it fails the next.
    @Test func oneComesToItsEnd() {
        var scheduler = HalvingScheduler(trials: 2, rungs: 3, reduction: 3)
        let first = scheduler.next()
        #expect(first == Job(trial: 0, rung: 0) && scheduler.next() == Job(trial: 1, rung: 0))
        scheduler.report(Job(trial: 1, rung: 0), .reached([1]))
        #expect(scheduler.next() == nil)
        scheduler.report(Job(trial: 0, rung: 0), .reached([2]))
        #expect(scheduler.next() == Job(trial: 1, rung: 1) && scheduler.next() == nil)
        scheduler.report(Job(trial: 1, rung: 1), .failed)
        #expect(scheduler.next() == Job(trial: 0, rung: 1))
        scheduler.report(Job(trial: 0, rung: 1), .reached([2]))
        #expect(scheduler.next() == Job(trial: 0, rung: 2))
        scheduler.report(Job(trial: 0, rung: 2), .ended([2]))
        #expect(scheduler.next() == nil)
    }

    /// One that ends before its rung stands on all rungs above: it takes a place there, and never runs again.
    @Test func whatEndsEarlyStandsOnHigherRungs() {
        var scheduler = HalvingScheduler(trials: 6, rungs: 3, reduction: 2)
        func run(_ job: Job, _ outcome: HalvingScheduler.Outcome) {
            #expect(scheduler.next() == job)
            scheduler.report(job, outcome)
        }
        run(Job(trial: 0, rung: 0), .ended([1]))
        run(Job(trial: 1, rung: 0), .reached([2]))
        // The best half of two is the one that ended.
        run(Job(trial: 2, rung: 0), .reached([3]))
        run(Job(trial: 3, rung: 0), .reached([4]))
        // Now the best two of four are 0 and 1, and 1 is the second on the next rung.
        run(Job(trial: 1, rung: 1), .reached([2]))
        run(Job(trial: 4, rung: 0), .failed)
        run(Job(trial: 5, rung: 0), .reached([9]))
        // Of six three go on; 0 and 1 have.
        run(Job(trial: 2, rung: 1), .reached([2.5]))
        #expect(scheduler.next() == nil)
    }

    /// Random costs, failures, early ends and orders of arrival.
    @Test(arguments: 1...40)
    func promotionsKeepTheLaw(_ seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let (rungs, reduction, count) = (
            1 + generator.below(4), 2 + generator.below(3), 1 + generator.below(60)
        )
        let workers = 1 + generator.below(5)
        var scheduler = HalvingScheduler(trials: count, rungs: rungs, reduction: reduction)
        /// What has come to each rung; nil for a failure.
        var came = [[Int: Double?]](repeating: [:], count: rungs)
        var running: [Job] = []
        var begun: Set<Job> = []
        var fresh = 0
        var ended: Set<Int> = []
        var failed: Set<Int> = []
        while true {
            while running.count < workers, let job = scheduler.next() {
                #expect(begun.insert(job).inserted && scheduler.isRunning(job))
                #expect(!ended.contains(job.trial))
                if job.rung == 0 {
                    #expect(job.trial == fresh)
                    fresh += 1
                } else {
                    // It has come to the rung below, and is among its best 1/reduction, or none could be and nothing runs.
                    let below = came[job.rung - 1]
                    let own = below[job.trial] ?? nil
                    #expect(own != nil)
                    let better = below.values.compactMap { $0 }.count { $0 < own ?? 0 }
                    let isLast = running.isEmpty && fresh == count
                    #expect(better < below.count / reduction || isLast, "\(job) of \(below)")
                }
                running.append(job)
            }
            guard !running.isEmpty else { break }
            let job = running.remove(at: generator.below(running.count))
            let cost = generator.uniform()
            switch generator.below(10) {
            case 0:
                scheduler.report(job, .failed)
                came[job.rung][job.trial] = .some(nil)
                ended.insert(job.trial)
                failed.insert(job.trial)
            case 1,
                _ where job.rung == rungs - 1:
                scheduler.report(job, .ended([cost]))
                for rung in job.rung..<rungs { came[rung][job.trial] = cost }
                ended.insert(job.trial)
            default:
                scheduler.report(job, .reached([cost]))
                came[job.rung][job.trial] = cost
            }
        }
        #expect(fresh == count)
        // In the end all of the best 1/reduction of a rung have gone on, and one trial has come to its end if any could.
        for rung in 0..<(rungs - 1) {
            let sound = came[rung].compactMapValues { $0 }.sorted { $0.value < $1.value }
            for (trial, _) in sound.prefix(came[rung].count / reduction) {
                #expect(came[rung + 1].keys.contains(trial), "\(trial) on rung \(rung)")
            }
        }
        #expect(came[rungs - 1].values.contains { $0 != nil } || failed.count == count)
    }
}
