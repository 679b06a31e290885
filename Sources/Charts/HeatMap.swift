/// A table of numbers as coloured cells with the numbers in them: blue above 0, orange below.
package struct HeatMap: Sendable {
    package var title: String
    package var rows: [String]
    package var columns: [String]
    /// Per row its cells; NaN for none.
    package var values: [[Double]]
    package var decimals: Int

    package init(_ title: String, rows: [String], columns: [String], _ values: [[Double]], decimals: Int = 2)
    {
        precondition(
            values.count == rows.count && values.allSatisfy { $0.count == columns.count },
            "\(values.count) rows of cells for \(rows.count)")
        self.title = title
        self.rows = rows
        self.columns = columns
        self.values = values
        self.decimals = decimals
    }

    /// The drawing; its width is that of what it stands in.
    package var svg: String {
        let cell = (width: 64.0, height: 28.0)
        let left = Double(min(24, rows.map(\.count).max() ?? 0)) * 7 + 14
        let top = 56.0
        let largest = values.joined().filter(\.isFinite).map(\.magnitude).max() ?? 0
        var parts = ["<text class=\"title\" x=\"8\" y=\"16\">\(Markup.escaped(title))</text>"]
        for (index, name) in columns.enumerated() {
            let x = Markup.place(left + (Double(index) + 0.5) * cell.width)
            parts.append(
                "<text class=\"tick\" x=\"\(x)\" y=\"48\" text-anchor=\"middle\">\(Markup.escaped(Self.cut(name, 9)))</text>"
            )
        }
        for (row, name) in rows.enumerated() {
            let y = top + Double(row) * cell.height
            parts.append(
                "<text class=\"tick\" x=\"\(Markup.place(left - 8))\" y=\"\(Markup.place(y + cell.height / 2))\" dy=\"0.32em\" "
                    + "text-anchor=\"end\">\(Markup.escaped(Self.cut(name, 24)))</text>")
            for (column, value) in values[row].enumerated() {
                let x = left + Double(column) * cell.width
                let share = value.isFinite && largest > 0 ? value.magnitude / largest : 0
                // Text on the strongest colours would not be read.
                let strength = Scale.fixed(0.75 * share, 2)
                parts.append(
                    "<rect class=\"cell \(value < 0 ? "below" : "above")\" x=\"\(Markup.place(x))\" y=\"\(Markup.place(y))\" "
                        + "width=\"\(Markup.place(cell.width - 2))\" height=\"\(Markup.place(cell.height - 2))\" "
                        + "fill-opacity=\"\(strength)\"/>"
                        + "<text class=\"tick number\" x=\"\(Markup.place(x + cell.width / 2 - 1))\" "
                        + "y=\"\(Markup.place(y + cell.height / 2 - 1))\" dy=\"0.32em\" text-anchor=\"middle\">"
                        + (value.isFinite ? Scale.fixed(value, decimals) : "-") + "</text>")
            }
        }
        let width = max(left + Double(columns.count) * cell.width, Double(title.count) * 8.5) + 8
        let height = top + Double(rows.count) * cell.height + 8
        return
            "<svg class=\"map\" viewBox=\"0 0 \(Markup.place(width)) \(Markup.place(height))\" style=\"max-width:\(Markup.place(width * 1.2))px\" "
            + "role=\"img\" aria-label=\"\(Markup.escaped(title))\" xmlns=\"http://www.w3.org/2000/svg\">"
            + parts.joined(separator: "\n") + "</svg>"
    }

    private static func cut(_ name: String, _ limit: Int) -> String {
        name.count > limit ? name.prefix(limit - 1) + "…" : name
    }
}
