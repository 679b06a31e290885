internal import MTLEngine

/// Decides what a column that is no label becomes.
struct ColumnJudge {
    /// Values beyond which ids are hashed, and rows below which a value shares the id of all rare ones.
    static let hashedFrom = 100_000
    static let minimumCount = 5
    /// The length of vectors up to this many values.
    static let dimension = 8
    static let fewValues = 1_000

    let facts: ColumnFacts
    private let hints: NameHints
    private var profile: ColumnProfile { facts.profile }

    init(facts: ColumnFacts) {
        self.facts = facts
        hints = NameHints(facts.profile.name)
    }

    func column() -> SchemaProposal.Column {
        var column = SchemaProposal.Column(profile: profile)
        guard profile.present > 0 else {
            column.feature = Feature(profile.name, .categorical)
            column.leaveOut(.allMissing, "no row has a value")
            return column
        }
        chooseType(&column)
        if profile.name.isEmpty {
            column.leaveOut(nil, "a column without a name, which no setting can speak of")
        } else if profile.distinct.count == 1 && profile.missing == 0 {
            column.leaveOut(.constant, "one value in all rows")
        } else if hints.isRowWeight && profile.numbers == profile.present {
            column.leaveOut(
                .suspiciousName, "looks like how much a row counts; if so, name it as the schema's weight")
        } else if profile.present >= 20 {
            leaveOutUnread(&column)
        }
        return column
    }

    private func chooseType(_ column: inout SchemaProposal.Column) {
        let present = profile.present
        if isList {
            column.feature = list(&column)
        } else if profile.times == present || isTimeAsNumber {
            var feature = Feature(profile.name, .timestamp)
            if profile.times == present || facts.rows(.compactDate) == present, facts.rows(.clock) == 0 {
                feature.parts = [.weekday, .monthSine, .monthCosine]
                column.reasons.append("dates without a time of day")
            }
            column.feature = feature
        } else if profile.numbers == present {
            if facts.rows(.longID) > 0 {
                column.feature = categorical(&column)
                column.reasons.append("more digits than a number holds: names")
            } else if profile.wholeNumbers == present && hints.isCode && profile.distinct.count > 2 {
                column.feature = categorical(&column)
                column.reasons.append("numbers that are names, by the column's name")
            } else {
                column.feature = numeric(&column)
            }
        } else {
            column.feature = categorical(&column)
            mark(mixed: profile.numbers, of: present, "numbers", &column)
            mark(mixed: profile.times, of: present, "times", &column)
        }
    }

    private func mark(
        mixed count: Int, of present: Int, _ what: String, _ column: inout SchemaProposal.Column
    ) {
        guard 2 * count >= present else { return }
        column.marks.append(.mixedTypes)
        let example = facts.exampleOfText.map { " such as \(Wording.quoted($0))" } ?? ""
        column.reasons.append(
            "\(what), but \(Wording.count(present - count, "cell")) of something else\(example)")
    }

    private var isTimeAsNumber: Bool {
        hints.isTime
            && (facts.rows(.unixTime) == profile.present || facts.rows(.compactDate) == profile.present)
    }

    /// "|" in some cells, or ";" in a fifth of them, between short values.
    private var isList: Bool {
        let isSeparated =
            50 * facts.rows(.bars) >= profile.present || 5 * facts.rows(.semicolons) >= profile.present
        return isSeparated && facts.meanLength / Double(max(1, facts.mostParts)) <= 30
    }

    private func list(_ column: inout SchemaProposal.Column) -> Feature {
        let isWeighted = facts.rows(.weighted) == profile.present
        let isRepeated = 20 * facts.rows(.repeated) >= facts.rows(.bars) + facts.rows(.semicolons)
        var feature = Feature(
            profile.name, !isWeighted && (isRepeated || hints.isSequence) ? .sequence : .tags)
        if facts.rows(.semicolons) > facts.rows(.bars) { feature.separator = ";" }
        if isWeighted { feature.weightSeparator = ":" }
        if facts.mostParts > feature.length { feature.length = min(facts.mostParts, 50) }
        if facts.partCardinality >= Self.hashedFrom {
            feature.hashBuckets = Self.buckets(facts.partCardinality)
        }
        if feature.kind == .sequence {
            column.reasons.append(
                isRepeated ? "values come twice in a cell: taken as in order" : "in order, by its name")
        }
        column.valueCount = facts.partCardinality
        column.mostValues = facts.mostParts
        return feature
    }

    private func numeric(_ column: inout SchemaProposal.Column) -> Feature {
        var feature = Feature(profile.name, .numeric)
        if profile.money > 0 { column.reasons.append("money") }
        // What jumps or turns back along a number is learned from vectors of its own, whatever its tail.
        if profile.distinct.count > 2 { feature.encoding = .piecewise }
        if profile.wholeNumbers == profile.present && profile.distinct.isExact
            && profile.distinct.count <= 1000
        {
            column.reasons.append(
                "\(profile.distinct) whole numbers"
                    + (profile.distinct.count > 2 && profile.distinct.count <= 12
                        ? "; categorical if they are codes" : ""))
        }
        return feature
    }

    private func categorical(_ column: inout SchemaProposal.Column) -> Feature {
        var feature = Feature(profile.name, .categorical)
        let count = profile.distinct.count
        if count >= Self.hashedFrom {
            feature.hashBuckets = Self.buckets(count)
            column.reasons.append("very many values: ids by hash")
        } else if count > 20, facts.rareValues > 1 || !profile.distinct.isExact {
            feature.minimumCount = Self.minimumCount
            // Of values too many to be counted it is not known how many are rare, but some are.
            column.reasons.append(
                profile.distinct.isExact
                    ? "\(Wording.count(facts.rareValues)) of fewer than \(Self.minimumCount) rows share an id"
                    : "those of fewer than \(Self.minimumCount) rows share an id")
        }
        // Longer vectors of few values learn the training rows by heart.
        if count <= Self.fewValues && EmbeddingTable.suggestedDimension(rows: count + 2) > Self.dimension {
            feature.dimension = Self.dimension
        }
        return feature
    }

    /// A power of two, about a quarter of the values.
    private static func buckets(_ values: Int) -> Int {
        var buckets = 1 << 16
        while buckets < values / 4 && buckets < 1 << 20 { buckets *= 2 }
        return buckets
    }

    /// Names of rows, and sentences.
    private func leaveOutUnread(_ column: inout SchemaProposal.Column) {
        let isText = profile.numbers < profile.present && column.feature?.kind == .categorical
        if isText && facts.meanLength >= 40 && facts.uniqueness > 0.5 {
            column.feature = Feature(profile.name, .categorical)
            column.reasons = []
            column.leaveOut(.freeText, "free text, which is not read")
            return
        }
        let isWhole = facts.wholeRows == profile.present && profile.money == 0
        let isNamed = hints.isID || hints.isIndex
        guard facts.uniqueness >= 0.9, column.feature?.kind != .timestamp, isText || isWhole else { return }
        if isNamed { column.marks.append(.suspiciousName) }
        if isText || isNamed || isCounted {
            column.feature = column.feature.map { Feature($0.name, $0.kind) }
            column.reasons = []
            column.leaveOut(.unique, "nearly one value per row: it names rows and tells nothing about others")
        } else {
            column.marks.append(.unique)
        }
    }

    /// Whole numbers without gaps, as rows are counted.
    private var isCounted: Bool {
        guard let least = profile.least, let greatest = profile.greatest else { return false }
        return greatest - least + 1 <= 1.05 * Double(profile.present)
    }
}
