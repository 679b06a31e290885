#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Losses of numbers beside the squared error and Huber's, in Double, a row at a time: each gives its value and its slope in the logit.

@inline(__always)
func pinballLoss(_ z: Double, _ y: Double, level: Double) -> (Double, Double) {
    let r = y - z
    // Where both are the same any slope between the two will do.
    return r > 0 ? (level * r, -level) : r < 0 ? ((level - 1) * r, 1 - level) : (0, 0)
}

@inline(__always)
func poissonLoss(_ z: Double, _ y: Double) -> (Double, Double) {
    let mean = exp(z)
    return (mean - y * z + (y > 0 ? y * log(y) - y : 0), mean - y)
}

@inline(__always)
func tweedieLoss(_ z: Double, _ y: Double, power: Double) -> (Double, Double) {
    let (first, second) = (1 - power, 2 - power)
    let (lower, upper) = (exp(first * z), exp(second * z))
    let saturated = y > 0 ? pow(y, second) / (first * second) : 0
    return (saturated - y * lower / first + upper / second, upper - y * lower)
}

/// The sum of a loss of one logit, and its gradient.
@inline(__always)
func numberLoss<Scalar: BLASScalar>(
    _ logits: MatrixView<Scalar>, _ labels: UnsafePointer<Scalar>, _ labelStride: Int, _ scale: Scalar,
    _ gradient: MatrixView<Scalar>?, _ loss: (_ z: Double, _ y: Double) -> (Double, Double)
) -> Double {
    var sum = 0.0
    for row in 0..<logits.rows {
        let label = Double(labels[row * labelStride])
        let (value, slope) =
            label.isNaN ? (0, 0) : loss(Double(logits.base[row * logits.stride]), label)
        sum += value
        if let gradient { gradient.base[row * gradient.stride] = scale * Scalar(slope) }
    }
    return sum
}

/// exp of a logit, cut to what the type holds.
@inline(__always)
func expected<Scalar: BLASScalar>(logOfMean z: Double) -> Scalar {
    Scalar(min(exp(z), Double(Scalar.greatestFiniteMagnitude)))
}

@inline(__always)
func softplus(_ z: Double) -> Double { max(z, 0) + log1p(exp(-abs(z))) }

@inline(__always)
func sigmoid(_ z: Double) -> Double {
    // exp of a negative number only, so that nothing overflows.
    let e = exp(-abs(z))
    return z >= 0 ? 1 / (1 + e) : e / (1 + e)
}

/// Below this a deviation says that labels are all the same, and its density is one no more (√ε of `lifetime_value`).
private let leastDeviation = 1e-7.squareRoot()

/// The sum of the zero-inflated lognormal losses and its gradient in the three outputs.
@inline(__always)
func lognormalLoss<Scalar: BLASScalar>(
    _ logits: MatrixView<Scalar>, _ labels: UnsafePointer<Scalar>, _ labelStride: Int, _ scale: Scalar,
    _ gradient: MatrixView<Scalar>?
) -> Double {
    var sum = 0.0
    for row in 0..<logits.rows {
        let label = Double(labels[row * labelStride])
        let z = logits.base + row * logits.stride
        var slopes = (0.0, 0.0, 0.0)
        if !label.isNaN {
            let (pays, centre, spread) = (Double(z[0]), Double(z[1]), Double(z[2]))
            let isPaid = label > 0
            sum += softplus(pays) - (isPaid ? pays : 0)
            slopes.0 = sigmoid(pays) - (isPaid ? 1 : 0)
            if isPaid {
                let free = softplus(spread)
                let deviation = max(free, leastDeviation)
                let distance = (log(label) - centre) / deviation
                // -log of the density: log y + log σ + log √(2π) + ((log y - μ)/σ)²/2.
                sum += log(label) + log(deviation) + 0.5 * log(2 * Double.pi) + 0.5 * distance * distance
                slopes.1 = -distance / deviation
                if free > leastDeviation {
                    slopes.2 = (1 - distance * distance) / deviation * sigmoid(spread)
                }
            }
        }
        if let gradient {
            let d = gradient.base + row * gradient.stride
            d[0] = scale * Scalar(slopes.0)
            d[1] = scale * Scalar(slopes.1)
            d[2] = scale * Scalar(slopes.2)
        }
    }
    return sum
}

/// P(y > 0) exp(μ + σ²/2) of a row's three outputs, cut to what the type holds.
@inline(__always)
func lognormalMean<Scalar: BLASScalar>(_ z: UnsafeMutablePointer<Scalar>) -> Scalar {
    let deviation = softplus(Double(z[2]))
    let mean = sigmoid(Double(z[0])) * exp(Double(z[1]) + deviation * deviation / 2)
    return Scalar(min(mean, Double(Scalar.greatestFiniteMagnitude)))
}
