/// What a file says of an option. A scalar is its text: whether `1`, `yes` and `click` are numbers, truths or names is up to
/// what reads them.
public enum OptionValue: Sendable, Equatable {
    /// A number, a truth or a name.
    case scalar(String)
    /// Several values in order.
    case list([OptionValue])
    /// Values by name.
    case map([String: OptionValue])

    /// As messages show it.
    var text: String {
        switch self {
        case .scalar(let text): "\"\(text)\""
        case .list(let values): "a list of \(values.count)"
        case .map(let values): "a map of \(values.count)"
        }
    }
}

extension OptionValue: Codable {
    /// Reads a scalar, a list or a map.
    ///
    /// - Throws: `DecodingError` for anything else.
    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        // YAML has every scalar as its text. JSON has not, and "1" is then a number if it can be one.
        if let text = try? value.decode(String.self) {
            self = .scalar(text)
        } else if let truth = try? value.decode(Bool.self) {
            self = .scalar("\(truth)")
        } else if let number = try? value.decode(Int.self) {
            self = .scalar("\(number)")
        } else if let number = try? value.decode(Double.self) {
            self = .scalar("\(number)")
        } else if let values = try? value.decode([OptionValue].self) {
            self = .list(values)
        } else {
            self = .map(try value.decode([String: OptionValue].self))
        }
    }

    /// Writes what `init(from:)` reads as the same value.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .scalar(let text):
            if let number = Int(text), "\(number)" == text {
                try value.encode(number)
            } else if let number = Double(text), "\(number)" == text, number.isFinite {
                try value.encode(number)
            } else if let truth = Bool(text) {
                try value.encode(truth)
            } else {
                try value.encode(text)
            }
        case .list(let values): try value.encode(values)
        case .map(let values): try value.encode(values)
        }
    }
}

extension OptionValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A name, or the text of another scalar.
    public init(stringLiteral value: String) { self = .scalar(value) }
    /// A whole number.
    public init(integerLiteral value: Int) { self = .scalar("\(value)") }
    /// A number.
    public init(floatLiteral value: Double) { self = .scalar("\(value)") }
    /// True or false.
    public init(booleanLiteral value: Bool) { self = .scalar("\(value)") }
    /// A list of values.
    public init(arrayLiteral elements: OptionValue...) { self = .list(elements) }
    /// A map; of a name that comes twice the last value counts.
    public init(dictionaryLiteral elements: (String, OptionValue)...) {
        self = .map(Dictionary(elements) { _, last in last })
    }
}
