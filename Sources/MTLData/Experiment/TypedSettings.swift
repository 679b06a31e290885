public import MTLEngine

/// A type of something and what differs from its defaults, as an experiment says them side by side.
///
/// ```yaml
/// sharing: {type: mmoe, experts: 8, layers: [64], gate: [16]}
/// ```
public struct TypedSettings<Kind: SettingsKind>: Sendable, Equatable, Codable {
    /// Which type it is.
    public var type: Kind
    /// What differs from its defaults, by the names that a file has.
    public var options: [String: OptionValue]

    /// A type, with its defaults but for some options: `SharingSettings(.mmoe, ["experts": 4, "layers": [64]])`.
    public init(_ type: Kind, _ options: [String: OptionValue] = [:]) {
        self.type = type
        self.options = options
    }

    /// Reads what a file says.
    ///
    /// - Throws: `InputError` that names an option which the type does not take, or which is of another type or out of its range.
    public init(from decoder: any Decoder) throws {
        let names = Kind.allCases.map(\.rawValue).joined(separator: ", ")
        if Kind.isNameEnough, let name = try? decoder.singleValueContainer().decode(String.self) {
            guard let type = Kind(rawValue: name) else {
                throw InputError(
                    .name, at: Kind.place, found: "\"\(name)\"", expected: "one of \(names)")
            }
            self.init(type)
        } else {
            let all = try [String: OptionValue?](from: decoder)
            guard case .scalar(let name)? = all["type"], let type = Kind(rawValue: name) else {
                let found: String =
                    switch all["type"] {
                    case .some(.scalar(let name)): "\"\(name)\""
                    case .some(.some): "no name"
                    default: "nothing"
                    }
                var expected = "one of \(names)"
                if case .scalar(let name)? = all["type"],
                    let new = (Kind.self as? any ChangingKind.Type)?.formerNames[name]
                {
                    expected = "\"\(new)\", as it is called now"
                }
                throw InputError(.name, at: "\(Kind.place), type", found: found, expected: expected)
            }
            self.init(type, all.compactMapValues { $0 }.filter { $0.key != "type" })
        }
        try type.check(options)
    }

    /// Writes the type and the options side by side, or the name where that is enough.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        if Kind.isNameEnough, options.isEmpty {
            var value = encoder.singleValueContainer()
            try value.encode(type.rawValue)
        } else {
            try options.merging(["type": .scalar(type.rawValue)]) { $1 }.encode(to: encoder)
        }
    }
}

/// The types that a setting may have.
public protocol SettingsKind: RawRepresentable<String>, CaseIterable, Sendable, Equatable {
    /// Where it is in an experiment, as messages say it.
    static var place: String { get }
    /// Whether a file may say the name alone.
    static var isNameEnough: Bool { get }
    /// Checks options without the rest of the experiment.
    ///
    /// - Throws: `InputError` that names the option.
    func check(_ options: [String: OptionValue]) throws(InputError)
}

extension SettingsKind {
    /// By default it may not.
    public static var isNameEnough: Bool { false }
}
