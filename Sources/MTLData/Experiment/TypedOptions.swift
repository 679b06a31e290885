internal import MTLEngine

/// A type with its options side by side, as a file says architectures and feature layers.
struct TypedOptions<Name: RawRepresentable<String> & CaseIterable> {
    let type: Name
    let options: [String: OptionValue]

    init(from decoder: any Decoder, at place: String) throws {
        let all = try [String: OptionValue?](from: decoder)
        guard case .scalar(let name)? = all["type"], let type = Name(rawValue: name) else {
            let found: String =
                switch all["type"] {
                case .some(.scalar(let name)): "\"\(name)\""
                case .some(.some): "no name"
                default: "nothing"
                }
            throw InputError(
                .name, at: "\(place), type", found: found,
                expected: "one of \(Name.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.type = type
        options = all.compactMapValues { $0 }.filter { $0.key != "type" }
    }

    static func encode(_ type: Name, _ options: [String: OptionValue], to encoder: any Encoder) throws {
        try options.merging(["type": .scalar(type.rawValue)]) { $1 }.encode(to: encoder)
    }
}
