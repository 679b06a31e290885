internal import Foundation
public import MTLEngine

extension ModelBundle {
    private static let version = "2"
    /// Files of several members, which readers of before do not know.
    private static let membersVersion = "3"
    /// Files of labels that are learned in another unit than their own, of one member or several: readers of before would take what
    /// comes out for the label.
    private static let scaledVersion = "4"
    /// Files whose probabilities are calibrated: readers of before would leave that out.
    private static let calibratedVersion = "5"
    /// What files of before their vocabularies were tensors say.
    private static let firstVersion = "1"

    /// What the names of a member's tensors begin with, where there are several.
    static func prefix(_ member: Int) -> String { "members.\(member)." }

    /// Writes the file. The tensors of several members are called "members.K.NAME", and the text "members" says which of them
    /// each task has.
    ///
    /// It is written under a temporary name first, so that it is there whole or not at all, and for its owner alone where
    /// it is a new one, since it holds values of the data.
    ///
    /// - Throws: `InputError` that names the file.
    public func write(to path: String) throws(InputError) {
        do throws(InputError) { try preprocessor.checkFitted() } catch { throw error.located(in: path) }
        let bag = TensorBag("preprocessor")
        let isOne = members.vectors.count == 1
        let isScaled = model.tasks.contains { !$0.labelScale.isIdentity }
        let version =
            calibration != nil
            ? Self.calibratedVersion
            : isScaled ? Self.scaledVersion : isOne ? Self.version : Self.membersVersion
        var texts = [
            "format": "mtl", "version": version,
            "preprocessor": try Self.json(preprocessor, path, bag),
            "model": try Self.json(settings.ofFile, path),
            "histories": try Self.json(histories, path), "sampling": try Self.json(sampling, path),
        ]
        if let definition = settings.definition(sampling) { texts["definition"] = definition }
        if let calibration { texts["calibration"] = try Self.json(calibration, path) }
        if let refitEpochs { texts["refit"] = try Self.json(refitEpochs, path) }
        if !isOne {
            let names = zip(model.tasks.map(\.name), members.ofTasks)
            texts["members"] = try Self.json(Dictionary(names) { first, _ in first }, path)
        }
        let layout = model.layout
        let weights = members.vectors.enumerated().flatMap { member, parameters in
            layout.segments.map { segment in
                let content = TensorContent.floats {
                    parameters.withUnsafeBufferPointer { all in
                        all.baseAddress.map { layout.read(segment, from: $0) } ?? []
                    }
                }
                return (
                    name: (isOne ? "" : Self.prefix(member)) + segment.name, shape: segment.shape,
                    content: content
                )
            }
        }
        try SafetensorsFile.write(path, texts: texts, tensors: weights + bag.tensors)
    }

    /// Reads a file.
    ///
    /// - Throws: `InputError` that names the file and the tensor or text that is missing or wrong.
    public init(contentsOf path: String) throws(InputError) { try self.init(SafetensorsFile(path)) }

    /// Reads a file in memory, for tests of damaged ones; `path` is what messages call it.
    package init(bytes: [UInt8], path: String) throws(InputError) {
        try self.init(SafetensorsFile(bytes: bytes, path: path))
    }

    private init(_ file: SafetensorsFile) throws(InputError) {
        let path = file.path
        guard file.texts["format"] == "mtl" else {
            throw InputError(
                .syntax, at: path, found: "tensors of something else", expected: "a model of this library")
        }
        let known = [
            Self.version, Self.firstVersion, Self.membersVersion, Self.scaledVersion, Self.calibratedVersion,
        ]
        guard known.contains(file.texts["version"] ?? "") else {
            throw InputError(
                .syntax, at: path, found: "version \(file.texts["version"] ?? "none")",
                expected: "version \(Self.version) to \(Self.calibratedVersion)")
        }
        let membersOfTasks = try Self.membersOfTasks(file)
        let count = (membersOfTasks?.values.joined().max() ?? 0) + 1
        let sizes = ClaimedSizes(file, members: membersOfTasks.map { _ in count })
        try sizes.check(settings: file.texts["model"] ?? "")
        let preprocessor = try Self.decode(Preprocessor.self, "preprocessor", file)
        let settings = try Self.decode(ModelSettings.self, "model", file).ofFileRead
        let sampling = try Self.decode(Sampling.self, "sampling", file)
        do throws(InputError) { try settings.check(definition: file.texts["definition"], sampling) } catch {
            throw error.located(in: path)
        }
        try sizes.check(preprocessor, settings, file)
        let histories = try Self.decode([HistorySpec].self, "histories", file)
        let layout: ParameterLayout
        do throws(InputError) {
            try sampling.check(preprocessor.schema)
            for history in histories { try history.check() }
            layout = try settings.model(preprocessor, sampling: sampling).layout
        } catch {
            throw error.located(in: path)
        }
        try sizes.check(layout)
        let isCalibrated = file.texts["version"] == Self.calibratedVersion
        let calibration =
            isCalibrated ? try Self.decode(ModelCalibration.self, "calibration", file) : nil
        let refit = file.texts["refit"] == nil ? nil : try Self.decode([Int].self, "refit", file)
        var vectors: [[Float]] = []
        for member in 0..<count {
            let prefix = membersOfTasks == nil ? "" : Self.prefix(member)
            vectors.append(try Self.parameters(file, layout, prefix))
        }
        do throws(InputError) {
            let tasks = preprocessor.schema.labels.map(\.name)
            let ofTasks = try membersOfTasks.map { (named) throws(InputError) in
                try Self.inOrder(named, tasks)
            }
            try self.init(
                preprocessor, settings: settings, sampling: sampling, histories: histories,
                members: ModelMembers(vectors, ofTasks: ofTasks ?? tasks.map { _ in [0] }),
                refitEpochs: refit, calibration: calibration)
        } catch {
            throw error.located(in: path)
        }
    }

    /// Per task the members that a file says it has; nil for a file of one. There are no more of them than tensors.
    private static func membersOfTasks(_ file: SafetensorsFile) throws(InputError) -> [String: [Int]]? {
        let isOfSeveral =
            file.texts["version"] == membersVersion
            || [scaledVersion, calibratedVersion].contains(file.texts["version"])
                && file.texts["members"] != nil
        guard isOfSeveral else { return nil }
        let named = try decode([String: [Int]].self, "members", file)
        let all = Set(named.values.joined())
        guard let last = all.max(), all.min() == 0, last < file.entries.count, all.count == last + 1,
            named.values.allSatisfy({ Set($0).count == $0.count && $0.count <= file.entries.count })
        else {
            throw InputError(
                .value, at: "\(file.path), members", found: "numbers \(all.sorted().prefix(8).map { $0 })",
                expected: "0, 1, … up to the last, each some task's")
        }
        return named
    }

    private static func inOrder(_ named: [String: [Int]], _ tasks: [String]) throws(InputError) -> [[Int]] {
        var ofTasks: [[Int]] = []
        for task in tasks {
            guard let own = named[task] else {
                throw InputError(
                    .name, at: "members", found: "none of task \"\(task)\"", expected: "members of every task"
                )
            }
            ofTasks.append(own)
        }
        guard named.count == tasks.count else {
            throw InputError(
                .name, at: "members", found: "\(named.count) tasks", expected: "the model's \(tasks.count)")
        }
        return ofTasks
    }

    /// A member's parameters.
    private static func parameters(
        _ file: SafetensorsFile, _ layout: ParameterLayout, _ prefix: String
    ) throws(InputError) -> [Float] {
        var parameters = [Float](repeating: 0, count: layout.count)
        var failure: InputError?
        parameters.withUnsafeMutableBufferPointer { all in
            guard let base = all.baseAddress else { return }
            do throws(InputError) {
                for segment in layout.segments {
                    if segment.isCount, file.entries[prefix + segment.name] == nil {
                        // Of a model of before batches were counted.
                        let count = Float(ParameterSegment.countOfBefore)
                        try layout.write([count], to: segment, of: base)
                        continue
                    }
                    let values = try file.values(prefix + segment.name, shape: segment.shape)
                    try layout.write(values, to: segment, of: base)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return parameters
    }

    private static func json(
        _ value: some Encodable, _ path: String, _ bag: TensorBag? = nil
    ) throws(InputError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        if let key = TensorBag.key { encoder.userInfo[key] = bag }
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw InputError(.value, at: path, found: "\(error)", expected: "numbers that JSON holds")
        }
    }

    /// Metadata with today's names of what is shared and of feature layers.
    package static func renamed(_ text: String) -> String {
        [SharingType.formerNames, FeatureLayerType.formerNames].joined().reduce(text) { text, name in
            text.replacing(#""type":"\#(name.key)""#, with: #""type":"\#(name.value)""#)
        }
    }

    private static func decode<Value: Decodable>(
        _: Value.Type, _ key: String, _ file: SafetensorsFile
    ) throws(InputError) -> Value {
        guard let text = file.texts[key] else {
            throw InputError(.name, at: file.path, found: "no \(key)", expected: "a model of this library")
        }
        let decoder = JSONDecoder()
        if let bagKey = TensorBag.key { decoder.userInfo[bagKey] = TensorBag(key, from: file) }
        do {
            return try decoder.decode(Value.self, from: Data(renamed(text).utf8))
        } catch let error as InputError {
            throw error.place.hasPrefix(file.path) ? error : error.located(in: "\(file.path), \(key)")
        } catch {
            throw InputError(
                .syntax, at: "\(file.path), \(key)", found: Self.wording(error),
                expected: "settings as mtl train writes them")
        }
    }

    private static func wording(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "invalid JSON" }
        func words(_ context: DecodingError.Context, _ what: String) -> String {
            let keys = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
            return "\(what) at \(keys.isEmpty ? "its beginning" : keys.joined(separator: "."))"
        }
        switch error {
        case .keyNotFound(let key, let context): return words(context, "no \"\(key.stringValue)\"")
        case .typeMismatch(let type, let context): return words(context, "no \(type)")
        case .valueNotFound(let type, let context): return words(context, "no \(type)")
        case .dataCorrupted(let context): return words(context, context.debugDescription)
        @unknown default: return "invalid JSON"
        }
    }
}

extension InputError {
    /// The same, in a file.
    fileprivate func located(in path: String) -> InputError {
        InputError(kind, at: "\(path), \(place)", found: found, expected: expected)
    }
}
