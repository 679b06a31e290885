#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A seeded simulator of a shop's logs, with known true probabilities: what the best possible model would
/// predict is known for every row, so a learned model can be measured against it.
///
/// Visitors and items have latent interests; a visitor meets an item in one of three scenarios. Clicks,
/// purchases, spend and the visitor's tag depend on the same interests, so the tasks can help each other.
/// The features carry everything that the true probabilities depend on.
package struct ShopSimulator: Sendable {
    /// The scenarios, in the order of their one-hot features.
    package static let scenarios = ["app", "web", "mini-program"]
    /// The tasks that a log has labels for.
    package static let tasks: [LearningTask] = [
        .binary("click"), .binary("purchase"), .regression("spend"), .multiclass("tag", classes: 4),
    ]

    private static let tiers = ["new", "bronze", "silver", "gold"]
    private static let devices = ["phone", "tablet", "desktop"]
    private static let categories = ["beauty", "books", "fashion", "food", "home", "sports", "toys", "video"]
    private static let interests = 4

    private struct User {
        var interests: [Double]
        var age: Double
        var tier: Int
        var device: Int
        var pastOrders: Double
        var tag: Int
        var tagProbabilities: [Double]
    }

    private struct Item {
        var interests: [Double]
        var category: Int
        var price: Double
        var rating: Double
    }

    private let users: [User]
    private let items: [Item]
    private let seed: UInt64

    /// A shop with its visitors and items.
    ///
    /// - Throws: `InputError` for fewer than one visitor or item.
    package init(seed: UInt64 = 1, users: Int = 20_000, items: Int = 2_000) throws(InputError) {
        for (name, count) in [("users", users), ("items", items)] where count < 1 {
            throw InputError(.value, at: "simulator, \(name)", found: "\(count)", expected: "at least 1")
        }
        self.seed = seed
        var generator = SeededGenerator(seed: seed).split(1)
        func interests() -> [Double] { (0..<Self.interests).map { _ in generator.normal() } }
        self.users = (0..<users).map { _ in
            let latent = interests()
            let loyalty: Double = 1.3 + 0.6 * latent[0] + 0.8 * generator.normal()
            let tier = min(3, max(0, Int(loyalty.rounded(.down))))
            let age = generator.normal()
            let activity: Double = 0.8 * latent[1] + 0.5 * generator.normal()
            let probabilities = Self.tagProbabilities(latent, age: age)
            return User(
                interests: latent, age: age, tier: tier, device: generator.below(3),
                pastOrders: Self.softplus(activity),
                tag: Self.draw(probabilities, generator.uniform()), tagProbabilities: probabilities)
        }
        self.items = (0..<items).map { _ in
            let latent = interests()
            return Item(
                interests: latent, category: generator.below(8), price: generator.normal(),
                rating: 0.7 * latent[0] + 0.7 * generator.normal())
        }
    }

    /// Draws a log of visits.
    ///
    /// - Parameters:
    ///   - rows: the number of visits.
    ///   - stream: which part of the shop's history: another stream, other visits of the same visitors and items.
    /// - Throws: `InputError` for fewer than one row.
    package func log(rows: Int, stream: UInt64) throws(InputError) -> ShopLog {
        guard rows > 0 else {
            throw InputError(.value, at: "simulator, rows", found: "\(rows)", expected: "at least 1")
        }
        var generator = SeededGenerator(seed: seed).split(2).split(stream)
        var truth = ShopLog.Truth(rows: rows)
        let width = Self.featureNames.count
        let dataset = try Dataset<Float>(
            rowCount: rows, featureNames: Self.featureNames, labelNames: Self.tasks.map(\.name)
        ) { x, y in
            for row in 0..<rows {
                let user = users[generator.below(users.count)]
                let item = items[generator.below(items.count)]
                let scenario = Self.draw([0.5, 0.3, 0.2], generator.uniform())
                let hour = generator.uniform() * 2 * Double.pi
                Self.encode(
                    user, item, scenario: scenario, hour: hour,
                    into: UnsafeMutableBufferPointer(rebasing: x[row * width..<(row + 1) * width]))

                let chances = Self.chances(user, item, scenario: scenario, hour: hour)
                truth.click[row] = chances.click
                truth.purchase[row] = chances.purchase
                truth.spend[row] = chances.spend
                truth.tag.append(contentsOf: user.tagProbabilities)

                let clicked = generator.uniform() < chances.click
                let bought = generator.uniform() < chances.purchase
                let noise = generator.normal()
                let tagIsKnown = generator.uniform() < 0.6
                y[row * 4] = clicked ? 1 : 0
                y[row * 4 + 1] = clicked ? (bought ? 1 : 0) : .nan
                y[row * 4 + 2] = clicked && bought ? Float(chances.spend + Self.spendNoise * noise) : .nan
                y[row * 4 + 3] = tagIsKnown ? Float(user.tag) : .nan
            }
        }
        return ShopLog(dataset: dataset, truth: truth)
    }

    // MARK: The true probabilities

    private static let spendNoise = 0.4

    private static func chances(
        _ user: User, _ item: Item, scenario: Int, hour: Double
    ) -> (click: Double, purchase: Double, spend: Double) {
        let match = (0..<2).reduce(0) { $0 + user.interests[$1] * item.interests[$1] }
        let price = tanh(item.price)
        let tier = Double(user.tier)
        var click: Double = [-1.75, -2.15, -1.45][scenario] + 0.5 * match + 0.7 * item.rating
        click -= [0.3, 0.5, 0.9][scenario] * price
        click += 0.4 * user.interests[0] + 0.3 * sin(hour) + 0.25 * tier - 0.2 * user.age
        var purchase: Double = [-1.2, -0.8, -1.6][scenario] + 0.4 * match + 0.4 * item.rating
        purchase += 0.6 * user.interests[1] + 0.3 * tier - 0.9 * price
        let spend: Double = 3 + 0.8 * item.price + 0.3 * user.interests[0] + 0.2 * tier
        return (sigmoid(click), sigmoid(purchase), spend)
    }

    private static func tagProbabilities(_ interests: [Double], age: Double) -> [Double] {
        let logits = [
            1.2 * interests[0], 1.2 * interests[1] - 0.4 * age, 1.2 * interests[2],
            0.9 * interests[3] + 0.8 * age,
        ]
        let weights = logits.map { exp($0) }
        let total = weights.reduce(0, +)
        return weights.map { $0 / total }
    }

    private static func softplus(_ z: Double) -> Double { log1p(exp(z)) }
    private static func sigmoid(_ z: Double) -> Double { 1 / (1 + exp(-z)) }

    private static func draw(_ probabilities: [Double], _ uniform: Double) -> Int {
        var below = 0.0
        for (index, probability) in probabilities.enumerated() {
            below += probability
            if uniform < below { return index }
        }
        return probabilities.count - 1
    }

    // MARK: Features

    private static let featureNames: [String] =
        (0..<interests).map { "user interest \($0)" } + (0..<interests).map { "item interest \($0)" }
        + ["age", "past orders", "price", "rating", "hour sin", "hour cos"]
        + scenarios.map { "scenario=\($0)" } + tiers.map { "tier=\($0)" } + devices.map { "device=\($0)" }
        + categories.map { "category=\($0)" }

    private static func encode(
        _ user: User, _ item: Item, scenario: Int, hour: Double, into x: UnsafeMutableBufferPointer<Float>
    ) {
        var column = 0
        func add(_ value: Double) {
            x[column] = Float(value)
            column += 1
        }
        func addOneHot(_ index: Int, of count: Int) {
            x[column + index] = 1
            column += count
        }
        for value in user.interests { add(value) }
        for value in item.interests { add(value) }
        for value in [user.age, user.pastOrders - 0.9, item.price, item.rating, sin(hour), cos(hour)] {
            add(value)
        }
        addOneHot(scenario, of: scenarios.count)
        addOneHot(user.tier, of: tiers.count)
        addOneHot(user.device, of: devices.count)
        addOneHot(item.category, of: categories.count)
    }
}
