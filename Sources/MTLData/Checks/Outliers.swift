/// The number that is furthest from 0 in a column, and where it stands.
struct FurthestNumber {
    private(set) var value = 0.0
    /// "line 12", with the name of a file that is not the first.
    private(set) var place = ""
    private var record = Int.max

    mutating func add(_ number: Double, _ block: RowBlock, _ row: Int, after first: Int) {
        guard number.magnitude > value.magnitude else { return }
        value = number
        place = (first > 0 || block.source > 0 ? "\(block.path), " : "") + "\(block.unit) \(block.line(row))"
        record = first + block.record(row)
    }

    /// Of equals the first row's.
    mutating func merge(_ other: FurthestNumber) {
        let isFurther = other.value.magnitude > value.magnitude
        if isFurther || other.value.magnitude == value.magnitude && other.record < record { self = other }
    }
}

/// A number so far from the others of its column that it is a mistake, or spoils what is learned of them.
enum Outlier {
    /// How many times as far from 0 as 99 of 100 others.
    static let factor = 1000.0

    /// - Parameter sample: the column's numbers in an even sample of the rows, NaN where missing.
    /// - Returns: how many times as far as 99 of 100 others; nil where that is not far.
    static func factor(_ furthest: FurthestNumber, sample: [Double]) -> Double? {
        factor(furthest.value, sample: sample)
    }

    static func factor(_ furthest: Double, sample: [Double]) -> Double? {
        var sizes = sample.filter { !$0.isNaN }.map(\.magnitude).sorted()
        // Where nearly all are 0, the others are compared with each other.
        if let last = sizes.last, last > 0, sizes[(sizes.count - 1) * 99 / 100] == 0 {
            sizes.removeAll { $0 == 0 }
        }
        guard sizes.count >= 20 else { return nil }
        let usual = sizes[(sizes.count - 1) * 99 / 100]
        guard usual > 0, furthest.magnitude > factor * usual else { return nil }
        return furthest.magnitude / usual
    }
}

extension ReportJudge {
    mutating func judge(_ rows: [ReportRow], _ counts: ReportCounts, _ schema: Schema) {
        for (index, feature) in schema.features.enumerated() where feature.kind == .numeric {
            judge(
                "feature \"\(feature.name)\"", counts.furthest[index],
                sample: rows.map { Double(bitPattern: $0.cells[index]) },
                "Clip it, or read the cell as missing")
        }
        for (index, label) in schema.labels.enumerated() where label.kind == .regression {
            judge(
                "label \"\(label.name)\"", counts.furthestLabels[index],
                sample: rows.map { $0.labels[index] },
                "Correct the cell, read it as missing, or set huber_delta")
        }
    }

    private mutating func judge(
        _ place: String, _ furthest: FurthestNumber, sample: [Double], _ advice: String
    ) {
        guard let factor = Outlier.factor(furthest, sample: sample) else { return }
        add(
            .warning, .outlier, place,
            "\(Wording.number(furthest.value)) in \(furthest.place) is \(Wording.number(factor.rounded())) times as large as 99 % of the rows",
            advice)
    }
}
