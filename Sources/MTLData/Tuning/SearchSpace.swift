package import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What is searched: for each path into an experiment its candidates.
///
/// ```yaml
/// training.learning_rate: {log: [0.0001, 0.01]}
/// training.batch: {log_integer: [128, 2048]}
/// model.dropout: {uniform: [0, 0.5]}
/// model.trunk: [[64], [128, 64]]
/// ```
package struct SearchSpace: Sendable, Equatable, Codable {
    /// What a setting may be.
    package enum Candidates: Sendable, Equatable {
        /// One of these, each as likely.
        case choices([OptionValue])
        /// Numbers between two.
        case uniform(Double, Double)
        /// The same whose logarithms are uniform.
        case logUniform(Double, Double)
        /// Whole numbers from the first to the second.
        case integers(Int, Int)
        /// The same, near numbers whose logarithms are uniform.
        case logIntegers(Int, Int)
    }

    /// As a file says it.
    private let texts: [String: OptionValue]
    /// The paths in order, each with its candidates.
    package let settings: [(path: String, candidates: Candidates)]

    package static func == (left: SearchSpace, right: SearchSpace) -> Bool { left.texts == right.texts }

    /// - Throws: `InputError` that names the path.
    package init(_ texts: [String: OptionValue]) throws(InputError) {
        self.texts = texts
        guard !texts.isEmpty else {
            throw InputError(
                .empty, at: "space", found: "nothing to search", expected: "at least one setting")
        }
        var settings: [(String, Candidates)] = []
        let paths = texts.keys.sorted()
        for (path, value) in texts.sorted(by: { $0.key < $1.key }) {
            try Self.check(path)
            if let outer = paths.first(where: { path.hasPrefix("\($0).") }) {
                throw InputError(
                    .name, at: "space.\(path)", found: "a setting inside of \(outer), which is searched too",
                    expected: "one of them")
            }
            settings.append((path, try Candidates(value, at: "space.\(path)")))
        }
        if texts["model.trunk"] != nil, texts["model.sharing"] != nil {
            throw InputError(
                .name, at: "space.model.trunk", found: "a trunk beside sharing",
                expected: "one of them; of a shared bottom as {type: shared_bottom, layers: [64]}")
        }
        self.settings = settings
    }

    package init(from decoder: any Decoder) throws {
        try self.init([String: OptionValue](from: decoder))
    }

    package func encode(to encoder: any Encoder) throws { try texts.encode(to: encoder) }

    /// Of a label what prepares no row anew. (`loss` may, where labels below 0 are refused by one and not by another.)
    private static let labelSettings = [
        "weight", "huber_delta", "smoothing", "positive_weight", "gamma", "alpha", "power",
    ]

    /// Settings that all trials have in common, since their rows are prepared once, or that trials are compared by.
    private static func check(_ path: String) throws(InputError) {
        func wrong(_ found: String, _ expected: String) -> InputError {
            InputError(.name, at: "space.\(path)", found: found, expected: expected)
        }
        let first = String(path.prefix { $0 != "." })
        let isOfModel =
            path.hasPrefix("schema.labels.")
            && Self.labelSettings.contains { path.hasSuffix(".\($0)") }
            || path.hasPrefix("schema.features.") && path.hasSuffix(".dimension")
        switch first {
        case "model": break
        case "training":
            guard path != "training.seeds" else {
                throw wrong("what is no setting of a model", "seeds: beside the space")
            }
            guard path != "training.refit" else {
                throw wrong("what leaves no rows to compare trials by", "refit in the experiment")
            }
            guard path != "training.watch", !path.hasPrefix("training.watch.") else {
                throw wrong("what trials are compared by", "metrics: beside the space")
            }
        case "schema" where isOfModel: break
        case "data", "histories", "schema", "split", "sampling":
            throw wrong(
                "a setting that rows are prepared by, once for all trials",
                "settings of model and training, \(labelSettings.joined(separator: ", ")) of labels, dimension of features; a tuning of its own for each of the others"
            )
        default:
            throw wrong("no part of an experiment", "a path such as training.learning_rate")
        }
        guard path != first else { throw wrong("a part as a whole", "one of its settings") }
    }

    /// How many settings a grid has; nil where a range has no end of them.
    package var gridCount: Int? {
        var count = 1
        for (_, candidates) in settings {
            guard case .choices(let values) = candidates else { return nil }
            let (product, overflows) = count.multipliedReportingOverflow(by: values.count)
            count = overflows ? .max : product
        }
        return count
    }

    /// The settings of a grid's point; the last path changes fastest.
    ///
    /// - Throws: `InputError` that names a range, which has no grid.
    package func grid(_ index: Int) throws(InputError) -> [String: OptionValue] {
        var values: [String: OptionValue] = [:]
        var rest = index
        for (path, candidates) in settings.reversed() {
            guard case .choices(let choices) = candidates else {
                throw InputError(
                    .value, at: "space.\(path)", found: "a range beside \"grid\"",
                    expected: "a list, or search: {type: random, trials: 40}")
            }
            values[path] = choices[rest % choices.count]
            rest /= choices.count
        }
        return values
    }

    /// Settings drawn at random. Those of a path depend on the seed, the number and the path, not on what else is searched.
    package func draw(seed: UInt64, number: Int) -> [String: OptionValue] {
        let generator = SeededGenerator(seed: seed)
        var values: [String: OptionValue] = [:]
        for (path, candidates) in settings {
            // FNV-1a (Fowler, Noll, Vo).
            let stream = path.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
                ($0 ^ UInt64($1)) &* 0x100_0000_01B3
            }
            var own = generator.split(stream).split(UInt64(number))
            values[path] = candidates.draw(&own)
        }
        return values
    }
}

extension SearchSpace.Candidates {
    private static let expected =
        "a list of values, or {uniform: [0, 1]}, {log: [0.001, 0.1]}, {integer: [1, 8]} or {log_integer: [64, 2048]}"

    /// Reads what a file says.
    ///
    /// - Throws: `InputError` at the place.
    init(_ value: OptionValue, at place: String) throws(InputError) {
        func wrong(_ found: String, _ expected: String = Self.expected) -> InputError {
            InputError(.value, at: place, found: found, expected: expected)
        }
        switch value {
        case .scalar(let text): throw wrong("\"\(text)\"")
        case .list(let values):
            guard !values.isEmpty else { throw wrong("an empty list") }
            for (index, value) in values.enumerated() where values[..<index].contains(value) {
                throw wrong("a value twice, the second time in place \(index + 1)", "values that differ")
            }
            self = .choices(values)
        case .map(let map):
            guard map.count == 1, let (kind, bounds) = map.first else {
                throw wrong(map.keys.sorted().joined(separator: ", "))
            }
            guard case .list(let ends) = bounds, ends.count == 2 else {
                throw wrong("\(kind) without two bounds", "the least and the greatest value")
            }
            let texts = ends.map { end in if case .scalar(let text) = end { text } else { "" } }
            let wholes = texts.compactMap { Int($0) }
            let numbers = texts.compactMap { Double($0) }.filter(\.isFinite)
            guard numbers.count == 2, numbers[0] < numbers[1] else {
                throw wrong("[\(texts.joined(separator: ", "))]", "two numbers, the least one first")
            }
            switch kind {
            case "uniform": self = .uniform(numbers[0], numbers[1])
            case "log":
                guard numbers[0] > 0 else { throw wrong("a logarithm of \(numbers[0])", "bounds above 0") }
                self = .logUniform(numbers[0], numbers[1])
            case "integer", "log_integer":
                guard wholes.count == 2, wholes.allSatisfy({ $0.magnitude < 1 << 53 }) else {
                    throw wrong("[\(texts.joined(separator: ", "))]", "whole numbers")
                }
                guard kind == "log_integer" else {
                    self = .integers(wholes[0], wholes[1])
                    return
                }
                guard wholes[0] > 0 else { throw wrong("a logarithm of \(wholes[0])", "bounds above 0") }
                self = .logIntegers(wholes[0], wholes[1])
            default: throw wrong(kind)
            }
        }
    }

    func draw(_ generator: inout SeededGenerator) -> OptionValue {
        switch self {
        case .choices(let values): return values[generator.below(values.count)]
        case .uniform(let least, let most):
            let unit = pow(10, log10(most - least).rounded(.down) - 4)
            let drawn = generator.uniform(in: least..<most)
            return .scalar("\(Self.rounded(drawn, to: unit, least, most))")
        case .logUniform(let least, let most):
            let drawn = exp(generator.uniform(in: log(least)..<log(most)))
            let unit = pow(10, log10(drawn).rounded(.down) - 3)
            return .scalar("\(Self.rounded(drawn, to: unit, least, most))")
        case .integers(let least, let most): return .scalar("\(least + generator.below(most - least + 1))")
        case .logIntegers(let least, let most):
            // Each whole number has its half on both sides.
            let drawn = exp(generator.uniform(in: log(Double(least) - 0.5)..<log(Double(most) + 0.5)))
            return .scalar("\(min(max(Int(drawn.rounded()), least), most))")
        }
    }

    /// A number that is short to write: a table of trials is for people.
    private static func rounded(_ value: Double, to unit: Double, _ least: Double, _ most: Double) -> Double {
        // By a division where the unit is a fraction, which has no exact double of its own.
        let rounded =
            unit < 1
            ? (value * (1 / unit).rounded()).rounded() / (1 / unit).rounded()
            : (value / unit).rounded() * unit
        return min(max(rounded.isFinite ? rounded : value, least), most)
    }
}
