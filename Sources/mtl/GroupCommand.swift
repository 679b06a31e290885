import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct GroupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Says which tasks of a run belong together.",
        discussion: """
            Of a run whose balancing looks at the tasks' gradients the history has the cosine of every two of them. Their means \
            over all epochs are the affinities; the groups are the partition whose pairs within groups sum up to most.
            """)

    @Argument(help: ArgumentHelp("The folder of a run: mtl train --run.", valueName: "run"))
    var folder: String

    @Flag(help: "Writes one object instead of tables.")
    var json = false

    private struct Groups: Encodable {
        let run: String
        let epochs: Int
        let tasks: [String]
        /// By two tasks; what is not known is missing.
        let affinity: [String: [String: Double]]
        let groups: [[String]]
        let within: Double?
        let between: Double?
    }

    func run() throws {
        let found = try RunAffinity(folder)
        let (names, affinity) = (found.tasks, found.affinity)
        let grouping = TaskGrouping(affinity: affinity, tasks: names.count)
        let rows = names.indices.map { Array(affinity[$0 * names.count..<($0 + 1) * names.count]) }
        let groups = grouping.groups.map { group in group.map { names[$0] } }
        if json {
            let named = rows.map { row in
                Dictionary(zip(names, row).filter { !$0.1.isNaN }) { first, _ in first }
            }
            return try printJSON(
                Groups(
                    run: folder, epochs: found.epochs, tasks: names,
                    affinity: Dictionary(zip(names, named)) { first, _ in first }, groups: groups,
                    within: grouping.within, between: grouping.between))
        }
        try say(
            "Cosines of the tasks' gradients, means over \(found.epochs) \(found.epochs == 1 ? "epoch" : "epochs"):\n"
        )
        try printTable(
            ["task"] + names,
            zip(names, rows).map { name, row in
                [name] + row.map { $0.isNaN ? "-" : $0.decimals(3) }
            })
        try say("\nGroups:\n" + groups.map { "  \($0.joined(separator: ", "))" }.joined(separator: "\n"))
        var means: [String] = []
        if let within = grouping.within { means.append("\(within.decimals(3)) within groups") }
        if let between = grouping.between { means.append("\(between.decimals(3)) between them") }
        try say("\nThe mean cosine is \(means.joined(separator: ", ")).")
        try say(
            groups.count == 1
                ? "No two groups are better than one: train all tasks together."
                : "Tasks of different groups pull what they share apart: compare a model of each group with the one of all."
        )
    }
}
