public import MTLEngine

/// What happens to a malformed record: too few or many cells, a stray quote, text that is not UTF-8.
public enum BadRows: Sendable, Equatable {
    /// The first one ends the reading.
    case refuse
    /// Bad rows are left out, counted and listed; more than this share of all ends the reading.
    case skip(upTo: Double)
}

extension BadRows {
    /// Checks that no more rows are left out than may be.
    ///
    /// - Parameters:
    ///   - count: the bad rows.
    ///   - all: all rows, the bad ones included.
    ///   - first: what is wrong with the first bad one.
    ///   - place: the source.
    /// - Throws: `InputError` that names the source.
    func check(
        _ count: Int, of all: Int, first: String?, at place: String, kind: InputError.Kind = .value
    ) throws(InputError) {
        guard case .skip(let share) = self, count > 0, Double(count) > share * Double(all) else { return }
        throw InputError(
            kind, at: place, found: "\(count) bad rows of \(all), the first: \(first ?? "")",
            expected: "a share of at most \(share)")
    }
}

/// How a table is read.
public struct ReadingOptions: Sendable, Equatable {
    /// How the text is read.
    public var format = TableFormat()
    /// Workers that read blocks at the same time.
    public var threads: Int
    /// Bytes of text in a block; a longer record makes its block longer.
    public var blockBytes: Int
    /// What happens to malformed records.
    public var badRows: BadRows
    /// The names of the columns of a file without a header; nil where the first record names them.
    public var columns: [String]?

    /// The byte between cells; nil for a tab in .tsv and .tab files and a comma elsewhere.
    public var separator: UInt8? {
        get { format.separator?.utf8.first }
        set { format.separator = newValue.map { String(UnicodeScalar($0)) } }
    }

    /// By default one thread, blocks of 1 MiB, and no bad row.
    public init(
        separator: UInt8? = nil, threads: Int = 1, blockBytes: Int = 1 << 20, badRows: BadRows = .refuse,
        columns: [String]? = nil
    ) {
        self.threads = threads
        self.blockBytes = blockBytes
        self.badRows = badRows
        self.columns = columns
        self.separator = separator
    }

    func check() throws(InputError) {
        for (name, value) in [("threads", threads), ("block bytes", blockBytes)] where value < 1 {
            throw InputError(.value, at: "reading, \(name)", found: "\(value)", expected: "at least 1")
        }
        // A block's places are 32-bit numbers.
        guard blockBytes <= 1 << 30 else {
            throw InputError(
                .value, at: "reading, block bytes", found: "\(blockBytes)", expected: "at most 1 GiB")
        }
        try format.check("reading")
        if case .skip(let share) = badRows, !(share >= 0 && share < 1) {
            throw InputError(.value, at: "reading, bad rows", found: "\(share)", expected: "a share, 0 ..< 1")
        }
    }
}

/// How many rows were read, and which records were left out.
public struct ReadingReport: Sendable, Equatable {
    /// The number of rows that were read.
    public internal(set) var rows = 0
    /// Malformed records that were left out.
    public internal(set) var badRows = 0
    /// The first of them, each with its place, what was found and what was expected.
    public internal(set) var examples: [InputError] = []
    /// Bytes of the source, as stored (of gzip files compressed).
    public package(set) var bytes = 0

    /// Examples that are kept.
    static let exampleLimit = 20

    /// Adds what was read of a source that follows.
    mutating func add(_ next: ReadingReport) {
        rows += next.rows
        badRows += next.badRows
        examples += next.examples.prefix(max(0, Self.exampleLimit - examples.count))
        bytes += next.bytes
    }
}

/// A source of rows: a file, a query, a text in memory.
public protocol RowSource: AnyObject {
    /// What messages call it.
    var path: String { get }
    /// The names of the columns, in order.
    var columns: [String] { get }
    /// Workers that call at the same time.
    var threads: Int { get }
    /// How its text is read.
    var format: TableFormat { get }
    /// What was found out about its text, to be told: a separator, a column that is left out.
    var notes: [String] { get }
    /// Calls `consume` for every block of rows, from several workers at once and in no particular order; may be called
    /// again, and reads the same rows then.
    ///
    /// - Throws: the first error in the order of the source.
    @discardableResult
    func read(_ consume: (RowBlock, _ worker: Int) throws(InputError) -> Void) throws(InputError)
        -> ReadingReport
    /// The first rows, to look at.
    ///
    /// - Throws: what `read` throws of them.
    func first() throws(InputError) -> RowBlock
}

extension RowSource {
    /// The place of a column among the others.
    ///
    /// - Throws: `InputError` where there is none of that name.
    func place(of column: String) throws(InputError) -> Int {
        guard let place = columns.firstIndex(of: column) else {
            throw InputError(
                .name, at: "\(path), column \"\(column)\"", found: "no column of that name",
                expected: "one of \(columns.joined(separator: ", "))")
        }
        return place
    }

    /// As most files are read.
    public var format: TableFormat { TableFormat() }

    /// Nothing.
    public var notes: [String] { [] }

    /// The index of a column.
    ///
    /// - Throws: `InputError` with the names there are, and the likely mistake.
    public func column(_ name: String) throws(InputError) -> Int {
        if let index = columns.firstIndex(of: name) { return index }
        let listed = columns.prefix(50).map { "\"\($0)\"" }.joined(separator: ", ")
        var expected = "one of \(listed)" + (columns.count > 50 ? ", …" : "")
        if let other = columns.first(where: { $0.lowercased() == name.lowercased() }) {
            expected += "; \"\(other)\" differs in capitals only"
        } else if columns.count == 1, let character = TableHeader.otherSeparator(columns[0]) {
            expected += "; separator: \"\(character)\" would make several of it"
        }
        throw InputError(
            .name, at: "\(path), column \"\(name)\"", found: "no such column", expected: expected)
    }
}
