internal import MTLDataKernels

/// SIGINT and SIGTERM while something goes on that wants to end well.
package enum Interrupts {
    /// From now on the first one ends nothing; a second one ends the process at once.
    package static func hold() { mtl_hold_interrupts(1) }

    /// They end the process again.
    package static func release() { mtl_hold_interrupts(0) }

    /// The signal that came meanwhile, 0 for none.
    package static var held: Int32 { mtl_held_interrupt() }
}
