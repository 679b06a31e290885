package import MTLEngine

/// A source made ready to learn from: preprocessing fitted on its training rows, and the encoded rows of every part in a file
/// that epochs read at the memory's speed.
public struct PreparedData: Sendable {
    /// Encodes raw rows: what was fitted on the training rows.
    public let preprocessor: Preprocessor
    /// Rows to learn from.
    public let training: RowCache
    /// Rows whose loss is watched; nil where there are none.
    public let validation: RowCache?
    /// Rows to evaluate on; nil where there are none.
    public let test: RowCache?
    /// Rows that were left out because something was wrong with them.
    public let badRows: BadRowCount
    /// Whether the files were there already.
    public let wasCached: Bool

    /// What goes into a preparation.
    package struct Plan {
        /// What is read of the rows.
        package var schema: Schema
        /// Which part a row is in.
        package var split = Split()
        /// What is learned from.
        package var sampling = Sampling()
        /// Per later event of the model's funnel the one before it.
        package var parents: [String: String] = [:]
        /// What encodes the rows; nil for what is fitted on the training rows.
        package var preprocessor: Preprocessor?
        /// What happens to rows with a wrong cell; the source decides for records that are no rows.
        package var badRows = BadRows.refuse

        /// A plan with a random split and all rows.
        package init(schema: Schema) { self.schema = schema }
    }

    /// Prepares a source, or finds it prepared in a folder.
    ///
    /// - Parameters:
    ///   - source: the rows.
    ///   - test: rows to evaluate on from a source of their own; the split then has no test part.
    ///   - folder: where the files go; made if it is not there.
    ///   - fingerprint: what the rows depend on: files that carry the same one are taken as they are.
    /// - Throws: `InputError` that names file, line and column of what is wrong, or the part without a row.
    package init(
        _ source: any RowSource, test testSource: (any RowSource)? = nil, plan: Plan, folder: String,
        fingerprint: String
    ) throws(InputError) {
        let files = try PreparedFiles(folder)
        if let found = files.find(fingerprint, checkingWith: source.threads) {
            self.init(found, wasCached: true)
            return
        }
        try self.init(source, test: testSource, plan: plan, files: files, fingerprint: fingerprint) {}
    }

    /// Prepares a source in a folder that this run has.
    ///
    /// - Parameter check: throws if the sources are not the same any more, called when they were read for the last time.
    init(
        _ source: any RowSource, test testSource: (any RowSource)?, plan: Plan, files: PreparedFiles,
        fingerprint: String, check: () throws(InputError) -> Void
    ) throws(InputError) {
        try plan.schema.check()
        try plan.sampling.check(plan.schema, parents: plan.parents)
        try files.begin()
        var split = plan.split
        if testSource != nil { split.test = 0 }
        let skips = plan.badRows != .refuse
        let splitter = try Splitter(split, source, plan.schema, skipsBadRows: skips)
        let preprocessor: Preprocessor
        if let fitted = plan.preprocessor {
            preprocessor = fitted
        } else {
            preprocessor = try Preprocessor(
                fitting: source, schema: plan.schema, split: splitter, skipsBadRows: skips)
        }
        let sampler =
            plan.sampling.isAll ? nil : try Sampler(plan.sampling, preprocessor, parents: plan.parents)
        var bad = BadRowCount()
        var writing = RowWriting(preprocessor, files: files, fingerprint: fingerprint, badRows: plan.badRows)
        try writing.write(
            source, parts: [.training, .validation, .test], splitter: splitter, sampler: sampler, &bad)
        if let testSource {
            try writing.write(testSource, parts: [.test], splitter: nil, sampler: nil, &bad)
        }
        let blocks = writing.blocks[.training] ?? [writing.rows[.training] ?? 0]
        if let empty = blocks.firstIndex(of: 0) {
            let path = (source as? JoinedSources)?.sources[empty].path ?? source.path
            throw InputError(.empty, at: path, found: "no training row", expected: "at least one")
        }
        try check()
        let found = try files.finish(
            preprocessor, bad, fingerprint, parts: Part.allCases.filter { writing.rows[$0] != nil })
        self.init(found, wasCached: false)
    }

    /// - Parameter schema: what a model makes of the rows, where that may differ from when they were prepared.
    init(_ found: PreparedFiles.Found, wasCached: Bool, learned schema: Schema? = nil) {
        preprocessor = schema.map(found.preprocessor.learned) ?? found.preprocessor
        badRows = found.badRows
        training = found.training
        validation = found.parts[.validation]
        test = found.parts[.test]
        self.wasCached = wasCached
    }
}

/// Rows that were left out, and the first of them.
public struct BadRowCount: Sendable, Equatable, Codable {
    /// The number of rows that were left out.
    public internal(set) var count = 0
    /// The first ones, each with its place, what was found and what was expected.
    public internal(set) var examples: [String] = []
}
