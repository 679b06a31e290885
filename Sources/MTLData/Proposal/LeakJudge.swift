/// Tells columns that say what a label is: by the sampled rows, and by their names.
struct LeakJudge {
    let look: TableLook
    let columns: [SchemaProposal.Column]

    static func hashes(_ values: Set<String>) -> Set<UInt64> {
        Set(
            values.map { value in
                var value = value
                return value.withUTF8 { ByteMap.hash($0) }
            })
    }

    func mark(_ all: inout [SchemaProposal.Column]) {
        let sample = look.sample
        let folds = sample.map { Preprocessor.fold($0.record) }
        let labels = columns.indices.filter { columns[$0].label != nil }
        let binary = labels.compactMap { index -> (name: String, values: [Double])? in
            guard let label = columns[index].label, label.kind == .binary else { return nil }
            let yes = Self.hashes(LabelJudge.positives(label, look.columns[index]))
            return (
                label.name,
                sample.map {
                    $0.hashes[index] == 0 ? .nan : yes.contains($0.hashes[index]) ? 1 : 0
                }
            )
        }
        for index in all.indices where columns[index].label == nil {
            guard columns[index].isUsed || columns[index].marks == [.unique] else { continue }
            for label in labels where sample.allSatisfy({ $0.hashes[index] == $0.hashes[label] }) {
                all[index].leaveOut(
                    .tellsLabel, "the same values as label \"\(columns[label].profile.name)\"")
            }
            guard all[index].isUsed else { continue }
            if columns[index].profile.numbers > 0 {
                let scores = sample.map { $0.numbers[index].isNaN ? -.infinity : $0.numbers[index] }
                let order = SingleFeature.order(scores)
                for label in binary {
                    tell(
                        SingleFeature.areaUnderROC(scores: scores, order: order, labels: label.values),
                        label.name, &all[index])
                }
            }
            let values = SingleFeature.Values(sample.lazy.map { [$0.hashes[index]] })
            for label in binary {
                let scores = SingleFeature.rates(values, labels: label.values, folds: folds)
                tell(
                    SingleFeature.areaUnderROC(
                        scores: scores, order: SingleFeature.order(scores), labels: label.values),
                    label.name, &all[index])
            }
        }
        for index in all.indices where columns[index].label == nil && all[index].isUsed {
            let hints = NameHints(columns[index].profile.name)
            guard let label = labels.first(where: { hints.follows(NameHints(columns[$0].profile.name)) })
            else {
                continue
            }
            let name = columns[label].profile.name
            var reason = "named after label \"\(name)\": is it known before the label is?"
            if columns[index].feature?.kind == .numeric, columns[label].label?.kind == .binary,
                columns[label].label?.positive == nil
            {
                reason += " Or predict it too, type: regression, when: \"\(name) = 1\""
            }
            all[index].leaveOut(.followsLabel, reason)
        }
    }

    private func tell(_ area: Double?, _ label: String, _ column: inout SchemaProposal.Column) {
        guard column.isUsed, let area, SingleFeature.isLeak(area) else { return }
        let strength = Wording.fixed(max(area, 1 - area), 3)
        column.leaveOut(.tellsLabel, "alone it tells label \"\(label)\" (AUC \(strength))")
    }
}
