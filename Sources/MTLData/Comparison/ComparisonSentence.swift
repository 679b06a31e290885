internal import Foundation
internal import MTLEngine

/// What a comparison says, in words.
package struct ComparisonSentence {
    private let verbs: (better: String, worse: String)

    /// "Sharing helps click (AUC +.0031 ± .0012) and hurts spend (…); churn can't be told."
    package static let sharing = ComparisonSentence(verbs: ("helps", "hurts"))
    /// "It is better in click (…) and worse in spend (…); churn can't be told."
    package static let models = ComparisonSentence(verbs: ("is better in", "is worse in"))

    private init(verbs: (better: String, worse: String)) { self.verbs = verbs }

    /// The word for a verdict in a table: "helped", "hurt", "can't be told".
    package func word(_ verdict: ModelComparison.Verdict) -> String {
        let isOfSharing = verbs.better == "helps"
        return switch verdict {
        case .better: isOfSharing ? "helped" : "better"
        case .worse: isOfSharing ? "hurt" : "worse"
        case .unclear: "can't be told"
        }
    }

    /// - Parameters:
    ///   - subject: "Sharing".
    ///   - model: which of the comparison's models but the reference.
    package func text(_ subject: String, _ comparison: ModelComparison, model: Int) -> String {
        let rows = comparison.rows.filter(\.measure.isPrimary)
        func tasks(_ verdict: ModelComparison.Verdict) -> [String] {
            rows.filter { $0.differences[model].verdict == verdict }.map { row in
                let name = row.measure.name
                guard verdict != .unclear else { return name }
                return "\(name) (\(row.measure.metric) \(Self.change(row.differences[model])))"
            }
        }
        let told = [(verbs.better, tasks(.better)), (verbs.worse, tasks(.worse))].filter { !$0.1.isEmpty }
            .map { "\($0) \(Self.list($1))" }
        let unclear = tasks(.unclear)
        let open = "\(Self.list(unclear)) can't be told"
        guard !told.isEmpty else {
            return "\(subject): \(unclear.isEmpty ? "nothing can be told" : open)."
        }
        return "\(subject) \(told.joined(separator: " and "))\(unclear.isEmpty ? "" : "; \(open)")."
    }

    private static func list(_ names: [String]) -> String {
        guard names.count > 1 else { return names.first ?? "" }
        return "\(names.dropLast().joined(separator: ", ")) and \(names[names.count - 1])"
    }

    /// "+.0031 ± .0012", with as many decimals as the second digit behind ± asks for.
    package static func change(_ difference: ModelComparison.Difference) -> String {
        guard let interval = difference.interval, interval.halfWidth.isFinite else {
            return signed(difference.mean, decimals: 4)
        }
        let half = interval.halfWidth
        var decimals = 4
        if half > 0 {
            decimals = 1
            var size = half
            while size < 1, decimals < 9 { (size, decimals) = (size * 10, decimals + 1) }
            if half >= 10 { decimals = 0 }
        }
        return "\(signed(difference.mean, decimals: decimals)) ± \(short(half, decimals))"
    }

    private static func signed(_ value: Double, decimals: Int) -> String {
        "\(value < 0 ? "-" : "+")\(short(value.magnitude, decimals))"
    }

    /// ".0031", without the nought before the point.
    private static func short(_ value: Double, _ decimals: Int) -> String {
        let text = String(format: "%.\(decimals)f", value)
        return text.hasPrefix("0.") ? String(text.dropFirst()) : text
    }
}
