import Synchronization

/// Texts that several workers gather.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var values: [String] { lines.withLock { $0 } }

    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
