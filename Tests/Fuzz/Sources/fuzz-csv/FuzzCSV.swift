import Foundation
@_spi(Fuzzing) import MTLData

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
    var first: String?
    for blockBytes in [1 + Int(start[0] >> 2), 64, 1 << 12] {
        let options = ReadingOptions(separator: separator, blockBytes: blockBytes, badRows: badRows)
        let found = readTableForFuzzing(bytes, options)
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
