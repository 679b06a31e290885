extension GraphBuilder {
    /// Puts a preference behind the features: `[rows, tasks]`, every row the same shares, from the parameter "NAME" `[tasks]`, which no
    /// optimiser changes.
    ///
    /// - Parameters:
    ///   - shares: per task its share where nothing else is asked for.
    ///   - title: NAME.
    mutating func appendPreference(_ shares: [Double], name title: String) {
        let start = place(shares.count, isTrained: false)
        name(title, start, [shares.count], isTrained: false)
        for (task, share) in shares.enumerated() {
            beginnings.append(.constant(start + task..<start + task + 1, share))
        }
        let y = reserve(shares.count)
        nodes.append(.parameter(ParameterNode(y: y, start: start, isTrained: false)))
        preferences.append(start)
        appendFeatures(y)
    }
}

extension ModelPlan {
    /// Sets the preference that the model reads, wherever it lies.
    ///
    /// - Parameters:
    ///   - shares: `[tasks]`.
    ///   - parameters: a vector of the model's layout.
    package func write<Scalar: BLASScalar>(
        preference shares: UnsafePointer<Double>, to parameters: UnsafeMutablePointer<Scalar>
    ) {
        for start in preferences {
            for task in logits.indices { parameters[start + task] = Scalar(shares[task]) }
        }
    }
}
