import Foundation
import MTLData
import MTLEngine

/// What one reading came to: the sums of everything that was seen, or the error.
private struct Outcome: Equatable {
    var rows = 0
    var sum: UInt64 = 0
    var badRows = 0
    var error: InputError?
}

/// SwiftPM gives an executable a main function of its own name, so the fuzzer's is not used.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@main enum FuzzCSV {
    static func main() {
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(runFuzzer(&count, &arguments) { testOneInput($0, $1) })
    }
}

/// The first byte says how to read, the rest is the file. However it is cut into blocks, the outcome is the same.
private func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let badRows = start[0] & 1 == 0 ? BadRows.refuse : .skip(upTo: 0.9)
    let separator = start[0] & 2 == 0 ? nil : UInt8(ascii: ";")
    var first: (Outcome, [String])?
    for blockBytes in [1 + Int(start[0] >> 2), 64, 1 << 12] {
        let options = ReadingOptions(separator: separator, blockBytes: blockBytes, badRows: badRows)
        let found = (rows(bytes, options), table(bytes, options))
        if let first {
            // Not a precondition: that says nothing in a release build.
            guard first == found else {
                fatalError("\(first), and in blocks of \(blockBytes) \(found)")
            }
        } else {
            first = found
        }
    }
    return 0
}

private func rows(_ bytes: [UInt8], _ options: ReadingOptions) -> Outcome {
    var outcome = Outcome()
    do throws(InputError) {
        let reader = try TableReader(bytes: bytes, path: "fuzz.csv", options: options)
        let report = try reader.read { (block, _) throws(InputError) in
            for row in 0..<block.rowCount {
                outcome.rows += 1
                outcome.add(UInt64(block.record(row)))
                outcome.add(UInt64(block.line(row)))
                for column in block.columns.indices {
                    let cell = block.cell(row, column)
                    for byte in cell { outcome.add(UInt64(byte)) }
                    if case .number(let value) = Cell(cell) {
                        precondition(value.isFinite)
                        outcome.add(value.bitPattern)
                    }
                    outcome.add(UInt64(block.string(row, column).utf8.count))
                }
            }
        }
        precondition(report.rows == outcome.rows)
        outcome.badRows = report.badRows
    } catch {
        outcome.error = error
    }
    return outcome
}

extension Outcome {
    fileprivate mutating func add(_ value: UInt64) {
        sum = (sum ^ value) &* 0x100_0000_01B3
    }
}

/// The table's columns as texts: widening must not depend on the blocks either.
private func table(_ bytes: [UInt8], _ options: ReadingOptions) -> [String] {
    do throws(InputError) {
        let table = try TypedTable(TableReader(bytes: bytes, path: "fuzz.csv", options: options))
        return table.names.indices.map { column in
            if let texts = table.texts(column) {
                precondition(texts.count == table.rowCount)
                return texts.joined(separator: "\u{1F}")
            }
            let numbers = table.numbers(column) ?? []
            precondition(numbers.count == table.rowCount)
            return "\(numbers)"
        }
    } catch {
        return [error.description]
    }
}
