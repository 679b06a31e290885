package import MTLEngine

/// Which columns of a source a schema reads, and as what.
package struct ColumnPlan {
    let schema: Schema
    /// Per feature its columns in the source; two for a cross.
    let features: [[Int]]
    /// Per label its column, where the source has it, and the column of its condition.
    let labels: [(column: Int, condition: (column: Int, holds: Condition)?)?]
    /// Per label the column of its weights.
    let labelWeights: [Int?]
    /// Per label the column of its teacher's predictions.
    let teachers: [Int?]
    let weight: Int?
    let time: Int?
    let group: Int?
    let scenario: Int?
    /// Whether labels are read at all.
    let withLabels: Bool

    /// - Parameters:
    ///   - withLabels: false to predict: labels, conditions and weights need not be there.
    ///   - own: the labels that the source's rows have; nil for all. Others are missing in every row, and their columns need not
    ///     be there.
    ///   - learns: false where rows are only judged: columns of teachers are not read.
    package init(
        _ schema: Schema, of source: some RowSource, withLabels: Bool, labels own: Set<String>? = nil,
        learns: Bool = true
    ) throws(InputError) {
        self.schema = schema
        self.withLabels = withLabels
        // A search for each of many columns would be one through all of them each time.
        let places = Dictionary(source.columns.enumerated().map { ($1, $0) }) { first, _ in first }
        func column(_ name: String, _ place: String? = nil) throws(InputError) -> Int {
            if let found = places[name] { return found }
            do throws(InputError) { return try source.column(name) } catch {
                guard let place else { throw error }
                throw InputError(
                    error.kind, at: "\(place): \(error.place)", found: error.found, expected: error.expected)
            }
        }
        var features: [[Int]] = []
        for feature in schema.features {
            var columns: [Int] = []
            for name in feature.columns { columns.append(try column(name)) }
            features.append(columns)
        }
        self.features = features
        var labels: [(column: Int, condition: (column: Int, holds: Condition)?)?] = []
        var labelWeights: [Int?] = []
        var teachers: [Int?] = []
        for label in schema.labels {
            guard withLabels, own?.contains(label.name) ?? true else {
                labels.append(nil)
                labelWeights.append(nil)
                teachers.append(nil)
                continue
            }
            var condition: (column: Int, holds: Condition)?
            if let holds = try label.condition {
                condition = (try column(holds.column, "label \"\(label.name)\", when"), holds)
            }
            labels.append((try column(label.column ?? label.name), condition))
            var weights: Int?
            if let name = label.weightColumn {
                weights = try column(name, "label \"\(label.name)\", weight, a number or a column")
            }
            labelWeights.append(weights)
            var taught: Int?
            if learns, let teacher = label.teacher {
                taught = try column(teacher.column, "label \"\(label.name)\", teacher")
            }
            teachers.append(taught)
        }
        self.labels = labels
        self.labelWeights = labelWeights
        self.teachers = teachers
        func optional(_ name: String?) throws(InputError) -> Int? {
            guard let name else { return nil }
            return try column(name)
        }
        weight = withLabels ? try optional(schema.weight) : nil
        time = withLabels ? try optional(schema.time) : nil
        group = withLabels ? try optional(schema.group) : nil
        scenario = try optional(schema.scenario)
    }

    /// Whether a row meets the condition of a label, which its source has.
    func hasLabel(_ label: Int, _ block: RowBlock, _ row: Int) -> Bool {
        guard let place = labels[label] else { return false }
        guard let condition = place.condition else { return true }
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
    /// Per label what its teacher predicted, NaN where missing; none without a teacher.
    private var teachers: [[Double]] = []
    private(set) var weights: [Double] = []
    /// Per label its weights, or none; and whether some label of the schema has any, perhaps in another source.
    private(set) var labelWeights: [[Double]] = []
    private var labelsHaveWeights = false
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
            if feature.kind == .numeric { reader.check(numbers[numbers.count - 1], of: feature, columns[0]) }
            if let separator = feature.weightSeparator?.utf8.first {
                reader.checkWeights(of: feature, separator, columns[0])
            }
        }
        for (index, label) in plan.schema.labels.enumerated() {
            guard let place = plan.labels[index] else {
                labels.append(plan.withLabels ? [Double](repeating: .nan, count: block.rowCount) : [])
                continue
            }
            // Rows without the label may hold anything.
            labels.append(
                reader.labels(label, place.column, classes: classes[index]) {
                    plan.hasLabel(index, block, $0)
                })
        }
        for (index, label) in plan.schema.labels.enumerated() {
            guard label.teacher != nil, plan.withLabels else {
                teachers.append([])
                continue
            }
            guard let column = plan.teachers[index] else {
                teachers.append([Double](repeating: .nan, count: block.rowCount))
                continue
            }
            teachers.append(reader.teacher(label, column) { plan.hasLabel(index, block, $0) })
        }
        if let column = plan.weight { weights = reader.weights(column) }
        labelWeights = plan.labelWeights.map { column in column.map { reader.weights($0) } ?? [] }
        labelsHaveWeights = plan.withLabels && plan.schema.labels.contains { $0.weightColumn != nil }
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

    /// How much rows count in the losses: `[rows]`, or `[rows, labels]` where labels have weights of their own; empty where all
    /// count once.
    func lossWeights(_ rows: [Int]) -> [Float] {
        guard labelsHaveWeights else {
            return weights.isEmpty ? [] : rows.map { Float(weights[$0]) }
        }
        return rows.flatMap { row in
            (labelWeights + taught.map { _ in [] }).map { own in
                // Both hold in a Float; their product is cut to what does.
                let weight = (weights.isEmpty ? 1 : weights[row]) * (own.isEmpty ? 1 : own[row])
                return Float(min(weight, CellReader.greatest))
            }
        }
    }

    /// How much a row counts in the loss of a label.
    func lossWeight(_ label: Int, _ row: Int) -> Double {
        let own = labelWeights[label]
        return min((weights.isEmpty ? 1 : weights[row]) * (own.isEmpty ? 1 : own[row]), CellReader.greatest)
    }

    /// Takes a label for missing.
    mutating func dropLabel(_ label: Int, of row: Int) {
        labels[label][row] = .nan
        if !teachers[label].isEmpty { teachers[label][row] = .nan }
    }

    /// What the teachers of labels that have one predicted, in the labels' order.
    var taught: [[Double]] { teachers.filter { !$0.isEmpty } }

    /// Whether there is nothing to learn of a label in a row, of its teacher neither.
    func lacks(_ label: Int, _ row: Int) -> Bool {
        labels[label][row].isNaN && (teachers[label].isEmpty || teachers[label][row].isNaN)
    }

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

        static let greatest = Double(Float.greatestFiniteMagnitude)

        /// Numbers that no Float holds spoil all that is learned of their column; as buckets, ranks, logarithms or cut they do not.
        mutating func check(_ values: [Double], of feature: Feature, _ column: Int) {
            guard !feature.isEmbedded, !feature.isNumberField, !feature.log, feature.clip == nil,
                feature.scale != .quantile
            else {
                return
            }
            for row in values.indices where values[row].magnitude > Self.greatest {
                fail(
                    row, column, quoted(row, column),
                    "a number that a Float holds; clip, log, buckets or scale: quantile read it, too")
            }
        }

        /// The most that a tag's weight may be.
        private static let greatestWeight = 1e15

        mutating func checkWeights(of feature: Feature, _ separator: UInt8, _ column: Int) {
            let range = -Self.greatestWeight...Self.greatestWeight
            let between = feature.separator.utf8.first ?? UInt8(ascii: "|")
            for row in 0..<block.rowCount {
                guard let whole = block.value(row, column) else { continue }
                for part in whole.split(separator: between) {
                    guard let place = part.lastIndex(of: separator) else { continue }
                    switch block.readings[column].cell(UnsafeBufferPointer(rebasing: part[(place + 1)...])) {
                    case .number(let weight) where range.contains(weight): continue
                    case .number, .tooLarge:
                        fail(
                            row, column, quoted(row, column),
                            "weights of tags from \(range.lowerBound) to \(range.upperBound)")
                    default: continue
                    }
                }
            }
        }

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

        /// A teacher's predictions; of rows without the label they say nothing.
        mutating func teacher(_ label: Label, _ column: Int, where isRead: (Int) -> Bool) -> [Double] {
            var values = numbers(column, where: isRead)
            for row in values.indices where !values[row].isNaN {
                if !isRead(row) {
                    values[row] = .nan
                } else if label.kind == .binary, !(0...1).contains(values[row]) {
                    fail(row, column, quoted(row, column), "a teacher's probability, from 0 to 1")
                } else if values[row].magnitude > Self.greatest {
                    fail(row, column, quoted(row, column), "a number that a Float holds")
                } else if values[row] < 0, label.needsPositive {
                    fail(row, column, quoted(row, column), "a number, 0 or above, for log1p: true")
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
                    } else if values[row] < 0, label.needsPositive {
                        let setting =
                            label.isLogarithmic ? "log1p: true" : "loss: \(label.loss?.rawValue ?? "")"
                        fail(row, column, quoted(row, column), "a number, 0 or above, for \(setting)")
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
