internal import Synchronization

/// What several workers gather, one at a time.
final class Collected<Element>: @unchecked Sendable {
    private let lock = Mutex<Void>(())
    private(set) var values: [Element] = []

    func add(_ value: Element) {
        lock.withLock { _ in values.append(value) }
    }
}
