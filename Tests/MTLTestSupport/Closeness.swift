package import Testing

/// Records the first place where |found - expected| > relative · |expected| + absolute. NaN is near NaN alone.
package func expectClose<Found: BinaryFloatingPoint, Expected: BinaryFloatingPoint>(
    _ found: [Found], _ expected: [Expected], relative: Double = 0, absolute: Double,
    _ what: @autoclosure () -> String = "values", _ place: SourceLocation = #_sourceLocation
) {
    guard let difference = firstDifference(found, expected, relative: relative, absolute: absolute) else {
        return
    }
    Issue.record("\(what())\(difference)", sourceLocation: place)
}

/// The first place where two lists differ by more than the bounds, in words.
package func firstDifference<Found: BinaryFloatingPoint, Expected: BinaryFloatingPoint>(
    _ found: [Found], _ expected: [Expected], relative: Double, absolute: Double
) -> String? {
    guard found.count == expected.count else {
        return ": \(found.count) values, expected \(expected.count)"
    }
    for (index, (one, other)) in zip(found, expected).enumerated() {
        let (value, reference) = (Double(one), Double(other))
        // Equal infinities differ by NaN.
        let isNear =
            value == reference || value.isNaN && reference.isNaN
            || reference.isFinite && abs(value - reference) <= relative * abs(reference) + absolute
        if !isNear { return "[\(index)]: \(one), expected \(other)" }
    }
    return nil
}
