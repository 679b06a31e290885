import ArgumentParser
import Foundation
import MTLData
import MTLEngine
import Terminal

extension CompareCommand {
    /// Trains an experiment and its twins, and says what sharing is worth.
    func train(_ experiment: String) throws {
        let base = try Experiment(file: experiment)
            .withPaths(from: FileManager.default.currentDirectoryPath)
        do {
            let plan = try ComparisonPlan(
                base, seeds: seedList(), schedules: scheduleList(), twinLayers: layerList(),
                pairs: pairs)
            try train(base, plan, experiment)
        } catch let error as InputError { throw error.of(experiment) }
    }

    private func train(_ base: Experiment, _ plan: ComparisonPlan, _ file: String) throws {
        var inputs = base.filesInUse
        inputs.add("the experiment", file)
        let path = folder ?? "\(stem(of: file)).compare"
        let folder = try ComparisonFolder(path)
        try inputs.check(output: folder.resultPath, "--folder")
        let processors = max(1, ProcessInfo.processInfo.activeProcessorCount)
        let parallel = parallel ?? max(1, processors / threads)
        let data = try base.prepare(in: folder.preparedPath, threads: processors, onWait: noteWaiting)
        guard data.test != nil else {
            throw InputError(
                .empty, at: "split, test", found: "no test rows", expected: "some to compare by")
        }
        let reporter = ComparisonReporter(style, plan, path)
        var runs: [ProcessPool.Run] = []
        var names: [(variant: String, seed: UInt64)] = []
        for variant in plan.variants {
            for (seed, experiment) in zip(plan.seeds, variant.experiments) {
                let run = folder.runPath(variant, seed: seed)
                if try folder.isFinished(run, experiment, data) { continue }
                runs.append(
                    ProcessPool.Run(folder: run, experiment: try folder.write(experiment, of: run)))
                names.append((variant.title, seed))
            }
        }
        reporter.began(open: runs.count)
        Interrupts.hold()
        try ProcessPool().train(
            runs, parallel: parallel,
            ["--prepared", folder.preparedPath, "--threads", "\(threads)", "--skip-test"]
        ) { number in
            reporter.took(names[number].variant, names[number].seed, try RunCost(runs[number].folder))
        }
        if Interrupts.held != 0 {
            let signal = Interrupts.held
            reporter.interrupted(signal == SIGTERM ? "SIGTERM" : "SIGINT")
            throw ExitCode(128 + signal)
        }
        Interrupts.release()
        let result = try judge(base, plan, folder, data, threads: processors)
        try folder.write(result: jsonLine(result))
        try reporter.finished(result)
    }

    /// Compares the models of the runs over the test rows.
    private func judge(
        _ base: Experiment, _ plan: ComparisonPlan, _ folder: ComparisonFolder, _ data: PreparedData,
        threads: Int
    ) throws -> ComparisonResult {
        guard let test = data.test else { throw ExitCode(1) }
        var rows: ComparedRows?
        var statistics: [[[RowStatistic]]] = []
        var sides: [ComparisonResult.Side] = []
        for variant in plan.variants {
            var ofSeeds: [[RowStatistic]] = []
            var costs: [RunCost] = []
            var parameters = 0
            for seed in plan.seeds {
                let run = folder.runPath(variant, seed: seed)
                costs.append(try RunCost(run))
                let bundle = try ModelBundle(contentsOf: "\(run)/model.safetensors")
                parameters = ModelSummary(bundle.model).parameters
                let answers = try bundle.predictor(ComputeOptions(threads: threads)).answers(test)
                let measured =
                    try rows ?? base.comparedRows(data, answers, of: bundle.model, threads: threads)
                rows = measured
                ofSeeds.append(try measured.statistics(of: answers))
            }
            statistics.append(ofSeeds)
            sides.append(
                ComparisonResult.Side(
                    name: variant.title, parameters: parameters, seconds: mean(costs.map(\.seconds)),
                    epochs: mean(costs.map { Double($0.epochs) })))
        }
        guard let rows else { throw ExitCode(1) }
        let comparison = try ModelComparison(
            rows, statistics, bootstrap: bootstrap(threads: threads), isOfSeeds: true)
        let whole = plan.variants.indices.dropFirst().filter { plan.variants[$0].pair == nil }
        let sentences = whole.map { $0 - 1 }.map { model in
            let isSole = whole.count == 1
            return ComparisonSentence.sharing.text(
                isSole ? "Sharing" : "Sharing, \(plan.variants[model + 1].name),", comparison, model: model)
        }
        // Of a pair only its tasks say anything: it is no side beside the others.
        var result = ComparisonResult(
            comparison, Array(sides.prefix(whole.count + 1)), wording: .sharing, rows, resamples: resamples,
            sentences: sentences)
        if let transfer = TaskTransfer(comparison, plan.variants) {
            result.transfer = ComparisonResult.Transfer(transfer, Array(sides.dropFirst(whole.count + 1)))
        }
        result.folder = folder.path
        result.seeds = plan.seeds
        result.notes = plan.notes + rows.unmeasured.map { "task \"\($0)\" has no labelled test row" }
        return result
    }
}
