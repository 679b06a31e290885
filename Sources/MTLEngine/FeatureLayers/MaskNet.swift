/// Instance-guided masks: blocks of relu(LN(W (m ⊙ LN(e)))), where m = W_2 relu(W_1 e) is a mask that the features e themselves make.
///
/// In parallel all blocks read the features and stand side by side, `[rows, blocks · units]`; one after the other a block masks what
/// the one before it gave, `[rows, units]`, relu(LN(W (m ⊙ h))). LN(e) normalises every embedded field by itself; numbers are as they
/// are. Parameters are "NAME.norm.FIELD", "NAME.masks.b.0" and "NAME.masks.b.1", "NAME.blocks.b", which has no bias, and "NAME.blocks.b.norm".
/// They take the place of the features, and leave no embedded fields.
/// - SeeAlso: Wang et al., *MaskNet*, arXiv 2102.07619.
public struct MaskNet: FeatureLayer, Equatable {
    /// The number of blocks.
    public var count: Int
    /// Outputs of a block.
    public var units: Int
    /// Units inside of what makes a mask, W_1's; 0 for twice as many as it reads.
    public var maskUnits: Int
    /// Whether blocks follow each other, instead of standing side by side.
    public var isSerial: Bool
    /// Whether the blocks stand beside the features, instead of in their place.
    public var appends: Bool

    /// By default three blocks of 64 units side by side.
    public init(
        count: Int = 3, units: Int = 64, maskUnits: Int = 0, isSerial: Bool = false, appends: Bool = false
    ) {
        self.count = count
        self.units = units
        self.maskUnits = maskUnits
        self.isSerial = isSerial
        self.appends = appends
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("count", &count)
        try options.read("units", &units)
        try options.read("mask_units", &maskUnits)
        try options.read("serial", &isSerial)
        try options.read("appends", &appends)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try require(count, atLeast: 1, "\(name), count")
        try require(units, atLeast: 1, atMost: SizeLimit.units, "\(name), units")
        try require(maskUnits, atLeast: 0, atMost: SizeLimit.units, "\(name), mask units")
        let x = graph.inWorkspace(graph.joinedFeatures())
        let normed = graph.normedFields(of: x, name: name + ".norm")
        let names = (0..<count).map { "\(name).blocks.\($0)" }
        func masks(_ blocks: Range<Int>, width: Int) -> GraphValue {
            let titles = blocks.map { "\(name).masks.\($0)" }
            let inner = graph.dense(
                x, units: maskUnits > 0 ? maskUnits : 2 * x.width, activation: .relu,
                names: titles.map { $0 + ".0" }, inputIsShared: true)
            return graph.dense(
                inner, units: width, activation: .identity, names: titles.map { $0 + ".1" },
                inputIsShared: false)
        }
        func blocks(_ masked: GraphValue, _ some: Range<Int>) -> GraphValue {
            let titles = Array(names[some])
            let sums = graph.dense(
                masked, units: units, activation: .identity, names: titles, inputIsShared: false,
                hasBias: false)
            return graph.activation(graph.layerNorm(sums, names: titles.map { $0 + ".norm" }), .relu)
        }
        var h = normed
        if isSerial {
            for block in 0..<count {
                h = blocks(graph.multiply(masks(block..<block + 1, width: h.width), h), block..<block + 1)
            }
        } else {
            let all = masks(0..<count, width: x.width)
            let masked = graph.reserve(all.width)
            for block in 0..<count {
                let columns = block * x.width..<(block + 1) * x.width
                _ = graph.multiply(all.columns(columns), normed, into: masked.columns(columns))
            }
            h = blocks(masked, 0..<count)
        }
        if appends { graph.appendFeatures(h) } else { graph.replaceFeatures(h) }
    }
}
