import Foundation
import MTLData
import MTLEngine
import MTLTestSupport

/// A small shop's log with every kind of column, and what is read of it.
enum PreparedShop {
    static func text(rows: Int, seed: UInt64 = 1) -> [UInt8] {
        var draw = SeededGenerator(seed: seed)
        var text = "row,user,country,age,tags,viewed,weight,click,spend\n"
        let countries = ["DE", "FR", "IT"]
        for row in 0..<rows {
            let age = 20 + 50 * draw.uniform()
            let tags = (0..<draw.below(4)).map { _ in "t\(draw.below(9)):\(draw.below(5)).5" }.joined(
                separator: "|")
            let viewed = (0..<draw.below(6)).map { _ in "i\(draw.below(30))" }.joined(separator: "|")
            let click = draw.uniform() < (age > 45 ? 0.7 : 0.2)
            let spend = click ? "\(10 + draw.below(90))" : ""
            text += "\(row),u\(draw.below(50)),\(countries[draw.below(3)]),\(age),\(tags),\(viewed),"
            text += "\(1 + draw.below(3)),\(click ? 1 : 0),\(spend)\n"
        }
        return Array(text.utf8)
    }

    static var schema: Schema {
        var tags = Feature("tags", .tags)
        tags.weightSeparator = ":"
        tags.dimension = 3
        var viewed = Feature("viewed", .sequence)
        viewed.length = 4
        viewed.dimension = 4
        var user = Feature("user", .categorical)
        user.dimension = 5
        return Schema(
            features: [Feature("age", .numeric), user, tags, viewed],
            labels: [Label("click", .binary), Label("spend", .regression, when: "click = 1")],
            scenario: "country",
            group: "user", weight: "weight")
    }

    static func prepared(rows: Int, in folder: TemporaryFolder, threads: Int = 1, split: Split = Split())
        throws -> PreparedData
    {
        var plan = PreparedData.Plan(schema: schema)
        plan.split = split
        return try PreparedData(
            TableReader(
                bytes: text(rows: rows), path: "shop.csv",
                options: ReadingOptions(threads: threads, blockBytes: 1 << 16)),
            plan: plan, folder: folder.path, fingerprint: "\(rows) \(split)")
    }

    static func model(_ data: PreparedData) throws -> MultiTaskModel {
        var settings = ModelSettings()
        settings.trunk = [12]
        return try settings.model(data.preprocessor)
    }
}
