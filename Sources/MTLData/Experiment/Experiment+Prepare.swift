internal import Foundation
public import MTLEngine

extension Experiment {
    /// Opens the rows, fits the preprocessing and writes the encoded rows into a folder, or finds them there: the files are
    /// taken as they are while neither the sources nor what is said of them has changed.
    ///
    /// - Throws: `InputError` that names the setting, or file, line and column.
    public func prepare(in folder: String, threads: Int = 1) throws(InputError) -> PreparedData {
        try prepare(in: folder, threads: threads, onWait: {})
    }

    /// The same, which says when it has to wait.
    ///
    /// - Parameters:
    ///   - preprocessor: where a model has fitted the preprocessing already: its vocabularies, scales and way to read cells.
    ///   - onWait: called once if another run prepares rows in the folder.
    package func prepare(
        in folder: String, threads: Int, encodedBy preprocessor: Preprocessor? = nil, onWait: () -> Void = {}
    ) throws(InputError) -> PreparedData {
        try check()
        try checkTables()
        for (place, path) in data.paths { try refusePipe(path, place) }
        let options = try data.options(threads: threads)
        let files = try PreparedFiles(folder, inputs: filesInUse, onWait: onWait)
        let fingerprint = try fingerprint(preprocessor)
        if let found = files.find(fingerprint, checkingWith: threads) {
            return PreparedData(found, wasCached: true, learned: schema)
        }
        let format: TableFormat
        if let preprocessor {
            format = preprocessor.format.with(data.format)
        } else {
            format = try resolvedFormat(threads: threads)
        }
        var plan = PreparedData.Plan(schema: schema)
        plan.split = split
        plan.sampling = sampling
        plan.parents = model.eventParents
        plan.badRows = options.badRows
        plan.preprocessor = preprocessor?.learned(as: schema)
        let source = try openRows(threads: threads, format: format)
        let test = try openTest(threads: threads, format: format)
        return try PreparedData(source, test: test, plan: plan, files: files, fingerprint: fingerprint) {
            () throws(InputError) in try refuseChange(since: fingerprint, preprocessor)
        }
    }

    /// The files that rows are read from.
    package var filesInUse: FilesInUse {
        var files = FilesInUse()
        files.add("the data", data.source)
        if let test = data.test { files.add("the data to judge by", test) }
        for own in data.taskSources {
            let labels = own.labels.joined(separator: ", ")
            files.add("the data of \(labels)", own.source)
            if let test = own.test { files.add("the data to judge \(labels) by", test) }
        }
        for history in histories { files.add("the log of history \"\(history.name)\"", history.events) }
        return files
    }

    /// Opens a source of rows of all labels, with the columns of the histories behind its own.
    ///
    /// - Parameters:
    ///   - source: its path, as `openSource` takes it.
    ///   - threads: workers that read it.
    ///   - format: how its text is read, where the settings leave that open.
    /// - Throws: `InputError` that names the file or the history.
    public func open(
        _ source: String, threads: Int = 1, format: TableFormat? = nil
    ) throws(InputError) -> any RowSource {
        let options = try readingOptions(threads, format)
        return try join(histories, to: [openSource(source, options: options)], schema, options)[0]
    }

    /// Looks at the rows as they are split: leaks, drift, values that only the test rows have.
    ///
    /// - Throws: `InputError` that names file, line and column.
    public func report(_ prepared: PreparedData, threads: Int = 1) throws(InputError) -> DataReport {
        let options = try data.options(threads: threads)
        let source = try openRows(threads: threads, format: prepared.preprocessor.format)
        let skips = options.badRows != .refuse
        var split = split
        let test = try openTest(threads: threads, format: prepared.preprocessor.format)
        if test != nil { split.test = 0 }
        let report = try DataReport(
            source, test: test, prepared.preprocessor, Splitter(split, source, schema, skipsBadRows: skips),
            skipsBadRows: skips)
        try refuseChange(since: prepared.training.layout.fingerprint)
        return report
    }

    /// Rows must not be encoded with what was fitted on another version of the file.
    private func refuseChange(since fingerprint: String, _ preprocessor: Preprocessor? = nil)
        throws(InputError)
    {
        guard try self.fingerprint(preprocessor) != fingerprint else { return }
        throw InputError(
            .file, at: data.source, found: "a change to it, or to a related file, during reading",
            expected: "the same rows to the end; run it again")
    }

    /// What prepared rows depend on: the settings of data, schema, split and sampling, the funnel that rows are
    /// sampled by, and the sources' content.
    private func fingerprint(_ preprocessor: Preprocessor?) throws(InputError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        // Rows that were prepared before labels were standardised do not say how, nor those of before what is not known had a
        // code of its own.
        var text = "labels 1, unknown 1"
        do {
            text += String(decoding: try encoder.encode(data), as: UTF8.self)
            text += String(decoding: try encoder.encode(schema.ofRows), as: UTF8.self)
            text += String(decoding: try encoder.encode(histories), as: UTF8.self)
            text += String(decoding: try encoder.encode(split), as: UTF8.self)
            text += String(decoding: try encoder.encode(sampling), as: UTF8.self)
            let firsts = sampling.sampledFirsts(model.eventParents)
            if !firsts.isEmpty { text += String(decoding: try encoder.encode(firsts), as: UTF8.self) }
            if let preprocessor {
                text += String(decoding: try encoder.encode(preprocessor), as: UTF8.self)
            }
        } catch {
            throw InputError(.value, at: "experiment", found: "\(error)", expected: "finite numbers")
        }
        for source in data.paths.map(\.path) + histories.map(\.events) {
            text += "\n\(source) \(try SourceFiles.stamp(source))"
        }
        return text.utf8.reduce(into: FNVHash()) { $0.add($1) }.text
    }
}

/// Reads the logs of histories, once, and puts their columns behind those of every source.
func join(
    _ histories: [HistorySpec], to sources: [any RowSource], _ schema: Schema, _ options: ReadingOptions
) throws(InputError) -> [any RowSource] {
    guard !histories.isEmpty else { return sources }
    let skips = options.badRows != .refuse
    var indices: [EventIndex] = []
    for history in histories {
        indices.append(try EventIndex(history, options: options, skipsBadRows: skips))
    }
    var joined: [any RowSource] = []
    for source in sources {
        joined.append(
            try HistorySource(source, indices, user: schema.group, time: schema.time, skipsBadRows: skips))
    }
    return joined
}

/// Two 64-bit hashes in the manner of FNV-1a (Fowler, Noll, Vo), each with a beginning of its own.
private struct FNVHash {
    private var halves: (UInt64, UInt64) = (0xCBF2_9CE4_8422_2325, 0x6C62_272E_07BB_0142)

    mutating func add(_ byte: UInt8) {
        halves.0 = (halves.0 ^ UInt64(byte)) &* 0x100_0000_01B3
        halves.1 = (halves.1 ^ UInt64(byte)) &* 0x100_0000_01B3 &+ 1
    }

    var text: String { String(halves.0, radix: 16) + String(halves.1, radix: 16) }
}
