import MTLEngine
import MTLTestSupport
import Testing

/// Losses beside the plain ones, their gradients and predictions against PyTorch, scikit-learn and lifetime_value's formula.
@Suite struct LossGoldenTests {
    struct Case: Decodable, CustomTestStringConvertible {
        let name: String
        let logits, labels, gradient: [Double]
        let loss: Double
        let weights, predictions: [Double]?
        let focusing, option, metric: Double?

        var testDescription: String { "\(name) \(option ?? focusing ?? 0)" }

        var kind: LearningTask.Kind {
            switch name {
            case "binary": .binary
            case "multiclass": .multiclass(classes: 4)
            case "quantile": .quantile(level: option ?? 0)
            case "poisson": .poisson
            case "ordinal": .ordinal(classes: 4)
            case "tweedie": .tweedie(power: option ?? 0)
            default: .zeroInflatedLognormal
            }
        }
    }

    static var cases: [Case] { get throws { try fixture([Case].self, "losses.json") } }

    private func expectClose(_ found: [Double], _ right: [Double], _ tolerance: Double, _ what: Comment) {
        #expect(found.count == right.count, what)
        for (one, other) in zip(found, right) {
            #expect(abs(one - other) <= tolerance * (1 + abs(other)), what)
        }
    }

    @Test func everyKindIsThere() throws {
        #expect(
            try Set(Self.cases.map(\.name)) == [
                "binary", "multiclass", "quantile", "poisson", "tweedie", "ziln", "ordinal",
            ])
    }

    @Test(arguments: try cases) func lossAndGradient(one: Case) throws {
        func check<Scalar: BLASScalar>(_: Scalar.Type, _ tolerance: Double) {
            let (rows, outputs) = (one.labels.count, one.kind.outputs)
            let (z, d) = (
                AlignedStorage(copying: one.logits.map { Scalar($0) }),
                AlignedStorage<Scalar>(zeroed: rows * outputs)
            )
            // Beside a label that is missing, and labels not side by side.
            let labels = AlignedStorage<Scalar>(zeroed: 2 * rows)
            for row in 0..<rows { labels.base[2 * row] = Scalar(one.labels[row]) }
            let weights = one.weights ?? []
            var form = LossForm()
            form.focusing = one.focusing ?? 0
            form.firstWeight = weights.isEmpty ? -1 : 1
            let list = AlignedStorage(copying: [9] + weights)
            let view = MatrixView(z.base, rows: rows, columns: outputs, stride: outputs)
            let gradient = MatrixView(d.base, rows: rows, columns: outputs, stride: outputs)
            func loss() -> Double {
                one.kind.loss(
                    view, labels: labels.base, labelStride: 2, scale: 0.5, form: form,
                    classWeights: UnsafePointer(list.base), gradient: gradient, level: 0)
            }
            let sum = loss()
            #expect(abs(sum - one.loss) <= tolerance * abs(one.loss))
            expectClose(Array(d.buffer).map { 2 * Double($0) }, one.gradient, tolerance, "gradient")
            labels.base[0] = .nan
            #expect(loss() != sum)
            for output in 0..<outputs { #expect(d.base[output] == 0) }
            guard let right = one.predictions else { return }
            let width = one.kind.predictions
            let p = AlignedStorage<Scalar>(zeroed: rows * width)
            one.kind.predict(
                view, into: MatrixView(p.base, rows: rows, columns: width, stride: width), level: 0)
            expectClose(Array(p.buffer).map { Double($0) }, right, tolerance, "prediction")
        }
        check(Double.self, 1e-11)
        check(Float.self, 2e-5)
    }

    @Test(arguments: try cases.filter { $0.metric != nil }) func metric(one: Case) throws {
        let evaluation = TaskEvaluation(
            task: one.name, kind: one.kind, predictions: one.predictions ?? one.logits, labels: one.labels)
        let found = try #require(one.name == "quantile" ? evaluation.pinballLoss : evaluation.deviance)
        let right = try #require(one.metric)
        #expect(abs(found - right) < 1e-12 * right)
        let name = one.name == "quantile" ? "pinball loss" : "deviance"
        #expect(
            TaskEvaluation.names(one.kind).first == name && evaluation.values.contains { $0.name == name })
        #expect(try #require(evaluation.constantValues[name]) > 0)
    }
}
