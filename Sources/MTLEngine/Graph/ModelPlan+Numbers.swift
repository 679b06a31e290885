#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension ModelPlan {
    /// The numbers with vectors of their own.
    package var numberFields: [NumberField] {
        nodes.compactMap { node in
            switch node {
            case .piecewise(let number): number.field
            case .missingNumber(let number): number.field
            default: nil
            }
        }
    }
}

extension NumberField {
    /// The vector of a number that is not missing, as the model computes it.
    ///
    /// - Parameters:
    ///   - place: the bin and the share of it that the number lies in as one number, 0 to `bins`.
    ///   - parameters: those of the model.
    package func vector<Scalar: BLASScalar>(
        at place: Double, _ parameters: UnsafeMutablePointer<Scalar>
    ) -> [Scalar] {
        let x = NumberScaleNode.scaled(Scalar(place), bins: bins)
        switch encoding {
        case .piecewise(let start):
            return (0..<dimension).map { column in
                let bias = parameters + start + column
                return (0..<bins).reduce(bias[0]) {
                    $0 + Scalar(max(0, min(1, place - Double($1)))) * bias[($1 + 1) * dimension]
                }
            }
        case .periodic(let start, let count, let layer):
            let waves = (0..<count).map { PeriodicNode.waves(x, parameters[start + $0]) }
            return layer.sums(waves.map(\.sine) + waves.map(\.cosine), parameters).map { max(0, $0) }
        case .autoDis(let first, let second, let meta, let skip, let temperature):
            let hidden = first.sums([x], parameters).map { $0 > 0 ? $0 : $0 / 100 }
            let scores = zip(second.sums(hidden, parameters), hidden).map {
                Double($0 + Scalar(skip) * $1) / temperature
            }
            let most = scores.max() ?? 0
            let shares = scores.map { exp($0 - most) }
            let whole = shares.reduce(0, +)
            return meta.sums(shares.map { Scalar($0 / whole) }, parameters)
        }
    }
}

extension Dense {
    /// x W + b of a layer of one block, or x W where the layer has no biases.
    fileprivate func sums<Scalar: BLASScalar>(
        _ x: [Scalar], _ parameters: UnsafeMutablePointer<Scalar>
    ) -> [Scalar] {
        let w = weights(0, at: parameters)
        return (0..<outputs).map { output in
            x.indices.reduce(parameters[bias + output]) { sum, input in
                let place = order == .inputMajor ? input * w.stride + output : output * w.stride + input
                return sum + x[input] * w.base[place]
            }
        }
    }
}
