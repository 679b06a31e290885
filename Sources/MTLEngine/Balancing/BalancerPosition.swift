/// Where a method is between two steps: with its value, its tasks and its seed all that it needs to go on as if it had never stopped.
package struct BalancerPosition: Sendable, Equatable, Codable {
    /// Whose position it is.
    package var kind = Balancing.Kind.fixed
    /// Steps, and epochs, since the start.
    package var step = 0
    package var epoch = 0
    /// What the method carries, `[rows, tasks]`.
    package var numbers: [Double] = []

    package init() {}
}

extension BalancerMemory {
    /// Where the method is.
    package var position: BalancerPosition {
        var position = BalancerPosition()
        position.kind = balancing.kind
        position.step = step
        position.epoch = epoch
        position.numbers = Array(state.buffer)
        return position
    }

    /// Goes back to where a method of the same kind and tasks was.
    ///
    /// - Throws: `InputError` for a position of another method or of other tasks, and for numbers that no method leaves.
    package func restore(
        _ position: BalancerPosition, place: String = "balancing, position"
    ) throws(InputError) {
        guard position.kind == balancing.kind else {
            throw InputError(
                .name, at: place, found: "a position of \(position.kind.rawValue)",
                expected: "one of \(balancing.kind.rawValue)")
        }
        guard position.numbers.count == state.count else {
            throw InputError(
                .shape, at: place, found: "\(position.numbers.count) numbers",
                expected: "\(state.count), of \(balancing.kind.rawValue) for \(taskCount) tasks")
        }
        let counts = 0...1 << 53
        guard counts ~= position.step, counts ~= position.epoch else {
            throw InputError(
                .value, at: place, found: "step \(position.step) of epoch \(position.epoch)",
                expected: "counts from 0 to 2^53")
        }
        if let number = position.numbers.first(where: { !$0.isFinite }) {
            throw InputError(.value, at: place, found: "\(number)", expected: "finite numbers")
        }
        step = position.step
        epoch = position.epoch
        state.write(position.numbers)
    }
}
