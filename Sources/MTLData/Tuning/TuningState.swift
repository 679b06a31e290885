package import MTLEngine

/// How far a tuning is: which trials have come how far. The same events in the same order lead to the same state.
package struct TuningState: Sendable {
    /// Something that happened; a line of the journal.
    package struct Event: Sendable, Equatable, Codable {
        package enum Kind: String, Sendable, Codable {
            case started, paused, finished, failed
        }

        package var event: Kind
        /// From 1.
        package var trial: Int
        /// From 0.
        package var rung: Int
        package var epochs: Int?
        /// Of the job's process.
        package var seconds: Double?
        /// Per metric.
        package var values: [Double]?
        /// Why it failed.
        package var reason: String?

        package init(_ event: Kind, trial: Int, rung: Int) {
            self.event = event
            self.trial = trial
            self.rung = rung
        }
    }

    /// A trial as far as it has come.
    package struct Row: Sendable, Equatable {
        package enum Status: String, Sendable {
            case waiting, running, paused, finished, failed
        }

        package var status = Status.waiting
        package var epochs = 0
        package var seconds = 0.0
        /// Per metric; nil before the first rung, and of a trial that failed.
        package var values: [Double]?
        package var reason: String?
    }

    package let plan: TuningPlan
    /// A row per trial, in order.
    package private(set) var rows: [Row]
    private var scheduler: HalvingScheduler
    /// Jobs that were begun and have no outcome yet, in order.
    package private(set) var open: [HalvingScheduler.Job] = []

    package init(_ plan: TuningPlan) {
        self.plan = plan
        rows = [Row](repeating: Row(), count: plan.trials.count)
        scheduler = HalvingScheduler(
            trials: plan.trials.count, rungs: plan.rungs.count,
            reduction: plan.settings.search.type == .asha ? plan.settings.search.reduction : 2)
    }

    /// The next job to begin, and the event that says so; nil where there is none before another outcome.
    package mutating func next() -> (job: HalvingScheduler.Job, event: Event)? {
        guard let job = scheduler.next() else { return nil }
        open.append(job)
        rows[job.trial].status = .running
        return (job, Event(.started, trial: job.trial + 1, rung: job.rung))
    }

    /// The last epoch of a job before its trial pauses; nil for one that runs to the end.
    package func pause(after job: HalvingScheduler.Job) -> Int? {
        job.rung + 1 < plan.rungs.count ? plan.rungs[job.rung] : nil
    }

    /// The last epoch that counts once a job is over.
    package func limit(of job: HalvingScheduler.Job) -> Int {
        pause(after: job) ?? plan.trials[job.trial].experiment.training.epochs
    }

    /// What a job came to, by its trial's folder.
    package func outcome(
        of job: HalvingScheduler.Job, _ record: TrialRecord, seconds: Double
    ) -> Event {
        var event = Event(record.isFinished ? .finished : .paused, trial: job.trial + 1, rung: job.rung)
        (event.epochs, event.values, event.seconds) = (record.epochs, record.values, seconds)
        return event
    }

    /// Takes the outcome of a job.
    ///
    /// - Throws: `InputError` for one of a job that was not begun.
    package mutating func take(_ event: Event) throws(InputError) {
        func wrong(_ found: String) -> InputError {
            InputError(
                .syntax, at: "trial \(event.trial), \(event.event.rawValue)", found: found,
                expected: "the events of this tuning")
        }
        guard rows.indices.contains(event.trial - 1), plan.rungs.indices.contains(event.rung) else {
            throw wrong("a trial or rung that there is not")
        }
        let job = HalvingScheduler.Job(trial: event.trial - 1, rung: event.rung)
        guard event.event != .started else {
            guard next()?.job == job else { throw wrong("another order") }
            return
        }
        guard scheduler.isRunning(job) else { throw wrong("a job that was not begun") }
        let trial = event.trial - 1
        rows[trial].seconds += event.seconds ?? 0
        switch event.event {
        case .paused, .finished:
            guard let values = event.values, values.count == plan.metrics.count, let epochs = event.epochs
            else {
                throw wrong("no values")
            }
            let costs = zip(plan.metrics, values).map { $0.cost($1) }
            rows[trial].values = values
            rows[trial].epochs = epochs
            rows[trial].status = event.event == .finished ? .finished : .paused
            scheduler.report(job, event.event == .finished ? .ended(costs) : .reached(costs))
        default:
            rows[trial].values = nil
            rows[trial].epochs = max(rows[trial].epochs, event.epochs ?? 0)
            rows[trial].status = .failed
            rows[trial].reason = event.reason
            scheduler.report(job, .failed)
        }
        open.removeAll { $0 == job }
    }

    // MARK: What came of it

    /// The costs of the trials that are over; only these have a model.
    private var finished: [(trial: Int, costs: [Double])] {
        rows.indices.compactMap { index in
            guard rows[index].status == .finished, let values = rows[index].values else { return nil }
            return (index, zip(plan.metrics, values).map { $0.cost($1) })
        }
    }

    /// The finished trials, from 0, that none is better than in every metric.
    package var front: [Int] {
        let all = finished
        return ParetoFront.indices(all.map(\.costs)).map { all[$0].trial }
    }

    /// The best finished trial, from 0: by one metric the best, by several the front's knee. Nil where none finished.
    package var best: Int? {
        let all = finished
        return ParetoFront.knee(all.map(\.costs)).map { all[$0].trial }
    }

    /// All trials with values, from 0: those that finished before those that paused, each the best first.
    package var ranked: [Int] {
        func order(_ status: Row.Status) -> [Int] {
            let some = rows.indices.filter { rows[$0].status == status && rows[$0].values != nil }
            let costs = some.map { index in
                zip(plan.metrics, rows[index].values ?? []).map { $0.cost($1) }
            }
            return ParetoFront.order(costs).map { some[$0] }
        }
        return order(.finished) + order(.paused)
    }

    /// A row per trial, as `trials.csv` has them: numbers as they are.
    package var table: String {
        let front = Set(front)
        var lines = [
            ["trial", "state", "epochs", "seconds"] + plan.paths + plan.metrics.map(\.name)
                + ["on front", "reason"]
        ]
        for (index, row) in rows.enumerated() {
            let trial = plan.trials[index]
            lines.append(
                ["\(trial.number)", row.status.rawValue, "\(row.epochs)", Wording.fixed(row.seconds, 1)]
                    + plan.paths.map { path in trial.values[path].map(TuningPlan.text) ?? "" }
                    + plan.metrics.indices.map { metric in row.values.map { "\($0[metric])" } ?? "" }
                    + [front.contains(index) ? "yes" : "no", row.reason ?? ""])
        }
        return lines.map { $0.map(Quoting.csv).joined(separator: ",") + "\n" }.joined()
    }
}
