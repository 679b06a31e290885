import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// What `mtl evaluate` tells beside the usual metrics.
@Suite struct EvaluateCommandTests {
    private let shell: SettingsCommandTests.Shell

    init() throws {
        shell = try SettingsCommandTests.Shell()
        try shell.files.write(SettingsCommandTests.Shell.rows())
        try shell.experiment()
        let path = shell.files.folder.file("visits.yaml")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try shell.files.write(
            text.replacing("schema:\n", with: "schema:\n  group: user_id\n"), as: "visits.yaml")
        let trained = try shell.run("train", "visits.yaml")
        #expect(trained.status == 0, "\(trained.errors)")
    }

    /// The values of a table of metrics by task and name, with the column's value before them where there is one.
    private func values(_ output: String) -> [String: String] {
        var found: [String: String] = [:]
        for line in output.split(separator: "\n") {
            let cells = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
            guard let task = cells.firstIndex(of: "click"), cells.count > task + 3 else { continue }
            let name = (cells[..<task] + cells[(task + 2)..<(cells.count - 2)]).joined(separator: " ")
            found[name] = cells[cells.count - 2]
        }
        return found
    }

    @Test func allMetricsAreTold() throws {
        let plain = try values(shell.run("evaluate", "visits.safetensors", "visits.csv").output)
        let all = try values(shell.run("evaluate", "visits.safetensors", "visits.csv", "--all").output)
        #expect(Set(plain.keys) == ["AUC", "GAUC", "log loss", "accuracy"])
        for (name, value) in plain { #expect(all[name] == value) }
        for name in [
            "PR-AUC", "Gini", "KS", "lift at 10 %", "best F1", "normalised entropy", "Brier", "ECE",
            "calibration",
            "NDCG@10", "MRR", "recall@10",
        ] {
            #expect(Double(all[name] ?? "") != nil, "\(name): \(all)")
        }
        let (area, gini) = (Double(all["AUC"] ?? "") ?? 0, Double(all["Gini"] ?? "") ?? 0)
        #expect(abs(gini - (2 * area - 1)) < 2e-4)
    }

    /// A value's metrics are those of a file that has its rows alone.
    @Test func valuesAreJudgedByThemselves() throws {
        let result = try shell.run(
            "evaluate", "visits.safetensors", "visits.csv", "--by", "country", "--by", "user_id", "--values",
            "3")
        #expect(result.status == 0, "\(result.errors)")
        let all = values(result.output)
        for country in ["DE", "FR", "ZA"] {
            let rows = SettingsCommandTests.Shell.rows().split(separator: "\n")
            try shell.files.write(
                ([rows[0]] + rows.dropFirst().filter { $0.contains(country) }).joined(separator: "\n") + "\n",
                as: "own.csv")
            let own = try values(shell.run("evaluate", "visits.safetensors", "own.csv").output)
            for name in ["AUC", "log loss", "accuracy"] {
                #expect(own[name] != nil && own[name] == all["\(country) \(name)"], "\(country) \(name)")
            }
        }
        #expect(result.errors.contains("17 more values of user_id are not told"), "\(result.errors)")
        let unknown = try shell.run("evaluate", "visits.safetensors", "visits.csv", "--by", "device")
        #expect(unknown.status == 1 && unknown.output.isEmpty)
        #expect(
            unknown.errors.contains("column \"device\": found no column of that name, expected one of price"),
            "\(unknown.errors)")
        let twice = try shell.run(
            "evaluate", "visits.safetensors", "visits.csv", "--by", "country", "--by", "country")
        #expect(twice.status == 64)
    }

    /// A row that counts twice is one that is there twice.
    @Test func weightsCount() throws {
        let path = shell.files.folder.file("visits.yaml")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let lines = SettingsCommandTests.Shell.rows().split(separator: "\n").map(String.init)
        func weight(_ row: Int) -> Int { row % 3 }
        try shell.files.write(
            ([lines[0] + ",w"] + lines.dropFirst().enumerated().map { "\($1),\(weight($0))" }).joined(
                separator: "\n") + "\n")
        try shell.files.write(text.replacing("schema:\n", with: "schema:\n  weight: w\n"), as: "visits.yaml")
        #expect(try shell.run("train", "visits.yaml").status == 0)
        let often = lines.dropFirst().enumerated().flatMap { row, line in
            [String](repeating: line + ",1", count: weight(row))
        }
        try shell.files.write(([lines[0] + ",w"] + often).joined(separator: "\n") + "\n", as: "often.csv")
        let weighted = try values(
            shell.run("evaluate", "visits.safetensors", "visits.csv", "--weighted", "--all").output)
        let repeated = try values(shell.run("evaluate", "visits.safetensors", "often.csv", "--all").output)
        for name in [
            "AUC", "log loss", "accuracy", "PR-AUC", "KS", "lift at 10 %", "Brier", "ECE", "calibration",
        ] {
            #expect(weighted[name] != nil && weighted[name] == repeated[name], "\(name)")
        }
        let plain = try values(shell.run("evaluate", "visits.safetensors", "visits.csv").output)
        #expect(plain["log loss"] != weighted["log loss"])
    }

    @Test func weightsThatAreNotThereAreRefused() throws {
        let result = try shell.run("evaluate", "visits.safetensors", "visits.csv", "--weighted")
        #expect(
            result.status == 1 && result.errors.contains("weights: found none in the schema"),
            "\(result.errors)")
    }
}
