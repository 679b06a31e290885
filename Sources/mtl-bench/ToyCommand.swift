import ArgumentParser
import Charts
import MTLData
import MTLEngine
import Terminal

/// The papers' problem of two losses over two numbers, drawn.
struct ToyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "toy",
        abstract:
            "Which methods of balancing reach the Pareto front of CAGrad's and Nash-MTL's problem of two numbers.",
        discussion:
            "Adam, rate 1e-3, from the starting points of both papers; a page with a drawing per method.")

    @Option(help: "The most steps.")
    var steps = 100_000

    @Option(help: "What the first loss is multiplied with: 1 in CAGrad's form, .1 in Nash-MTL's.")
    var factor = 1.0

    @Option(help: "Where the page goes.", completion: .file(extensions: ["html"]))
    var output: String?

    func validate() throws { try requirePositive([steps], option: "steps") }

    func run() throws {
        let problem = ToyProblem(factor: factor)
        let starts = ToyProblem.starts.map { "(\($0.x.shortest), \($0.y.shortest))" }
        var rows: [[String]] = []
        var drawings: [String] = []
        for method in ToyProblem.methods {
            let ways = try ToyProblem.starts.map { try problem.descend(method, from: $0, steps: steps) }
            rows.append([method.kind.rawValue] + ways.map { $0.reachesFront ? "reached" : "-" })
            drawings.append(drawing(method, starts, ways))
        }
        try printTable(["method"] + starts, rows)
        guard let output else { return }
        var page = Page(title: "Two losses over two numbers")
        page.text(
            "Ways to the Pareto front (dashed) of the problem of CAGrad's and Nash-MTL's papers, by Adam with a rate of 1e-3."
        )
        page.table(["method"] + starts, rows)
        page.drawings(drawings)
        try TextOutput.write(page.html, to: output)
    }

    private func drawing(_ method: Balancing, _ starts: [String], _ ways: [ToyProblem.Descent]) -> String {
        let front = LineChart.Series("front", [(-7, -8.36), (7, -8.36)], isGuide: true)
        let lines = zip(starts, ways).map { start, way in
            LineChart.Series(
                way.reachesFront ? start : "\(start), caught", way.points.map { ($0.x, $0.y) })
        }
        return LineChart(
            method.kind.rawValue, x: "x", y: "y", [front] + lines, xRange: -10...10, yRange: -10...10
        ).svg
    }
}

extension Double {
    /// Without ".0".
    fileprivate var shortest: String { self == rounded() ? "\(Int(self))" : "\(self)" }
}
