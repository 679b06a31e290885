/// What was wrong with an input, where, and what was expected instead.
///
/// Every error the engine throws for bad input (a file, a schema, a shape, a label, an option) is one of
/// these; a programmer's error traps instead. `description` reads as one sentence for a terminal.
public struct InputError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The class of mistake, for callers that switch over it.
    public enum Kind: String, Sendable {
        /// A file cannot be opened, read or written.
        case file
        /// Text that is not what its format says (quotes, field counts, numbers).
        case syntax
        /// A column, task or parameter that is named but not there, or named twice.
        case name
        /// Counts or dimensions that do not fit each other.
        case shape
        /// A value outside its range: a label, a weight, an infinite feature.
        case value
        /// Nothing to work on: no rows, no tasks, no labels.
        case empty
    }

    /// The class of mistake.
    public let kind: Kind
    /// Where: a file with line and column, a task, an option.
    public let place: String
    /// What was found there.
    public let found: String
    /// What would have been right there.
    public let expected: String

    /// An error of `kind` at `place`.
    public init(_ kind: Kind, at place: String, found: String, expected: String) {
        self.kind = kind
        self.place = place
        self.found = found
        self.expected = expected
    }

    /// "place: found …, expected …", on one line: signs that a terminal would obey are written out, and what is long is cut.
    public var description: String {
        "\(MessageText.oneLine(place, 300)): found \(MessageText.oneLine(found, 400)), "
            + "expected \(MessageText.oneLine(expected, 1000))"
    }
}

/// Texts of the data and of file names as messages show them: none of their signs does anything to a terminal.
package enum MessageText {
    /// A text on one line, the middle left out where it has more signs than `limit`.
    package static func oneLine(_ text: String, _ limit: Int = .max) -> String {
        let scalars = text.unicodeScalars
        // A text that is surely short enough is not counted.
        guard text.utf8.count > limit, scalars.count > limit else { return escaped(scalars, keeping: []) }
        let front = limit / 2
        return escaped(scalars.prefix(front), keeping: []) + "…"
            + escaped(scalars.suffix(limit - front), keeping: [])
    }

    /// A text whose lines stay apart.
    package static func lines(_ text: String) -> String {
        escaped(text.unicodeScalars, keeping: ["\n", "\t"])
    }

    private static func escaped(_ scalars: some Sequence<Unicode.Scalar>, keeping kept: [Unicode.Scalar])
        -> String
    {
        var result = String.UnicodeScalarView()
        for scalar in scalars {
            if isHarmless(scalar) || kept.contains(scalar) {
                result.append(scalar)
                continue
            }
            switch scalar {
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            default: result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            }
        }
        return String(result)
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value != 0x7F }
        switch scalar.properties.generalCategory {
        // Format signs turn the direction of text, and surrogates and the unassigned may be anything.
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            return false
        default: return true
        }
    }
}
