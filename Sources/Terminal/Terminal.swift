internal import Foundation
package import MTLEngine

/// The number of processors this process may use, at most 4: rows of small batches do not feed more.
package let defaultThreads = max(1, min(4, ProcessInfo.processInfo.activeProcessorCount))

/// Whether standard output is a terminal; a progress bar is drawn there only.
package let isTerminal = isatty(STDOUT_FILENO) == 1

extension Double {
    /// "1.234", with a fixed number of decimals.
    package func decimals(_ count: Int) -> String { String(format: "%.\(count)f", self) }

    /// "12.3 k", "4.56 M": three digits and a unit.
    package var abbreviated: String {
        let (value, unit) = self >= 1e6 ? (self / 1e6, " M") : self >= 1e3 ? (self / 1e3, " k") : (self, "")
        return value.decimals(value >= 100 ? 0 : value >= 10 ? 1 : 2) + unit
    }
}

package func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

/// The standard deviation of a sample; 0 of fewer than two values.
package func deviation(_ values: [Double]) -> Double {
    guard values.count > 1 else { return 0 }
    let middle = mean(values)
    return (values.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / Double(values.count - 1)).squareRoot()
}

/// The middle of some values.
package func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// Prints a table with columns as wide as their widest cell; the first column is left-aligned.
///
/// - Parameter output: what else is written; where that is the standard output, the table goes to the standard error.
/// - Throws: `InputError` where standard output cannot be written.
package func printTable(
    _ header: [String], _ rows: [[String]], beside output: String? = nil
) throws(InputError) {
    let cells = ([header] + rows).map { $0.map { MessageText.oneLine($0, 200) } }
    let widths = header.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
        zip(cells, widths).enumerated().map { index, cell in
            let padding = String(repeating: " ", count: cell.1 - cell.0.count)
            return index == 0 ? cell.0 + padding : padding + cell.0
        }.joined(separator: "  ")
    }
    let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
    let text = ([line(cells[0]), rule] + cells.dropFirst().map(line)).joined(separator: "\n")
    try tell(text, beside: output)
}

/// Prints one JSON object on a line of its own, at once, with snake_case names. Numbers that JSON has no word for are texts.
///
/// - Throws: what the encoder throws, and `InputError` where standard output cannot be written.
package func printJSON(_ value: some Encodable) throws { try StandardOutput.write(jsonLine(value)) }

/// What `printJSON` prints.
///
/// - Throws: what the encoder throws.
package func jsonLine(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return [UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")]
}
