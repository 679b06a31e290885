internal import MTLKernels

/// The parts of a training step that a profile tells apart.
package enum StepPhase: UInt8, CaseIterable, Sendable {
    case gather, forward, loss, backward, backwardInput, weightGradient, biasGradient, sum, optimizer,
        transpose, wait, number, scatter, tableRows

    /// Whether its work is counted in floating-point operations; else in bytes.
    package var isProduct: Bool { self == .forward || self == .backwardInput || self == .weightGradient }
}

/// Sees every part of a step as it runs. The step is specialised for the observer, so one that does nothing costs nothing.
package protocol StepObserver {
    /// Runs `body`, a part of a worker's step.
    ///
    /// - Parameters:
    ///   - index: the node's place in the plan, where the part is a node's.
    ///   - work: floating-point operations of a product, bytes read and written of anything else.
    func observe(_ phase: StepPhase, index: Int, worker: Int, work: Int, _ body: () -> Void)
}

/// Sees nothing.
package struct NoObserver: StepObserver {
    @inline(__always)
    package func observe(_ phase: StepPhase, index: Int, worker: Int, work: Int, _ body: () -> Void) {
        body()
    }
}

/// Writes down when each part began and ended, for every worker, until its memory is full.
package final class StepTimeline: @unchecked Sendable {
    /// A part of a step as it ran on one worker; times in ticks of `ticksPerSecond`.
    package struct Event {
        package let phase: StepPhase
        package let index: Int32
        package let work: Int
        package let start: UInt64
        package let end: UInt64
    }

    /// What workers hold of the timeline: pointers, so that no reference is counted.
    package struct Observer: StepObserver {
        fileprivate let events: UnsafeMutablePointer<Event>
        fileprivate let counts: UnsafeMutablePointer<Int>
        fileprivate let capacity: Int

        @inline(__always)
        package func observe(_ phase: StepPhase, index: Int, worker: Int, work: Int, _ body: () -> Void) {
            let start = mtl_clock_ticks()
            body()
            let end = mtl_clock_ticks()
            // Counters of two workers lie a cache line apart.
            let count = counts[worker * 16]
            guard count < capacity else { return }
            events[worker * capacity + count] = Event(
                phase: phase, index: Int32(index), work: work, start: start, end: end)
            counts[worker * 16] = count + 1
        }
    }

    package let observer: Observer
    private let workers: Int

    package init(workers: Int, eventsPerWorker: Int) {
        self.workers = workers
        let events = UnsafeMutablePointer<Event>.allocate(capacity: workers * eventsPerWorker)
        events.initialize(
            repeating: Event(phase: .wait, index: 0, work: 0, start: 0, end: 0),
            count: workers * eventsPerWorker)
        let counts = UnsafeMutablePointer<Int>.allocate(capacity: workers * 16)
        counts.initialize(repeating: 0, count: workers * 16)
        observer = Observer(events: events, counts: counts, capacity: eventsPerWorker)
    }

    deinit {
        observer.events.deallocate()
        observer.counts.deallocate()
    }

    /// The events of a worker so far, in order.
    package func events(worker: Int) -> [Event] {
        let start = observer.events + worker * observer.capacity
        return Array(UnsafeBufferPointer(start: start, count: observer.counts[worker * 16]))
    }

    /// Whether a worker's memory is full: later events were not written down.
    package var isFull: Bool { (0..<workers).contains { observer.counts[$0 * 16] == observer.capacity } }

    /// Forgets all events.
    package func reset() { for worker in 0..<workers { observer.counts[worker * 16] = 0 } }

    /// Ticks of the clock in a second, measured against the system's clock.
    package static func ticksPerSecond() -> Double {
        let clock = ContinuousClock()
        let (begin, first) = (clock.now, mtl_clock_ticks())
        while clock.now.seconds(since: begin) < 0.05 {}
        let (end, last) = (clock.now, mtl_clock_ticks())
        return Double(last - first) / end.seconds(since: begin)
    }
}
