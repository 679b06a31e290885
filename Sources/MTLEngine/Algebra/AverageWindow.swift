internal import MTLKernels

/// How much a moving average keeps of itself: in step i, counted from 1, min(d, (i - 1) / (i + 8)), so that early steps, of
/// parameters that are far from good, are soon forgotten, and a short training has an average of its last tenth.
package struct AverageWindow {
    /// d.
    let decay: Double
    /// The last step of the rising part.
    let warm: Int
    /// d^k of small k.
    let powers: UnsafeBufferPointer<Double>

    init(decay: Double, powers: UnsafeBufferPointer<Double>) {
        self.decay = decay
        self.powers = powers
        warm = Int(min(1e15, (1 + 8 * decay) / (1 - decay)))
    }

    /// What is kept in a step, counted from 1.
    func keep(_ step: Int) -> Double { keep(from: step - 1, to: step) }

    /// What is kept over several steps, all those after `from` up to `to`.
    func keep(from: Int, to: Int) -> Double {
        guard let powers = powers.baseAddress else { return 0 }
        return mtl_average_keep(from, to, decay, warm, powers, self.powers.count)
    }
}
