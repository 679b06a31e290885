public import MTLEngine

/// Doors for the fuzz target, which is a package of its own and sees no `package` access.
@_spi(Fuzzing) extension ModelBundle {
    /// Reads a model file in memory and has it answer for the rows of a table in memory.
    ///
    /// - Returns: the number of predicted rows.
    public static func answerForFuzzing(_ bytes: [UInt8], rows: [UInt8]) throws(InputError) -> Int {
        let bundle = try ModelBundle(bytes: bytes, path: "fuzz.safetensors")
        var count = 0
        var options = ReadingOptions(threads: 1)
        options.format = bundle.preprocessor.format
        let source = try TableReader(bytes: rows, path: "fuzz.csv", options: options)
        try bundle.predict(source) { (block, _) throws(InputError) in count += block.rowCount }
        return count
    }

    /// The same file with the checksum that belongs to it, where its header can be read.
    public static func repairedForFuzzing(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= 8 else { return bytes }
        let length = bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(bytes.count - 8),
            var header = SafetensorsHeader(json: Array(bytes[8..<8 + Int(length)]))
        else { return bytes }
        let body = Array(bytes[(8 + Int(length))...])
        var sum = TensorChecksum(texts: header.texts)
        for (name, entry) in header.entries.sorted(by: { TensorChecksum.precedes($0.key, $1.key) }) {
            guard entry.offsets.count == 2, entry.offsets[0] >= 0, entry.offsets[0] <= entry.offsets[1],
                entry.offsets[1] <= body.count
            else { continue }
            body.withUnsafeBytes {
                sum.add(
                    name: name, entry.dtype, entry.shape,
                    UnsafeRawBufferPointer(rebasing: $0[entry.offsets[0]..<entry.offsets[1]]))
            }
        }
        header.texts["checksum"] = "\(sum.value)"
        guard let json = try? header.json() else { return bytes }
        return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json + body
    }
}
