extension Schedule {
    /// An alternating schedule as a file says it: "turns", "order" and "trains".
    package init(alternating options: inout OptionReader) throws(InputError) {
        let turns = try Turns(&options, usual: .batch)
        let order = try TurnOrder(&options)
        self = .alternating(turns, order: order, trains: try options.value("trains") ?? .all)
    }
}

extension Schedule.TrainedParts: OptionType {}

extension Schedule.Turns {
    /// "batch", "epoch" or {steps: 5}.
    fileprivate init(_ options: inout OptionReader, usual: Self) throws(InputError) {
        guard let value = try options.value("turns", as: OptionValue.self) else {
            self = usual
            return
        }
        switch value {
        case .scalar("batch"): self = .batch
        case .scalar("epoch"): self = .epoch
        case .map(let map) where map.count == 1 && map["steps"].flatMap(Int.init(option:)) != nil:
            self = .steps(map["steps"].flatMap(Int.init(option:)) ?? 0)
        default:
            throw InputError(
                .value, at: "turns", found: value.text, expected: "batch, epoch or steps: a whole number")
        }
    }
}

extension Schedule.TurnOrder {
    /// "round_robin", "shuffled" or {proportional: 1, annealed_to: 0.2}.
    fileprivate init(_ options: inout OptionReader) throws(InputError) {
        guard let value = try options.value("order", as: OptionValue.self) else {
            self = .roundRobin
            return
        }
        switch value {
        case .scalar("round_robin"): self = .roundRobin
        case .scalar("shuffled"): self = .shuffled
        case .map(let map):
            let numbers = map.compactMapValues(Double.init(option:))
            guard let exponent = numbers["proportional"], numbers.count == map.count,
                Set(map.keys).isSubset(of: ["proportional", "annealed_to"])
            else { fallthrough }
            self = .proportional(exponent: exponent, annealedTo: numbers["annealed_to"])
        default:
            throw InputError(
                .value, at: "order", found: value.text,
                expected: "round_robin, shuffled or proportional: a number, with annealed_to or without")
        }
    }
}

extension Hierarchy {
    /// A hierarchy as a file says it: "levels", and what differs from the defaults.
    package init(_ options: inout OptionReader) throws(InputError) {
        guard let levels = try options.value("levels", as: [[String]].self) else {
            throw InputError(
                .name, at: "levels", found: "nothing", expected: "lists of tasks, the lowest level first")
        }
        self.init(levels: levels)
        turns = try Schedule.Turns(&options, usual: turns)
        try options.read("regularization", &regularization)
        unfreezeEvery = try options.value("unfreeze_every")
        try options.read("level_rates", &rates)
    }
}

extension LayerRates {
    /// The option "layer_rates": factors by pattern.
    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(try options.value("layer_rates") ?? [:])
    }
}
