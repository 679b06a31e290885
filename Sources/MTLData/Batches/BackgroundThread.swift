internal import MTLDataKernels
package import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A thread that runs one closure; unlike Foundation's, one that cannot start says so.
package final class BackgroundThread: @unchecked Sendable {
    private var thread: pthread_t?

    /// - Throws: `InputError` where the system has no room for another thread.
    package init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(InputError) {
        let context = Unmanaged.passRetained(Body(body))
        #if canImport(Darwin)
            var started: pthread_t?
        #else
            var started = pthread_t()
        #endif
        let code = mtl_thread_start(
            &started,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, context.toOpaque(), name)
        guard code == 0 else {
            context.release()
            throw InputError(
                .value, at: "threads",
                found: "cannot start another thread: \(String(cString: strerror(code)))",
                expected: "a higher process or memory limit")
        }
        thread = started
    }

    /// Waits until the closure has returned. To be called once.
    func join() { if let thread { pthread_join(thread, nil) } }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
