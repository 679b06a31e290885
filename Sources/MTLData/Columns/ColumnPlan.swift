package import MTLEngine

/// Which columns of a source a schema reads, and as what.
package struct ColumnPlan {
    let schema: Schema
    /// Per feature its columns in the source; two for a cross.
    let features: [[Int]]
    /// Per label its column, where the source has it, and the column of its condition.
    let labels: [(column: Int, condition: (column: Int, holds: Condition)?)?]
    let weight: Int?
    let time: Int?
    let group: Int?
    let scenario: Int?

    /// - Parameter withLabels: false to predict: labels, conditions and weights need not be there.
    package init(_ schema: Schema, of source: some RowSource, withLabels: Bool) throws(InputError) {
        self.schema = schema
        var features: [[Int]] = []
        for feature in schema.features {
            var columns: [Int] = []
            for name in feature.columns { columns.append(try source.column(name)) }
            features.append(columns)
        }
        self.features = features
        var labels: [(column: Int, condition: (column: Int, holds: Condition)?)?] = []
        for label in schema.labels {
            guard withLabels else {
                labels.append(nil)
                continue
            }
            var condition: (column: Int, holds: Condition)?
            if let holds = try label.condition { condition = (try source.column(holds.column), holds) }
            labels.append((try source.column(label.column ?? label.name), condition))
        }
        self.labels = labels
        func optional(_ name: String?) throws(InputError) -> Int? {
            guard let name else { return nil }
            return try source.column(name)
        }
        weight = withLabels ? try optional(schema.weight) : nil
        time = withLabels ? try optional(schema.time) : nil
        group = withLabels ? try optional(schema.group) : nil
        scenario = try optional(schema.scenario)
    }

    /// Whether a row meets the condition of a label.
    func hasLabel(_ label: Int, _ block: RowBlock, _ row: Int) -> Bool {
        guard let condition = labels[label]?.condition else { return true }
        return condition.holds.holds(block, row, condition.column)
    }
}

/// A block's numbers, times and labels, read once for all that need them; rows with a wrong one are kept apart.
package struct ParsedBlock {
    let block: RowBlock
    /// Per feature its numbers (numeric) or times (timestamp, in milliseconds), NaN where missing; else empty.
    private(set) var numbers: [[Double]]
    /// Per label its values, NaN where missing; class names of a multiclass label are not numbers yet.
    package private(set) var labels: [[Double]]
    private(set) var weights: [Double] = []
    private(set) var times: [Double] = []
    /// The rows that can be used.
    package private(set) var rows: [Int]
    package private(set) var errors: [InputError] = []

    /// - Parameter classes: per multiclass label the classes there are, or nil while they are being counted.
    package init(_ block: RowBlock, _ plan: ColumnPlan, classes: [Vocabulary?]) {
        self.block = block
        numbers = []
        labels = []
        rows = Array(0..<block.rowCount)
        var reader = CellReader(block: block)
        for (feature, columns) in zip(plan.schema.features, plan.features) {
            switch feature.kind {
            case .numeric: numbers.append(reader.numbers(columns[0]))
            case .timestamp: numbers.append(reader.times(columns[0]))
            case .categorical, .tags, .sequence, .cross: numbers.append([])
            }
        }
        for (index, label) in plan.schema.labels.enumerated() {
            guard let place = plan.labels[index] else {
                labels.append([])
                continue
            }
            // Rows without the label may hold anything.
            labels.append(
                reader.labels(label, place.column, classes: classes[index]) {
                    plan.hasLabel(index, block, $0)
                })
        }
        if let column = plan.weight { weights = reader.weights(column) }
        if let column = plan.time {
            let feature = plan.features.indices.first {
                plan.schema.features[$0].kind == .timestamp && plan.features[$0][0] == column
            }
            times = feature.map { numbers[$0] } ?? reader.times(column)
        }
        if !reader.bad.isEmpty {
            rows.removeAll { reader.bad[$0] != nil }
            errors = reader.bad.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// Takes a label for missing.
    mutating func dropLabel(_ label: Int, of row: Int) { labels[label][row] = .nan }

    /// Reads columns, and remembers the first thing wrong with a row.
    private struct CellReader {
        let block: RowBlock
        var bad: [Int: InputError] = [:]

        mutating func fail(_ row: Int, _ column: Int, _ found: String, _ expected: String) {
            guard bad[row] == nil else { return }
            bad[row] = InputError(.value, at: block.place(row, column), found: found, expected: expected)
        }

        private func quoted(_ row: Int, _ column: Int) -> String { block.quoted(row, column) }

        mutating func numbers(_ column: Int) -> [Double] { numbers(column) { _ in true } }

        private mutating func numbers(_ column: Int, where isRead: (Int) -> Bool) -> [Double] {
            var wrong: [Int] = []
            let values = [Double](unsafeUninitializedCapacity: block.rowCount) { buffer, count in
                var first = 0
                while let row = block.fillNumbers(column, into: buffer, from: first) {
                    if case .number(let value) = block.number(row, column) {
                        buffer[row] = value
                    } else {
                        if isRead(row) { wrong.append(row) }
                        buffer[row] = .nan
                    }
                    first = row + 1
                }
                count = block.rowCount
            }
            for row in wrong {
                fail(
                    row, column, quoted(row, column),
                    block.readings[column].expectedNumber(block.cell(row, column)))
            }
            return values
        }

        mutating func times(_ column: Int) -> [Double] {
            (0..<block.rowCount).map { row in
                do throws(InputError) { return try block.time(row, column).map(Double.init) ?? .nan } catch {
                    if bad[row] == nil { bad[row] = error }
                    return .nan
                }
            }
        }

        private static let greatest = Double(Float.greatestFiniteMagnitude)

        mutating func weights(_ column: Int) -> [Double] {
            var values = numbers(column)
            for row in values.indices {
                if values[row].isNaN {
                    values[row] = 1
                } else if !(0...Self.greatest).contains(values[row]) {
                    fail(row, column, quoted(row, column), "a weight, 0 or above, that a Float holds")
                }
            }
            return values
        }

        mutating func labels(
            _ label: Label, _ column: Int, classes: Vocabulary?, where isRead: (Int) -> Bool
        ) -> [Double] {
            switch label.kind {
            case .regression:
                var values = numbers(column, where: isRead)
                for row in values.indices where !values[row].isNaN {
                    if !isRead(row) {
                        values[row] = .nan
                    } else if values[row].magnitude > Self.greatest {
                        fail(row, column, quoted(row, column), "a number that a Float holds")
                    }
                }
                return values
            case .multiclass:
                guard let classes else { return [] }
                return (0..<block.rowCount).map { row in
                    guard let cell = block.value(row, column), isRead(row) else { return .nan }
                    let id = Int(classes.id(cell))
                    if id >= Vocabulary.reserved { return Double(id - Vocabulary.reserved) }
                    let names = (Vocabulary.reserved..<min(classes.size, Vocabulary.reserved + 10)).map {
                        "\"\(classes.value($0))\""
                    }
                    let more = classes.size > Vocabulary.reserved + 10 ? ", …" : ""
                    let advice = block.readings[column].advice(String(decoding: cell, as: UTF8.self))
                    fail(
                        row, column, quoted(row, column),
                        "one of the classes of the training rows, \(names.joined(separator: ", "))\(more); \(advice) if it means unknown"
                    )
                    return .nan
                }
            case .binary:
                let positive = label.positive.map { $0.map { (text: Array($0.utf8), number: Double($0)) } }
                return (0..<block.rowCount).map { row in
                    guard let cell = block.value(row, column), isRead(row) else { return .nan }
                    if let positive { return isAny(of: positive, cell, column) ? 1 : 0 }
                    if let value = block.readings[column].truth(cell) { return value }
                    // A word that nobody knows is more often no answer than a no.
                    let advice = block.readings[column].advice(String(decoding: cell, as: UTF8.self))
                    fail(
                        row, column, quoted(row, column),
                        "0 or 1; \(advice) if it means unknown, or the values that mean yes as positive, where all others mean no"
                    )
                    return .nan
                }
            }
        }

        /// Whether a cell is one of some values: as a number ("1.0" is 1) or else as a text.
        private func isAny(
            of values: [(text: [UInt8], number: Double?)], _ cell: UnsafeBufferPointer<UInt8>, _ column: Int
        ) -> Bool {
            if values.contains(where: { $0.text.elementsEqual(cell) }) { return true }
            // Long ids that differ are the same number as a Double.
            guard values.contains(where: { $0.number != nil }),
                case .number(let number) = block.readings[column].number(cell), number.magnitude < 0x1p53
            else { return false }
            return values.contains { $0.number == number }
        }
    }
}
