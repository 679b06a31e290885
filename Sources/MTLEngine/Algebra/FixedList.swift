/// A list made once at plan time and read by workers without counting references.
package final class FixedList<Element> {
    package let elements: UnsafeBufferPointer<Element>

    package init(_ source: [Element]) {
        let copy = UnsafeMutableBufferPointer<Element>.allocate(capacity: source.count)
        _ = copy.initialize(from: source)
        elements = UnsafeBufferPointer(copy)
    }

    deinit {
        let copy = UnsafeMutableBufferPointer(mutating: elements)
        copy.deinitialize()
        copy.deallocate()
    }
}
