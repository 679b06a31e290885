/// The part of a model that a step runs: all tasks (joint) or one (a turn).
package struct TaskSelection: Sendable {
    /// The tasks, in the model's order.
    package let tasks: [Int]
    /// The layers, from the features up, each with its active blocks.
    package let layers: [(layer: Int, active: Range<Int>)]
    /// The steps of the backward pass through the activations, from the logits down.
    package let descents: [Descent]
    /// The layers whose input gradient goes on to the embedded features; the first overwrites, the others add.
    package let embeddedDescents: [(layer: Int, active: Range<Int>)]

    /// dz of one layer into the one below.
    package struct Descent: Sendable {
        package let layer: Int
        package let active: Range<Int>
        package let below: Int
        package let belowActive: Range<Int>
        package let overwrites: Bool
        package let completes: Bool
    }
}

extension SharedBottom {
    /// All tasks, or the one of a turn.
    package func selection(_ task: Int? = nil) -> TaskSelection {
        var active: [(layer: Int, active: Range<Int>)] = trunkLayers.map { ($0, 0..<1) }
        for (index, group) in groups.enumerated() {
            let blocks: Range<Int>
            if let task {
                guard seats[task].group == index else { continue }
                blocks = seats[task].block..<seats[task].block + 1
            } else {
                blocks = 0..<group.tasks.count
            }
            for layer in group.layers { active.append((layer, blocks)) }
        }
        let isActive = Dictionary(uniqueKeysWithValues: active.map { ($0.layer, $0.active) })

        var descents: [TaskSelection.Descent] = []
        var pending: [Int: Int] = [:]
        for (layer, _) in active {
            if case .layer(let below) = layers[layer].source { pending[below, default: 0] += 1 }
        }
        var started = Set<Int>()
        for (layer, blocks) in active.reversed() {
            guard case .layer(let below) = layers[layer].source else { continue }
            let left = (pending[below] ?? 1) - 1
            pending[below] = left
            descents.append(
                TaskSelection.Descent(
                    layer: layer, active: blocks, below: below, belowActive: isActive[below] ?? 0..<1,
                    overwrites: started.insert(below).inserted, completes: left == 0))
        }
        return TaskSelection(
            tasks: task.map { [$0] } ?? Array(tasks.indices), layers: active, descents: descents,
            embeddedDescents: embedding.isEmpty ? [] : active.filter { layers[$0.layer].source == .features })
    }

    /// The arithmetic of the products of one step per row of the batch, in floating-point operations.
    ///
    /// Forward and the weights' gradients cost 2·I·O each, the gradient of the input as much where a layer or
    /// embedded features lie below; alternating counts the turns of all tasks.
    public func productOperationsPerRow(alternating: Bool) -> Int {
        let turns = alternating ? tasks.indices.map { selection($0) } : [selection()]
        return turns.reduce(0) { sum, turn in
            turn.layers.reduce(sum) { sum, entry in
                let layer = layers[entry.layer]
                let weights = 2 * layer.outputs * entry.active.count
                let below = layer.source == .features ? embedding.width : layer.inputs
                return sum + weights * (2 * layer.inputs + below)
            }
        }
    }
}
