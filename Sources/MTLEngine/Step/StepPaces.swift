/// At which multiple of the learning rate, and by which count of steps, each turn trains what it trains.
///
/// Of a group of turns, parameters that the same turns train share a count: those that thaw later begin theirs then, as
/// PyTorch counts per parameter.
package struct StepPaces: Sendable {
    package struct Pace: Hashable, Sendable {
        package let factor: Double
        package let counter: Int
    }

    package let paces: [Pace]
    /// How many counts of steps there are.
    package let counterCount: Int
    /// Per turn its paces, and the counts that a step of it moves on.
    package let pacesOfTurn: [[Int]]
    package let countersOfTurn: [[Int]]
    /// Per turn and segment of the layout its pace, -1 where it is frozen; one element where all are alike.
    private let segmentPaces: [[Int]]

    package init(_ turns: [TurnSpec], _ layout: ParameterLayout) {
        struct Count: Hashable {
            let group: Int
            /// The turns that train the parameters.
            let turns: [Int]
        }
        func factor(_ turn: Int, _ segment: Int) -> Double {
            turns[turn].rates.isEmpty ? 1 : turns[turn].rates[segment]
        }
        let mates = turns.map { turn in turns.indices.filter { turns[$0].group == turn.group } }
        var paces: [Pace] = []
        var counters: [Count: Int] = [:]
        segmentPaces = turns.indices.map { turn in
            let isUniform = mates[turn].allSatisfy { turns[$0].rates.isEmpty }
            return (0..<(isUniform ? 1 : layout.segments.count)).map { segment in
                let own = factor(turn, segment)
                guard own > 0 else { return -1 }
                let key = Count(
                    group: turns[turn].group, turns: mates[turn].filter { factor($0, segment) > 0 })
                let counter = counters[key] ?? counters.count
                counters[key] = counter
                let pace = Pace(factor: own, counter: counter)
                if let known = paces.firstIndex(of: pace) { return known }
                paces.append(pace)
                return paces.count - 1
            }
        }
        pacesOfTurn = segmentPaces.map { Set($0).subtracting([-1]).sorted() }
        countersOfTurn = pacesOfTurn.map { Set($0.map { paces[$0].counter }).sorted() }
        self.paces = paces
        counterCount = counters.count
    }

    /// The pace of a place in the parameter vector; nil where the turn freezes it.
    ///
    /// - Parameter segment: the place's segment of the layout.
    package func pace(turn: Int, segment: Int?) -> Int? {
        let all = segmentPaces[turn]
        let pace = all.count == 1 ? all[0] : segment.map { all[$0] } ?? -1
        return pace < 0 ? nil : pace
    }
}
