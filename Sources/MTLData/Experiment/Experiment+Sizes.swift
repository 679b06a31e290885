internal import MTLEngine

extension Experiment {
    /// Refuses tables whose size is known before any row is read.
    ///
    /// - Throws: `InputError` that names the feature and the setting.
    func checkTables() throws(InputError) {
        var need = MemoryNeed()
        for feature in schema.features {
            guard let buckets = feature.hashBuckets, feature.isEmbedded, feature.sharing == nil else {
                continue
            }
            let table = EmbeddingTable(feature.name, rows: buckets, dimension: feature.dimension)
            need.add(
                "embedding table \"\(feature.name)\"",
                "a table of \(Wording.count(table.rows)) x \(Wording.count(table.dimension))",
                4 * Double(table.rows) * Double(table.dimension) * Double(model.tableOwners(schema).count))
        }
        do throws(InputError) { try need.check() } catch { throw named(error) }
    }
}
