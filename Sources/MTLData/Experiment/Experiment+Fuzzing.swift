internal import Foundation
internal import MTLEngine

/// A door for the fuzz target, which is a package of its own and sees no `package` access.
///
/// Reads an experiment, as JSON, and plans its model for a table of a few rows with the columns that it names. No memory is
/// taken for it.
/// - Returns: what the model would be, or the error.
@_spi(Fuzzing) public func planExperimentForFuzzing(_ bytes: [UInt8]) -> String {
    do {
        let experiment = try JSONDecoder().decode(Experiment.self, from: Data(bytes))
        try experiment.check()
        return try experiment.plan()
    } catch {
        return "\(error)"
    }
}

extension Experiment {
    fileprivate func plan() throws(InputError) -> String {
        let source = try TableReader(bytes: Array(exampleTable.utf8), path: "fuzz.csv")
        let preprocessor = try Preprocessor(fitting: source, schema: schema)
        let planned = try model.model(preprocessor, sampling: sampling)
        let turns = try training.schedule.schedule()
        let plan = try SchedulePlan(turns.schedule, rates: turns.layerRates, model: planned)
        let need = MemoryNeed(
            training: planned, batch: training.batch, workers: 2, stateVectors: training.rule.stateVectors,
            rowState: try training.tableRule()?.rowState,
            sets: plan.stateSets,
            averages: training.averaging > 0, scalarBytes: 4)
        try need.check(free: 1e10)
        return "\(planned.layout.count) parameters, \(MemoryNeed.size(need.bytes))"
    }

    /// Two rows with a cell for every column that the schema names.
    private var exampleTable: String {
        var names: [String] = []
        func add(_ name: String?) {
            guard let name, !name.isEmpty, !names.contains(name) else { return }
            names.append(name)
        }
        for feature in schema.features { for name in feature.columns { add(name) } }
        for label in schema.labels {
            add(label.column ?? label.name)
            add(label.weightColumn)
            add(label.teacher?.column)
            add((try? label.condition)?.column)
        }
        for name in [schema.scenario, schema.group, schema.time, schema.weight] { add(name) }
        return [names.map(Quoting.csv), names.map { _ in "1" }, names.map { _ in "0" }]
            .map { $0.joined(separator: ",") + "\n" }.joined()
    }
}
