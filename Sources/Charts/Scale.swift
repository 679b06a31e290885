#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// An axis: values from `low` to `high`, with ticks at round numbers.
package struct Scale: Sendable, Equatable {
    package let low: Double
    package let high: Double
    package let ticks: [Double]
    /// The decimals that tell the ticks apart.
    package let decimals: Int

    /// The smallest axis of round ticks that holds all finite values; 0 to 1 where there is none.
    ///
    /// - Parameters:
    ///   - values: what is to be shown.
    ///   - fixed: an axis that is asked for, whatever the values are.
    package init(_ values: [Double], fixed: ClosedRange<Double>? = nil) {
        let finite = values.filter { $0.isFinite && $0.magnitude < 1e300 }
        var (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
        if let fixed { (low, high) = (fixed.lowerBound, fixed.upperBound) }
        if !(high - low > max(low.magnitude, high.magnitude) * 1e-9) || high - low < 1e-200 {
            let margin = max(low.magnitude * 0.1, 1e-6)
            (low, high) = low == 0 && high == 0 ? (0, 1) : (low - margin, high + margin)
        }
        let rough = (high - low) / 5
        let exponent = floor(log10(max(rough, 1e-250)))
        let power = pow(10, exponent)
        let step = [1, 2, 2.5, 5, 10].first { $0 * power >= rough * 0.999 }.map { $0 * power } ?? rough
        var first = floor(low / step + 1e-9)
        var last = ceil(high / step - 1e-9)
        if fixed != nil { (first, last) = (ceil(low / step - 1e-9), floor(high / step + 1e-9)) }
        var places: [Double] = []
        for index in 0...Int(max(0, min(last - first, 20))) { places.append((first + Double(index)) * step) }
        ticks = places
        self.low = fixed == nil ? places[0] : low
        self.high = fixed == nil ? places[places.count - 1] : high
        // A step of 2.5 has a digit more than its power.
        let isHalf = ((step / power) * 10).rounded() == 25
        decimals = max(0, Int(-floor(log10(step) + 1e-9)) + (isHalf ? 1 : 0))
    }

    /// The share of the axis below a value.
    func share(_ value: Double) -> Double { (value - low) / (high - low) }

    /// A tick as a reader has it.
    package func text(_ tick: Double) -> String {
        let value = tick == 0 ? 0 : tick
        guard decimals <= 10, value.magnitude < 1e7 else { return Scale.short(value) }
        return Scale.fixed(value, decimals)
    }

    static func fixed(_ value: Double, _ decimals: Int) -> String {
        let factor = pow(10, Double(decimals))
        let rounded = (value.magnitude * factor).rounded()
        guard rounded < 1e15 else { return "\(value)" }
        let digits = String(Int(rounded))
        guard decimals > 0 else { return (value < 0 && rounded > 0 ? "-" : "") + digits }
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return (value < 0 && rounded > 0 ? "-" : "") + padded.dropLast(decimals) + "."
            + padded.suffix(decimals)
    }

    /// A number of two digits and its power of ten.
    static func short(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return "\(value)" }
        let power = floor(log10(value.magnitude))
        return "\(fixed(value / pow(10, power), 1))e\(Int(power))"
    }
}
