/// A number of different values.
package struct Cardinality: Sendable, Equatable, Codable, CustomStringConvertible {
    /// How many there are.
    package let count: Int
    /// Whether they were counted; else the number is an estimate, within about 2 %.
    package let isExact: Bool

    /// The count with separators, as "1,204", or an estimate, as "about 3,500,000".
    package var description: String {
        guard !isExact else { return Wording.count(count) }
        var unit = 1
        while count / unit >= 100 { unit *= 10 }
        return "about " + Wording.count((count + unit / 2) / unit * unit)
    }
}
