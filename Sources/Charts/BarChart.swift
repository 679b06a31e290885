/// Bars side by side over one axis, as histograms have them.
package struct BarChart: Sendable {
    package var title: String
    package var xTitle: String
    package var yTitle: String
    /// The edges of the bars, one more than there are bars.
    package var edges: [Double]
    /// Per series its name and a height for each bar.
    package var series: [(name: String, heights: [Double])]

    package init(
        _ title: String, x xTitle: String, y yTitle: String, edges: [Double],
        _ series: [(name: String, heights: [Double])]
    ) {
        precondition(
            edges.count > 1 && series.allSatisfy { $0.heights.count == edges.count - 1 },
            "\(edges.count) edges of bars")
        self.title = title
        self.xTitle = xTitle
        self.yTitle = yTitle
        self.edges = edges
        self.series = series
    }

    /// The drawing; its width is that of what it stands in.
    package var svg: String {
        let x = Scale(edges, fixed: edges[0]...edges[edges.count - 1])
        let y = Scale([0] + series.flatMap(\.heights))
        var frame = Frame(title: title, xTitle: xTitle, yTitle: yTitle, legend: series.map(\.name))
        frame.axes(x, y)
        for (index, one) in series.enumerated() {
            let style = "s\(index % Frame.colours)"
            frame.legend(index, style)
            for bar in one.heights.indices where one.heights[bar].isFinite {
                frame.bar(x.share(edges[bar])...x.share(edges[bar + 1]), y.share(one.heights[bar]), style)
            }
        }
        return frame.svg
    }
}
