import Foundation
import MTLData
import MTLTestSupport

/// A folder with a small log, its experiment and, where asked for, a trained model: what commands are tried on.
struct SmallShop {
    let folder: TemporaryFolder
    var path: String { folder.path }

    static let experiment = """
        data: {source: shop.csv}
        schema:
          features:
            - {name: age, type: numeric}
            - {name: city, type: categorical, dimension: 2}
          labels:
            - {name: click, type: binary}
        model: {trunk: [4]}
        training: {epochs: 1, batch: 16}

        """

    /// The same with a second task, buy, and settings of its own.
    static func experimentOfTwo(model: String, training: String) -> String {
        experiment
            .replacingOccurrences(
                of: "    - {name: click, type: binary}\n",
                with: "    - {name: click, type: binary}\n    - {name: buy, type: binary}\n"
            )
            .replacingOccurrences(of: "model: {trunk: [4]}", with: "model: \(model)")
            .replacingOccurrences(of: "training: {epochs: 1, batch: 16}", with: "training: \(training)")
    }

    static func rows(_ count: Int, seed: Int = 0) -> String {
        var text = "age,city,click\n"
        for row in 0..<count {
            text +=
                "\(20 + (row * 7 + seed) % 50),c\((row * 3 + seed) % 5),\((row * row + seed) % 3 == 0 ? 1 : 0)\n"
        }
        return text
    }

    init(rows: Int = 400, isTrained: Bool = false) throws {
        folder = try TemporaryFolder()
        _ = try write(Self.rows(rows), "shop.csv")
        _ = try write(Self.experiment, "shop.yaml")
        guard isTrained else { return }
        let result = try mtl("train", "shop.yaml", "--threads", "1")
        if result.status != 0 { throw Safetensors.Failure(text: result.errors) }
    }

    func write(_ text: String, _ name: String) throws -> String {
        try folder.write(Array(text.utf8), as: name)
    }

    func bytes(_ name: String) -> Data? { FileManager.default.contents(atPath: folder.file(name)) }

    func mtl(_ arguments: String...) throws -> Command { try Command.run("mtl", arguments, in: path) }

    /// A line of shell with "$0" for the command.
    func shell(_ line: String, _ command: String = "mtl") throws -> Command {
        try Command.shell(line, [Command.path(command)], in: path)
    }

    /// Files that a run left half-written.
    var partials: [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []).filter { $0.contains("partial") }
    }
}
