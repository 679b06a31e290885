public import MTLEngine

/// One feature: which column it is read from, and how it becomes numbers or ids.
public struct Feature: Sendable, Equatable, Codable {
    /// The kind of column.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// A number, scaled or cut into buckets.
        case numeric
        /// One value of several.
        case categorical
        /// Several values in one cell, "a|b|c", or with weights, "a:0.5|b:2".
        case tags
        /// Values in order, most recent last, cut to a length from the front.
        case sequence
        /// A time, taken apart into numbers.
        case timestamp
        /// The pair of two columns' values.
        case cross
    }

    /// How a number is brought to a scale.
    public enum Scaling: String, Sendable, Codable, CaseIterable {
        /// The number as it is.
        case none
        /// Less the mean, over the standard deviation.
        case standard
        /// 0 at the least, 1 at the greatest.
        case minMax = "min_max"
        /// Its share of the training values, 0 to 1.
        case quantile
    }

    /// What takes the place of a missing value.
    public enum Missing: String, Sendable, Codable, CaseIterable {
        /// The mean of the training values.
        case mean
        /// The median of the training rows.
        case median
        /// The number in `fill`.
        case constant
        /// The most frequent value.
        case mostFrequent = "most_frequent"
        /// A category of its own.
        case own
    }

    /// How a category or a number becomes a feature.
    public enum Encoding: String, Sendable, Codable, CaseIterable {
        /// An id, looked up in a table that the model learns.
        case embedding
        /// A column per value.
        case oneHot = "one_hot"
        /// The value's share of the training rows.
        case frequency
        /// The mean of a label over the training rows with the value, without the row itself (out of fold).
        case target
        /// Of a number: a vector that leads straight from bin to bin (`PiecewiseLinear`).
        case piecewise
        /// Of a number: a vector of sines and cosines (`NumberEncoding.periodic`).
        case periodic
        /// Of a number: a mixture of meta-embeddings (`NumberEncoding.autoDis`).
        case autoDis = "autodis"
    }

    /// The feature's name, in messages and in the model file.
    public var name: String
    /// The column; nil where it has the feature's name.
    public var column: String?
    /// The kind of column.
    public var kind: Kind

    /// Numeric: log(1 + x) first, with the sign of x.
    public var log: Bool = false
    /// Numeric: the least and greatest value that count; others are cut to them.
    public var clip: [Double]?
    /// Numeric: what is done to the number last, fitted on the training rows.
    public var scale: Scaling = .standard
    /// Numeric: an id by quantile buckets instead of a number.
    public var buckets: Int?
    /// Numeric: an id by these bounds instead of a number.
    public var bounds: [Double]?
    /// What takes the place of a missing value; by default the mean of numbers, and a category or vector of its own of others.
    public var missing: Missing?
    /// Numeric: the constant for missing values.
    public var fill: Double?
    /// Numeric: a column that says where the value was missing; by default where training rows had missing ones.
    public var missingIndicator: Bool?

    /// Numeric, with vectors: the most bins; by default one for every 100 training rows, 8 to 48.
    public var bins: Int?
    /// Numeric, periodic: the number of frequencies; nil for `NumberEncoding`'s, as for those below.
    public var frequencies: Int?
    /// Numeric, periodic: the standard deviation of the frequencies at the start.
    public var deviation: Double?
    /// Numeric, autodis: the number of meta-embeddings.
    public var metaEmbeddings: Int?
    /// Numeric, autodis: what their scores are divided by.
    public var temperature: Double?
    /// Numeric, autodis: what a hidden unit adds to its own score.
    public var skip: Double?

    /// Categorical: how it becomes a feature. Numeric: `piecewise`, `periodic`, `autoDis`, or by default the scaled number.
    public var encoding: Encoding = .embedding
    /// Values seen less often in the training rows share one id.
    public var minimumCount: Int = 1
    /// Ids by hash into so many buckets, without a vocabulary.
    public var hashBuckets: Int?
    /// The length of the vectors; nil for min(50, 1.6 V^0.56) of a table, and 16 of a number.
    public var dimension: Int?
    /// The feature whose table and vocabulary this one uses.
    public var sharing: String?
    /// Target encoding: the label.
    public var target: String?
    /// Target encoding: how many rows the overall mean counts for.
    public var smoothing: Double = 20

    /// Tags and sequences: what stands between values.
    public var separator: String = "|"
    /// Tags: what stands between a value and its weight.
    public var weightSeparator: String?
    /// Tags and sequences: the most values of a row; sequences keep the last.
    public var length: Int = 20
    /// Tags and sequences: how vectors become one.
    public var pooling: EmbeddedFeature.Pooling = .mean

    /// Timestamp: the numbers to take.
    public var parts: [CalendarPart] = [.hourSine, .hourCosine, .weekday]
    /// Timestamp: minutes east of UTC.
    public var utcOffset: Int = 0

    /// Cross: the two columns.
    public var of: [String]?

    /// A feature of a kind, with that kind's defaults.
    public init(_ name: String, _ kind: Kind, column: String? = nil) {
        self.name = name
        self.kind = kind
        self.column = column
    }

    /// The columns that are read.
    var columns: [String] { kind == .cross ? of ?? [] : [column ?? name] }

    /// Whether the feature is ids that are looked up in a table.
    var isEmbedded: Bool {
        switch kind {
        case .numeric: buckets != nil || bounds != nil
        case .categorical, .cross: encoding == .embedding
        case .tags, .sequence: true
        case .timestamp: false
        }
    }

    /// Whether a row has several ids, or none.
    var isBag: Bool { kind == .tags || kind == .sequence }

    /// Whether the feature is a number with vectors of its own.
    var isNumberField: Bool {
        kind == .numeric && [.piecewise, .periodic, .autoDis].contains(encoding)
    }

    /// What makes the vectors of a number that has some.
    var numberEncoding: NumberEncoding {
        switch encoding {
        case .periodic: .periodic(or: frequencies, deviation: deviation)
        case .autoDis: .autoDis(or: metaEmbeddings, temperature: temperature, skip: skip)
        default: .piecewise
        }
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, column, type, log, clip, scale, buckets, bounds, bins, missing, fill, encoding, dimension,
            sharing
        case target, smoothing, separator, length, pooling, parts, of, frequencies, deviation, temperature,
            skip
        case metaEmbeddings = "meta_embeddings"
        case missingIndicator = "missing_indicator"
        case minimumCount = "minimum_count"
        case hashBuckets = "hash_buckets"
        case weightSeparator = "weight_separator"
        case utcOffset = "utc_offset"
    }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        self.init(try values.require(.name), try values.require(.type))
        try values.read(.column, &column)
        try values.read(.log, &log)
        try values.read(.clip, &clip)
        try values.read(.scale, &scale)
        try values.read(.buckets, &buckets)
        try values.read(.bounds, &bounds)
        try values.read(.bins, &bins)
        try values.read(.frequencies, &frequencies)
        try values.read(.deviation, &deviation)
        try values.read(.metaEmbeddings, &metaEmbeddings)
        try values.read(.temperature, &temperature)
        try values.read(.skip, &skip)
        try values.read(.missing, &missing)
        try values.read(.fill, &fill)
        try values.read(.missingIndicator, &missingIndicator)
        try values.read(.encoding, &encoding)
        try values.read(.minimumCount, &minimumCount)
        try values.read(.hashBuckets, &hashBuckets)
        try values.read(.dimension, &dimension)
        try values.read(.sharing, &sharing)
        try values.read(.target, &target)
        try values.read(.smoothing, &smoothing)
        try values.read(.separator, &separator)
        try values.read(.weightSeparator, &weightSeparator)
        try values.read(.length, &length)
        try values.read(.pooling, &pooling)
        try values.read(.parts, &parts)
        try values.read(.utcOffset, &utcOffset)
        try values.read(.of, &of)
    }

    /// Writes the settings that differ from their defaults.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        let plain = Feature(name, kind)
        func write<Value: Encodable & Equatable>(_ key: CodingKeys, _ value: Value, unless usual: Value)
            throws
        {
            if value != usual { try values.encode(value, forKey: key) }
        }
        try values.encode(name, forKey: .name)
        try values.encode(kind, forKey: .type)
        try write(.column, column, unless: nil)
        try write(.log, log, unless: plain.log)
        try write(.clip, clip, unless: nil)
        try write(.scale, scale, unless: plain.scale)
        try write(.buckets, buckets, unless: nil)
        try write(.bounds, bounds, unless: nil)
        try write(.bins, bins, unless: nil)
        try write(.frequencies, frequencies, unless: nil)
        try write(.deviation, deviation, unless: nil)
        try write(.metaEmbeddings, metaEmbeddings, unless: nil)
        try write(.temperature, temperature, unless: nil)
        try write(.skip, skip, unless: nil)
        try write(.missing, missing, unless: nil)
        try write(.fill, fill, unless: nil)
        try write(.missingIndicator, missingIndicator, unless: nil)
        try write(.encoding, encoding, unless: plain.encoding)
        try write(.minimumCount, minimumCount, unless: plain.minimumCount)
        try write(.hashBuckets, hashBuckets, unless: nil)
        try write(.dimension, dimension, unless: nil)
        try write(.sharing, sharing, unless: nil)
        try write(.target, target, unless: nil)
        try write(.smoothing, smoothing, unless: plain.smoothing)
        try write(.separator, separator, unless: plain.separator)
        try write(.weightSeparator, weightSeparator, unless: nil)
        try write(.length, length, unless: plain.length)
        try write(.pooling, pooling, unless: plain.pooling)
        try write(.parts, parts, unless: plain.parts)
        try write(.utcOffset, utcOffset, unless: plain.utcOffset)
        try write(.of, of, unless: nil)
    }
}
