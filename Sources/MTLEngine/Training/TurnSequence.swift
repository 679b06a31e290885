#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Which turns a batch is for, by its place in training alone: a run that is taken up again goes on as it would have.
package final class TurnSequence {
    private let plan: SchedulePlan
    private let length: Schedule.Turns
    private let order: Schedule.TurnOrder
    private let generator: SeededGenerator
    private let labelledRows: [Int]
    private let epochs: Int
    private let permutation: AlignedStorage<Int>
    private let shares: AlignedStorage<Double>
    /// The groups that have turns, and how many they are: not those whose tasks have all stopped.
    private let active: AlignedStorage<Int>
    private var activeCount: Int

    /// What the stream of turns is split off the trainer's seed with.
    private static let stream: UInt64 = 1 << 33

    /// - Parameters:
    ///   - seed: the trainer's.
    ///   - labelledRows: per task the training rows with a label of it; nil where nobody counted them.
    ///   - epochs: how many are planned.
    /// - Throws: `InputError` where turns are drawn in proportion to labelled rows and there are none.
    package init(
        _ plan: SchedulePlan, seed: UInt64, labelledRows: [Int]?, epochs: Int
    ) throws(InputError) {
        self.plan = plan
        length = plan.schedule.turns ?? .batch
        if case .alternating(_, let order, _) = plan.schedule {
            self.order = order
        } else {
            order = .roundRobin
        }
        generator = SeededGenerator(seed: seed).split(Self.stream)
        self.labelledRows = labelledRows ?? []
        self.epochs = epochs
        permutation = AlignedStorage(zeroed: plan.groups.count)
        shares = AlignedStorage(zeroed: plan.groups.count)
        active = AlignedStorage(copying: Array(plan.groups.indices))
        activeCount = plan.groups.count
        if plan.drawsByLabels {
            guard let labelledRows, labelledRows.contains(where: { $0 > 0 }) else {
                throw InputError(
                    .empty, at: "schedule, order", found: "no labelled rows to draw turns by",
                    expected: "training rows whose labels are counted")
            }
        }
    }

    /// The groups that have turns.
    var activeGroups: UnsafeMutableBufferPointer<Int>.SubSequence { active.buffer.prefix(activeCount) }

    /// Passes over the turns of tasks that have stopped: the others' follow each other.
    package func rest(_ stopped: Set<Int>) {
        activeCount = 0
        for (group, turns) in plan.groups.enumerated()
        where turns.contains(where: { !stopped.isSuperset(of: plan.turns[$0].tasks) }) {
            active.base[activeCount] = group
            activeCount += 1
        }
    }

    /// The turns of a batch, in order. Allocates nothing.
    ///
    /// - Parameters:
    ///   - epoch: counted from 1.
    ///   - batch: the batch's number in its epoch, from 0.
    ///   - step: the batches before it since the start.
    ///   - body: gets each turn's place among the plan's.
    package func forEachTurn(epoch: Int, batch: Int, step: Int, _ body: (Int) -> Void) {
        let count = activeCount
        guard count > 0 else { return }
        if let group = group(epoch: epoch, batch: batch, step: step) {
            body(turn(group, epoch))
            return
        }
        if order == .shuffled { permute(round: step) }
        for place in 0..<count {
            body(turn(order == .shuffled ? permutation.base[place] : active.base[place], epoch))
        }
    }

    /// The one group whose turn a batch is; nil where every group has a turn in it. Allocates nothing.
    package func group(epoch: Int, batch: Int, step: Int) -> Int? {
        guard activeCount > 0 else { return nil }
        var isDrawn = false
        if case .proportional = order { isDrawn = true }
        switch length {
        case .batch: return nil
        case .steps(let steps):
            // Within its epoch, so that the exponent is the same along a turn.
            return isDrawn
                ? drawn(generator.split(UInt64(epoch)).split(UInt64(batch / steps)), epoch)
                : group(number: step / steps)
        case .epoch:
            return isDrawn ? drawn(generator.split(UInt64(epoch)), epoch) : group(number: epoch - 1)
        }
    }

    /// The one group whose turn a whole epoch is; nil where turns are shorter. Allocates nothing.
    package func group(epoch: Int) -> Int? {
        length == .epoch ? group(epoch: epoch, batch: 0, step: 0) : nil
    }

    /// The group whose turn has a number, counted from 0.
    private func group(number: Int) -> Int {
        let (round, place) = number.quotientAndRemainder(dividingBy: activeCount)
        guard order == .shuffled else { return active.base[place] }
        permute(round: round)
        return permutation.base[place]
    }

    private func permute(round: Int) {
        for index in 0..<activeCount { permutation.base[index] = active.base[index] }
        var generator = generator.split(UInt64(round))
        generator.shuffle(UnsafeMutableBufferPointer(rebasing: permutation.buffer[0..<activeCount]))
    }

    /// A group, with a probability in proportion to its task's labelled rows to the power of the epoch.
    private func drawn(_ source: SeededGenerator, _ epoch: Int) -> Int {
        guard case .proportional(let first, let last) = order else { return 0 }
        let progress = epochs > 1 ? min(1, Double(epoch - 1) / Double(epochs - 1)) : 0
        let exponent = first + ((last ?? first) - first) * progress
        var total = 0.0
        shares.buffer.update(repeating: 0)
        for task in active.buffer.prefix(activeCount) {
            shares.base[task] = labelledRows[task] > 0 ? pow(Double(labelledRows[task]), exponent) : 0
            total += shares.base[task]
        }
        var generator = source
        var left = generator.uniform() * total
        var latest = active.base[0]
        for task in shares.buffer.indices where shares.base[task] > 0 {
            latest = task
            left -= shares.base[task]
            if left < 0 { break }
        }
        return latest
    }

    /// A group's turn in an epoch: the more of its epochs are over, the more has thawed.
    private func turn(_ group: Int, _ epoch: Int) -> Int {
        let turns = plan.groups[group]
        guard case .hierarchical(let hierarchy) = plan.schedule, let every = hierarchy.unfreezeEvery else {
            return turns.lowerBound
        }
        let own = (epoch - 1) / plan.epochsPerRound
        return turns.lowerBound + min(turns.count - 1, own / every)
    }
}
