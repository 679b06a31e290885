internal import Foundation
package import MTLEngine

/// What the folder of a trial's run says of it.
package struct TrialRecord: Sendable, Equatable {
    /// Whether it came to its end.
    package let isFinished: Bool
    /// The epochs that its longest seed was trained.
    package let epochs: Int
    /// Per metric its value at the epoch that the trial keeps, the best by what it watches; the mean over the seeds.
    package let values: [Double]

    /// Reads a run's folder as far as an epoch.
    ///
    /// - Parameters:
    ///   - folder: that of `mtl train --run`.
    ///   - metrics: what to read.
    ///   - epochs: the last epoch that counts.
    /// - Throws: `InputError` where there is no history, a metric has no value, or one of several seeds failed.
    package init(_ folder: String, _ metrics: [TuningMetric], upTo epochs: Int) throws(InputError) {
        let manifest = try RunManifest.read(folder)
        if let failure = manifest?.outcomes.compactMap(\.failure).first { throw failure.error }
        isFinished = manifest?.isFinished ?? false
        let path = "\(folder)/history.jsonl"
        func wrong(_ found: String) -> InputError {
            InputError(.syntax, at: path, found: found, expected: "a line for each epoch")
        }
        guard let bytes = FileManager.default.contents(atPath: path) else { throw wrong("no history") }
        var seeds: [UInt64: [Line]] = [:]
        for text in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let line = try? RunFolder.decoder.decode(Line.self, from: Data(text)) else {
                throw wrong("a line that is not as it was written")
            }
            if line.epoch <= epochs { seeds[line.seed, default: []].append(line) }
        }
        guard !seeds.isEmpty else { throw wrong("no epoch") }
        self.epochs = seeds.values.map(\.count).max() ?? 0
        var sums = [Double](repeating: 0, count: metrics.count)
        for lines in seeds.values {
            // The first of the best, as training keeps it.
            guard let best = lines.min(by: { $0.watchedLoss < $1.watchedLoss }) else { continue }
            for (index, metric) in metrics.enumerated() {
                guard let value = best.value(metric), value.isFinite else {
                    throw InputError(
                        .value, at: "\(metric.name) of epoch \(best.epoch)", found: "no value",
                        expected: "validation rows on which it is defined")
                }
                sums[index] += value / Double(seeds.count)
            }
        }
        values = sums
    }

    /// A line of the history, as `EpochLine` writes it.
    private struct Line: Decodable {
        let seed: UInt64
        let epoch: Int
        let watchedLoss: Double
        let validation: [String: Double]?
        let metrics: [String: [String: Double]]?

        private enum CodingKeys: String, CodingKey {
            case seed, epoch, validation, metrics
            case watchedLoss = "watched_loss"
        }

        func value(_ metric: TuningMetric) -> Double? {
            guard let task = metric.task else { return watchedLoss }
            return metric.metric.map { metrics?[task]?[$0] } ?? validation?[task]
        }
    }
}
