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
