/// What the rows say of a column.
package struct ColumnProfile: Sendable, Equatable, Codable {
    /// A value and how many rows have it.
    package struct Frequency: Sendable, Equatable, Codable {
        /// The value, without blanks around it.
        package let value: String
        /// Rows that have it.
        package let rows: Int
    }

    /// The column's name.
    package let name: String
    /// Rows of the table.
    package let rows: Int
    /// Rows whose cell is missing.
    package let missing: Int
    /// Different values; of a column of tags those of whole cells.
    package let distinct: Cardinality
    /// Rows whose cell is a number.
    package let numbers: Int
    /// Rows whose cell is a whole number.
    package let wholeNumbers: Int
    /// Rows whose cell is a number with a currency sign or with commas.
    package let money: Int
    /// Rows whose cell is a date or time in writing.
    package let times: Int
    /// The smallest number; nil without one.
    package let least: Double?
    /// The largest number; nil without one.
    package let greatest: Double?
    /// The mean of the numbers.
    package let mean: Double?
    /// The most frequent values, where they were counted.
    package let frequent: [Frequency]

    /// The share of rows whose cell is missing.
    package var missingShare: Double { rows > 0 ? Double(missing) / Double(rows) : 0 }
    /// Rows that have a value.
    package var present: Int { rows - missing }
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
    /// The most frequent value that is not a number.
    var exampleOfText: String?
    /// All values, where there are few: value and rows, most frequent first.
    var values: [ColumnProfile.Frequency]

    func rows(_ trait: CellLook.Trait) -> Int { traits[trait.rawValue] }

    /// Rows of whole numbers, those that are too long for a number too.
    var wholeRows: Int { profile.wholeNumbers + rows(.longID) }

    /// The share of different values among the rows that have one.
    var uniqueness: Double {
        profile.present > 0 ? Double(profile.distinct.count) / Double(profile.present) : 0
    }
}
