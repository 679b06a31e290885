/// Which stream gives a training run's batches, and how many make an epoch.
struct Course<Scalar: BLASScalar> {
    private let streams: [any BatchStream<Scalar>]
    private let sources: TurnSources
    private let sequence: TurnSequence

    init(_ streams: [any BatchStream<Scalar>], _ sources: TurnSources, _ sequence: TurnSequence) {
        self.streams = streams
        self.sources = sources
        self.sequence = sequence
    }

    /// Refuses the place of a run whose rows were cut into other streams.
    func check(_ state: FitState) throws(InputError) {
        guard state.streams.count == streams.count, state.streams.allSatisfy({ $0.batches >= 0 }) else {
            throw InputError(
                .shape, at: "checkpoint", found: "\(state.streams.count) streams of rows",
                expected: "\(streams.count), as the schedule and the sources have")
        }
    }

    /// Goes to where a run is in every stream.
    func begin(_ state: FitState) throws(InputError) {
        for (stream, taken) in zip(streams, state.streams) { try stream.begin(after: taken.batches) }
    }

    /// A batch that was taken before, and the numbers of its rows. The streams are elsewhere then, until `begin`.
    func again(
        _ place: BatchPlace
    ) throws(InputError) -> (batch: BatchView<Scalar>, numbers: [Int]) {
        let stream = streams[place.stream]
        let numbers = try stream.rowNumbers(ofBatch: place.batch)
        try stream.begin(after: place.batch)
        return (try stream.next(), numbers)
    }

    /// The dataset of a stream's rows, where it is one alone.
    func dataset(of stream: Int) -> Int {
        sources.streams[stream].count == 1 ? sources.streams[stream][0] : 0
    }

    /// The stream of the batch to come. Allocates nothing.
    func stream(_ state: FitState) -> Int {
        guard streams.count > 1 else { return 0 }
        let group = sequence.group(epoch: state.epoch, batch: state.batch, step: state.steps)
        return group.map { sources.stream(ofGroup: $0) } ?? 0
    }

    /// Steps of an epoch: a pass over the rows of its turn where it is one, so that few rows are not gone through as often as
    /// many would take, else as many as all streams have whose tasks have not all stopped.
    func batches(inEpoch epoch: Int) -> Int {
        if streams.count > 1, let group = sequence.group(epoch: epoch) {
            return streams[sources.stream(ofGroup: group)].batchCount
        }
        guard streams.count > 1 else { return streams[0].batchCount }
        let groups = sequence.activeGroups
        return streams.indices.reduce(0) { sum, stream in
            groups.contains { sources.stream(ofGroup: $0) == stream } ? sum + streams[stream].batchCount : sum
        }
    }

    /// Epochs whose steps are added up one by one; the others are as long as these are in the mean.
    private static var countedEpochs: Int { 1 << 16 }

    /// Steps of all epochs together, or the largest number where they are more.
    func batches(inEpochs count: Int) -> Int {
        guard streams.count > 1, sequence.group(epoch: 1) != nil else {
            let (whole, overflows) = batches(inEpoch: 1).multipliedReportingOverflow(by: count)
            return overflows ? .max : whole
        }
        let counted = min(count, Self.countedEpochs)
        let sum = (1...max(1, counted)).reduce(0) { $0 + batches(inEpoch: $1) }
        guard counted < count else { return sum }
        return Int(exactly: (Double(sum) / Double(counted) * Double(count)).rounded()) ?? .max
    }

    /// What was learned from each stream.
    func report(_ state: FitState, _ plan: SchedulePlan, _ tasks: [LearningTask]) -> [SourceReport] {
        streams.indices.map { stream in
            let groups = plan.groups.indices.filter { sources.stream(ofGroup: $0) == stream }
            let own = Set(groups.flatMap { plan.turns[plan.groups[$0].lowerBound].tasks })
            let taken = state.streams[stream]
            return SourceReport(
                tasks: own.sorted().map { tasks[$0].name }, rows: taken.rows,
                passes: Double(taken.batches) / Double(streams[stream].batchCount))
        }
    }
}
