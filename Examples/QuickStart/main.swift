import MTLEngine

// 1,000 visitors: age and past orders; did they click, and what did they spend (unknown for most)?
var generator = SeededGenerator(seed: 1)
var features: [Float] = []
var clicks: [Float] = []
var spend: [Float] = []
for _ in 0..<1000 {
    let (age, orders) = (Float(generator.normal()), Float(generator.normal()))
    let clicked = generator.uniform() < (orders > age ? 0.8 : 0.1)
    features += [age, orders]
    clicks.append(clicked ? 1 : 0)
    spend.append(clicked ? 20 + 5 * orders : .nan)
}
let data = try Dataset(
    featureNames: ["age", "orders"], features: features, labels: [("click", clicks), ("spend", spend)])

let model = try MultiTaskModel(
    inputs: data.featureCount, trunk: [.relu(32), .relu(16)],
    tasks: [.binary("click"), .regression("spend", huberDelta: 1).scaled(to: data)])
let trainer = try Trainer<Float>(model, optimizer: .adam(learningRate: 1e-2), batchSize: 64)
let report = try trainer.fit(data, until: StoppingRule(epochs: 20))

let visitors = try Dataset<Float>(featureNames: ["age", "orders"], features: [-1, 2, 2, -1], labels: [])
let predictions = try trainer.predict(visitors)
print("trained for \(report.epochs.count) epochs")
print("click:", try predictions.values("click"), "spend:", try predictions.values("spend"))
