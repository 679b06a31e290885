/// What feature layers send straight to the logits.
struct WidePart {
    /// What the names of its parameters begin with.
    let name: String
    let value: GraphValue
    /// The only task that reads it; nil for all.
    let task: Int?
}

extension GraphBuilder {
    /// Adds a linear map of x, "NAME.TASK.weight" `[outputs, x.width]`, to the logits that the architecture will give each task; where it
    /// separates the tasks' features, to those of the task whose features are being built.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - name: NAME, what the parameters' names begin with.
    public mutating func addToLogits(_ x: GraphValue, name: String) {
        wideParts.append(WidePart(name: name, value: x, task: featureTask))
    }

    /// Takes embedded fields out of the features.
    ///
    /// - Throws: `InputError` for a field that is not there, or where nothing would be left.
    public mutating func removeFields(_ names: [String], at place: String) throws(InputError) {
        _ = try fields(names, at: place)
        let left = parts.filter { part in part.field.map { !names.contains($0) } ?? true }
        guard !left.isEmpty else {
            throw InputError(
                .value, at: place, found: "all features", expected: "some that the layers above can read")
        }
        parts = left
    }

    /// The architecture's logits and what leads to them directly.
    ///
    /// - Throws: `InputError` where logits are no sums: those of a funnel's later events, or of members.
    mutating func withWideParts(_ logits: [GraphValue]) throws(InputError) -> [GraphValue] {
        var logits = logits
        for part in wideParts {
            if members != nil {
                throw InputError(
                    .value, at: part.name, found: "a path to the logits in a packed ensemble",
                    expected: "one network: its members would share the path, and differ the less")
            }
            if let later = eventParents.firstIndex(where: { $0 != nil }) {
                throw InputError(
                    .value, at: part.name, found: "a path to the logits of a funnel",
                    expected:
                        "another sharing: the logit of \"\(tasks[later].name)\" is of a product, or follows another event's"
                )
            }
            let some = part.task.map { [$0] } ?? Array(tasks.indices)
            for outputs in Set(some.map { tasks[$0].outputs }).sorted() {
                let group = some.filter { tasks[$0].outputs == outputs }
                let sums = dense(
                    part.value, units: outputs, activation: .identity,
                    names: group.map { "\(part.name).\(tasks[$0].name)" }, inputIsShared: true, hasBias: false
                )
                for (task, sum) in zip(group, sums.blocks(group.count)) {
                    accumulate(logits[task], into: sum, isFirst: false)
                    logits[task] = sum
                }
            }
        }
        return logits
    }
}
