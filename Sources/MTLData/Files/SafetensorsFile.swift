internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

typealias NamedTensor = (name: String, shape: [Int], content: TensorContent)

/// Named tensors and texts in one file, as the safetensors format lays them out: a length, a JSON header, the bytes.
struct SafetensorsFile {
    /// Python's library reads no longer header.
    private static let longestHeader = 100_000_000
    /// Files of before the vocabularies were tensors.
    private static let longestOldHeader = 1 << 28

    /// From here on, a file is written past the system's cache.
    static let uncachedBytes = 1 << 26

    // MARK: Writing

    /// - Parameter tensors: their content is asked for twice, so that it need not all be there at once.
    static func write(
        _ path: String, texts: [String: String], tensors: [NamedTensor]
    ) throws(InputError) {
        // The largest elements first, so that all lie on multiples of their size.
        var ordered = tensors.sorted { left, right in
            let (first, second) = (left.content.type.byteCount, right.content.type.byteCount)
            return first == second ? TensorChecksum.precedes(left.name, right.name) : first > second
        }
        let isUncached =
            ordered.reduce(0) { $0 + $1.shape.reduce($1.content.type.byteCount, *) } >= uncachedBytes
        if isUncached { ordered = onPages(ordered) }
        var header = SafetensorsHeader()
        var end = 0
        for tensor in ordered {
            let type = tensor.content.type
            let count = tensor.shape.reduce(type.byteCount, *)
            header.entries[tensor.name] = .init(
                dtype: type, shape: tensor.shape, offsets: [end, end + count])
            end += count
        }
        precondition(header.entries.count == ordered.count, "two tensors of one name")
        var checksum = TensorChecksum(texts: texts)
        for tensor in ordered.sorted(by: { TensorChecksum.precedes($0.name, $1.name) }) {
            checksum.add(name: tensor.name, tensor.shape, tensor.content)
        }
        header.texts = texts
        header.texts["checksum"] = "\(checksum.value)"
        let json: [UInt8]
        do {
            json = try isUncached ? header.json(multipleOf: FileOutput.pageBytes) : header.json()
        } catch {
            throw InputError(.value, at: path, found: "\(error)", expected: "texts that JSON holds")
        }
        guard json.count <= longestHeader else {
            throw InputError(
                .value, at: path, found: "\(json.count) bytes of names and settings",
                expected: "at most \(longestHeader), as other programs read")
        }
        let file = try FileOutput(path, access: .personal)
        if isUncached { file.bypassCache() }
        try file.write(withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json)
        for tensor in ordered {
            var failure: InputError?
            tensor.content.withBytes { raw in
                do throws(InputError) { try file.write(raw) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        try file.finish()
    }

    /// Tensors between which others of zeros bring each that lies on a page of memory to one of the file: it is written from where it is.
    private static func onPages(_ tensors: [NamedTensor]) -> [NamedTensor] {
        var all: [NamedTensor] = []
        var end = 0
        for tensor in tensors {
            let missing = -end & (FileOutput.pageBytes - 1)
            if case .storage(let values, _) = tensor.content, missing > 0,
                UInt(bitPattern: values.base) % UInt(FileOutput.pageBytes) == 0
            {
                all.append(
                    ("padding.\(all.count)", [missing], .bytes([UInt8](repeating: 0, count: missing))))
                end += missing
            }
            all.append(tensor)
            end += tensor.shape.reduce(tensor.content.type.byteCount, *)
        }
        return all
    }

    // MARK: Reading

    let path: String
    let texts: [String: String]
    let entries: [String: SafetensorsHeader.Entry]
    private let body: AlignedStorage<UInt8>

    /// Reads a file, and checks that all of it is there and as it was written.
    init(_ path: String) throws(InputError) {
        let file = try RegularFile(path, expected: "a model file")
        // No number of a file is worth more memory than there is; a file may have holes.
        guard file.count / Int(sysconf(Int32(_SC_PAGESIZE))) < sysconf(Int32(_SC_PHYS_PAGES)) else {
            throw InputError(
                .file, at: path, found: "\(file.count) bytes",
                expected: "a model that this machine's memory holds")
        }
        try self.init(path: path, count: file.count) { (place, target) throws(InputError) in
            try file.read(at: place, into: target)
        }
    }

    /// A file in memory, for tests of damaged ones.
    init(bytes: [UInt8], path: String) throws(InputError) {
        try self.init(path: path, count: bytes.count) { (place, target) throws(InputError) in
            bytes.withUnsafeBytes {
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[place..<place + target.count]))
            }
        }
    }

    private init(
        path: String, count: Int, read: (Int, UnsafeMutableRawBufferPointer) throws(InputError) -> Void
    ) throws(InputError) {
        func damaged(_ found: String) -> InputError {
            InputError(.syntax, at: path, found: found, expected: "a whole model file")
        }
        guard count >= 8 else { throw damaged("\(count) bytes") }
        var length: UInt64 = 0
        try withUnsafeMutableBytes(of: &length) { (raw) throws(InputError) in try read(0, raw) }
        length = UInt64(littleEndian: length)
        guard length <= UInt64(min(count - 8, Self.longestOldHeader)) else {
            throw damaged("a header of \(length) bytes in a file of \(count)")
        }
        let text = AlignedStorage<UInt8>(zeroed: Int(length))
        try read(8, UnsafeMutableRawBufferPointer(text.buffer))
        guard let header = SafetensorsHeader(json: Array(text.buffer)) else {
            throw damaged("a header that cannot be read")
        }
        let bodyCount = count - 8 - Int(length)
        if let fault = header.fault(in: bodyCount) { throw damaged(fault) }
        guard let sum = header.texts["checksum"] else {
            throw InputError(
                .syntax, at: path, found: "tensors without a checksum", expected: "a model of this library")
        }
        let body = AlignedStorage<UInt8>(zeroed: bodyCount)
        try read(8 + Int(length), UnsafeMutableRawBufferPointer(body.buffer))
        self.path = path
        texts = header.texts
        entries = header.entries
        self.body = body
        guard sum == "\(header.texts["version"] == "1" ? oldChecksum : checksum)" else {
            throw damaged("a wrong checksum")
        }
    }

    /// What files of the first version had: of the tensors alone, in the order of the file.
    private var oldChecksum: UInt32 { Checksum.crc32(UnsafeRawBufferPointer(body.buffer)) }

    private var checksum: UInt32 {
        var checksum = TensorChecksum(texts: texts)
        for (name, entry) in entries.sorted(by: { TensorChecksum.precedes($0.key, $1.key) }) {
            checksum.add(name: name, entry.dtype, entry.shape, bytes(entry))
        }
        return checksum.value
    }

    private func bytes(_ entry: SafetensorsHeader.Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            rebasing: UnsafeRawBufferPointer(body.buffer)[entry.offsets[0]..<entry.offsets[1]])
    }

    private func entry(
        _ name: String, _ type: TensorContent.ElementType
    ) throws(InputError) -> SafetensorsHeader.Entry {
        guard let entry = entries[name] else {
            throw InputError(
                .name, at: "\(path), tensor \"\(name)\"", found: "no such tensor",
                expected: "one of \(entries.keys.sorted().joined(separator: ", "))")
        }
        guard entry.dtype == type else {
            throw InputError(
                .shape, at: "\(path), tensor \"\(name)\"", found: entry.dtype.rawValue,
                expected: type.rawValue)
        }
        return entry
    }

    /// A tensor of a name and shape.
    func values(_ name: String, shape: [Int]) throws(InputError) -> [Float] {
        guard try entry(name, .float32).shape == shape else {
            throw InputError(
                .shape, at: "\(path), tensor \"\(name)\"", found: "\(entries[name]?.shape ?? [])",
                expected: "\(shape)")
        }
        return try elements(name)
    }

    /// A tensor of one axis.
    func list<Element: TensorElement>(_ name: String) throws(InputError) -> [Element] {
        let shape = try entry(name, Element.type).shape
        guard shape.count == 1 else {
            throw InputError(
                .shape, at: "\(path), tensor \"\(name)\"", found: "\(shape)", expected: "one axis")
        }
        return try elements(name)
    }

    private func elements<Element: TensorElement>(_ name: String) throws(InputError) -> [Element] {
        let bytes = bytes(try entry(name, Element.type))
        return [Element](unsafeUninitializedCapacity: bytes.count / MemoryLayout<Element>.stride) {
            buffer, used in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
            used = bytes.count / MemoryLayout<Element>.stride
        }
    }
}
