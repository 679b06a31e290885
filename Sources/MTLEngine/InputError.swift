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

    /// "place: found …, expected …".
    public var description: String { "\(place): found \(found), expected \(expected)" }
}
