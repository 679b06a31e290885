internal import Foundation
package import MTLEngine

/// How much each two tasks of a run went together: the cosine of their gradients where the tasks meet, a mean over the epochs of
/// all seeds.
package struct RunAffinity: Sendable {
    /// The tasks' names, in the experiment's order.
    package let tasks: [String]
    /// `[tasks, tasks]`; 1 on the diagonal, NaN for a pair that never had a gradient in one batch.
    package let affinity: [Double]
    /// The epochs that tell it.
    package let epochs: Int

    private struct Epoch: Decodable {
        let cosines: [String: [String: Double]]?
        let refit: Bool?
    }

    /// Reads a run's folder, which may be one that goes on.
    ///
    /// - Throws: `InputError` that names the file: no run, a line that is not as it was written, or no cosines.
    package init(_ folder: String) throws(InputError) {
        let path = "\(folder)/history.jsonl"
        let bytes = try Self.read(path)
        var sums: [String: [String: (sum: Double, count: Int)]] = [:]
        var (epochs, isEmpty) = (0, true)
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            isEmpty = false
            guard let epoch = try? RunFolder.decoder.decode(Epoch.self, from: Data(line)) else {
                throw InputError(
                    .syntax, at: "\(path), line \(index + 1)", found: "a line that is not as it was written",
                    expected: "an epoch of a run")
            }
            guard let cosines = epoch.cosines, epoch.refit != true else { continue }
            epochs += 1
            for (one, row) in cosines {
                for (other, cosine) in row where cosine.isFinite {
                    let known = sums[one]?[other] ?? (0, 0)
                    sums[one, default: [:]][other] = (known.sum + cosine, known.count + 1)
                }
            }
        }
        guard epochs > 0 else {
            throw InputError(
                .empty, at: path, found: isEmpty ? "no epoch" : "no cosines between the tasks' gradients",
                expected:
                    "a run with a method of gradients, as training: {balancing: {type: metabalance, relaxation: 0}}, which looks at them and leaves all weights at 1"
            )
        }
        let names = Self.order(Set(sums.keys).union(sums.values.flatMap(\.keys)), folder)
        tasks = names
        affinity = names.indices.flatMap { row in
            names.indices.map { column in
                if row == column { return 1 }
                let found = sums[names[row]]?[names[column]] ?? sums[names[column]]?[names[row]]
                return found.map { $0.sum / Double($0.count) } ?? .nan
            }
        }
        self.epochs = epochs
    }

    /// The experiment's order; that of the names where it does not say.
    private static func order(_ names: Set<String>, _ folder: String) -> [String] {
        let settings = (try? read("\(folder)/experiment.json")).flatMap {
            try? RunFolder.decoder.decode(RunLabels.self, from: Data($0))
        }
        let known = settings?.names.filter(names.contains) ?? []
        return known + names.subtracting(known).sorted()
    }

    private static func read(_ path: String) throws(InputError) -> [UInt8] {
        let file = try RegularFile(
            path, expected: "the history of a run: its folder, after an epoch at least")
        var bytes = [UInt8](repeating: 0, count: file.count)
        do {
            try bytes.withUnsafeMutableBytes { target in try file.read(at: 0, into: target) }
        } catch let error as InputError { throw error } catch {
            throw InputError(.file, at: path, found: "\(error)", expected: "the history of a run")
        }
        return bytes
    }
}
