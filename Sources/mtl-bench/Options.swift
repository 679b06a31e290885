import ArgumentParser
import MTLEngine
import Terminal

/// "32,256,4096": one option, several values.
struct CommaList<Element: LosslessStringConvertible & Sendable>: ExpressibleByArgument, Sendable {
    let values: [Element]

    init(_ values: [Element]) { self.values = values }

    init?(argument: String) {
        var values: [Element] = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let value = Element(part.trimmingBlanks) else { return nil }
            values.append(value)
        }
        guard !values.isEmpty else { return nil }
        self.values = values
    }

    var defaultValueDescription: String { values.map(\.description).joined(separator: ",") }
}

extension Substring {
    fileprivate var trimmingBlanks: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

/// A schedule by the name it has on the command line.
enum ScheduleName: String, CaseIterable, ExpressibleByArgument, LosslessStringConvertible, Sendable {
    case joint
    case alternating

    init?(_ description: String) { self.init(rawValue: description) }
    var description: String { rawValue }

    var schedule: Schedule { self == .joint ? .joint : .alternating(.batch) }
}

/// Options that say on what to compute.
struct ComputeArguments: ParsableArguments {
    @Option(help: "Worker threads.")
    var threads = defaultThreads

    @Option(help: "What multiplies matrices: automatic, kernels or openblas.")
    var backend = BackendName.automatic

    @Option(
        help:
            "Vector instructions of the engine's kernels: baseline, avx2 or avx512 (default: the best here).")
    var instructions: InstructionSetName?

    var options: ComputeOptions {
        ComputeOptions(
            threads: threads, backend: backend.backend, instructions: instructions?.instructions ?? .best)
    }

    func validate() throws {
        guard threads >= 1 else { throw ValidationError("--threads: found \(threads), expected at least 1") }
    }
}

enum BackendName: String, CaseIterable, ExpressibleByArgument, Sendable {
    case automatic, kernels, openblas

    var backend: MatrixBackend {
        switch self {
        case .automatic: .automatic
        case .kernels: .kernels
        case .openblas: .openBLAS
        }
    }
}

enum InstructionSetName: String, CaseIterable, ExpressibleByArgument, Sendable {
    case baseline, avx2, avx512

    var instructions: InstructionSet {
        switch self {
        case .baseline: .baseline
        case .avx2: .avx2
        case .avx512: .avx512
        }
    }
}

/// A positive number after an option, or a sentence that names the option.
func requirePositive<Value: Comparable & ExpressibleByIntegerLiteral>(_ values: [Value], option: String)
    throws
{
    for value in values where !(value > 0) {
        throw ValidationError("--\(option): found \(value), expected a number above 0")
    }
}

/// Options of every command that trains to convergence.
struct TrainingArguments: ParsableArguments {
    @Option(help: "Widths of the shared layers.")
    var hidden = CommaList([64, 64])

    @Option(help: "Rows of a batch.")
    var batch = 256

    @Option(help: "Adam's learning rate.")
    var learningRate = 1e-3

    @Option(help: "Adam's L2 penalty.")
    var weightDecay = 0.0

    @Option(help: "The most epochs.")
    var epochs = 30

    @Option(help: "Epochs without improvement after which training has converged.")
    var patience = 3

    @Option(help: "Seeds of parameters and shuffling, with commas; metrics are means over them.")
    var seeds = CommaList<UInt64>([1])

    @OptionGroup var compute: ComputeArguments

    func validate() throws {
        try requirePositive(hidden.values, option: "hidden")
        try requirePositive([batch], option: "batch")
        try requirePositive([learningRate], option: "learning-rate")
        try requirePositive([epochs], option: "epochs")
        try requirePositive([patience], option: "patience")
    }

    /// What the contenders of a comparison have in common.
    func settings(tasks: [LearningTask]) -> ComparisonSettings {
        ComparisonSettings(
            trunk: hidden.values.map { .relu($0) }, tasks: tasks,
            optimizer: .adam(learningRate: learningRate, weightDecay: weightDecay), batchSize: batch,
            stopping: StoppingRule(epochs: epochs, patience: patience), compute: compute.options,
            seeds: seeds.values)
    }
}
