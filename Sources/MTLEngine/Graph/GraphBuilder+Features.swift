/// A piece of the features: an embedded field, or other columns.
struct FeaturePart {
    var value: GraphValue
    let field: String?
}

extension GraphBuilder {
    /// The embedded fields alone, in order, each `[rows, its width]`: embedded features of their table's dimension, what layers
    /// made of them, and fields that layers appended, of sequences and numbers. A layer that replaces all features leaves none.
    public var embeddedFeatures: [GraphValue] { parts.filter { $0.field != nil }.map(\.value) }
    /// The names of `embeddedFeatures`.
    public var embeddedNames: [String] { parts.compactMap(\.field) }

    /// What belongs to all tasks is called so where they have features of their own, too.
    static let sharedOwner = "shared"

    /// Builds feature layers over all features, or with `owners` over those of each, which have layers of their own.
    ///
    /// - Parameters:
    ///   - owners: the tasks, in order, and behind them what all share, if they keep it; empty where all read the same.
    ///   - layers: builds them, with what their names begin with.
    mutating func buildFeatures(
        _ embedding: EmbeddingPlan, owners: [String],
        layers: (inout GraphBuilder, _ name: String) throws(InputError) -> Void
    ) throws(InputError) {
        let fields = embedding.fields.indices
        guard !owners.isEmpty else {
            beginFeatures(lookedUp, embedding, fields)
            try layers(&self, "features")
            try finishFeatures()
            taskFeatures = tasks.map { _ in features }
            return
        }
        let own = fields.count / owners.count
        for (place, owner) in owners.enumerated() {
            featureTask = place < tasks.count ? place : nil
            beginFeatures(lookedUp, embedding, place * own..<(place + 1) * own)
            try layers(&self, "features.\(owner)")
            try finishFeatures()
            if place < tasks.count { taskFeatures.append(features) }
        }
        // What all share is built last, and stays.
        guard owners.count == tasks.count else { return }
        parts = []
        sequences = []
        features = lookedUp.columns(0..<denseFeatures.width + embedding.pooledWidth)
    }

    /// Begins with the dense features and some of the embedded ones.
    mutating func beginFeatures(_ all: GraphValue, _ embedding: EmbeddingPlan, _ fields: Range<Int>) {
        let inputs = denseFeatures.width
        parts = inputs > 0 ? [FeaturePart(value: denseFeatures, field: nil)] : []
        sequences = []
        for (feature, field) in zip(embedding.features[fields], embedding.fields[fields]) {
            let start = inputs + field.column
            let value = all.columns(start..<start + field.columns)
            guard field.pooling == .positions else {
                parts.append(FeaturePart(value: value, field: feature.name))
                continue
            }
            let length = field.columns - 1
            sequences.append(
                SequenceFeature(
                    name: feature.name, value: value.columns(0..<length),
                    length: value.columns(length..<length + 1).stopped, capacity: field.maximumCount))
        }
    }

    // MARK: What feature layers do

    /// All features side by side, with what earlier layers made of them.
    public mutating func joinedFeatures() -> GraphValue {
        var runs: [GraphValue] = []
        for part in parts {
            // Neighbours in memory are copied as one.
            if let last = runs.last, last.storage == part.value.storage,
                last.range.upperBound == part.value.column
            {
                runs[runs.count - 1] = concatenate([last, part.value])
            } else {
                runs.append(part.value)
            }
        }
        let joined = concatenate(runs)
        parts = parts.count == 1 ? [FeaturePart(value: joined, field: parts[0].field)] : moved(parts, joined)
        return joined
    }

    /// The parts as views of what joins them, so that it is made once.
    func moved(_ parts: [FeaturePart], _ joined: GraphValue) -> [FeaturePart] {
        var column = 0
        return parts.map { part in
            defer { column += part.value.width }
            return FeaturePart(
                value: joined.columns(column..<column + part.value.width), field: part.field)
        }
    }

    /// More columns behind the features; with a name they are an embedded field.
    public mutating func appendFeatures(_ value: GraphValue, field: String? = nil) {
        parts.append(FeaturePart(value: value, field: field))
    }

    /// Other columns in the place of all features and fields.
    public mutating func replaceFeatures(_ value: GraphValue) {
        parts = [FeaturePart(value: value, field: nil)]
    }

    /// Another value for an embedded field.
    public mutating func replaceField(_ name: String, _ value: GraphValue) {
        for index in parts.indices where parts[index].field == name { parts[index].value = value }
    }

    /// Embedded fields by their names; all where none is named.
    ///
    /// - Throws: `InputError` for a field that is not there.
    public func fields(_ names: [String], at place: String) throws(InputError) -> [(
        name: String, value: GraphValue
    )] {
        let all = parts.compactMap { part in part.field.map { (name: $0, value: part.value) } }
        guard !names.isEmpty else { return all }
        guard Set(names).count == names.count else {
            throw InputError(.name, at: place, found: "a field twice", expected: "names that differ")
        }
        var result: [(name: String, value: GraphValue)] = []
        for name in names {
            guard let field = all.first(where: { $0.name == name }) else {
                throw InputError(
                    .name, at: place, found: "no field \"\(name)\"",
                    expected: all.isEmpty
                        ? "embedded features" : "one of \(all.map(\.name).joined(separator: ", "))")
            }
            result.append(field)
        }
        return result
    }

    /// Embedded fields of one width by their names, two at least; all where none is named.
    ///
    /// - Throws: `InputError` for a field that is not there or is of another width, or too few of them.
    public func evenFields(_ names: [String], at place: String) throws(InputError) -> [(
        name: String, value: GraphValue
    )] {
        let some = try fields(names, at: "\(place), fields")
        guard some.count > 1 else {
            throw InputError(
                .empty, at: "\(place), fields", found: "\(some.count) embedded fields",
                expected: "at least two")
        }
        let width = some[0].value.width
        for field in some where field.value.width != width {
            throw InputError(
                .shape, at: "\(place), field \(field.name)", found: "a width of \(field.value.width)",
                expected: "\(width) as of \"\(some[0].name)\"")
        }
        return some
    }

    /// All features side by side, x, with every embedded field normalised by itself: `[rows, x.width]`; "NAME.FIELD.weight" and
    /// "NAME.FIELD.bias", `[width of the field]`. Numbers are as they are.
    public mutating func normedFields(of x: GraphValue, name title: String) -> GraphValue {
        let y = reserve(x.width)
        var column = 0
        for part in parts {
            let columns = column..<column + part.value.width
            column = columns.upperBound
            let value = part.field.map { layerNorm(x.columns(columns), names: ["\(title).\($0)"]) }
            accumulate(value ?? x.columns(columns), into: y.columns(columns), isFirst: true)
        }
        return y
    }

    /// Takes columns of the dense features out of the features, for a layer that makes something else of them.
    ///
    /// - Parameters:
    ///   - columns: places among the dense features.
    ///   - place: what errors are about.
    /// - Throws: `InputError` for a column that is not among them, or is no longer.
    public mutating func takeNumbers(_ columns: [Int], at place: String) throws(InputError) {
        for column in columns {
            let index = parts.firstIndex { part in
                part.field == nil && part.value.isFeatures
                    && part.value.range.contains(denseFeatures.column + column)
            }
            guard column >= 0, column < denseFeatures.width, let index else {
                throw InputError(
                    .shape, at: place, found: "column \(column)",
                    expected: "one of \(denseFeatures.width) dense features that no earlier layer has taken")
            }
            let value = parts[index].value
            let before = value.columns(0..<column - value.column)
            let after = value.columns(column - value.column + 1..<value.width)
            parts.replaceSubrange(
                index...index,
                with: [before, after].filter { $0.width > 0 }.map { FeaturePart(value: $0, field: nil) })
        }
    }

    mutating func finishFeatures() throws(InputError) {
        for sequence in sequences where !sequence.isRead {
            throw InputError(
                .value, at: "embedded feature \"\(sequence.name)\"", found: "a sequence that no layer reads",
                expected: "a feature layer that reads it, or a pooled feature")
        }
        features = joinedFeatures()
        sections.append(FeatureSections(parts))
    }

    // MARK: Nodes

    /// ½ ((Σ v)² - Σ v²) over `fields` blocks of x: `[rows, width of a field]`.
    public mutating func pairwise(_ x: GraphValue, fields: Int) -> GraphValue {
        precondition(x.width % fields == 0, "\(x.width) columns of \(fields) fields")
        let width = x.width / fields
        let sum = reserveSaved(width)
        let y = reserve(width)
        note(y, from: [x])
        nodes.append(.pairwise(PairwiseNode(x: x, y: y, sum: sum, count: fields)))
        return y
    }

    /// ⟨v_i, v_j⟩ of every two of `fields` blocks of x, (0, 1), (0, 2), … (1, 2), …: `[rows, fields (fields - 1) / 2]`.
    public mutating func fieldDots(_ x: GraphValue, fields: Int) -> GraphValue {
        precondition(fields > 1 && x.width % fields == 0, "\(x.width) columns of \(fields) fields")
        let y = reserve(fields * (fields - 1) / 2)
        note(y, from: [x])
        nodes.append(.fieldDots(FieldDotsNode(x: x, y: y, count: fields)))
        return y
    }

    /// x_di v_dj of every map x_i and field v_j, dimension by dimension, (0, 0), (0, 1), …: `[rows, dimensions · maps · fields]`.
    ///
    /// - Parameters:
    ///   - x: the maps, those of dimension 0 side by side, then those of 1, …; with `isFieldMajor` as fields lie.
    ///   - fields: the fields side by side, each of its dimensions, `[rows, fields · dimensions]`.
    ///   - dimensions: the width of a field.
    ///   - isFieldMajor: whether x has every map's dimensions side by side.
    public mutating func fieldProducts(
        _ x: GraphValue, with fields: GraphValue, dimensions: Int, isFieldMajor: Bool
    ) -> GraphValue {
        precondition(
            x.width % dimensions == 0 && fields.width % dimensions == 0,
            "\(x.width) and \(fields.width) columns of \(dimensions) dimensions")
        let scratch = scratchCount
        let count = FieldProductsNode.scratchCount(fields: fields.width)
        scratchCount = Self.sum(scratchCount, (count + 15) / 16 * 16)
        let y = reserve(x.width * (fields.width / dimensions))
        note(y, from: [x, fields])
        nodes.append(
            .fieldProducts(
                FieldProductsNode(
                    a: x, b: fields, y: y, dimensions: dimensions, isFieldMajor: isFieldMajor,
                    scratch: scratch)))
        return y
    }

    /// A vector for every number of a column, which leads straight from bin to bin: `[rows, into.width]`; "NAME.bias" `[width]`,
    /// "NAME.weight" `[bins, width]`, and "NAME.missing" `[width]`.
    ///
    /// - Parameters:
    ///   - x: a dense feature, the bin of a number and the share of it that it lies in as one number, `[rows, 1]`; below 0 where missing.
    ///   - bins: the number of bins.
    ///   - y: what is written, of the vectors' length.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func piecewise(_ x: GraphValue, bins: Int, into y: GraphValue, name title: String) {
        precondition(x.width == 1 && x.isFeatures && bins > 0, "\(bins) bins of \(x.width) columns")
        let width = y.width
        let start = place(PiecewiseNode.parameterCount(bins: bins, dimension: width))
        let weight = start + width
        let missing = weight + bins * width
        name("\(title).bias", start, [width])
        name("\(title).weight", weight, [bins, width])
        vector("\(title).missing", missing, width, beginsAt: 0)
        beginnings.append(
            .layer(
                weights: weight..<missing, biases: start..<weight, inputs: bins, outputs: width, name: title))
        let scratch = scratchCount
        let count = PiecewiseNode.scratchCount(bins: bins, dimension: width)
        scratchCount = Self.sum(scratchCount, (count + 15) / 16 * 16)
        note(y, hasParameters: true, from: [])
        nodes.append(.piecewise(PiecewiseNode(x: x, y: y, bins: bins, start: start, scratch: scratch)))
    }

    /// The mean of every field of x: `[rows, fields]`.
    public mutating func fieldMeans(_ x: GraphValue, widths: [Int]) -> GraphValue {
        precondition(widths.reduce(0, +) == x.width, "\(x.width) columns of fields \(widths)")
        let first = lists.count
        lists += widths.map { Int32($0) }
        let y = reserve(widths.count)
        note(y, from: [x])
        nodes.append(.fieldMeans(FieldMeansNode(x: x, y: y, first: first)))
        return y
    }
}
