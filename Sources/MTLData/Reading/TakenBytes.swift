package import MTLEngine

/// So many bytes of a source, or what there is of them before its end or before something wrong.
package struct TakenBytes {
    /// The bytes.
    package private(set) var bytes: [UInt8] = []
    /// Whether there are no more.
    package private(set) var isAtEnd = false
    /// What is wrong after them.
    package private(set) var failure: InputError?

    /// Reads until all are there. Fewer bytes than asked for do not tell whether the source ends or fails; the next reading
    /// does, and what it gives is kept: a file that is being written may have grown since.
    ///
    /// - Parameter read: fills memory as far as the source goes; gives how many bytes.
    package init(_ count: Int, _ read: (UnsafeMutableRawBufferPointer) throws(InputError) -> Int) {
        var isAtEnd = false
        var failure: InputError?
        bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            let target = UnsafeMutableRawBufferPointer(buffer)
            do throws(InputError) {
                while used < count, !isAtEnd {
                    let more = try read(UnsafeMutableRawBufferPointer(rebasing: target[used...]))
                    isAtEnd = more == 0
                    used += more
                }
            } catch {
                failure = error
            }
        }
        self.isAtEnd = isAtEnd
        self.failure = failure
    }
}
