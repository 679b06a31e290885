internal import Foundation
internal import MTLDataKernels
package import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The folder of a tuning, which one process has at a time: what is searched, a journal of what happened, a run folder for each
/// trial, and what came of it.
package final class TuningFolder {
    package let path: String
    private let lock: FolderLock

    /// Makes the folder where there is none, and takes it for this process.
    ///
    /// - Throws: `InputError` where it cannot be made, holds other files, or another process has it, which is named.
    package init(_ path: String) throws(InputError) {
        self.path = path
        lock = try FolderLock(path, ofA: "tuning", marker: ".mtl-tune", inner: "trials")
    }

    private var recordPath: String { "\(path)/tuning.json" }
    private var journalPath: String { "\(path)/journal.jsonl" }
    /// The rows of all trials.
    package var preparedPath: String { "\(path)/prepared" }
    package var tablePath: String { "\(path)/trials.csv" }
    package var bestPath: String { "\(path)/best.yaml" }
    /// Whether a tuning is there.
    package var hasTuning: Bool { FileManager.default.fileExists(atPath: recordPath) }

    /// The run folder of a trial; beside it are its experiment and what its process said.
    package func trialPath(_ number: Int) -> String {
        let digits = "\(number)"
        return "\(path)/trials/\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)"
    }

    /// Whether no process has a trial's run: one of a tuning that was killed may still be at its last checkpoint.
    package func isFree(_ number: Int) -> Bool { RunFolder.isFree(trialPath(number)) }

    // MARK: What is searched

    private struct Record: Codable {
        static let currentVersion = 1
        var version = currentVersion
        var tuning: TuningSettings
        var experiment: Experiment
        /// What identifies the rows.
        var rows: String
    }

    /// Makes sure that a tuning which is there is this one, before its rows are touched.
    ///
    /// - Throws: `InputError` that names the first setting that is not that of the tuning, or what is damaged.
    package func check(_ plan: TuningPlan) throws(InputError) {
        guard hasTuning else { return }
        let written = FileManager.default.contents(atPath: recordPath).flatMap {
            SealedText.opened(Array($0))
        }
        guard let written, let record = try? RunFolder.decoder.decode(Record.self, from: Data(written)) else {
            throw InputError(
                .syntax, at: recordPath, found: "a file that is not as it was written",
                expected: "the record of a tuning; begin again in another folder")
        }
        let text = RunFolder.text(
            Record(tuning: plan.settings, experiment: plan.base, rows: record.rows))
        guard written == Array(text.utf8) else {
            throw RunFolder.difference(text, String(decoding: written, as: UTF8.self), path)
        }
    }

    /// Begins a tuning, or goes on with the one that is there.
    ///
    /// - Returns: what has happened so far.
    /// - Throws: `InputError` as `check` does, and where the rows are not those that it began with.
    package func begin(_ plan: TuningPlan, _ data: PreparedData) throws(InputError) -> [TuningState.Event] {
        let rows = TrainingRun.identity(data, nil)
        let record = Record(tuning: plan.settings, experiment: plan.base, rows: rows)
        guard hasTuning else {
            try write(SealedText.sealed(Array(RunFolder.text(record).utf8)), to: recordPath)
            return []
        }
        try check(plan)
        let written = FileManager.default.contents(atPath: recordPath).flatMap {
            SealedText.opened(Array($0))
        }
        guard written == Array(RunFolder.text(record).utf8) else {
            throw InputError(
                .value, at: path, found: "rows that are not those that the tuning began with",
                expected: "the same data; begin again in another folder")
        }
        return try events()
    }

    /// The events of before; one that was half written when the process ended did not happen.
    private func events() throws(InputError) -> [TuningState.Event] {
        guard let bytes = FileManager.default.contents(atPath: journalPath) else { return [] }
        let whole = bytes.lastIndex(of: UInt8(ascii: "\n")).map { bytes[...$0] } ?? Data()
        if whole.count < bytes.count { try write(Array(whole), to: journalPath) }
        var events: [TuningState.Event] = []
        for (index, line) in whole.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard let event = try? RunFolder.decoder.decode(TuningState.Event.self, from: Data(line)) else {
                throw InputError(
                    .syntax, at: "\(journalPath), line \(index + 1)",
                    found: "a line that is not as it was written",
                    expected: "the journal of a tuning; begin again in another folder")
            }
            events.append(event)
        }
        return events
    }

    /// Adds an event to the journal.
    ///
    /// - Throws: `InputError` that names the file, as where the disk is full.
    package func add(_ event: TuningState.Event) throws(InputError) {
        let line = ((try? RunFolder.encoder.encode(event)).map { Array($0) } ?? []) + [UInt8(ascii: "\n")]
        let file = open(journalPath, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o600)
        defer { if file >= 0 { close(file) } }
        guard file >= 0, mtl_write_all(file, line, line.count) == 0 else {
            throw InputError(
                .file, at: journalPath, found: String(cString: strerror(errno)),
                expected: "a file that can be written")
        }
    }

    // MARK: What is written

    /// Writes the experiment of a trial.
    ///
    /// - Returns: its file.
    package func write(_ trial: TuningPlan.Trial) throws(InputError) -> String {
        let file = "\(trialPath(trial.number)).yaml"
        try write(Array(SettingTree(trial.experiment).yaml.utf8), to: file)
        return file
    }

    /// Writes the table of all trials.
    package func write(table state: TuningState) throws(InputError) {
        try write(Array(state.table.utf8), to: tablePath)
    }

    /// Writes the experiment that was chosen, with a line that says whose it is.
    package func write(best state: TuningState, _ index: Int) throws(InputError) {
        let (plan, row) = (state.plan, state.rows[index])
        let trial = plan.trials[index]
        let values = zip(plan.metrics, row.values ?? []).map { "\($0.name) \(Wording.number($1))" }
        let head = "# Trial \(trial.number): \(values.joined(separator: ", ")) on the validation rows.\n"
        try write(Array((head + SettingTree(plan.chosen(trial)).yaml).utf8), to: bestPath)
    }

    private func write(_ bytes: [UInt8], to path: String) throws(InputError) {
        let file = try FileOutput(path, access: .personal)
        try file.write(bytes)
        try file.finish()
    }
}
