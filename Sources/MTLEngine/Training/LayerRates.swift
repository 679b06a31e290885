/// Factors of the learning rate by the names of parameters, under any schedule.
///
/// ```swift
/// LayerRates(["trunk.0.*": 0.15, "embeddings.*": 0.06])
/// ```
///
/// A pattern stands for all parameters whose name it matches, `*` for any signs; what no pattern matches has the factor 1.
/// Rates that fall from layer to layer, ηˡ⁻¹ = ηˡ / 2.6, are a pattern for each. A decay that is decoupled from
/// the gradient is multiplied too, as in PyTorch's groups of parameters. With 0 parameters are frozen.
///
/// - SeeAlso: Howard & Ruder, arXiv 1801.06146, section 3.2: discriminative fine-tuning.
public struct LayerRates: Sendable, Equatable {
    /// Per pattern its factor, 0 or above.
    public var factors: [String: Double]

    /// Factors by pattern; by default none.
    public init(_ factors: [String: Double] = [:]) { self.factors = factors }

    private static let place = "layer rates"

    /// Per segment of a layout its factor; empty where all are 1.
    ///
    /// - Throws: `InputError` that names a pattern which matches nothing or what another one does, or whose factor is out of
    ///   range.
    package func rates(_ layout: ParameterLayout) throws(InputError) -> [Double] {
        let segments = layout.segments
        var owners = [String?](repeating: nil, count: segments.count)
        for (pattern, factor) in factors.sorted(by: { $0.key < $1.key }) {
            let place = "\(Self.place), \"\(pattern)\""
            guard factor >= 0, factor.isFinite else {
                throw InputError(.value, at: place, found: "\(factor)", expected: "0 or above, finite")
            }
            let matched = segments.indices.filter {
                segments[$0].isTrained && Self.matches(segments[$0].name, pattern)
            }
            guard !matched.isEmpty else {
                let names = segments.filter(\.isTrained).map(\.name).joined(separator: ", ")
                throw InputError(
                    .name, at: place, found: "a pattern that matches no parameter",
                    expected: "some of \(names)")
            }
            for index in matched {
                if let other = owners[index] {
                    throw InputError(
                        .name, at: place, found: "\(segments[index].name), which \"\(other)\" matches too",
                        expected: "one pattern for a parameter")
                }
                owners[index] = pattern
            }
        }
        let rates = owners.map { $0.flatMap { factors[$0] } ?? 1 }
        return rates.allSatisfy { $0 == 1 } ? [] : rates
    }

    /// Whether a pattern stands for a name.
    package static func matches(_ name: String, _ pattern: String) -> Bool {
        let (name, pattern) = (Array(name.utf8), Array(pattern.utf8))
        var (place, at) = (0, 0)
        // Where the latest star is, and where what follows it was tried last.
        var star: (pattern: Int, name: Int)?
        while place < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at, place)
                at += 1
            } else if at < pattern.count, pattern[at] == name[place] {
                (place, at) = (place + 1, at + 1)
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                (place, at) = (last.name + 1, last.pattern + 1)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
