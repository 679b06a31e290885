import Foundation
import MTLData
import MTLTestSupport
import Testing

/// Advice that fits what it is about.
@Suite struct CheckAdviceTests {
    private let files: FieldCase

    init() throws {
        files = try FieldCase()
        try files.write(
            visits("at,word,click", rows: 3000) { row in
                // One row an hour; later rows have words of their own.
                let (day, hour) = (row / 24, row % 24)
                return [
                    "\(1_700_000_000 + day * 86_400 + hour * 3600)", "w\(row / 100)",
                    "\(row % 5 == 0 ? 1 - row / 100 % 2 : row / 100 % 2)",
                ]
            })
    }

    private func findings(_ feature: String) throws -> String {
        let experiment = try files.experiment(
            [feature], roles: "time: at", split: "{by: time, validation: 0.1, test: 0.2}")
        return try experiment.report(files.prepared(experiment), threads: 1).text
    }

    @Test func hoursOfLaterRowsAreNoDrift() throws {
        #expect(!(try findings("{name: at, type: timestamp}")).contains("stability"))
        let days = try findings("{name: at, type: timestamp, parts: [hour, days]}")
        #expect(days.contains("stability") && days.contains("only grow"), "\(days)")
    }

    @Test func whatIsHashedIsNotToBeHashed() throws {
        #expect(try findings("{name: word, type: categorical}").contains("Hash it"))
        let hashed = try findings("{name: word, type: categorical, hash_buckets: 8}")
        #expect(hashed.contains("share buckets") && !hashed.contains("Hash it"), "\(hashed)")
    }

    @Test func weightsThatDoNothingAreTold() throws {
        try files.write(
            """
            data: {source: visits.csv}
            schema:
              features: [{name: word, type: categorical}]
              labels: [{name: click, type: binary, weight: 4}, {name: again, column: click, type: binary}]
            split: {by: random, validation: 0.2}
            model: {trunk: [4]}
            training: {epochs: 1, schedule: alternating}

            """, as: "a.yaml")
        func trained(_ change: (String, String)) throws -> Command {
            let text = try String(contentsOfFile: files.folder.file("a.yaml"), encoding: .utf8)
            try files.write(text.replacing(change.0, with: change.1), as: "b.yaml")
            return try Command.run(
                "mtl", ["train", "b.yaml", "--model", "m.safetensors"], in: files.folder.path)
        }
        let note = "the tasks' weights change next to nothing"
        #expect(try trained(("epochs: 1", "epochs: 1")).output.contains(note))
        for change in [
            ("weight: 4", "weight: 1"), ("schedule: alternating", "schedule: joint"),
            ("schedule: alternating", "schedule: {type: alternating, trains: blocks}"),
            ("schedule: alternating", "schedule: alternating, optimizer: sgd"),
        ] {
            let found = try trained(change)
            #expect(found.status == 0 && !found.output.contains(note), "\(change): \(found.errors)")
        }
        try files.write(
            """
            experiment: a.yaml
            search: {type: random, trials: 2}
            metrics: [{task: click, metric: AUC}]
            space: {schema.labels.click.weight: [1, 2]}

            """, as: "t.yaml")
        let tuned = try Command.run("mtl", ["tune", "t.yaml", "--folder", "tuning"], in: files.folder.path)
        #expect(tuned.errors.contains("t.yaml: " + note), "\(tuned.errors)")
    }

    @Test func leftOutRowsAndWrongFilesAreTold() throws {
        try files.write("at,word,click\n1,a,1\n2,b,0\n3,c,maybe\n4,d,1\n5,e,0\n6,f,1\n7,g,0\n", as: "few.csv")
        try files.write(
            """
            data: {source: few.csv, bad_rows: "skip:50%"}
            schema:
              features: [{name: word, type: categorical}]
              labels: [{name: click, type: binary}]

            """, as: "few.yaml")
        let checked = try Command.run("mtl", ["check", "few.yaml"], in: files.folder.path)
        #expect(checked.output.contains("1 bad row left out:"), "\(checked.output) \(checked.errors)")
        try files.write("data: {source: [\n", as: "broken.yaml")
        let broken = try Command.run("mtl", ["check", "broken.yaml"], in: files.folder.path)
        #expect(broken.errors.contains("found text that is no YAML: "), "\(broken.errors)")
    }
}
