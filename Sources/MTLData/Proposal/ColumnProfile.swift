/// A number of different values.
public struct Cardinality: Sendable, Equatable, Codable, CustomStringConvertible {
    /// How many there are.
    public let count: Int
    /// Whether they were counted; else the number is an estimate, within about 2 %.
    public let isExact: Bool

    /// "1,204", "about 3,500,000".
    public var description: String {
        guard !isExact else { return Wording.count(count) }
        var unit = 1
        while count / unit >= 100 { unit *= 10 }
        return "about " + Wording.count((count + unit / 2) / unit * unit)
    }
}

/// What the rows say of a column.
public struct ColumnProfile: Sendable, Equatable, Codable {
    /// A value and how many rows have it.
    public struct Frequency: Sendable, Equatable, Codable {
        /// The value, without blanks around it.
        public let value: String
        /// Its rows.
        public let rows: Int
    }

    /// The column's name.
    public let name: String
    /// All rows.
    public let rows: Int
    /// Rows whose cell is missing.
    public let missing: Int
    /// Different values; of a column of tags those of whole cells.
    public let distinct: Cardinality
    /// Rows whose cell is a number.
    public let numbers: Int
    /// Rows whose cell is a whole number.
    public let wholeNumbers: Int
    /// Rows whose cell is a number with a currency sign or with commas.
    public let money: Int
    /// Rows whose cell is a date or time in writing.
    public let times: Int
    /// The least number.
    public let least: Double?
    /// The greatest number.
    public let greatest: Double?
    /// The mean of the numbers.
    public let mean: Double?
    /// The most frequent values, where they were counted.
    public let frequent: [Frequency]

    /// The share of rows whose cell is missing.
    public var missingShare: Double { rows > 0 ? Double(missing) / Double(rows) : 0 }
    /// Rows that have a value.
    public var present: Int { rows - missing }
}

/// What the rules look at besides the profile.
struct ColumnFacts {
    var profile: ColumnProfile
    var traits: [Int]
    /// Different values inside cells of tags, and the most of one cell.
    var partCardinality: Int
    var mostParts: Int
    /// Values of fewer than five rows, where they were counted.
    var rareValues: Int
    var meanLength: Double
    /// The most frequent value that is no number.
    var exampleOfText: String?
    /// All values, where there are few: value and rows, most frequent first.
    var values: [ColumnProfile.Frequency]
    /// Numbers of sampled rows, least first.
    var sample: [Double] = []

    func rows(_ trait: CellLook.Trait) -> Int { traits[trait.rawValue] }

    /// Rows of whole numbers, those that are too long for a number too.
    var wholeRows: Int { profile.wholeNumbers + rows(.longID) }

    /// The share of different values among the rows that have one.
    var uniqueness: Double {
        profile.present > 0 ? Double(profile.distinct.count) / Double(profile.present) : 0
    }
}
