import CZlib
import Foundation
import MTLData
import MTLEngine
import Synchronization

/// A row as a reader hands it out.
struct ReadRow: Equatable, CustomStringConvertible {
    var record: Int
    var line: Int
    var cells: [String]

    var description: String { "record \(record), line \(line): \(cells)" }
}

/// All rows of a source, in order, and the report or the error; the rows before an error are kept.
struct Reading: Equatable {
    var columns: [String] = []
    var rows: [ReadRow] = []
    var report: ReadingReport?
    var error: InputError?

    var cells: [[String]] { rows.map(\.cells) }

    init(_ bytes: [UInt8], path: String = "shop.csv", options: ReadingOptions = ReadingOptions()) {
        do throws(InputError) {
            read(try TableReader(bytes: bytes, path: path, options: options))
        } catch {
            self.error = error
        }
    }

    init(_ text: String, path: String = "shop.csv", options: ReadingOptions = ReadingOptions()) {
        self.init(Array(text.utf8), path: path, options: options)
    }

    init(_ source: some RowSource) { read(source) }

    private mutating func read(_ source: some RowSource) {
        columns = source.columns
        let gathered = Mutex<[ReadRow]>([])
        do throws(InputError) {
            report = try source.read { (block, _) throws(InputError) in
                let rows = (0..<block.rowCount).map { row in
                    ReadRow(
                        record: block.record(row), line: block.line(row),
                        cells: block.columns.indices.map { block.string(row, $0) })
                }
                gathered.withLock { $0 += rows }
            }
        } catch {
            self.error = error
        }
        rows = gathered.withLock { $0.sorted { $0.record < $1.record } }
    }
}

/// One member of a gzip file.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    guard
        deflateInit2_(
            &stream, 6, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return [] }
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 64)
    let room = output.count
    input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(target.count)
            deflate(&stream, Z_FINISH)
        }
    }
    output.removeLast(output.count - (room - Int(stream.avail_out)))
    return output
}
