import MTLEngine
import Yams

/// The lines of a file's settings, and what is wrong with them that a decoder would pass over.
struct SettingLines {
    private let path: String
    /// What the file is to be: "an experiment".
    private let kind: String
    private var lines: [String: Int] = [:]
    private var nodes = 0
    private var placeBytes = 0

    /// More settings than any experiment has; aliases of aliases reach it.
    private static let mostNodes = 1_000_000
    /// More of the text of their places: a long name stands before all that is in it.
    private static let mostPlaceBytes = 1 << 28
    private static let greatestDepth = 100

    init(_ path: String, _ kind: String) { (self.path, self.kind) = (path, kind) }

    private var tooMany: InputError {
        InputError(
            .syntax, at: path, found: "too many settings",
            expected: "\(kind): fewer than \(Self.mostNodes) values")
    }

    /// Refuses a text whose values would fill the memory before anything could be looked at: at least every other value has
    /// a line, a comma, a bracket, a dash or a colon of its own.
    ///
    /// - Throws: `InputError` that names the file.
    func checkSize(of text: String) throws(InputError) {
        var signs = 0
        var before: UInt8 = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "{"): signs += 1
            case UInt8(ascii: " ") where before == UInt8(ascii: "-") || before == UInt8(ascii: ":"):
                signs += 1
            default: break
            }
            before = byte
        }
        guard signs < 2 * Self.mostNodes else { throw tooMany }
    }

    mutating func look(at root: Yams.Node) throws(InputError) { try look(at: root, "", depth: 0) }

    private mutating func look(at node: Yams.Node, _ place: String, depth: Int) throws(InputError) {
        nodes += 1
        placeBytes += place.utf8.count
        guard nodes < Self.mostNodes, placeBytes < Self.mostPlaceBytes else { throw tooMany }
        guard depth < Self.greatestDepth else {
            throw InputError(
                .syntax, at: path, found: "settings too deep in others", expected: kind)
        }
        if let line = node.mark?.line, lines[place] == nil { lines[place] = line }
        switch node {
        case .mapping(let mapping):
            for (key, value) in mapping {
                let name = key.string ?? "?"
                let inner = place.isEmpty ? name : "\(place).\(name)"
                lines[inner] = key.mark?.line
                if case .scalar(let scalar) = value, scalar.style == .plain,
                    ["", "~", "null", "Null", "NULL"].contains(scalar.string)
                {
                    throw InputError(
                        .value, at: inner, found: "nothing",
                        expected: "a value; without the line the default holds")
                }
                try look(at: value, inner, depth: depth + 1)
            }
        case .sequence(let sequence):
            for (index, value) in sequence.enumerated() {
                let inner = "\(place).[\(index)]"
                if case .scalar(let scalar) = value, scalar.style == .plain, scalar.string.isEmpty {
                    throw InputError(.value, at: inner, found: "nothing", expected: "a value")
                }
                try look(at: value, inner, depth: depth + 1)
            }
        case .scalar(let scalar):
            // YAML 1.1 reads 1:30 as 90.
            if scalar.style == .plain, Self.isSexagesimal(scalar.string) {
                throw InputError(
                    .value, at: place, found: scalar.string,
                    expected:
                        "a number, or a text in quotes: YAML reads numbers with colons to the base of 60")
            }
        case .alias: break
        }
    }

    private static func isSexagesimal(_ text: String) -> Bool {
        let parts = text.drop { $0 == "-" || $0 == "+" }.split(
            separator: ":", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return false }
        return parts.enumerated().allSatisfy { index, part in
            let digits = part.filter { $0 != "_" && !(index == parts.count - 1 && $0 == ".") }
            return !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber }
        }
    }

    /// The error with the file, and the line where the file has the setting.
    func located(_ error: InputError) -> InputError {
        if error.place == path || error.place.hasPrefix("\(path),") { return error }
        let line = lines[error.place].map { ", line \($0)" } ?? ""
        return InputError(
            error.kind, at: "\(path)\(line), \(error.place)", found: error.found, expected: error.expected)
    }
}
