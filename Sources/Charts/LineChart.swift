/// Lines, points or steps over two axes, as SVG that takes its colours from the page.
package struct LineChart: Sendable {
    /// One line.
    package struct Series: Sendable {
        package var name: String
        /// x and y; a gap where one is not finite.
        package var points: [(x: Double, y: Double)]
        /// Whether it is a guide, drawn thin and grey.
        package var isGuide = false
        /// Whether its points are marked.
        package var isMarked = false

        package init(
            _ name: String, _ points: [(x: Double, y: Double)], isGuide: Bool = false, isMarked: Bool = false
        ) {
            self.name = name
            self.points = points
            self.isGuide = isGuide
            self.isMarked = isMarked
        }
    }

    package var title: String
    package var xTitle: String
    package var yTitle: String
    package var series: [Series]
    /// The axes, where they are not to follow the values.
    package var xRange: ClosedRange<Double>?
    package var yRange: ClosedRange<Double>?

    package init(
        _ title: String, x xTitle: String, y yTitle: String, _ series: [Series],
        xRange: ClosedRange<Double>? = nil, yRange: ClosedRange<Double>? = nil
    ) {
        self.title = title
        self.xTitle = xTitle
        self.yTitle = yTitle
        self.series = series
        self.xRange = xRange
        self.yRange = yRange
    }

    /// The most points of a line: more cannot be seen.
    private static let limit = 400

    /// The drawing; its width is that of what it stands in.
    package var svg: String {
        let x = Scale(series.flatMap { $0.points.map(\.x) }, fixed: xRange)
        let y = Scale(series.flatMap { $0.points.map(\.y) }, fixed: yRange)
        var frame = Frame(title: title, xTitle: xTitle, yTitle: yTitle, legend: series.map(\.name))
        frame.axes(x, y)
        var colour = 0
        for (index, line) in series.enumerated() {
            let style = line.isGuide ? "guide" : "s\(colour % Frame.colours)"
            if !line.isGuide { colour += 1 }
            frame.legend(index, style)
            for run in Self.runs(line.points) {
                let thin = Self.thinned(run)
                let places = thin.map { frame.place(x.share($0.x), y.share($0.y)) }
                if places.count > 1 {
                    frame.add(
                        "<path class=\"line \(style)\" d=\"M\(places.joined(separator: "L"))\"/>")
                }
                guard line.isMarked || places.count == 1 else { continue }
                for place in places {
                    let parts = place.split(separator: " ")
                    frame.add(
                        "<circle class=\"dot \(style)\" cx=\"\(parts[0])\" cy=\"\(parts[1])\" r=\"3\"/>")
                }
            }
        }
        return frame.svg
    }

    /// Parts without a gap.
    private static func runs(_ points: [(x: Double, y: Double)]) -> [[(x: Double, y: Double)]] {
        points.split { !$0.x.isFinite || !$0.y.isFinite }.map(Array.init)
    }

    private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        guard points.count > limit else { return points }
        return (0..<limit).map { points[$0 * (points.count - 1) / (limit - 1)] }
    }
}
