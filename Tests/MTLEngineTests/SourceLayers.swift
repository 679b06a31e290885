/// A source file as the rule of the folders sees it.
struct SourceFile {
    let folder: String
    let name: String
    /// Types at its top level that other files can name.
    private(set) var declared: Set<String> = []
    /// Names it uses that no type of its own inside another has.
    private(set) var used: Set<String> = []

    /// A reader of words, not of Swift: comments and strings are left out, and names behind a dot.
    init(folder: String, name: String, text: String) {
        self.folder = folder
        self.name = name
        let kinds: Set<String> = ["struct", "class", "enum", "protocol", "actor", "typealias"]
        var nested: Set<String> = []
        var (depth, isPrivate) = (0, false)
        var (last, previous) = ("", UInt8(0))
        var rest = Array(text.utf8)[...]
        func isWord(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "_") || byte >= 0x80 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
        }
        while let byte = rest.first {
            if rest.starts(with: "//".utf8) {
                rest = rest.drop { $0 != UInt8(ascii: "\n") }
            } else if rest.starts(with: "\"\"\"".utf8) {
                rest.removeFirst(3)
                while !rest.isEmpty, !rest.starts(with: "\"\"\"".utf8) { rest.removeFirst() }
                rest = rest.dropFirst(3)
            } else if byte == UInt8(ascii: "\"") {
                rest.removeFirst()
                while let next = rest.first, next != UInt8(ascii: "\""), next != UInt8(ascii: "\n") {
                    rest = rest.dropFirst(next == UInt8(ascii: "\\") ? 2 : 1)
                }
                rest = rest.dropFirst()
            } else if isWord(byte) {
                let word = String(decoding: rest.prefix(while: isWord), as: UTF8.self)
                rest = rest.drop(while: isWord)
                if kinds.contains(last), depth > 0 || isPrivate {
                    nested.insert(word)
                } else if kinds.contains(last) {
                    declared.insert(word)
                } else if previous != UInt8(ascii: ".") {
                    used.insert(word)
                }
                if word == "private" || word == "fileprivate" { isPrivate = true }
                last = word
            } else {
                if byte == UInt8(ascii: "{") { depth += 1 }
                if byte == UInt8(ascii: "}") { depth -= 1 }
                if byte == UInt8(ascii: "\n") { isPrivate = false }
                if byte != UInt8(ascii: " ") { last = "" }
                rest.removeFirst()
            }
            previous = byte
        }
        used.subtract(nested)
    }
}

/// Folders in order, the lowest first, and the files that break it.
struct SourceLayers {
    let faults: [String]

    init(_ files: [SourceFile], order: [String]) {
        let heights = Dictionary(uniqueKeysWithValues: ([""] + order).enumerated().map { ($1, $0) })
        var faults = Set(files.map(\.folder)).subtracting(heights.keys).map {
            "\($0) is not among the folders"
        }
        // A name of several folders is taken for the lowest one's.
        var homes: [String: Int] = [:]
        for file in files {
            guard let height = heights[file.folder] else { continue }
            for name in file.declared { homes[name] = min(homes[name] ?? height, height) }
        }
        for file in files {
            guard let height = heights[file.folder] else { continue }
            for name in file.used {
                guard let home = homes[name], home > height else { continue }
                faults.append("\(file.folder)/\(file.name) names \(name) of \(order[home - 1])")
            }
        }
        self.faults = faults.sorted()
    }
}
