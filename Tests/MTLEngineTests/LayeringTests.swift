import Foundation
import Testing

/// Folders depend downwards only: no file names a top-level type of a folder above its own. Free functions and members
/// of extensions are not looked at.
@Suite struct LayeringTests {
    /// The lowest folder first; files in no folder are below all.
    private static let engine = [
        "Algebra", "Layers", "Options", "Data", "Tasks", "Values", "Nodes", "Graph", "FeatureLayers",
        "Sharing",
        "Balancing", "Optimizers",
        "Step", "Evaluation", "Training", "Description", "Simulation", "Linear",
    ]
    private static let data = [
        "Text", "Files", "Time", "Reading", "Schema", "Columns", "Statistics", "Histories", "Splits",
        "Preprocessing",
        "Sampling", "Cache", "Preparation", "Batches", "Checks", "Runs", "Experiment", "Model", "Tuning",
        "Comparison", "Proposal",
    ]

    @Test func engineDependsDownwards() throws {
        let files = try files(of: "MTLEngine")
        #expect(files.count > 100)
        #expect(SourceLayers(files, order: Self.engine).faults == [])
        let planted = SourceFile(folder: "Nodes", name: "Planted.swift", text: "let x: TrainingStep<Float>")
        #expect(
            SourceLayers(files + [planted], order: Self.engine).faults == [
                "Nodes/Planted.swift names TrainingStep of Step"
            ])
    }

    @Test func dataDependsDownwards() throws {
        let files = try files(of: "MTLData")
        #expect(files.count > 50)
        #expect(SourceLayers(files, order: Self.data).faults == [])
        let planted = SourceFile(folder: "Files", name: "Planted.swift", text: "let x: Experiment? = nil")
        #expect(
            SourceLayers(files + [planted], order: Self.data).faults == [
                "Files/Planted.swift names Experiment of Experiment"
            ])
    }

    @Test func seesUpwardUses() {
        func faults(_ low: String) -> [String] {
            let high =
                "public struct High<T> {}\nprivate enum Own {}\nextension Low { typealias Inner = Int }"
            return SourceLayers(
                [
                    SourceFile(folder: "Low", name: "Low.swift", text: low),
                    SourceFile(folder: "Top", name: "High.swift", text: high),
                ], order: ["Low", "None", "Top"]
            ).faults
        }
        let fault = ["Low/Low.swift names High of Top"]
        #expect(faults("struct Low { let high: [High<Int>] }") == fault)
        #expect(faults("struct Low {}\nextension High { func f() {} }") == fault)
        #expect(faults("struct Low { let a = \"\\(b) \\\" // \"; let b = High() }") == fault)
        #expect(
            faults("struct Low {} // like High\nlet text = \"High\"\nlet more = \"\"\"\n High\n \"\"\"") == []
        )
        #expect(faults("struct Low { enum High { case own }\n let own: Own }") == [])
        #expect(faults("let a = Other.High.self, b = HighHill(), c = Inner()") == [])
        #expect(
            SourceLayers([SourceFile(folder: "New", name: "A.swift", text: "")], order: ["Low"]).faults
                == ["New is not among the folders"])
    }

    private func files(of library: String) throws -> [SourceFile] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../Sources/\(library)")
        var files: [SourceFile] = []
        for path in try FileManager.default.subpathsOfDirectory(atPath: root.path).sorted()
        where path.hasSuffix(".swift") {
            let parts = path.split(separator: "/").map(String.init)
            files.append(
                SourceFile(
                    folder: parts.count > 1 ? parts[0] : "", name: parts[parts.count - 1],
                    text: try String(contentsOf: root.appending(path: path), encoding: .utf8)))
        }
        return files
    }
}
