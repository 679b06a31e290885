#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Student's t distribution of a whole number of degrees of freedom.
///
/// - Source: Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.7.3 and 26.7.4: finite sums in θ = arctan(t/√ν).
struct StudentDistribution {
    /// ν, at least 1.
    let degrees: Int

    init(degrees: Int) {
        precondition(degrees >= 1, "\(degrees) degrees of freedom")
        self.degrees = degrees
    }

    /// P(|T| ≤ t), of a t of 0 or above.
    private func central(_ t: Double) -> Double {
        let angle = atan2(t, Double(degrees).squareRoot())
        let (sine, cosine) = (sin(angle), cos(angle))
        let isOdd = degrees % 2 == 1
        guard degrees > 1 else { return 2 * angle / .pi }
        // Odd: cos θ (1 + 2/3 cos² θ + …); even: 1 + 1/2 cos² θ + ….
        var term = isOdd ? cosine : 1
        var sum = term
        for number in stride(from: isOdd ? 3 : 2, to: degrees, by: 2) {
            term *= Double(number - 1) / Double(number) * cosine * cosine
            sum += term
        }
        return isOdd ? 2 / .pi * (angle + sine * sum) : sine * sum
    }

    /// The t that T lies below with a probability, of one half or above and below 1.
    func quantile(_ probability: Double) -> Double {
        precondition(probability >= 0.5 && probability < 1, "a quantile at \(probability)")
        let wanted = 2 * probability - 1
        var (low, high) = (0.0, 1.0)
        while central(high) < wanted, high < 1e300 { (low, high) = (high, high * 2) }
        // Bisection to neighbouring numbers.
        while case let middle = low + (high - low) / 2, middle > low, middle < high {
            if central(middle) < wanted { low = middle } else { high = middle }
        }
        return high
    }
}
