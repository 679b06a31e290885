/// A page of headings, text, tables and drawings, as one HTML file that needs nothing else, and as Markdown without the drawings.
package struct Page: Sendable {
    private enum Part: Sendable {
        case heading(String)
        case text(String)
        case list([String])
        case code(String)
        case table(header: [String], rows: [[String]])
        case drawings([String])
    }

    private let title: String
    private var parts: [Part] = []

    package init(title: String) { self.title = title }

    package mutating func heading(_ text: String) { parts.append(.heading(text)) }
    package mutating func text(_ text: String) { parts.append(.text(text)) }
    package mutating func list(_ items: [String]) { if !items.isEmpty { parts.append(.list(items)) } }
    package mutating func code(_ text: String) { parts.append(.code(text)) }

    /// - Parameter rows: each as long as the header; the first column is text, the others numbers.
    package mutating func table(_ header: [String], _ rows: [[String]]) {
        precondition(rows.allSatisfy { $0.count == header.count }, "rows as long as \(header)")
        if !rows.isEmpty { parts.append(.table(header: header, rows: rows)) }
    }

    /// Drawings side by side where there is room for it.
    package mutating func drawings(_ svg: [String]) { if !svg.isEmpty { parts.append(.drawings(svg)) } }

    /// Adds all that another page has.
    package mutating func append(_ other: Page) { parts += other.parts }

    /// The page, complete.
    package var html: String {
        let body = parts.map { part in
            switch part {
            case .heading(let text): "<h2>\(Markup.escaped(text))</h2>"
            case .text(let text): "<p>\(Markup.escaped(text))</p>"
            case .list(let items):
                "<ul>\(items.map { "<li>\(Markup.escaped($0))</li>" }.joined())</ul>"
            case .code(let text):
                "<details><summary>show</summary><pre>\(Markup.escaped(text))</pre></details>"
            case .table(let header, let rows):
                "<div class=\"scroll\"><table><thead><tr>"
                    + header.map { "<th>\(Markup.escaped($0))</th>" }.joined() + "</tr></thead><tbody>\n"
                    + rows.map { row in
                        "<tr>" + row.map { "<td>\(Markup.escaped($0))</td>" }.joined() + "</tr>\n"
                    }.joined() + "</tbody></table></div>"
            case .drawings(let drawings):
                "<div class=\"drawings\">"
                    + drawings.map { "<figure class=\"scroll\">\($0)</figure>" }.joined(separator: "\n")
                    + "</div>"
            }
        }
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(Markup.escaped(title))</title>
            <style>
            \(Self.style)
            </style></head><body><main>
            <h1>\(Markup.escaped(title))</h1>
            \(body.joined(separator: "\n"))
            </main></body></html>

            """
    }

    /// The same without drawings.
    package var markdown: String {
        func cell(_ text: String) -> String {
            text.replacing("\\", with: "\\\\").replacing("|", with: "\\|").replacing("\n", with: " ")
        }
        let body = parts.map { part -> String in
            switch part {
            case .heading(let text): return "## \(text)"
            case .text(let text): return text
            case .list(let items): return items.map { "- \($0)" }.joined(separator: "\n")
            case .code(let text): return "```\n\(text)\n```"
            case .table(let header, let rows):
                let lines = [header, header.indices.map { $0 == 0 ? "---" : "---:" }] + rows
                return lines.map { "| \($0.map(cell).joined(separator: " | ")) |" }.joined(separator: "\n")
            case .drawings(let drawings):
                return drawings.count == 1
                    ? "(A drawing, in the page alone.)" : "(\(drawings.count) drawings, in the page alone.)"
            }
        }
        return (["# \(title)"] + body).joined(separator: "\n\n") + "\n"
    }

    /// Colours that differ in lightness too (Okabe and Ito's, for readers who do not see all), in light, dark and print.
    private static let style = """
        :root{color-scheme:light dark;--ink:#1c1e21;--soft:#5c6370;--line:#d9dce1;--paper:#fff;--box:#f6f7f9;
        --c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#b8860b;--c5:#5b4b9a}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#a3abb8;--line:#3a3f47;--paper:#15171a;--box:#1e2126;
        --c0:#56b4e9;--c1:#f0813a;--c2:#2bc49a;--c3:#e29cc3;--c4:#e6c029;--c5:#a899e6}}
        @media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--box:#fff;
        --c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#b8860b;--c5:#5b4b9a}details{display:none}
        figure,tr{break-inside:avoid}h2{break-after:avoid}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:1080px;margin:0 auto;padding:16px}
        h1{font-size:1.6rem;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
        p,li{max-width:70ch;overflow-wrap:anywhere}
        .scroll{overflow-x:auto;max-width:100%}
        table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
        th,td{padding:.25rem .75rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
        th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:600}
        pre{background:var(--box);padding:.75rem;overflow-x:auto;font-size:.8rem}
        .drawings{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem;margin:1rem 0}
        figure{margin:0}svg{width:100%;height:auto;display:block}svg.map{min-width:18rem}
        .title{font:600 14px system-ui,sans-serif;fill:var(--ink)}
        .axis,.tick{font:12px system-ui,sans-serif;fill:var(--soft)}.number{fill:var(--ink)}
        .grid{stroke:var(--line);fill:none}.line{fill:none;stroke-width:2;stroke-linejoin:round}
        .guide{stroke:var(--soft);stroke-width:1;stroke-dasharray:4 4}
        .bar{fill-opacity:.55}.cell{stroke:var(--line)}.above{fill:var(--c0)}.below{fill:var(--c1)}
        .line.s0{stroke:var(--c0)}.line.s1{stroke:var(--c1);stroke-dasharray:8 3}.line.s2{stroke:var(--c2);stroke-dasharray:2 3}
        .line.s3{stroke:var(--c3)}.line.s4{stroke:var(--c4);stroke-dasharray:8 3}.line.s5{stroke:var(--c5);stroke-dasharray:2 3}
        .dot.s0,.bar.s0{fill:var(--c0)}.dot.s1,.bar.s1{fill:var(--c1)}.dot.s2,.bar.s2{fill:var(--c2)}
        .dot.s3,.bar.s3{fill:var(--c3)}.dot.s4,.bar.s4{fill:var(--c4)}.dot.s5,.bar.s5{fill:var(--c5)}.dot.guide{fill:var(--soft)}
        """
}
