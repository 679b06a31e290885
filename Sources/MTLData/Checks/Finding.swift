/// Something a check found in the data: how bad it is, where, what and what to do.
public struct Finding: Sendable, Equatable, Codable, CustomStringConvertible {
    /// How bad it is.
    public enum Severity: String, Sendable, Codable, CaseIterable, Comparable {
        /// What is learned or measured is wrong.
        case problem
        /// Something that may spoil training or evaluation.
        case warning
        /// Something worth knowing; nothing to change.
        case note

        /// Worse findings come first.
        public static func < (left: Self, right: Self) -> Bool {
            (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
        }
    }

    /// What was looked for.
    public enum Check: String, Sendable, Codable, CaseIterable {
        /// A feature that alone tells a label.
        case leak
        /// A feature of one value.
        case constantFeature = "constant_feature"
        /// Values of test rows that no training row has.
        case unseenValues = "unseen_values"
        /// A label that a part has not, or of one class.
        case labelClasses = "label_classes"
        /// Rows with the same features in training and test.
        case duplicateRows = "duplicate_rows"
        /// A scenario without labels, of one class or without training rows.
        case scenarios
        /// A feature that differs between parts.
        case drift
        /// A number far from all others.
        case outlier
        /// A part without rows.
        case emptyPart = "empty_part"
    }

    /// How bad it is.
    public let severity: Severity
    /// What was looked for.
    public let check: Check
    /// Where: a feature, a label, a part.
    public let place: String
    /// What the rows show, with its numbers.
    public let found: String
    /// What to do about it.
    public let advice: String

    /// "problem: feature "x": found …. Advice."
    public var description: String { "\(severity.rawValue): \(place): \(found). \(advice)." }
}
