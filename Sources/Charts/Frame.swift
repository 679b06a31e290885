/// What every drawing of two axes has: its title, its axes and what its colours mean.
struct Frame {
    /// The colours that `Page.style` knows.
    static let colours = 6

    private static let width = 480.0
    private static let top = 30.0
    private static let plot = (left: 56.0, width: 408.0, height: 220.0)

    private var parts: [String] = []
    private let names: [String]
    private let columns: Int
    private let title: String

    init(title: String, xTitle: String, yTitle: String, legend: [String]) {
        self.title = title
        names = legend
        columns = (legend.map(\.count).max() ?? 0) > 24 ? 1 : 2
        let (left, bottom) = (Self.plot.left, Self.top + Self.plot.height)
        parts.append(
            "<text class=\"title\" x=\"\(Markup.place(left))\" y=\"16\">\(Markup.escaped(title))</text>")
        parts.append(
            "<text class=\"axis\" x=\"\(Markup.place(left + Self.plot.width / 2))\" y=\"\(Markup.place(bottom + 34))\" "
                + "text-anchor=\"middle\">\(Markup.escaped(xTitle))</text>")
        parts.append(
            "<text class=\"axis\" x=\"12\" y=\"\(Markup.place(Self.top + Self.plot.height / 2))\" text-anchor=\"middle\" "
                + "transform=\"rotate(-90 12 \(Markup.place(Self.top + Self.plot.height / 2)))\">\(Markup.escaped(yTitle))</text>"
        )
    }

    /// "x y" of shares of both axes.
    func place(_ x: Double, _ y: Double) -> String {
        // What lies outside is drawn at the edge.
        let (x, y) = (min(max(x, 0), 1), min(max(y, 0), 1))
        return "\(Markup.place(Self.plot.left + x * Self.plot.width)) "
            + Markup.place(Self.top + (1 - y) * Self.plot.height)
    }

    mutating func add(_ text: String) { parts.append(text) }

    mutating func axes(_ x: Scale, _ y: Scale) {
        let (left, right) = (Self.plot.left, Self.plot.left + Self.plot.width)
        let bottom = Self.top + Self.plot.height
        for tick in y.ticks {
            let at = Markup.place(Self.top + (1 - y.share(tick)) * Self.plot.height)
            parts.append(
                "<path class=\"grid\" d=\"M\(Markup.place(left)) \(at)H\(Markup.place(right))\"/>"
                    + "<text class=\"tick\" x=\"\(Markup.place(left - 6))\" y=\"\(at)\" dy=\"0.32em\" "
                    + "text-anchor=\"end\">\(y.text(tick))</text>")
        }
        for tick in x.ticks {
            let at = Markup.place(left + x.share(tick) * Self.plot.width)
            parts.append(
                "<path class=\"grid\" d=\"M\(at) \(Markup.place(bottom))v4\"/>"
                    + "<text class=\"tick\" x=\"\(at)\" y=\"\(Markup.place(bottom + 17))\" "
                    + "text-anchor=\"middle\">\(x.text(tick))</text>")
        }
    }

    /// The bar of a share of the x axis, from the bottom up.
    mutating func bar(_ x: ClosedRange<Double>, _ y: Double, _ style: String) {
        let height = min(max(y, 0), 1) * Self.plot.height
        let left = Self.plot.left + x.lowerBound * Self.plot.width
        parts.append(
            "<rect class=\"bar \(style)\" x=\"\(Markup.place(left))\" y=\"\(Markup.place(Self.top + Self.plot.height - height))\" "
                + "width=\"\(Markup.place(max(0, (x.upperBound - x.lowerBound) * Self.plot.width)))\" "
                + "height=\"\(Markup.place(height))\"/>")
    }

    mutating func legend(_ index: Int, _ style: String) {
        guard !names[index].isEmpty else { return }
        let x = Self.plot.left + Double(index % columns) * Self.plot.width / Double(columns)
        let y = Self.top + Self.plot.height + 52 + Double(index / columns) * 18
        parts.append(
            "<path class=\"line \(style)\" d=\"M\(Markup.place(x)) \(Markup.place(y))h18\"/>"
                + "<text class=\"tick\" x=\"\(Markup.place(x + 24))\" y=\"\(Markup.place(y))\" "
                + "dy=\"0.32em\">\(Markup.escaped(names[index]))</text>")
    }

    var svg: String {
        let rows = names.allSatisfy(\.isEmpty) ? 0 : (names.count + columns - 1) / columns
        let height = Self.top + Self.plot.height + 44 + Double(rows) * 18
        return
            "<svg viewBox=\"0 0 \(Markup.place(Self.width)) \(Markup.place(height))\" role=\"img\" "
            + "aria-label=\"\(Markup.escaped(title))\" xmlns=\"http://www.w3.org/2000/svg\">"
            + parts.joined(separator: "\n") + "</svg>"
    }
}
