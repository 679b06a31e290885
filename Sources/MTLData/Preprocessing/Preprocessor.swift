public import MTLEngine

/// Turns the cells of a table into numbers, ids and labels. What it knows of the data, it learned from the training rows; it
/// is stored with the model, so that serving encodes as training did.
public struct Preprocessor: Sendable, Equatable, Codable {
    /// What it was fitted to.
    public let schema: Schema
    /// The number of rows it was fitted on.
    package let trainingRows: Int
    /// Per feature what was fitted.
    let fitted: [FittedFeature]
    /// Per label its classes; nil for labels that are not multiclass.
    package let classes: [Vocabulary?]
    /// Per label what brings it to the size of other losses; nil in files of before, whose labels were learned as they are.
    package let labelMoments: [LabelMoments]?
    /// The scenarios, where the schema names a column.
    package let scenarios: Vocabulary?
    /// How its cells were read; nil in files that do not say.
    private let reading: TableFormat?

    /// How the text of the training rows was read.
    package var format: TableFormat { reading ?? TableFormat() }

    init(
        schema: Schema, trainingRows: Int, fitted: [FittedFeature], classes: [Vocabulary?],
        labelMoments: [LabelMoments]?, scenarios: Vocabulary?, format: TableFormat
    ) {
        self.schema = schema
        self.trainingRows = trainingRows
        self.fitted = fitted
        self.classes = classes
        self.labelMoments = labelMoments
        self.scenarios = scenarios
        reading = format == TableFormat() ? nil : format
    }

    /// The same as it is stored: without what encodes the rows it was fitted on.
    var withoutFolds: Preprocessor {
        var features = fitted
        for index in features.indices { features[index].foldValues = nil }
        return Preprocessor(
            schema: schema, trainingRows: trainingRows, fitted: features, classes: classes,
            labelMoments: labelMoments, scenarios: scenarios, format: format)
    }

    /// The same for a model that weighs labels, or sizes tables, as a schema of the same rows says.
    func learned(as schema: Schema) -> Preprocessor {
        Preprocessor(
            schema: self.schema.learned(as: schema), trainingRows: trainingRows, fitted: fitted,
            classes: classes, labelMoments: labelMoments, scenarios: scenarios, format: format)
    }

    /// The values of a feature of ids, nil where it has none.
    package func vocabulary(_ feature: Int) -> Vocabulary? { fitted[feature].vocabulary }

    /// What was learned of one feature.
    struct FittedFeature: Sendable, Equatable, Codable {
        /// Numeric: one; timestamp: one per part.
        var numbers: [FittedNumber] = []
        /// Numeric as ids: the bounds between buckets.
        var bounds: [Double]?
        var vocabulary: Vocabulary?
        var hashBuckets: Int?
        /// What a missing value is taken for, where it is no id of its own; of tags and sequences a cell without values, where it
        /// is no bag without ids.
        var fillID: Int32?
        /// Of a number with vectors the training rows where it was missing; nil for others, and in files that do not say.
        var missingRows: Int?
        /// Frequency and target encoding: the number of every id.
        var values: [Float]?
        /// The number of every id for the training rows of a fold; only while fitting, and never stored.
        var foldValues: [[Float]]?

        /// Whether both encode rows that are not of the training part alike.
        static func == (left: Self, right: Self) -> Bool {
            left.numbers == right.numbers && left.bounds == right.bounds
                && left.vocabulary == right.vocabulary
                && left.hashBuckets == right.hashBuckets && left.fillID == right.fillID
                && left.values == right.values
        }

        /// Ids, the reserved ones included.
        var idCount: Int {
            if let bounds { return bounds.count + 1 + Vocabulary.reserved }
            if let hashBuckets { return hashBuckets + Vocabulary.reserved }
            return vocabulary?.size ?? 0
        }
    }

    /// Rows of which is learned what an unknown or a missing value means. What fewer teach is chance more than meaning: the mean of
    /// thirty yes and no is known to a tenth.
    static var enoughRows: Int { 30 }

    // MARK: Layout

    /// The dense columns of a feature.
    func denseNames(of index: Int) -> [String] {
        let feature = schema.features[index]
        let fit = fitted[index]
        if feature.isEmbedded { return [] }
        switch feature.kind {
        case .numeric:
            return fit.numbers[0].flagsMissing && fit.numbers[0].bins == nil
                ? [feature.name, "\(feature.name) is missing"] : [feature.name]
        case .timestamp: return feature.parts.map { "\(feature.name) \($0.rawValue)" }
        case .categorical, .cross:
            guard feature.encoding == .oneHot else { return ["\(feature.name) \(feature.encoding.rawValue)"] }
            let first = fit.vocabulary?.counts[1] == 0 ? 2 : 1
            return (first..<max(first, fit.idCount)).map {
                "\(feature.name)=\(fit.vocabulary?.value($0) ?? "\($0)")"
            }
        case .tags, .sequence: return []
        }
    }

    /// The names of the dense features; of two that are alike ("x is missing" may be a column's) the later one is numbered.
    public var denseNames: [String] {
        var seen: [String: Int] = [:]
        return schema.features.indices.flatMap { denseNames(of: $0) }.map { name in
            seen[name, default: 0] += 1
            let count = seen[name] ?? 1
            return count == 1 ? name : "\(name) (\(count))"
        }
    }

    /// The vectors of numbers that are fields of the model: the first of its feature layers, nil where there are none. Without it
    /// a model would read places among bins as if they were the numbers.
    public var numberFields: PiecewiseLinear? {
        var first = 0
        var columns: [PiecewiseLinear.Column] = []
        for (index, feature) in schema.features.enumerated() {
            if let bins = fitted[index].numbers.first?.bins {
                columns.append(
                    .init(
                        feature.name, index: first, bins: bins.count,
                        dimension: feature.dimension ?? Self.numberDimension,
                        encoding: feature.numberEncoding))
            }
            first += denseNames(of: index).count
        }
        return columns.isEmpty ? nil : PiecewiseLinear(columns)
    }

    private static var numberDimension: Int { 16 }

    /// The feature whose table and vocabulary a feature uses: itself or another.
    func owner(of index: Int) -> Int {
        guard let name = schema.features[index].sharing else { return index }
        return schema.features.firstIndex { $0.name == name } ?? index
    }

    /// Features that are looked up in tables, in order.
    var embeddedIndices: [Int] { schema.features.indices.filter { schema.features[$0].isEmbedded } }

    /// What a model reads of the ids: its embedded features.
    public var embedded: [EmbeddedFeature] {
        embeddedIndices.map { index in
            let feature = schema.features[index]
            let table = schema.features[owner(of: index)].name
            switch feature.kind {
            case .tags, .sequence:
                return .bag(
                    feature.name, table: table, pooling: feature.pooling, maximumCount: feature.length)
            default: return .single(feature.name, table: table)
            }
        }
    }

    /// The tables of the embedded features.
    public var tables: [EmbeddingTable] {
        embeddedIndices.filter { owner(of: $0) == $0 }.map { index in
            let feature = schema.features[index]
            return EmbeddingTable(feature.name, rows: fitted[index].idCount, dimension: feature.dimension)
        }
    }

    /// The tasks of the labels, each with a tower if wanted. A standardised squared error counts half in the sum of losses.
    ///
    /// - Parameters:
    ///   - tower: every task's own hidden layers.
    ///   - negativeRates: per binary task the share of its labels 0 that is learned from.
    public func tasks(tower: [HiddenLayer] = [], negativeRates: [String: Double] = [:]) -> [LearningTask] {
        schema.labels.indices.map { index in
            let (label, classes) = (schema.labels[index], classes[index])
            let kind = label.taskKind(classes: classes?.map.count ?? 2)
            let rate = negativeRates[label.name] ?? 1
            let moments = labelMoments?[index]
            var counts = classes.map { $0.counts.dropFirst(Vocabulary.reserved).map(Double.init) } ?? []
            if let moments, label.kind == .binary {
                counts = moments.classes
                if !counts.isEmpty { counts[0] *= rate }
            }
            // Half of the standardised squared error begins at a half, as Huber's does: whole, it is steeper than a click's log loss
            // and takes the shared layers from it.
            let isHalved = kind == .squaredError && moments != nil
            return LearningTask(
                label.name, kind: kind, weight: isHalved ? label.weight / 2 : label.weight, tower: tower,
                negativeRate: rate,
                smoothing: label.smoothing,
                classWeights: label.weights(
                    counts: counts, names: (0..<(classes?.map.count ?? 0)).map { className($0, of: index) }),
                focusing: label.focusing, ranking: label.ranking?.loss, f1: label.f1,
                teacher: label.teacher.map { Teacher(column: label.teacherName, weight: $0.weight) },
                labelScale: moments?.scale(kind) ?? .identity)
        }
    }

    /// Classes' weights that the labels' classes do not have, or that older files do not know, and classes that have no order.
    ///
    /// - Throws: `InputError` that names the label and the class.
    func checkClasses() throws(InputError) {
        for (index, label) in schema.labels.enumerated() {
            if label.loss == .ordinal {
                let names = (0..<(classes[index]?.map.count ?? 0)).map { className($0, of: index) }
                if let name = names.first(where: { Double($0)?.isFinite != true }) {
                    throw InputError(
                        .value, at: "label \"\(label.name)\", loss", found: "ordinal, and class \"\(name)\"",
                        expected: "classes that are numbers, which says their order")
                }
            }
            switch label.classWeights {
            case .named(let weights):
                let names = (0..<(classes[index]?.map.count ?? 0)).map { className($0, of: index) }
                for name in weights.keys.sorted() where !names.contains(name) {
                    throw InputError(
                        .name, at: "label \"\(label.name)\", class_weights, \"\(name)\"",
                        found: "a class that no training row has",
                        expected: "one of \(names.prefix(20).joined(separator: ", "))")
                }
            case .balanced where label.kind == .binary && labelMoments == nil:
                throw InputError(
                    .value, at: "label \"\(label.name)\", positive_weight",
                    found: "balanced, of a model that did not count its labels", expected: "a number")
            default: continue
            }
        }
    }

    /// The class of a multiclass label's index.
    package func className(_ index: Int, of label: Int) -> String {
        classes[label]?.value(index + Vocabulary.reserved) ?? "\(index)"
    }
}
