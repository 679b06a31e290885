import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What a run keeps of its best epoch.
@Suite struct RunKeeperTests {
    /// Asks once to save, and then keeps an epoch twice: as where training went back and came to it once more.
    private final class Twice: FitKeeper {
        let keeper: RunKeeper
        private var hasAsked = false

        init(_ keeper: RunKeeper) { self.keeper = keeper }

        var wish: FitWish {
            defer { hasAsked = true }
            return hasAsked ? .goOn : .save
        }

        func pauses(before epoch: Int) -> Bool { false }
        func keepBest(_ parameters: [Float], epoch: Int) {}
        func forgetBest(but epochs: Set<Int>) {}

        func save(_ trainer: Trainer<Float>, _ state: FitState, retreat: TrainingSnapshot<Float>?) {
            for number in [1, 2] {
                keeper.keepBest(trainer.parameters.map { _ in Float(number) }, epoch: 1)
                keeper.save(trainer, state, retreat: retreat)
                keeper.finish()
            }
        }
    }

    /// A batch of all rows, always.
    private final class InOrder: BatchStream {
        private let source: BatchSource<Float>
        let batchCount = 1

        init(_ source: BatchSource<Float>) { self.source = source }

        func begin(after batches: Int) {}
        func next() -> BatchView<Float> { source.batch(start: 0, rows: source.dataset.rowCount) }
        func rowNumbers(ofBatch batch: Int) -> [Int] { Array(0..<source.dataset.rowCount) }
    }

    @Test func anEpochThatCameAgainIsWrittenAgain() throws {
        let folder = try TemporaryFolder()
        let run = try RunFolder(folder.file("run"))
        var notes: [String] = []
        let keeper = try RunKeeper(run, RunStage(seed: 1), every: .steps(1), isInterrupted: { false }) {
            notes.append($0)
        }
        let model = try MultiTaskModel(inputs: 2, trunk: [], tasks: [.binary("a")])
        let data = try Dataset<Float>(
            featureNames: ["x", "y"], features: [1, 2, 3, 4], labels: [("a", [1, 0])])
        let trainer = try Trainer<Float>(model, batchSize: 2)
        let source = try BatchSource(data, for: model)
        _ = try trainer.fit(
            [InOrder(source)], until: StoppingRule(epochs: 1), progress: nil, validation: nil,
            keeper: Twice(keeper))
        let file = try Safetensors(Data(contentsOf: URL(filePath: folder.file("run/best-1-1.safetensors"))))
        #expect(try file.values("parameters").allSatisfy { $0 == 2 })
        #expect(notes == [])
    }
}
