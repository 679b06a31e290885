internal import MTLEngine

/// Decides what kind of label a column is.
struct LabelJudge {
    let facts: ColumnFacts
    let path: String
    private var profile: ColumnProfile { facts.profile }

    /// Columns of two values that are named like labels; where there are none, flags.
    static func guessed(_ columns: [ColumnFacts]) -> [SchemaProposal.LabelChoice] {
        func choices(_ isNamed: (NameHints) -> Bool) -> [SchemaProposal.LabelChoice] {
            columns.filter { facts in
                isNamed(NameHints(facts.profile.name)) && facts.values.count == 2
                    && (isTruth(facts) || facts.profile.numbers == 0)
            }.map { SchemaProposal.LabelChoice($0.profile.name) }
        }
        let labels = choices(\.isLabel)
        return labels.isEmpty ? choices(\.isFlag) : labels
    }

    private static func truth(_ value: String) -> Double? {
        var value = value
        return value.withUTF8 { CellReading.usual.truth($0) }
    }

    /// Whether all values are 0 and 1, true and false, or yes and no.
    private static func isTruth(_ facts: ColumnFacts) -> Bool {
        !facts.values.isEmpty && facts.values.allSatisfy { truth($0.value) != nil }
    }

    func column(
        _ choice: SchemaProposal.LabelChoice, in look: TableLook, at index: Int
    ) throws(InputError) -> SchemaProposal.Column {
        var column = SchemaProposal.Column(profile: profile)
        column.isUsed = false
        guard profile.present > 0 else {
            throw InputError(
                .empty, at: "\(path), label \"\(profile.name)\"", found: "no value in any row",
                expected: "some rows that have one")
        }
        guard !profile.name.isEmpty else {
            throw InputError(
                .name, at: "\(path), label \"\"", found: "a column without a name",
                expected: "a name in the header")
        }
        guard profile.distinct.count > 1 else {
            throw InputError(
                .value, at: "\(path), label \"\(profile.name)\"",
                found: "\(Wording.quoted(profile.frequent.first?.value ?? "")) in all rows that have one",
                expected: "more than one value: there is nothing to learn of one")
        }
        if !choice.positive.isEmpty {
            try check(choice.positive)
            column.label = Label(profile.name, .binary, positive: choice.positive)
        } else if Self.isTruth(facts) {
            column.label = Label(profile.name, .binary)
        } else if profile.distinct.count == 2, let rarer = facts.values.last {
            column.label = Label(profile.name, .binary, positive: [rarer.value])
            column.reasons.append("yes is taken to be the rarer value")
        } else if profile.numbers == profile.present {
            let greatest = Double(Float.greatestFiniteMagnitude)
            guard max(-(profile.least ?? 0), profile.greatest ?? 0) <= greatest else {
                throw InputError(
                    .value, at: "\(path), label \"\(profile.name)\"", found: "numbers too large for a Float",
                    expected: "numbers up to \(greatest)")
            }
            column.label = Label(profile.name, .regression)
            if profile.wholeNumbers == profile.present && profile.distinct.count <= 20 {
                column.reasons.append("\(profile.distinct) whole numbers: multiclass, if they are classes")
            }
        } else if profile.distinct.count <= 100 {
            column.label = Label(profile.name, .multiclass)
        } else {
            throw InputError(
                .value, at: "\(path), label \"\(profile.name)\"",
                found: "\(profile.distinct) different texts",
                expected: "two values, up to 100 classes or numbers; or name the values that mean yes")
        }
        guard let label = column.label, label.kind == .binary else { return column }
        column.positiveShare = share(Self.positives(label, facts), look, index)
        return column
    }

    /// The values of a binary label that mean yes.
    static func positives(_ label: Label, _ facts: ColumnFacts) -> Set<String> {
        label.positive.map { Set($0) } ?? Set(facts.values.map(\.value).filter { truth($0) == 1 })
    }

    private func check(_ positive: [String]) throws(InputError) {
        guard !facts.values.isEmpty else { return }
        for value in positive where !facts.values.contains(where: { $0.value == value }) {
            throw InputError(
                .value, at: "\(path), label \"\(profile.name)\"", found: "no row with \"\(value)\"",
                expected: "a value of the column, such as "
                    + profile.frequent.map { Wording.quoted($0.value) }.joined(separator: ", "))
        }
    }

    /// Counted where all values are known, and otherwise of the sampled rows.
    private func share(_ positives: Set<String>, _ look: TableLook, _ index: Int) -> Double {
        guard facts.values.isEmpty else {
            let rows = facts.values.filter { positives.contains($0.value) }.reduce(0) { $0 + $1.rows }
            return Double(rows) / Double(max(1, profile.present))
        }
        let hashes = LeakJudge.hashes(positives)
        let present = look.sample.filter { $0.hashes[index] != 0 }
        return Double(present.count { hashes.contains($0.hashes[index]) }) / Double(max(1, present.count))
    }
}
