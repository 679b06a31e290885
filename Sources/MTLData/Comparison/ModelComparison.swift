package import MTLEngine

/// Models compared over the same rows: a reference, such as single-task twins, and others, each trained with the same seeds.
package struct ModelComparison: Sendable {
    /// What a difference says.
    package enum Verdict: String, Sendable, Codable {
        case better, worse
        /// The interval holds 0: within what seeds or rows differ by.
        case unclear
    }

    /// How far a model is from the reference.
    package struct Difference: Sendable {
        /// The mean over the seeds; the interval of all that is known to vary, nil where there is none.
        package let mean: Double
        package let interval: ConfidenceInterval?
        /// Student's interval over the seeds, paired; nil of one seed.
        package let seeds: ConfidenceInterval?
        /// The bootstrap's over rows, or groups of them, of the mean over the seeds.
        package let rows: ConfidenceInterval?
        package let verdict: Verdict

        init(
            _ values: [Double], rows: ConfidenceInterval?, higherIsBetter: Bool, level: Double,
            isOfSeeds: Bool
        ) {
            mean = values.reduce(0, +) / Double(values.count)
            seeds = ConfidenceInterval.mean(of: values, level: level)
            self.rows = rows
            // Of models that stand for themselves other seeds are no question.
            interval = isOfSeeds ? seeds.flatMap { seeds in rows.map(seeds.adding) } : rows
            guard let interval, interval.excludesZero else {
                verdict = .unclear
                return
            }
            verdict = (interval.lower > 0) == higherIsBetter ? .better : .worse
        }
    }

    /// A measure of all models.
    package struct Row: Sendable {
        package let measure: ComparedRows.Measure
        /// The mean over the seeds of the reference and of each other model.
        package let values: [Double]
        /// Of each other model.
        package let differences: [Difference]
    }

    /// Of measures that are defined for all models.
    package let rows: [Row]
    /// Δm of each other model: the mean over the tasks of the relative change of what each is judged by, more being better.
    package let relative: [Difference]

    /// Compares.
    ///
    /// - Parameters:
    ///   - rows: what is measured.
    ///   - statistics: `[models][seeds][measures]`, the reference first.
    ///   - bootstrap: how rows are drawn; its level is that of all intervals.
    ///   - isOfSeeds: whether another seed could have been drawn as well: without two of them nothing is told then.
    /// - Throws: `InputError` that names an option of the bootstrap.
    package init(
        _ rows: ComparedRows, _ statistics: [[[RowStatistic]]], bootstrap: Bootstrap, isOfSeeds: Bool
    ) throws(InputError) {
        let all = statistics.map { $0.map { $0.map { $0.value(Self.once(rows.units)) } } }
        let known = rows.measures.indices.filter { measure in
            all.allSatisfy { $0.allSatisfy { $0[measure].isFinite } }
        }
        let measures = known.map { rows.measures[$0] }
        let kept = statistics.map { $0.map { seed in known.map { seed[$0] } } }
        let values = all.map { $0.map { seed in known.map { seed[$0] } } }
        let seeds = (0..<(values.first?.count ?? 0)).map { seed in
            Self.differences(values.map { [$0[seed]] }, measures)
        }
        let draws = try bootstrap.values(units: rows.units.count) { counts in
            Self.differences(kept.map { $0.map { $0.map { $0.value(counts) } } }, measures)
        }
        let width = measures.count + 1
        func difference(_ model: Int, _ place: Int, _ higherIsBetter: Bool) -> Difference {
            let index = (model - 1) * width + place
            let own = seeds.map { $0[index] }
            let mean = own.reduce(0, +) / Double(own.count)
            return Difference(
                own, rows: bootstrap.interval(mean, of: draws.map { $0[index] }),
                higherIsBetter: higherIsBetter, level: bootstrap.level, isOfSeeds: isOfSeeds)
        }
        let others = 1..<max(1, values.count)
        self.rows = measures.enumerated().map { place, measure in
            Row(
                measure: measure,
                values: values.map { model in
                    model.reduce(0) { $0 + $1[place] } / Double(model.count)
                }, differences: others.map { difference($0, place, measure.higherIsBetter) })
        }
        relative = others.map { difference($0, measures.count, true) }
    }

    private static func once(_ units: ResampledUnits) -> [Double] {
        [Double](repeating: 1, count: units.count)
    }

    /// Per model but the first: the differences of each measure from the first model's, and Δm; means over the seeds.
    ///
    /// - Parameter values: `[models][seeds][measures]`.
    private static func differences(
        _ values: [[[Double]]], _ measures: [ComparedRows.Measure]
    ) -> [Double] {
        var found: [Double] = []
        let primary = measures.indices.filter { measures[$0].isPrimary }
        for model in values.dropFirst() {
            let pairs = zip(model, values[0])
            let share = 1 / Double(model.count)
            for place in measures.indices {
                found.append(pairs.reduce(0) { $0 + share * ($1.0[place] - $1.1[place]) })
            }
            let changes = pairs.map { own, reference in
                primary.reduce(0) { sum, place in
                    let change = (own[place] - reference[place]) / reference[place].magnitude
                    return sum + (measures[place].higherIsBetter ? change : -change)
                } / Double(primary.count)
            }
            found.append(share * changes.reduce(0, +))
        }
        return found
    }
}
