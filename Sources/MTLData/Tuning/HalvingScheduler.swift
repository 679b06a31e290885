/// Which trial runs next, and how far: asynchronous successive halving (ASHA; Li et al., *A System for Massively Parallel
/// Hyperparameter Tuning*, MLSys 2020, arXiv 1810.05934, algorithm 2). With one rung every trial runs to its end, in order.
///
/// A trial goes on from a rung as soon as it is among the best 1/reduction of those that have come so far; nobody waits for a rung to
/// fill. One that fails keeps its place in the rung's count and is worse than all others. By several costs trials are ordered
/// by non-dominated sorting (`ParetoFront.order`; Schmucker et al., arXiv 2106.12639).
package struct HalvingScheduler: Sendable, Equatable {
    /// A trial, from 0, and the rung that it is to reach.
    package struct Job: Sendable, Hashable {
        package let trial: Int
        package let rung: Int

        package init(trial: Int, rung: Int) {
            self.trial = trial
            self.rung = rung
        }
    }

    /// What came of a job.
    package enum Outcome: Sendable, Equatable {
        /// It reached its rung, with these costs.
        case reached([Double])
        /// It came to its end, perhaps before the rung: it stays at these costs on all rungs above.
        case ended([Double])
        case failed
    }

    private struct Entry: Sendable, Equatable {
        let trial: Int
        /// Nil for one that failed.
        let costs: [Double]?
        /// Whether it is beyond the rung, or on its way.
        var isPromoted: Bool
    }

    private let trials: Int
    private let reduction: Int
    private var started = 0
    private var running: Set<Job> = []
    /// Who has come to each rung, in that order.
    private var rungs: [[Entry]]

    /// - Parameters:
    ///   - trials: how many there are.
    ///   - rungs: how many rungs, at least 1; a trial ends on the last one.
    ///   - reduction: of so many trials on a rung one goes on, at least 2.
    package init(trials: Int, rungs: Int, reduction: Int) {
        precondition(rungs >= 1 && reduction >= 2, "no rungs, or a reduction below 2")
        self.trials = trials
        self.reduction = reduction
        self.rungs = [[Entry]](repeating: [], count: rungs)
    }

    /// The job to begin now: a promotion from the highest rung that has one, else a new trial; nil where there is nothing to begin
    /// before another result.
    package mutating func next() -> Job? {
        for rung in rungs.indices.dropLast().reversed() {
            let count = rungs[rung].count / reduction
            if let job = promote(rung, among: count) { return job }
        }
        if started < trials {
            started += 1
            return begin(Job(trial: started - 1, rung: 0))
        }
        return lastPromotion()
    }

    /// Of fewer trials than a reduction none would ever be promoted: where nothing else is left to do and none has come to its
    /// end, the best of the highest rung goes on.
    private mutating func lastPromotion() -> Job? {
        guard running.isEmpty, rungs[rungs.count - 1].allSatisfy({ $0.costs == nil }) else { return nil }
        for rung in rungs.indices.dropLast().reversed() {
            if let job = promote(rung, among: rungs[rung].count) { return job }
        }
        return nil
    }

    private mutating func promote(_ rung: Int, among count: Int) -> Job? {
        guard count > 0 else { return nil }
        let sound = rungs[rung].indices.filter { rungs[rung][$0].costs != nil }
        let order = ParetoFront.order(sound.map { rungs[rung][$0].costs ?? [] })
        guard let place = order.prefix(count).first(where: { !rungs[rung][sound[$0]].isPromoted }) else {
            return nil
        }
        rungs[rung][sound[place]].isPromoted = true
        return begin(Job(trial: rungs[rung][sound[place]].trial, rung: rung + 1))
    }

    private mutating func begin(_ job: Job) -> Job {
        running.insert(job)
        return job
    }

    /// Whether a job was begun and has not been reported.
    package func isRunning(_ job: Job) -> Bool { running.contains(job) }

    /// Takes the outcome of a job that was begun.
    package mutating func report(_ job: Job, _ outcome: Outcome) {
        precondition(running.remove(job) != nil, "an outcome of a job that was not begun")
        switch outcome {
        case .reached(let costs):
            rungs[job.rung].append(Entry(trial: job.trial, costs: costs, isPromoted: false))
        case .ended(let costs):
            for rung in job.rung..<rungs.count {
                rungs[rung].append(Entry(trial: job.trial, costs: costs, isPromoted: true))
            }
        case .failed:
            rungs[job.rung].append(Entry(trial: job.trial, costs: nil, isPromoted: true))
        }
    }
}
