#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A method's memory for some tasks, and the weights step by step. All of it is taken by `init`: later calls allocate nothing, take no
/// lock and give the same bits for the same seed and the same numbers, whatever the number of threads.
///
/// A step asks `weights` once, before its backward pass or, for a method of gradients, before it puts them together; then it tells
/// `learn` the losses. `endEpoch` comes behind the last step of an epoch.
///
/// `[tasks]` losses are means over the batch's labelled rows. What is not finite stands for a task that is left out: without labels, or
/// stopped. Methods of gradients leave out a task whose gradient is 0 as well. Weights of tasks that are left out are 0.
package final class BalancerMemory {
    typealias Numbers = UnsafeMutablePointer<Double>

    package let balancing: Balancing
    package let taskCount: Int
    /// Steps, and epochs, since the start.
    package internal(set) var step = 0
    package internal(set) var epoch = 0

    /// What the method carries from step to step, `[rows, tasks]`, and behind it the sums of squares behind excess risks, `[width,
    /// tasks]`; finite always.
    let state: AlignedStorage<Double>
    /// Where those sums begin.
    let squares: Int
    /// The first of the rows with the sums of the first phase's weights and their counts.
    private let phase: Int
    /// A number of each task: γ, c, a floor, a preference or a place in an order.
    let options: AlignedStorage<Double>
    /// A second one, of priorities.
    let tolerances: AlignedStorage<Double>
    /// The preference of the step, where one is drawn.
    package let preference: AlignedStorage<Double>
    let problem: GramProblem
    /// The tasks of this step.
    let present: AlignedStorage<Int>
    /// An order of them.
    let order: AlignedStorage<Int>
    /// Which task counts most.
    let main: Int
    private let seed: UInt64
    private let output: AlignedStorage<Double>

    /// - Parameter width: the coordinates of the gradients that `takeRisks` is given.
    /// - Throws: `InputError` for an option out of its range or a name that is no task.
    package init(
        _ balancing: Balancing, tasks: [LearningTask], width: Int = 0, seed: UInt64,
        place: String = "balancing"
    ) throws(InputError) {
        try balancing.check(place, tasks: tasks.map(\.name))
        self.balancing = balancing
        self.seed = seed
        taskCount = tasks.count
        phase = balancing.stateRows(tasks: tasks.count) + (balancing.smoothing > 0 ? 2 : 0)
        squares = (phase + (balancing.fixedAfter == nil ? 0 : 2)) * tasks.count
        state = AlignedStorage(
            zeroed: squares + (balancing.needs.contains(.excessRisks) ? width * tasks.count : 0))
        options = AlignedStorage(copying: tasks.indices.map { balancing.option(of: tasks[$0], at: $0) })
        tolerances = AlignedStorage(copying: tasks.map(balancing.tolerance(of:)))
        output = AlignedStorage(zeroed: tasks.count)
        preference = AlignedStorage(zeroed: tasks.count)
        present = AlignedStorage(zeroed: tasks.count)
        order = AlignedStorage(zeroed: tasks.count)
        problem = GramProblem(capacity: tasks.count)
        main = tasks.firstIndex { $0.name == balancing.main } ?? 0
    }

    /// A row of the state, `[tasks]`.
    func row(_ index: Int) -> Numbers { state.base + index * taskCount }

    /// The losses of the tasks of this step.
    var losses: Numbers { problem.vector(0) }

    /// Random numbers of this step alone: where a run goes on they need no state.
    var generator: SeededGenerator { SeededGenerator(seed: seed).split(UInt64(step)) }

    /// The weights of the step to come.
    ///
    /// - Parameters:
    ///   - losses: `[tasks]`; what is not finite leaves a task out. A method that does not need losses reads nothing else of them.
    ///   - gram: the products that the method's `needs` name, `[tasks, tasks]`.
    ///   - risks: what `BalancingNeeds.excessRisks` says, `[tasks]`.
    /// - Returns: `[tasks]`, valid until the next call.
    package func weights(
        losses: UnsafePointer<Double>, gram: UnsafePointer<Double>? = nil, risks: UnsafePointer<Double>? = nil
    ) -> UnsafeBufferPointer<Double> {
        let count = gather(losses, gram)
        if count > 0 {
            if isFixed {
                takeMeans()
            } else {
                weigh(risks)
                smooth()
                addToMeans()
            }
        }
        for task in 0..<taskCount { output.base[task] = 0 }
        for index in 0..<count { output.base[present.base[index]] = problem.weights[index] }
        step += 1
        return UnsafeBufferPointer(output.buffer)
    }

    /// Finds the tasks of this step, with their losses and products.
    private func gather(_ losses: UnsafePointer<Double>, _ gram: UnsafePointer<Double>?) -> Int {
        let needs = balancing.needs
        let needsGram = !needs.isDisjoint(with: [.gram, .norms, .crossGram])
        precondition(gram != nil || !needsGram, "\(balancing.kind.rawValue) without products of gradients")
        let leavesOutZeros = needsGram && !needs.contains(.crossGram) && !balancing.weighsLosses
        var count = 0
        for task in 0..<taskCount where losses[task].isFinite {
            let square = gram?[task * (taskCount + 1)] ?? 1
            guard square.isFinite, square > 0 || !leavesOutZeros else { continue }
            present.base[count] = task
            self.losses[count] = losses[task]
            count += 1
        }
        guard let gram, needsGram, count > 0 else {
            problem.take(count: count)
            return count
        }
        if leavesOutZeros {
            problem.take(gram, of: taskCount, present.base, count: count)
        } else {
            problem.takeCross(gram, of: taskCount, present.base, count: count)
        }
        return count
    }

    private func weigh(_ risks: UnsafePointer<Double>?) {
        switch balancing.method {
        case .fixed: problem.fill(1)
        case .decay: weighByDecay()
        case .uw: weighByUncertainty()
        case .uwSO(let temperature): weighByInverseLosses(temperature)
        case .dwa(let temperature): weighByDescent(temperature)
        case .dtp(let focusing, _): weighByDifficulty(focusing)
        case .rlw: weighAtRandom()
        case .gls: weighByGeometricMean()
        case .imtlL: weighByLossScales()
        case .cov: weighByVariation()
        case .lbtw(let exponent): weighByLossRatio(exponent)
        case .stch(let mu, let warmup): weighByTchebycheff(mu, warmup)
        case .famo: weighByFAMO()
        case .pbi(let penalty, _): weighByIntersection(penalty)
        case .cosmos(_, let penalty): weighByPreference(penalty)
        case .ldcMTL(let penalty, _): weighByDiscrepancy(penalty)
        case .priorities(let priorities): weighByPriorities(priorities.phase)
        case .gradNorm: weighByGradNorm()
        case .autoScale: weighByScales()
        case .metaBalance(_, let relaxation, let momentum): weighByMetaBalance(relaxation, momentum)
        case .dbMTL(let momentum, _): weighByEqualLengths(isTracked: momentum > 0)
        case .imtlG: weighByEqualProjections()
        case .mgda(let normalization): weighByMinimumNorm(normalization)
        case .peLTR: weighByFlooredMinimumNorm()
        case .pcGrad: weighBySurgery()
        case .gradVac(let momentum): weighByVaccine(momentum)
        case .caGrad(let radius, let isRescaled): weighByConflictAversion(radius, isRescaled)
        case .gradCraft(let relaxation, let momentum, let cosine): weighByCraft(relaxation, momentum, cosine)
        case .nashMTL(let every, let norm): weighByBargaining(every, norm)
        case .fairGrad(let alpha): weighByFairness(alpha)
        case .alignedMTL(let scale): weighByAlignment(scale)
        case .upGrad: weighByDualCone(each: true)
        case .dualProj: weighByDualCone(each: false)
        case .conFIG: weighByEqualCosines()
        case .sdmGrad(let lambda, let rate, let momentum, let iterations):
            weighByDirection(lambda, rate, momentum, iterations)
        case .moDo(let rate, let penalty): followSimplex(rate: rate, penalty: penalty)
        case .moCo(_, let rate, let decay, let penalty):
            followSimplex(rate: rate / pow(Double(step + 1), decay), penalty: penalty)
        case .excessMTL(let stepSize): weighByExcessRisk(stepSize, risks)
        case .pcd(_, let progress, let momentum): weighByPriority(progress, momentum)
        case .cosineGate(_, let isWeighted): weighByCosine(isWeighted)
        }
    }

    /// The weights' moving average; a task's first weight is its own.
    private func smooth() {
        guard balancing.smoothing > 0 else { return }
        let before = row(balancing.stateRows(tasks: taskCount))
        let known = before + taskCount
        for index in 0..<problem.size {
            let (task, weight) = (present.base[index], problem.weights[index])
            before[task] =
                known[task] > 0
                ? balancing.smoothing * before[task] + (1 - balancing.smoothing) * weight : weight
            known[task] = 1
            problem.weights[index] = before[task]
        }
    }

    /// Whether the first phase is over, so that nothing is learned any more.
    package var isFixed: Bool { balancing.fixedAfter.map { epoch >= $0 } ?? false }

    private func addToMeans() {
        // What measures a window first knows nothing for a while, and tells each window's weights itself.
        guard balancing.kind != .autoScale else { return }
        for index in 0..<problem.size { addToMeans(present.base[index], problem.weights[index]) }
    }

    func addToMeans(_ task: Int, _ weight: Double) {
        guard balancing.fixedAfter != nil else { return }
        let (sum, count) = (row(phase), row(phase + 1))
        guard (sum[task] + weight).isFinite else { return }
        sum[task] += weight
        count[task] += 1
    }

    /// The first phase's mean weights; 1 for a task that had none.
    private func takeMeans() {
        let (sum, count) = (row(phase), row(phase + 1))
        for index in 0..<problem.size {
            let task = present.base[index]
            problem.weights[index] = count[task] > 0 ? sum[task] / count[task] : 1
        }
    }

    /// Tells a step's losses, once for each step, behind `weights`.
    ///
    /// - Parameters:
    ///   - after: the losses on the same batch after the update, where the method needs them.
    ///   - gram: the products of the step's gradients, `[tasks, tasks]`, where the method learns from them; nil for a step without.
    package func learn(
        losses: UnsafePointer<Double>, after: UnsafePointer<Double>? = nil,
        gram: UnsafePointer<Double>? = nil
    ) {
        guard !isFixed else { return }
        switch balancing.method {
        case .uw(let form, let rate): learnUncertainty(losses, form, rate)
        case .imtlL(let rate): learnLossScales(losses, rate)
        case .ldcMTL(let penalty, let rate): learnDiscrepancy(losses, penalty, rate)
        case .dwa: addLosses(losses, sum: row(0), count: row(1))
        case .cov(let momentum): learnVariation(losses, momentum)
        case .stch(_, let warmup): if epoch == warmup - 1 { addLosses(losses, sum: row(0), count: row(1)) }
        case .priorities(let priorities):
            learnMultipliers(
                losses, phase: priorities.phase, rate: priorities.learningRate,
                momentum: priorities.momentum)
        case .gradNorm(let exponent, let rate):
            if let gram { learnGradNorm(losses, gram, exponent, rate) }
            addLosses(losses, sum: row(4), count: row(5))
        case .autoScale(let metric, let window): learnScales(losses, gram, metric, window: window)
        case .famo(let rate, let decay):
            guard let after else { preconditionFailure("famo without the losses after the update") }
            learnFAMO(losses, after, rate, decay)
        default: return
        }
    }

    /// An epoch is over.
    ///
    /// - Parameter indicators: `[tasks]`, in 0...1, where the method needs them; what is not finite says nothing.
    package func endEpoch(indicators: UnsafePointer<Double>? = nil) {
        switch balancing.method {
        case .dwa: endDescentEpoch()
        case .dtp(_, let momentum): if let indicators { learnDifficulty(indicators, momentum) }
        case .lbtw: for task in 0..<taskCount { row(1)[task] = 0 }
        case .stch(_, let warmup):
            if epoch == warmup - 1 { keepMeans(sum: row(0), count: row(1), in: row(2)) }
        case .priorities(let priorities): endPrioritiesEpoch(priorities.phase)
        case .autoScale(let metric, _): if !isFixed { endWindow(metric) }
        case .gradNorm: keepMeans(sum: row(4), count: row(5), in: row(6))
        default: break
        }
        epoch += 1
    }
}

extension Balancing {
    /// What the method carries from step to step, in numbers a task.
    func stateRows(tasks: Int) -> Int {
        switch method {
        case .uw, .imtlL, .famo, .ldcMTL: ScalarAdam.rows
        case .dwa: 5
        case .dtp, .lbtw, .metaBalance, .gradCraft, .nashMTL, .pcd: 2
        case .cov: 4
        case .stch: 3
        case .gradNorm: ScalarAdam.rows + 3
        case .priorities: 6
        case .autoScale: 5
        case .gradVac: tasks
        case .sdmGrad, .moDo, .moCo: 2
        case .excessMTL: 3
        default: 0
        }
    }

    /// The method's number of a task.
    ///
    /// - Parameter place: the task's among all.
    func option(of task: LearningTask, at place: Int) -> Double {
        switch method {
        case .priorities(let priorities): Double(priorities.order.firstIndex(of: task.name) ?? place)
        case .decay(let gamma, let tasks): tasks[task.name] ?? gamma
        case .peLTR(let floor, let tasks): tasks[task.name] ?? floor
        case .pbi(_, let preference): preference[task.name] ?? 1
        case .uw:
            switch task.kind {
            case .squaredError, .huber: 0.5
            default: 1
            }
        default: 1
        }
    }

    /// How far a task's loss may rise.
    func tolerance(of task: LearningTask) -> Double {
        guard case .priorities(let priorities) = method else { return 0 }
        return priorities.tasks[task.name] ?? priorities.tolerance
    }
}
