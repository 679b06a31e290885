internal import MTLEngine

/// How the text of a table is read, beyond what every CSV file has in common: settings of the whole file, and of the cells of
/// single columns. It is kept with a model, so that serving reads as training did.
public struct TableFormat: Sendable, Equatable, Codable {
    /// What stands between cells; nil for a tab in .tsv and .tab files and a comma elsewhere. A first line such as "sep=;"
    /// says it too.
    public var separator: String?
    /// The encoding, by a name that iconv knows ("windows-1252"); nil for UTF-8, or UTF-16 with its byte order mark.
    public var encoding: String?
    /// The character that takes the meaning from the next one, such as a backslash before a quote; nil for none.
    public var escape: String?
    /// Lines that begin with this are left out; nil for none.
    public var comment: String?
    /// Lines before the header, such as a title.
    public var skipLines = 0
    /// How cells are read where their column says nothing else.
    public var allCells = CellFormat()
    /// What columns say, by their names.
    public var cells: [String: CellFormat] = [:]

    /// A format like most: separators by the file's name, UTF-8, decimal points.
    public init() {}

    enum CodingKeys: String, CodingKey, CaseIterable {
        case separator, encoding, escape, comment, cells, decimal, thousands, dates
        case skipLines = "skip_lines"
        case missingWords = "missing_words"
    }

    /// Reads what a file says; a setting that nobody knows is an error.
    public init(from decoder: any Decoder) throws {
        _ = try decoder.strictContainer(CodingKeys.self)
        try self.init(among: decoder)
    }

    /// The same where the settings stand among others.
    init(among decoder: any Decoder) throws {
        let values = try decoder.settings(CodingKeys.self)
        try values.read(.separator, &separator)
        try values.read(.encoding, &encoding)
        try values.read(.escape, &escape)
        try values.read(.comment, &comment)
        try values.read(.skipLines, &skipLines)
        try values.read(.decimal, &allCells.decimal)
        try values.read(.thousands, &allCells.thousands)
        try values.read(.missingWords, &allCells.missingWords)
        try values.read(.dates, &allCells.dates)
        try values.read(.cells, &cells)
    }

    /// Writes what differs from the defaults.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encodeIfPresent(separator, forKey: .separator)
        try values.encodeIfPresent(encoding, forKey: .encoding)
        try values.encodeIfPresent(escape, forKey: .escape)
        try values.encodeIfPresent(comment, forKey: .comment)
        if skipLines != 0 { try values.encode(skipLines, forKey: .skipLines) }
        try values.encodeIfPresent(allCells.decimal, forKey: .decimal)
        try values.encodeIfPresent(allCells.thousands, forKey: .thousands)
        try values.encodeIfPresent(allCells.missingWords, forKey: .missingWords)
        try values.encodeIfPresent(allCells.dates, forKey: .dates)
        if !cells.isEmpty { try values.encode(cells, forKey: .cells) }
    }

    /// How the cells of a column are read.
    package func cell(_ column: String) -> CellFormat { allCells.with(cells[column] ?? CellFormat()) }

    /// This format where another says nothing.
    package func with(_ other: TableFormat) -> TableFormat {
        var merged = self
        merged.separator = other.separator ?? separator
        merged.encoding = other.encoding ?? encoding
        merged.escape = other.escape ?? escape
        merged.comment = other.comment ?? comment
        if other.skipLines != 0 { merged.skipLines = other.skipLines }
        merged.allCells = allCells.with(other.allCells)
        for (name, cell) in other.cells { merged.cells[name] = (cells[name] ?? CellFormat()).with(cell) }
        return merged
    }

    /// - Parameter place: what the settings belong to, for messages.
    func check(_ place: String) throws(InputError) {
        func require(_ holds: Bool, _ setting: String, _ found: String, _ expected: String) throws(InputError)
        {
            guard holds else {
                throw InputError(.value, at: "\(place), \(setting)", found: found, expected: expected)
            }
        }
        if let separator {
            try require(
                separator.utf8.count == 1 && !["\"", "\r", "\n"].contains(separator), "separator",
                "\"\(separator)\"", "one ASCII character that is no quote and no line break, such as , or ;")
        }
        if let encoding {
            try require(
                TextDecoder.isKnown(encoding), "encoding", "\"\(encoding)\"",
                "an encoding that iconv knows, such as windows-1252, latin1, utf-16le")
        }
        if let escape {
            try require(
                escape.utf8.count == 1 && !["\"", "\r", "\n", separator ?? ","].contains(escape), "escape",
                "\"\(escape)\"", "one ASCII character, such as \\, that is no quote, line break or separator")
        }
        if let comment {
            try require(
                !comment.isEmpty && !comment.utf8.contains { [0x0A, 0x0D, 0x22].contains($0) }, "comment",
                "\"\(comment)\"", "what lines to leave out begin with, such as #")
        }
        try require(skipLines >= 0, "skip_lines", "\(skipLines)", "a number of lines")
        try allCells.check(place)
        for (name, cell) in cells.sorted(by: { $0.key < $1.key }) {
            try cell.check("\(place), cells, \"\(name)\"")
        }
    }
}

/// How the cells of a column are read; nil where the file, or else the usual way, decides.
public struct CellFormat: Sendable, Equatable, Codable {
    /// The character between whole and fraction: a point by default, or a comma.
    public var decimal: String?
    /// The character between groups of three digits. By default none, but for commas that cannot be anything else.
    public var thousands: String?
    /// Words that mean "not known"; "usual" stands for all of `usualWords`. A blank cell always means it.
    public var missingWords: [String]?
    /// What dates look like that can be read in several ways.
    public var dates: DateFormat?

    /// The usual way.
    public init() {}

    /// The name of the list of usual words in a list of words.
    public static let usual = "usual"

    /// Words that mean "not known" in most files.
    package static var usualWords: [String] { Cell.usualWords }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case decimal, thousands, dates
        case missingWords = "missing_words"
    }

    /// Reads what a file says; a setting that nobody knows is an error.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        try values.read(.decimal, &decimal)
        try values.read(.thousands, &thousands)
        try values.read(.missingWords, &missingWords)
        try values.read(.dates, &dates)
    }

    /// This format where another says nothing.
    func with(_ other: CellFormat) -> CellFormat {
        var merged = self
        if let decimal = other.decimal {
            merged.decimal = decimal
            // What a file says of both does not fit to another decimal character.
            if merged.thousands == decimal { merged.thousands = nil }
        }
        merged.thousands = other.thousands ?? merged.thousands
        merged.missingWords = other.missingWords ?? missingWords
        merged.dates = other.dates ?? dates
        return merged
    }

    func check(_ place: String) throws(InputError) {
        func refuse(_ setting: String, _ found: String?, _ expected: String) -> InputError {
            InputError(
                .value, at: "\(place), \(setting)", found: "\"\(found ?? "")\"", expected: expected)
        }
        guard decimal == nil || decimal == "." || decimal == "," else {
            throw refuse("decimal", decimal, "\".\" or \",\"")
        }
        if let thousands {
            let characters = [",", ".", " ", "'", "’", "_", "\u{A0}", "\u{202F}"]
            guard characters.contains(thousands), thousands != decimal ?? "." else {
                throw refuse(
                    "thousands", thousands,
                    "a comma, point, blank, apostrophe or underscore that is not the decimal character")
            }
        }
    }
}
