package import MTLEngine

/// What the columns of a table are: features, labels, and columns with a role of their own. Other columns are not read.
public struct Schema: Sendable, Equatable, Codable {
    /// The features, in the order in which the model gets them.
    public var features: [Feature]
    /// What is predicted: one task each.
    public var labels: [Label]
    /// The column that tells scenarios (countries, channels, pages) apart.
    public var scenario: String?
    /// The column of the user, visit or shop that a split keeps together.
    public var group: String?
    /// The column of the time a row is from.
    public var time: String?
    /// The column of how much a row counts in the losses; 1 where a cell is missing.
    public var weight: String?

    /// A schema in full.
    public init(
        features: [Feature], labels: [Label], scenario: String? = nil, group: String? = nil,
        time: String? = nil,
        weight: String? = nil
    ) {
        self.features = features
        self.labels = labels
        self.scenario = scenario
        self.group = group
        self.time = time
        self.weight = weight
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case features, labels, scenario, group, time, weight
    }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        features = try values.require(.features)
        labels = try values.require(.labels)
        try values.read(.scenario, &scenario)
        try values.read(.group, &group)
        try values.read(.time, &time)
        try values.read(.weight, &weight)
    }

    /// Checks what can be checked without data.
    ///
    /// - Throws: `InputError` that names the feature or label.
    package func check() throws(InputError) {
        guard !features.isEmpty else {
            throw InputError(.empty, at: "schema, features", found: "none", expected: "at least one")
        }
        var names = Set<String>()
        for feature in features {
            guard names.insert(feature.name).inserted else {
                throw InputError(
                    .name, at: "feature \"\(feature.name)\"", found: "the name twice",
                    expected: "names that differ")
            }
            try feature.check(schema: self)
        }
        names.removeAll()
        for label in labels {
            guard names.insert(label.name).inserted else {
                throw InputError(
                    .name, at: "label \"\(label.name)\"", found: "the name twice",
                    expected: "names that differ")
            }
            try label.check()
            guard label.ranking == nil || group != nil else {
                throw InputError(
                    .name, at: "label \"\(label.name)\", ranking", found: "a schema without a group",
                    expected: "group, the column of the session, query or visit whose rows are compared")
            }
        }
        try checkTeachers()
    }

    /// Whether the order of rows of a group is learned of some label.
    var ranks: Bool { labels.contains { $0.ranking != nil } }
}

extension Schema {
    /// What encoded rows depend on: without what only the model makes of them, the labels' factors, losses and smoothing and
    /// the tables' dimensions. Of losses it matters which labels they refuse.
    var ofRows: Schema {
        var schema = self
        for index in labels.indices {
            var label = Label(labels[index].name, labels[index].kind)
            label.column = labels[index].column
            label.positive = labels[index].positive
            label.when = labels[index].when
            label.weightColumn = labels[index].weightColumn
            label.teacher = labels[index].teacher.map { LabelTeacher($0.column) }
            label.isLogarithmic = labels[index].isLogarithmic
            if labels[index].loss?.needsPositive == true { label.loss = .poisson }
            // Rows have their groups with them.
            label.ranking = labels[index].ranking.map { _ in LabelRanking(.pairwise) }
            schema.labels[index] = label
        }
        for index in features.indices { schema.features[index].dimension = nil }
        return schema
    }

    /// The same with those settings of another schema, of labels and features that it has too.
    func learned(as other: Schema) -> Schema {
        var schema = self
        for (index, label) in labels.enumerated() {
            guard let now = other.labels.first(where: { $0.name == label.name }) else { continue }
            var learned = now
            learned.column = label.column
            learned.positive = label.positive
            learned.when = label.when
            learned.weightColumn = label.weightColumn
            learned.teacher = label.teacher.map { own in
                LabelTeacher(own.column, weight: now.teacher?.weight ?? own.weight)
            }
            learned.isLogarithmic = label.isLogarithmic
            schema.labels[index] = learned
        }
        for (index, feature) in features.enumerated() {
            guard let now = other.features.first(where: { $0.name == feature.name }) else { continue }
            schema.features[index].dimension = now.dimension
        }
        return schema
    }
}
