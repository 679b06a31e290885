import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Groups of tasks by the cosines of their gradients, and `mtl group`.
@Suite struct TaskGroupingTests {
    private func matrix(_ tasks: Int, _ value: (Int, Int) -> Double) -> [Double] {
        (0..<tasks * tasks).map { index in
            let (row, column) = (index / tasks, index % tasks)
            return row == column ? 1 : value(min(row, column), max(row, column))
        }
    }

    /// The sum over pairs within groups, by hand.
    private func score(_ affinity: [Double], _ tasks: Int, _ groups: [[Int]]) -> Double {
        groups.reduce(0) { sum, group in
            group.reduce(sum) { sum, one in
                group.reduce(sum) { $1 < one ? $0 + affinity[one * tasks + $1] : $0 }
            }
        }
    }

    @Test func plantedGroupsAreFound() {
        for tasks in [3, 6, 10, 14] {
            let affinity = matrix(tasks) { $0 % 3 == $1 % 3 ? 0.4 : -0.2 }
            let expected = (0..<min(3, tasks)).map { Array(stride(from: $0, to: tasks, by: 3)) }
            let found = TaskGrouping(affinity: affinity, tasks: tasks)
            #expect(found.groups == expected, "\(tasks) tasks")
            #expect(found.between.map { abs($0 + 0.2) < 1e-12 } == true)
            if tasks > 3 { #expect(found.within.map { abs($0 - 0.4) < 1e-12 } == true) }
        }
        let alike = TaskGrouping(affinity: matrix(5) { _, _ in 0.1 }, tasks: 5)
        #expect(alike.groups == [[0, 1, 2, 3, 4]] && alike.between == nil)
        let apart = TaskGrouping(affinity: matrix(12) { _, _ in -0.1 }, tasks: 12)
        #expect(apart.groups == (0..<12).map { [$0] } && apart.within == nil)
    }

    /// Of random affinities no single move of a task to another group, or to one of its own, is better.
    @Test func noMoveIsBetter() {
        var generator = SeededGenerator(seed: 5)
        for tasks in 2...8 {
            for _ in 0..<10 {
                let values = (0..<tasks * tasks).map { _ in generator.normal() }
                let affinity = matrix(tasks) { values[$0 * tasks + $1] }
                let found = TaskGrouping(affinity: affinity, tasks: tasks)
                #expect(found.groups.flatMap { $0 }.sorted() == Array(0..<tasks))
                let best = score(affinity, tasks, found.groups)
                for task in 0..<tasks {
                    for place in 0...found.groups.count {
                        var moved = found.groups.map { $0.filter { $0 != task } } + [[]]
                        moved[place].append(task)
                        #expect(score(affinity, tasks, moved) <= best + 1e-9)
                    }
                }
            }
        }
    }

    @Test func whatIsNotKnownCountsAsNothing() {
        let found = TaskGrouping(affinity: [1, .nan, 0.5, .nan, 1, -0.25, 0.5, -0.25, 1], tasks: 3)
        #expect(found.groups == [[0, 2], [1]])
        #expect(found.within == 0.5 && found.between == -0.25)
    }

    // MARK: The command

    private func history(_ lines: [String]) throws -> SmallShop {
        let shop = try SmallShop(rows: 0)
        try FileManager.default.createDirectory(
            atPath: shop.folder.file("run"), withIntermediateDirectories: true)
        _ = try shop.write(lines.joined(separator: "\n") + "\n", "run/history.jsonl")
        _ = try shop.write(
            #"{"schema": {"labels": [{"name": "z"}, {"name": "click"}, {"name": "buy"}]}}"#,
            "run/experiment.json")
        return shop
    }

    private func epoch(_ click: Double, _ z: Double, more: String = "") -> String {
        #"{"epoch": 1\#(more), "cosines": {"buy": {"buy": 1, "click": \#(click), "z": \#(z)}, "#
            + #""click": {"buy": \#(click), "click": 1}, "z": {"buy": \#(z), "z": 1}}}"#
    }

    /// Means over epochs, without those on all rows; tasks in the experiment's order; a pair that never met is not told.
    @Test func meansAreOverEpochs() throws {
        let shop = try history([
            epoch(0.5, -0.5), epoch(0.25, 0), #"{"epoch": 3}"#, epoch(-1, -1, more: #", "refit": true"#),
        ])
        let result = try shop.mtl("group", "run", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let line = Data(result.output.utf8)
        let found = try #require(JSONSerialization.jsonObject(with: line) as? [String: Any])
        #expect(found["tasks"] as? [String] == ["z", "click", "buy"])
        #expect(found["groups"] as? [[String]] == [["z"], ["click", "buy"]])
        #expect(found["epochs"] as? Int == 2)
        #expect(found["within"] as? Double == 0.375 && found["between"] as? Double == -0.25)
        let affinity = try #require(found["affinity"] as? [String: [String: Double]])
        #expect(affinity["click"] == ["click": 1, "buy": 0.375] && affinity["z"] == ["z": 1, "buy": -0.25])
        let text = try shop.mtl("group", "run")
        #expect(text.output.contains("means over 2 epochs") && text.output.contains("  click, buy\n"))
        #expect(text.output.contains("z       1.000      -  -0.250"), "\(text.output)")
    }

    @Test func whatTellsNothingIsRefused() throws {
        let shop = try history([#"{"epoch": 1, "weights": {"click": 1}}"#])
        let none = try shop.mtl("group", "run")
        #expect(none.status != 0 && none.errors.contains("no cosines between the tasks' gradients"))
        #expect(none.errors.contains("metabalance, relaxation: 0"))
        let nowhere = try shop.mtl("group", "elsewhere")
        #expect(nowhere.status != 0 && nowhere.errors.contains("elsewhere/history.jsonl"))
        let damaged = try history([epoch(1, 1), "{"]).mtl("group", "run")
        #expect(damaged.status != 0 && damaged.errors.contains("history.jsonl, line 2"))
    }

    /// A run of its own: cosines that its history has.
    @Test func aRunIsGrouped() throws {
        let shop = try SmallShop(rows: 0)
        var text = "age,city,click,buy\n"
        for row in 0..<200 {
            text += "\(20 + row * 7 % 50),c\(row * 3 % 5),\(row % 3 == 0 ? 1 : 0),\(row % 3 == 0 ? 0 : 1)\n"
        }
        _ = try shop.write(text, "shop.csv")
        _ = try shop.write(
            SmallShop.experiment
                .replacingOccurrences(
                    of: "    - {name: click, type: binary}\n",
                    with: "    - {name: click, type: binary}\n    - {name: buy, type: binary}\n"
                )
                .replacingOccurrences(
                    of: "epochs: 1, batch: 16}",
                    with: "epochs: 4, batch: 40, balancing: {type: metabalance, relaxation: 0}}"), "shop.yaml"
        )
        let trained = try shop.mtl("train", "shop.yaml", "--run", "run", "--threads", "1")
        #expect(trained.status == 0, "\(trained.errors)")
        let result = try shop.mtl("group", "run", "--json")
        #expect(result.status == 0 && result.output.contains(#""tasks":["click","buy"]"#), "\(result.output)")
    }
}
