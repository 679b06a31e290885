/// A model as a fixed graph: an ordered list of nodes over named parameters, without memory.
package struct ModelPlan: Sendable {
    /// How a piece of the parameter vector begins.
    package enum Beginning: Sendable {
        /// A dense layer's weights and biases, as the trainer's `Initialization` says, from the stream of its name.
        case layer(weights: Range<Int>, biases: Range<Int>, inputs: Int, outputs: Int, name: String)
        case constant(Range<Int>, Double)
        /// A square matrix: `on` in the diagonal, `off` elsewhere.
        case diagonal(Int, size: Int, on: Double, off: Double)
        /// One value at every `stride`-th of `count` places.
        case strided(Int, stride: Int, count: Int, value: Double)
        /// Uniform in ±bound, from the stream of its name.
        case uniform(Range<Int>, bound: Double, name: String)
        /// Normal of mean 0, from the stream of its name.
        case normal(Range<Int>, deviation: Double, name: String)
        /// A matrix of `rows` orthonormal rows, from the stream of its name.
        case orthonormal(Int, rows: Int, columns: Int, name: String)
        /// A matrix of rows of length 1, from the stream of its name.
        case sphere(Int, rows: Int, columns: Int, name: String)
        /// A member's scaling of the features, from the stream of its name.
        case scaling(Int, FeatureSections, name: String)
    }

    package let inputs: Int
    package let inputWidth: Int
    package let scenarios: Int
    package let nodes: [Node]
    /// Per task its logits, `[rows, outputs]`.
    package let logits: [GraphValue]
    package let events: EventChain
    package let lists: [Int32]
    /// Per storage its width, and whether it may have a gradient.
    package let widths: [Int]
    package let isTrained: [Bool]
    package let joints: [JointLoss]
    package let penalties: [ParameterPenalty]
    package let structures: [ParameterStructure]
    /// Gates over experts, for `expertUtilisation(of:)`.
    package let gateRecords: [GateRecord]
    package let beginnings: [Beginning]
    /// What no decay applies to: gains and shifts where the architecture says so.
    package let undecayed: [Range<Int>]
    /// Scenarios' and clusters' own factors of what all share: decay pulls them to 1, where they change nothing.
    package let factors: [Range<Int>]
    /// Scenarios' own parameters, whose gradients touch their rows only.
    package let owned: [(range: Range<Int>, scenario: Int)]
    package let usesScenarios: Bool
    /// Where the preference that the model reads lies, once for each set of features; nowhere for a model without.
    package let preferences: [Int]
    /// Whether a loss compares rows, which so have to meet between forward and backward.
    package let ranks: Bool
    /// Per task the logits of no and yes, `[rows, 2]`, where a loss within groups reads both.
    package let contexts: [GraphValue?]
    /// Whether some loss has weights that the batch's predictions decide.
    package let reweighs: Bool
    package let forwardElementsPerRow: Int
    /// Elements of each storage's gradient per row.
    package let gradientStrides: [Int]
    package let transposedCount: Int
    package let scratchCount: Int
    /// Columns of all batch norms.
    package let normWidth: Int
    /// The gathered features of a tile.
    package let gathered: WorkspaceSlot
    package let layout: ParameterLayout
    package let embedding: EmbeddingPlan
    /// Names of sequences of which a row has as many vectors each.
    package let alignedSequences: [[String]]
    /// The members of a packed ensemble, where the model is one.
    package let members: MemberPlan?
}

extension ModelPlan {
    /// Where the gradients of values lie in a tile's workspace.
    package var gradients: GradientLayout { gradientLayout(sharesPlaces: true) }

    /// - Parameter sharesPlaces: whether gradients that do not live at the same time may share a place.
    package func gradientLayout(sharesPlaces: Bool) -> GradientLayout {
        GradientLayout(
            nodes, lists: lists, strides: gradientStrides, roots: logits + joints.flatMap(\.reads),
            held: members?.shared ?? [], sharesPlaces: sharesPlaces)
    }

    /// Whether dense nodes alone have parameters, and nothing else sums over rows.
    package var trainsDenseAlone: Bool {
        normWidth == 0
            && nodes.allSatisfy { node in
                if case .dense = node { true } else { node.operation.parameters(lists).isEmpty }
            }
    }

    /// Elements of the largest weight matrix of a dense node's block.
    package var largestMatrix: Int {
        nodes.reduce(0) { most, node in
            if case .dense(let dense) = node {
                max(most, dense.layer.inputs * dense.layer.outputs)
            } else {
                most
            }
        }
    }

    /// Whether all rows of a batch meet on their way: batch norms or rounds of routing cut the order into stages, or losses compare rows.
    package var isStaged: Bool { ranks || reweighs || nodes.contains(where: \.beginsStage) }
}

/// A loss over several tasks' logits beside the tasks' own, or a penalty on what lies in between.
///
/// The hook of joint losses: a case here, its value and gradient in `StepRun+Losses`.
package enum JointLoss: Sendable {
    /// weight · mean over the rows of max(σ(later) - σ(earlier), 0): an event that needs another is no more likely
    /// (AITM's calibrator, arXiv 2105.08489). Where some scenarios lack one of the events, `scenarios` is the place among
    /// the lists of 1 per scenario that has both, and the mean is over its rows.
    case order(later: GraphValue, earlier: GraphValue, weight: Double, scenarios: Int?)
    /// A conditional probability's loss over the rows where its condition held.
    case counterfactual(CounterfactualLoss)
    /// weight · mean over the rows of (entropy · Σ_i H(r_i) + reach · Σ_i 1/Σ_e r_ie) over selectors r_i `[count]` of one
    /// task (DSelect-k, arXiv 2106.03760).
    case selection(selectors: GraphValue, count: Int, entropy: Double, reach: Double, task: Int)

    /// The tasks that a turn must have to have it too; all of them where it lies between values that are no task's.
    package func tasks(_ logits: [GraphValue]) -> Set<Int> {
        switch self {
        case .selection(_, _, _, _, let task): return [task]
        case .counterfactual(let loss): return [loss.outcome, loss.observed]
        case .order(let later, let earlier, _, _):
            let places = [later, earlier].compactMap { logits.firstIndex(of: $0) }
            return places.count == 2 ? Set(places) : Set(logits.indices)
        }
    }

    /// The values it adds a gradient to.
    package var values: [GraphValue] {
        switch self {
        case .order(let later, let earlier, _, _): [later, earlier]
        case .counterfactual(let loss): loss.values
        case .selection(let selectors, _, _, _, _): [selectors]
        }
    }

    /// The same term with another factor.
    package func scaled(by factor: Double) -> JointLoss {
        switch self {
        case .order(let later, let earlier, let weight, let scenarios):
            .order(later: later, earlier: earlier, weight: factor * weight, scenarios: scenarios)
        case .counterfactual(let loss):
            .counterfactual(
                CounterfactualLoss(
                    conditional: loss.conditional, propensity: loss.propensity, imputed: loss.imputed,
                    outcome: loss.outcome, observed: loss.observed, maximumWeight: loss.maximumWeight,
                    weight: factor * loss.weight))
        case .selection(let selectors, let count, let entropy, let reach, let task):
            .selection(
                selectors: selectors, count: count, entropy: factor * entropy, reach: factor * reach,
                task: task)
        }
    }

    /// All the values it reads.
    package var reads: [GraphValue] {
        switch self {
        case .order, .selection: values
        case .counterfactual(let loss): loss.values + [loss.propensity]
        }
    }
}

/// A term of the loss over parameters, which are named as in the layout.
///
/// Its gradient is added to the sum over the rows before clipping and the optimiser. In a task's turn only the
/// parameters that the turn trains get it; of a scenario's own parameters only those with rows in the batch.
public enum ParameterPenalty: Sendable, Equatable {
    /// weight · Σ θ²
    case squared(String, weight: Double)
    /// weight · Σ (θ - θ′)²: softly shared parameters of equal shape.
    case distance(String, String, weight: Double)

    package var names: [String] {
        switch self {
        case .squared(let name, _): [name]
        case .distance(let first, let second, _): [first, second]
        }
    }
}

extension ModelPlan {
    /// The arithmetic of the products of one step per row of the batch, in floating-point operations.
    ///
    /// Forward and the weights' gradients cost 2·I·O each, the gradient of the input as much where parameters lie below;
    /// alternating counts the turns of all tasks.
    package func productOperationsPerRow(_ tasks: [LearningTask], alternating: Bool = false) -> Int {
        let turns = alternating ? tasks.indices.map { Optional($0) } : [nil]
        return turns.reduce(0) { sum, task in
            Program(self, tasks: tasks, task: task).forward.joined().reduce(sum) { sum, entry in
                sum + times(entry.ordinal) * operations(entry.node)
            }
        }
    }

    private func operations(_ node: Node) -> Int {
        switch node {
        case .dense(let node):
            let layer = node.layer
            let below = needsGradient(node.x) ? layer.inputs - min(node.x.gradientStart, layer.inputs) : 0
            return 2 * node.columns.count * (2 * layer.inputs + below)
        case .scenarioDense(let node): return 6 * node.inputs * node.outputs
        case .tiedDense(let node):
            let products = (node.isTrained ? 2 : 1) + (needsGradient(node.x) ? 1 : 0)
            return 2 * products * node.multiplyAdds
        case .member(let node):
            return switch node.inner {
            case .scale: 0
            case .dense(let node): operations(.dense(node))
            case .scenarioDense(let node): operations(.scenarioDense(node))
            }
        default: return 0
        }
    }

    /// How often a row passes a node: once, or once per member.
    package func times(_ ordinal: Int) -> Int {
        guard let members, ordinal >= members.start else { return 1 }
        return members.count
    }

    private func needsGradient(_ value: GraphValue) -> Bool { isTrained[value.storage] && !value.isStopped }
}
