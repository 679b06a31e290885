internal import MTLEngine

extension Experiment {
    /// A trainer, whose refusals name the settings of a file.
    func trainer(
        _ model: MultiTaskModel, seed: UInt64, compute: ComputeOptions
    ) throws(InputError) -> Trainer<Float> {
        do throws(InputError) {
            var training = training
            // Memory is planned for the largest of the sources' batches.
            training.batch = largestBatch
            return try training.trainer(model, seed: seed, compute: compute)
        } catch {
            throw named(error)
        }
    }

    /// An error about a table with the feature's setting that makes it so large.
    func named(_ error: InputError) -> InputError {
        let owners = model.tableOwners(schema)
        for feature in schema.features
        where owners.contains(where: { error.place == "embedding table \"\($0)\(feature.name)\"" }) {
            let setting =
                feature.hashBuckets != nil ? ", hash_buckets" : feature.dimension != nil ? ", dimension" : ""
            return InputError(
                error.kind, at: "feature \"\(feature.name)\"\(setting)", found: error.found,
                expected: error.expected)
        }
        var place = error.place
        switch place {
        case "batch": place = "training, batch"
        case "rows": place = "model"
        case _ where place.hasPrefix("stopping rule, "): place = "training, \(place.dropFirst(15))"
        case _ where place.hasPrefix("layer "): place = "model, \(place)"
        case _
        where place.hasPrefix("schedule") || place.hasPrefix("rate schedule")
            || place.hasPrefix("balancing"):
            place = "training, \(place)"
        default: break
        }
        return InputError(error.kind, at: place, found: error.found, expected: error.expected)
    }
}
