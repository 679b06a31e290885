import Foundation
import Terminal

/// Line charts side by side as an SVG picture: a panel per task, a line per run.
struct SVGPlot {
    struct Series {
        let panel: Int
        let name: String
        let dashed: Bool
        let colour: Int
        let points: [(x: Double, y: Double)]
    }

    let title: String
    let panels: [String]
    let xLabel: String
    let series: [Series]

    private static let colours = ["#1b6ca8", "#d1495b", "#2e8b57", "#8d6a9f", "#c98a1b", "#555555"]
    private static let (width, height, left, top) = (300.0, 220.0, 60.0, 50.0)
    private static let (gapX, legendLine) = (80.0, 16.0)

    /// The whole picture.
    var text: String {
        let names = series.filter { $0.panel == 0 }
        let total = (
            width: Self.left + Double(panels.count) * (Self.width + Self.gapX),
            height: Self.top + Self.height + 60 + Self.legendLine * Double(names.count)
        )
        var body = panels.indices.map { panel($0) }.joined(separator: "\n")
        for (index, line) in names.enumerated() {
            let y = Self.top + Self.height + 60 + Self.legendLine * Double(index)
            body += "\n" + path([(Self.left, y - 4), (Self.left + 30, y - 4)], of: line)
            body += "\n<text x=\"\(Self.left + 38)\" y=\"\(y)\">\(escaped(line.name))</text>"
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(total.width.decimals(0))" \
            height="\(total.height.decimals(0))" font-family="sans-serif" font-size="11">
            <rect width="100%" height="100%" fill="white"/>
            <text x="\(Self.left)" y="22" font-size="14">\(escaped(title))</text>
            \(body)
            </svg>

            """
    }

    private func panel(_ index: Int) -> String {
        let lines = series.filter { $0.panel == index }
        let points = lines.flatMap(\.points).filter(Self.isDrawn)
        guard let low = points.map(\.y).min(), let high = points.map(\.y).max(),
            let first = points.map(\.x).min(), let last = points.map(\.x).max()
        else { return "" }
        // Runs of very different speed share the picture, and losses fall fast at first: both axes are logarithmic.
        let spanX = max(log10(last) - log10(first), 1e-9)
        let spanY = max(log10(high) - log10(low), 1e-9)
        let originX = Self.left + Double(index) * (Self.width + Self.gapX)
        func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
            (
                originX + (log10(point.x) - log10(first)) / spanX * Self.width,
                Self.top + (log10(high) - log10(point.y)) / spanY * Self.height
            )
        }
        var parts = [
            "<rect x=\"\(originX)\" y=\"\(Self.top)\" width=\"\(Self.width)\" height=\"\(Self.height)\" "
                + "fill=\"none\" stroke=\"#999\"/>",
            "<text x=\"\(originX)\" y=\"\(Self.top - 8)\">\(escaped(panels[index])): test loss</text>",
            "<text x=\"\(originX)\" y=\"\(Self.top + Self.height + 32)\">\(escaped(xLabel)), logarithmic</text>",
        ]
        for step in 0...4 {
            let share = Double(step) / 4
            let y = Self.top + (1 - share) * Self.height
            let x = originX + share * Self.width
            parts.append(
                "<text x=\"\(originX - 5)\" y=\"\(y + 4)\" text-anchor=\"end\">\(pow(10, log10(low) + share * spanY).decimals(3))</text>"
            )
            parts.append(
                "<text x=\"\(x)\" y=\"\(Self.top + Self.height + 15)\" text-anchor=\"middle\">"
                    + "\(pow(10, log10(first) + share * spanX).decimals(2))</text>")
        }
        for line in lines {
            parts.append(path(line.points.filter(Self.isDrawn).map(place), of: line))
        }
        return parts.joined(separator: "\n")
    }

    private static func isDrawn(_ point: (x: Double, y: Double)) -> Bool {
        point.x > 0 && point.x.isFinite && point.y > 0 && point.y.isFinite
    }

    private func path(_ points: [(x: Double, y: Double)], of line: Series) -> String {
        let list = points.map { "\($0.x.decimals(1)),\($0.y.decimals(1))" }.joined(separator: " ")
        let colour = Self.colours[line.colour % Self.colours.count]
        let dashes = line.dashed ? " stroke-dasharray=\"5 3\"" : ""
        return
            "<polyline points=\"\(list)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.5\"\(dashes)/>"
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
