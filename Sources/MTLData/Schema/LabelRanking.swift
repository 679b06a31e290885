public import MTLEngine

/// What is learned of the order of the rows of a group, as a schema says it: `pairwise`, or `{type: pairwise, share: 0.3}`.
public struct LabelRanking: Sendable, Equatable, Codable {
    /// Which rows are compared.
    public var kind: RankingLoss.Kind
    /// The share of this loss in the label's, above 0 and below 1.
    public var share: Double

    /// By default as much as the log loss.
    public init(_ kind: RankingLoss.Kind, share: Double = 0.5) {
        self.kind = kind
        self.share = share
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case type, share
    }

    /// Reads a name, or a name and its share.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one of a wrong type.
    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            guard let kind = RankingLoss.Kind(rawValue: name) else {
                throw InputError(
                    .value, at: "ranking", found: "\"\(name)\"",
                    expected: "one of \(RankingLoss.Kind.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            self.init(kind)
            return
        }
        let values = try decoder.strictContainer(CodingKeys.self)
        self.init(try values.require(.type))
        try values.read(.share, &share)
    }

    /// Writes the name, and the share where it is not the usual one.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        guard share != LabelRanking(kind).share else {
            var value = encoder.singleValueContainer()
            return try value.encode(kind)
        }
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(kind, forKey: .type)
        try values.encode(share, forKey: .share)
    }

    package var loss: RankingLoss { RankingLoss(kind, share: share) }

    func check(_ label: Label) throws(InputError) {
        let place = "label \"\(label.name)\", ranking"
        guard label.kind == .binary else {
            throw InputError(
                .value, at: place, found: "a \(label.kind.rawValue) label", expected: "a binary one")
        }
        try loss.checkShare("label \"\(label.name)\"")
    }
}
