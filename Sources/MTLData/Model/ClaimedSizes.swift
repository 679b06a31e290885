internal import Foundation
internal import MTLEngine

/// What the settings in a model file claim, compared with the tensors that are really there, before memory is taken for it.
struct ClaimedSizes {
    private let path: String
    /// No layer is wider than some tensor is long, and nothing is there more often than tensors are.
    private let greatest: Int
    private let elements: Int
    /// How many members there are, each with all parameters, and what the names of the first one's tensors begin with.
    private let members: Int
    private let prefix: String

    /// Settings that are names or strengths: whatever they look like, nothing is as large as they say.
    private static let noSizes: Set<String> = [
        "task_scenarios", "parents", "type", "fields", "sequence", "candidate", "domain", "personal",
        "condition", "activation", "normalization", "distance", "weight", "maximum_weight", "temperature",
        "calibration", "normalized", "pooling", "positions", "dropout", "orthogonality", "reduction",
        "auxiliary", "entropy", "sparsity", "update_every", "groups", "preference",
    ]

    /// - Parameter members: how many the file says it has; nil for a file of one, whose tensors have no prefix.
    init(_ file: SafetensorsFile, members: Int? = nil) {
        path = file.path
        self.members = members ?? 1
        prefix = members == nil ? "" : ModelBundle.prefix(0)
        let floats = file.entries.values.filter { $0.dtype == .float32 }
        // Some options are no sizes.
        greatest = max(1024, floats.count, floats.flatMap(\.shape).max() ?? 0)
        elements = floats.reduce(0) { $0 + $1.shape.reduce(1, *) }
    }

    private func refuse(_ place: String, _ found: String, _ expected: String) -> InputError {
        InputError(.shape, at: "\(path), \(place)", found: found, expected: expected)
    }

    /// Checks the numbers of the settings, whatever they are called.
    ///
    /// - Throws: `InputError` that names the first one that cannot be.
    func check(settings json: String) throws(InputError) {
        guard let value = try? JSONDecoder().decode(OptionValue.self, from: Data(json.utf8)) else {
            throw refuse("model", "invalid JSON", "settings")
        }
        let parts = try parts(value, "model", depth: 0)
        // As many parts as all counts together make are each some numbers of the file.
        guard parts <= max(1e7, 100 * Double(elements)) else {
            throw refuse("model", "counts that come to \(parts)", "as many parts as the file has numbers for")
        }
    }

    /// How many parts of a model a setting asks for at most, 1 or more.
    private func parts(_ value: OptionValue, _ place: String, depth: Int) throws(InputError) -> Double {
        switch value {
        case .scalar(let text):
            guard let number = Double(text) else { return 1 }
            guard number.magnitude <= Double(greatest) else {
                throw refuse(place, text, "at most \(greatest), as large as any tensor of the file")
            }
            return number >= 1 && number == number.rounded() ? number : 1
        case .list(let values):
            guard values.count <= greatest else {
                throw refuse(place, "\(values.count) values", "at most \(greatest)")
            }
            // Layers and levels follow each other, and of a list of numbers each is the width of one.
            var sum = 0.0
            for (index, value) in values.enumerated() {
                let inner = try parts(value, "\(place)[\(index)]", depth: depth + 1)
                if case .scalar = value { sum += 1 } else { sum += inner }
            }
            return max(1, sum)
        case .map(let values):
            // The model's own settings, and those by task, stand side by side; the options of one way to share multiply.
            let isSideBySide = depth == 0 || place == "model.towers"
            var result = isSideBySide ? 0.0 : 1.0
            for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                if !Self.noSizes.contains(name) || place == "model.towers" {
                    let inner = try parts(value, "\(place).\(name)", depth: depth + 1)
                    result = isSideBySide ? result + inner : result * inner
                }
            }
            return max(1, result)
        }
    }

    /// Checks the tables and columns that the preprocessing claims.
    ///
    /// - Parameter settings: they say whether every task has tables of its own.
    /// - Throws: `InputError` that names the feature.
    func check(
        _ preprocessor: Preprocessor, _ settings: ModelSettings, _ file: SafetensorsFile
    ) throws(InputError) {
        let schema = preprocessor.schema
        var columns = 0
        for (feature, fit) in zip(schema.features, preprocessor.fitted) where !feature.isEmbedded {
            columns += feature.encoding == .oneHot ? fit.idCount : 2 * max(1, fit.numbers.count)
        }
        guard columns <= max(elements, 1024) * 2 else {
            throw refuse("schema", "\(columns) columns of features", "weights for them in the file")
        }
        // How many ids a row may have says no tensor; memory for a batch of them is taken.
        for feature in schema.features where feature.length > 1 << 16 {
            throw refuse("feature \"\(feature.name)\", length", "\(feature.length)", "at most \(1 << 16)")
        }
        let owners = settings.tableOwners(schema)
        // Vectors of numbers, and the last layers of an ensemble's members, are in the file: none is planned for that is not.
        let numbers = (preprocessor.numberFields?.columns ?? []).reduce(0.0) {
            $0 + $1.encoding.parameterCount(bins: $1.bins, dimension: $1.dimension) * Double(owners.count)
        }
        guard numbers <= Double(elements / members) else {
            throw refuse(
                "schema", "\(Int(min(numbers, 1e18))) numbers in vectors of numbers", "those in the file")
        }
        let hasOwnHeads = [.scenarioTowers, .star, .m3oe, .hamur].contains(settings.sharing?.type)
        let scenarios = hasOwnHeads ? preprocessor.scenarios?.size ?? 1 : 1
        let heads = Double(settings.ensemble ?? 1) * Double(schema.labels.count) * Double(scenarios)
        guard settings.ensemble == nil || heads <= Double(elements / members) else {
            throw refuse(
                "model.ensemble", "\(Int(min(heads, 1e18))) last layers of members", "those in the file")
        }
        for index in preprocessor.embeddedIndices where preprocessor.owner(of: index) == index {
            for owner in owners { try check(index, of: preprocessor, owner, file) }
        }
    }

    /// Checks a feature's table, or of every task's the one whose name begins so.
    private func check(
        _ index: Int, of preprocessor: Preprocessor, _ owner: String, _ file: SafetensorsFile
    ) throws(InputError) {
        let feature = preprocessor.schema.features[index]
        let name = "\(prefix)embeddings.\(owner)\(feature.name).weight"
        guard let shape = file.entries[name]?.shape, shape.count == 2 else {
            throw refuse(
                "tensor \"\(name)\"", "no such table", "the table of feature \"\(feature.name)\"")
        }
        guard shape[0] == preprocessor.fitted[index].idCount, feature.dimension ?? shape[1] == shape[1]
        else {
            throw refuse(
                "tensor \"\(name)\"", "\(shape)",
                "\(preprocessor.fitted[index].idCount) x \(feature.dimension ?? shape[1]), as the feature says"
            )
        }
    }

    /// Checks that a planned model has as many parameters as the file.
    ///
    /// - Throws: `InputError` that says both.
    func check(_ layout: ParameterLayout) throws(InputError) {
        var count = 0
        // Files of before have no counts of batches.
        for segment in layout.segments where !segment.isCount {
            let (sum, overflows) = count.addingReportingOverflow(segment.count)
            count = overflows ? Int.max : sum
        }
        // Beside the tensors' own there is room up to the tables' beginning, and for biases that a layer does not have.
        // Divided, as products may overflow.
        guard count <= elements / members, layout.count <= 2 * (elements / members) + 1024 else {
            let each = members > 1 ? " for each of \(members) members" : ""
            throw refuse("model", "\(elements) parameters", "\(count), as the settings say\(each)")
        }
    }
}
