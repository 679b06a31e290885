#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A piece of a structure's penalty that one worker computes at once: no two write the same gradient.
package enum StructureTerm {
    /// Elements `start..<start + count` of a part; `places` are the tasks' offsets, `shares` what the turn has of each one's
    /// gradient (`TurnShares`). The value that is told is the whole term's in every turn.
    case coupling(
        places: UnsafePointer<Int>, shares: UnsafePointer<Double>, tasks: Int, start: Int, count: Int,
        matrix: Int, weight: Double)
    /// Units of a weight matrix: unit o's input i at `start + o·unitStride + i·inputStride`.
    case orthogonality(
        start: Int, units: Int, inputs: Int, unitStride: Int, inputStride: Int, blocks: Int, weight: Double,
        share: Double)
    case openGates(start: Int, count: Int, shift: Double, weight: Double, share: Double)

    /// Adds the gradient and returns the value.
    func add<Scalar: BLASScalar>(
        parameters: UnsafePointer<Scalar>, gradients: UnsafeMutablePointer<Scalar>,
        couplings: UnsafePointer<Double>
    ) -> Double {
        var value = 0.0
        switch self {
        case .coupling(let places, let shares, let tasks, let start, let count, let matrix, let weight):
            let k = couplings + matrix
            for task in 0..<tasks {
                let own = parameters + places[task] + start
                let target = gradients + places[task] + start
                for index in 0..<count {
                    var slope = 0.0
                    for other in 0..<tasks {
                        slope += k[task * tasks + other] * Double(parameters[places[other] + start + index])
                    }
                    slope *= weight
                    value += slope * Double(own[index])
                    if shares[task] > 0 { target[index] += Scalar(2 * shares[task] * slope) }
                }
            }
        case .orthogonality(
            let start, let units, let inputs, let unitStride, let inputStride, let blocks, let weight,
            let share):
            let (w, d, size) = (parameters + start, gradients + start, units / blocks)
            for unit in 0..<units {
                for other in (unit / size + 1) * size..<max(units, (unit / size + 1) * size) {
                    var dot = 0.0
                    for input in 0..<inputs {
                        dot +=
                            Double(w[unit * unitStride + input * inputStride])
                            * Double(w[other * unitStride + input * inputStride])
                    }
                    value += weight * dot * dot
                    guard share > 0 else { continue }
                    let slope = Scalar(2 * share * weight * dot)
                    for input in 0..<inputs {
                        let (a, b) = (
                            unit * unitStride + input * inputStride, other * unitStride + input * inputStride
                        )
                        d[a] += slope * w[b]
                        d[b] += slope * w[a]
                    }
                }
            }
        case .openGates(let start, let count, let shift, let weight, let share):
            for index in start..<start + count {
                let open = 1 / (1 + exp(shift - Double(parameters[index])))
                value += weight * open
                if share > 0 { gradients[index] += Scalar(share * weight * open * (1 - open)) }
            }
        }
        return value
    }
}

/// The terms of a program, and the lists they read.
package final class StructureTerms {
    package let terms: UnsafeBufferPointer<StructureTerm>
    private var owners: [AnyObject] = []

    /// The most elements of a term.
    private static let limit = 1 << 12

    init(_ plan: ModelPlan, _ turn: TurnShares) {
        func segment(_ name: String) -> ParameterSegment {
            guard let found = plan.layout.segments.first(where: { $0.name == name }) else {
                preconditionFailure("no parameter \"\(name)\"")
            }
            return found
        }
        var (result, owners): ([StructureTerm], [AnyObject]) = ([], [])
        var matrix = 0
        // The layout is there once its groups are placed; before, plans are drafts.
        for structure in plan.layout.segments.isEmpty ? [] : plan.structures {
            switch structure {
            case .coupling(let parts, _, let weight):
                for part in parts {
                    let segments = part.map(segment)
                    let places = FixedList(segments.map(\.offset))
                    let shares = FixedList(segments.map(turn.share))
                    owners += [places, shares]
                    guard let first = places.elements.baseAddress, let share = shares.elements.baseAddress
                    else { continue }
                    for start in stride(from: 0, to: segments[0].count, by: Self.limit) {
                        result.append(
                            .coupling(
                                places: first, shares: share, tasks: part.count, start: start,
                                count: min(Self.limit, segments[0].count - start), matrix: matrix,
                                weight: weight))
                    }
                }
            case .orthogonality(let name, let blocks, let weight):
                let found = segment(name)
                let (units, inputs) = (found.shape[0], found.shape[1])
                result.append(
                    .orthogonality(
                        start: found.offset, units: units, inputs: inputs,
                        unitStride: found.isTransposed ? 1 : inputs,
                        inputStride: found.isTransposed ? units : 1, blocks: blocks,
                        weight: weight, share: turn.share(of: found)))
            case .openGates(let name, let shift, let weight):
                let found = segment(name)
                result.append(
                    .openGates(
                        start: found.offset, count: found.count, shift: shift, weight: weight,
                        share: turn.share(of: found)))
            case .traceNorm, .subspace, .orthonormal, .raised: break
            }
            matrix += structure.couplingCount
        }
        let list = FixedList(result)
        terms = list.elements
        self.owners = owners + [list]
    }
}
