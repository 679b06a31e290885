import Charts
import Foundation
import MTLEngine
import Testing

/// Axes and drawings of any numbers and names.
@Suite struct ChartTests {
    @Test(arguments: [
        [], [0], [1, 1, 1], [0, 1], [0.31, 0.3100001], [-3, 7], [1e-12, 3e-12], [1e12, 3e12],
        [-1e299, 1e299],
        [.nan, 2, .infinity], [5e-324, 0], [1e-310, 2e-310], [123456.7, 123456.8], [-0.0, 0],
    ])
    func axesHoldTheirValues(values: [Double]) {
        let scale = Scale(values)
        #expect(scale.low < scale.high && (2...12).contains(scale.ticks.count), "\(scale)")
        for value in values where value.isFinite {
            #expect(value >= scale.low && value <= scale.high, "\(value): \(scale)")
        }
        #expect(zip(scale.ticks, scale.ticks.dropFirst()).allSatisfy { $0 < $1 })
        let texts = scale.ticks.map(scale.text)
        #expect(Set(texts).count == texts.count, "\(texts)")
    }

    @Test func ticksAreRound() {
        #expect(Scale([0, 1]).ticks.map(Scale([0, 1]).text) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
        #expect(Scale([0, 12]).ticks == [0, 2.5, 5, 7.5, 10, 12.5])
        #expect(Scale([0.69, 0.74]).ticks.map(Scale([0.69, 0.74]).text).first == "0.69")
        #expect(Scale([0, 7], fixed: 0...7).ticks == [0, 2, 4, 6])
    }

    /// Whatever is drawn is XML, with no number that is none.
    @Test func drawingsAreWhole() throws {
        let names = ["a<b & \"c\"", "d'\u{1}", ""]
        let numbers: [Double] = [0, 1, .nan, -.infinity, 1e300, 0.5]
        let points = numbers.enumerated().map { (x: Double($0.offset), y: $0.element) }
        let line = LineChart(
            names[0], x: names[1], y: "y",
            [
                LineChart.Series(names[0], points, isMarked: true), LineChart.Series("", []),
                LineChart.Series(names[1], [(0, 0), (1, 1)], isGuide: true),
                LineChart.Series("one", [(3, 3)]),
            ])
        let bars = BarChart(
            names[0], x: "", y: "", edges: [0, 0.5, 1], [(names[1], [1, .nan]), ("b", [0, 3])])
        let map = HeatMap(
            names[0], rows: names, columns: [names[0], "long name of a column"],
            [[1, -1], [.nan, 0], [.infinity, 0.25]])
        let empty = LineChart("", x: "", y: "", [])
        for svg in [line.svg, bars.svg, map.svg, empty.svg] {
            try Self.expectWhole(svg)
            for word in ["nan", "inf", "a<b"] { #expect(!svg.contains(word), "\(word): \(svg)") }
        }
        // Two runs of points on either side of the gaps, and what they are called.
        #expect(line.svg.components(separatedBy: "<path class=\"line s0\"").count == 4)
        #expect(map.svg.contains("-1.00") && map.svg.contains("cell below"))
    }

    @Test func pagesAreWhole() throws {
        var page = Page(title: "<run> & co")
        page.heading("a > b")
        page.text("1 < 2")
        page.list(["x & y"])
        page.code("{\"a\": \"<b>\"}")
        page.table(["task", "value"], [["a|b\nc", "<1>"]])
        page.drawings([LineChart("t", x: "x", y: "y", [LineChart.Series("s", [(0, 0), (1, 1)])]).svg])
        let html = page.html
        try Self.expectWhole(
            html.replacing("<!DOCTYPE html>", with: "").replacing("<meta charset=\"utf-8\">", with: "")
                .replacing(
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">", with: ""))
        // Nothing is fetched.
        for word in ["src=", "href=", "@import", "url("] { #expect(!html.contains(word)) }
        #expect(page.markdown.contains("| a\\|b c | <1> |"))
        #expect(!page.markdown.contains("<svg"))
    }

    /// Tags that are closed in their order, and no other < or &.
    private static func expectWhole(_ text: String) throws {
        var open: [Substring] = []
        for match in text.matches(of: /<(\/?)([A-Za-z0-9]+)[^<>]*?(\/?)>/) {
            if !match.1.isEmpty {
                #expect(open.popLast() == match.2, "\(match.0)")
            } else if match.3.isEmpty {
                open.append(match.2)
            }
        }
        #expect(open.isEmpty, "\(open)")
        let rest = text.replacing(/<\/?[A-Za-z0-9]+[^<>]*>/, with: "")
        #expect(!rest.contains("<"))
        #expect(rest.replacing(/&(amp|lt|gt|quot|#39);/, with: "").contains("&") == false)
    }
}
