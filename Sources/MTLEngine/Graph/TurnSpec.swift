/// What one turn of a schedule learns from, and what it trains.
package struct TurnSpec: Sendable, Equatable {
    /// Successive regularization: weight · Σ (θ - θ′)², θ′ being the parameters when the group's turn began.
    package struct Anchor: Sendable, Equatable {
        package var weight: Double
        /// Per segment of the layout whether it is held. Of a table, the rows that a batch touches are.
        package var holds: [Bool]

        package init(weight: Double, holds: [Bool]) {
            self.weight = weight
            self.holds = holds
        }
    }

    /// The tasks whose losses it has, as places among the model's tasks, rising.
    package var tasks: [Int]
    /// Per segment of the layout the factor of its learning rate, 0 where it is frozen: then no step, no decay and no
    /// memory of the optimiser. Empty for 1 everywhere.
    package var rates: [Double]
    package var anchor: Anchor?
    /// Turns of one group go on with each other's moments and count of steps. Groups are counted from 0.
    package var group: Int

    package init(tasks: [Int], rates: [Double] = [], anchor: Anchor? = nil, group: Int = 0) {
        self.tasks = tasks
        self.rates = rates
        self.anchor = anchor
        self.group = group
    }

    /// Whether it trains all that its losses reach, at one rate and unbound.
    package var isPlain: Bool { rates.isEmpty && anchor == nil }
}

/// A turn's factors of the learning rate, by places in the parameter vector.
package struct TurnRates: Sendable {
    /// A segment's place and its factor; in the order of the vector.
    package let segments: [(range: Range<Int>, factor: Double)]

    package init(_ spec: TurnSpec, _ layout: ParameterLayout) {
        segments = zip(layout.segments, spec.rates).map { ($0.offset..<$0.offset + $0.count, $1) }
    }

    /// The factors of the segments in a range; none where they are all 1.
    package func over(_ range: Range<Int>) -> ArraySlice<(range: Range<Int>, factor: Double)> {
        let first = segments.firstIndex(from: 0) { $0.range.upperBound > range.lowerBound }
        return segments[first..<segments.firstIndex(from: first) { $0.range.lowerBound >= range.upperBound }]
    }

    /// The factor at a place of the vector.
    package func factor(at place: Int) -> Double { over(place..<place + 1).first?.factor ?? 1 }

    /// Whether some place of a range is trained.
    package func trains(_ range: ParameterRange) -> Bool {
        let some = over(range.start..<range.start + range.count)
        return some.isEmpty || some.contains { $0.factor > 0 }
    }

    /// What is trained of a range.
    package func trained(_ range: ParameterRange) -> [ParameterRange] {
        let some = over(range.start..<range.start + range.count)
        guard some.contains(where: { $0.factor == 0 }) else { return [range] }
        return some.filter { $0.factor > 0 }.map {
            var part = range
            part.start = max(range.start, $0.range.lowerBound)
            part.count = min(range.start + range.count, $0.range.upperBound) - part.start
            return part
        }
    }
}

extension ParameterLayout {
    /// The segment that a place of the vector belongs to; nil for none.
    package func segmentIndex(at place: Int) -> Int? {
        let index = segments.firstIndex(from: 0) { $0.offset + $0.count > place }
        return index < segments.count && segments[index].offset <= place ? index : nil
    }
}

extension Array {
    /// The first index at or behind `start` whose element a condition holds for, which then holds for all behind it.
    fileprivate func firstIndex(from start: Int, _ holds: (Element) -> Bool) -> Int {
        var (low, high) = (start, count)
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
