internal import MTLEngine

/// The predictions of a teacher, as a schema says it: `teacher_click`, the column, or `{column: teacher_click, weight: 0.3}`.
public struct LabelTeacher: Sendable, Equatable, Codable {
    /// Probabilities of a binary label, else numbers in the label's unit; a row whose cell is missing has no teacher.
    public var column: String
    /// The teacher's part of what is learned, above 0 and at most 1.
    public var weight: Double

    /// By default as much as the label.
    public init(_ column: String, weight: Double = 0.5) {
        self.column = column
        self.weight = weight
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case column, weight
    }

    /// Reads a column, or a column and its weight.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one of a wrong type.
    public init(from decoder: any Decoder) throws {
        if let column = try? decoder.singleValueContainer().decode(String.self) {
            self.init(column)
            return
        }
        let values = try decoder.strictContainer(CodingKeys.self)
        self.init(try values.require(.column))
        try values.read(.weight, &weight)
    }

    /// Writes the column, and the weight where it is not the usual one.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        guard weight != LabelTeacher(column).weight else {
            var value = encoder.singleValueContainer()
            return try value.encode(column)
        }
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(column, forKey: .column)
        try values.encode(weight, forKey: .weight)
    }

    func check(_ label: Label) throws(InputError) {
        let place = "label \"\(label.name)\""
        func require(_ holds: Bool, _ found: String, _ expected: String) throws(InputError) {
            guard holds else {
                throw InputError(.value, at: "\(place), teacher", found: found, expected: expected)
            }
        }
        try require(label.kind != .multiclass, "a multiclass label", "a binary or regression one")
        try require(!column.isEmpty, "no name", "the column of the predictions")
        try require(
            column != label.column ?? label.name, "the label's own column", "the column of the predictions")
        try require(
            label.loss == nil && label.huberDelta == nil || label.loss == .log || label.loss == .squared,
            "another loss than \(label.kind == .binary ? "log" : "squared")", "one of them")
        try require(label.ranking == nil, "a ranking", "one of them: a mix of labels has no class")
        try require(
            label.classWeights == nil, "weights of classes", "one of them: a mix of labels has no class")
        try Teacher.checkWeight(weight, place)
    }
}

extension Label {
    /// What the teacher's column is called among encoded labels.
    var teacherName: String { "\(name), teacher" }
}

extension Schema {
    /// The labels of encoded rows by their names, then what their teachers predicted.
    var labelColumns: [String] {
        labels.map(\.name) + labels.filter { $0.teacher != nil }.map(\.teacherName)
    }

    /// What a teacher knows of a label is no feature: nobody has it when the model is asked.
    func checkTeachers() throws(InputError) {
        for label in labels {
            guard let column = label.teacher?.column,
                let feature = features.first(where: { $0.columns.contains(column) })
            else { continue }
            throw InputError(
                .name, at: "label \"\(label.name)\", teacher",
                found: "the column of feature \"\(feature.name)\"",
                expected: "a column that is no feature")
        }
        var names = Set<String>()
        for name in labelColumns where !names.insert(name).inserted {
            throw InputError(
                .name, at: "label \"\(name)\"", found: "the name of a teacher's predictions",
                expected: "another name")
        }
    }
}
