/// An option that has to be at least some number, and not absurd.
func require(
    _ value: Int, atLeast least: Int, atMost most: Int = SizeLimit.count, _ place: String
) throws(InputError) {
    guard value >= least else {
        throw InputError(.value, at: place, found: "\(value)", expected: "at least \(least)")
    }
    guard value <= most else {
        throw InputError(.value, at: place, found: "\(value)", expected: "at most \(most)")
    }
}

/// An option that has to be finite and at least some number.
func require(_ value: Double, atLeast least: Double, _ place: String) throws(InputError) {
    guard value >= least, value.isFinite else {
        throw InputError(.value, at: place, found: "\(value)", expected: "at least \(least), finite")
    }
}

/// An option that has to be finite and above 0.
func requirePositive(_ value: Double, _ place: String) throws(InputError) {
    guard value > 0, value.isFinite else {
        throw InputError(.value, at: place, found: "\(value)", expected: "above 0, finite")
    }
}

/// An option that is a share.
func requireShare(_ value: Double, _ place: String) throws(InputError) {
    guard value >= 0, value <= 1 else {
        throw InputError(.value, at: place, found: "\(value)", expected: "0 to 1")
    }
}

/// An option that is a share to drop.
func requireRate(_ value: Double, _ place: String) throws(InputError) {
    guard value >= 0, value < 1 else {
        throw InputError(.value, at: place, found: "\(value)", expected: "at least 0 and below 1")
    }
}

/// An activation that stands alone, outside of a hidden layer, and so can have no parameters.
func requirePlain(_ activation: Activation, _ place: String) throws(InputError) {
    guard !activation.hasParameters else {
        throw InputError(
            .value, at: place, found: activation.rawValue, expected: "an activation without parameters")
    }
}

/// An option that has to be a number.
func requireFinite(_ value: Double, _ place: String) throws(InputError) {
    guard value.isFinite else {
        throw InputError(.value, at: place, found: "\(value)", expected: "a finite number")
    }
}
